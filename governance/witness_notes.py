"""Checkpoints as witnesses sign them and people are told of them: part of `witnesses`."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import audit
from audit.cosignature import CosignatureVerifier, cosignatures_of
from audit.note import Checkpoint, NoteVerifier, signatures_of
from audit.witnessing import Outcome
from governance.home_memory import text_of

__all__ = ["bare", "named", "said", "shown", "signed_by"]


def bare(note: bytes, verifier: NoteVerifier) -> bytes:
    """A checkpoint with one key's signature alone."""
    text, signatures = signatures_of(note)
    place = (verifier.name, verifier.key_id)
    lines = note.rpartition(b"\n\n")[2].splitlines(keepends=True)
    own = [line for line, s in zip(lines, signatures, strict=True) if (s.name, s.key_id) == place]
    return text.encode() + b"\n" + b"".join(own[:1])


def signed_by(note: bytes, witness: CosignatureVerifier) -> bool:
    try:
        return bool(cosignatures_of(note, (witness,)))
    except audit.NoteWrong:
        return False


def named(words: str, note: bytes) -> str:
    text = text_of(note)
    if not text:
        return f"{words} a checkpoint that is not known here any more; "
    one = Checkpoint.from_text(text)
    return f"{words} {one.size} entries with the root {one.root.hex()}; "


def shown(url: str | None) -> str | None:
    """An address without a name and a password in it."""
    return None if url is None else re.sub(r"(?<=://)[^/@]*@", "", url)


def said(outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {"cosigned_at": None, "reason": None, "detail": None}
    at = None if outcome.seconds is None else dt.datetime.fromtimestamp(outcome.seconds, dt.UTC).isoformat()
    return {"cosigned_at": at, "reason": outcome.reason, "detail": outcome.detail}
