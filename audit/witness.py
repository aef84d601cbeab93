"""Asking a witness for its cosignature (C2SP tlog-witness, `POST <prefix>/add-checkpoint`).

    old 20852014
    <base64 of a hash of the consistency proof, a line each>

    <the checkpoint>

The witness answers with signature lines, or with 409 and the size that it saw last (`text/x.tlog.size`); then the proof
begins there. A witness that saw more than this log has, or another root, holds the proof of a rollback or a fork: that
is an alarm. How bytes travel is the caller's: `post` is `audit.witness_http.post`, or a fake.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

from audit.cosignature import CosignatureVerifier, Cosigned, cosignatures_of
from audit.errors import NoteWrong, WitnessRefused
from audit.note import Checkpoint, signatures_of

__all__ = ["Answered", "Post", "Prove", "request_body", "submit"]

_TRIES = 3
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n", re.ASCII)
_REASONS = {
    400: ("bad-request", "says that the submission is malformed"),
    403: ("bad-signature", "does not know the key that signed the checkpoint"),
    404: ("unknown-log", "does not know this log; its operator has to add it"),
    422: ("forked", "saw another history: the proof from what it cosigned does not lead to this checkpoint"),
}


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back."""

    status: int
    content_type: str
    body: bytes


# Sends a body to an address. Raises WitnessRefused (`unreachable`).
Post = Callable[[str, bytes], Answered]
# The consistency proof from an older size to the checkpoint's.
Prove = Callable[[int], tuple[bytes, ...]]


def request_body(note: bytes, *, old: int, proof: tuple[bytes, ...]) -> bytes:
    """The submission."""
    lines = [f"old {old}", *(base64.b64encode(digest).decode() for digest in proof), "", ""]
    return "\n".join(lines).encode() + note


def submit(note: bytes, *, url: str, witness: CosignatureVerifier, old: int, prove: Prove, post: Post) -> Cosigned:
    """The witness's cosignature of a checkpoint. `old`: the size that it is thought to have seen last.

    Raises WitnessRefused; whether that is an alarm, it says.
    """
    text, _ = signatures_of(note)
    size = Checkpoint.from_text(text).size
    address = url.rstrip("/") + "/add-checkpoint"
    old = min(old, size)
    for _ in range(_TRIES):
        answer = post(address, request_body(note, old=old, proof=prove(old)))
        if answer.status != 409:
            break
        seen = _seen(answer, witness)
        if seen > size:
            raise WitnessRefused(
                "rewound", f"the witness `{witness.name}` saw a log of {seen} entries, and this one has {size}"
            )
        if seen == old:
            if old == size:
                raise WitnessRefused("forked", f"the witness `{witness.name}` saw another log of {size} entries")
            raise WitnessRefused("malformed", f"the witness `{witness.name}` contradicts itself")
        old = seen
    else:
        raise WitnessRefused("busy", f"the witness `{witness.name}` is being asked by somebody else, too")
    if answer.status != 200:
        reason, words = _REASONS.get(answer.status, ("malformed", f"answered with the status {answer.status}"))
        raise WitnessRefused(reason, f"the witness `{witness.name}` {words}")
    return _cosigned(note, answer.body, witness)


def _seen(answer: Answered, witness: CosignatureVerifier) -> int:
    found = _SIZE.fullmatch(answer.body)
    if answer.content_type.partition(";")[0].strip().lower() != "text/x.tlog.size" or found is None:
        raise WitnessRefused("malformed", f"the witness `{witness.name}` does not say which size it saw last")
    return int(found[1])


def _cosigned(note: bytes, lines: bytes, witness: CosignatureVerifier) -> Cosigned:
    try:
        found = cosignatures_of(note + lines, (witness,))
    except NoteWrong as error:
        raise WitnessRefused("malformed", f"the answer of the witness `{witness.name}` is wrong: {error}") from error
    if not found:
        raise WitnessRefused("malformed", f"the witness `{witness.name}` answered without its own cosignature")
    return found[0]
