"""One key of a log after another: an entry in which the old key signs the new one, and verifiers that follow.

An entry of the kind `log-key` or `continuation` holds, under `statement`, a note (C2SP signed-note) by the old key:

    accordant-log-key/v1
    <verifier key of the old key>
    <verifier key of the new key>
    <the number of entries before this one>
    <base64 of their root>

`log-key` is a rotation: the log's origin, which is the name of both keys, stays. Its entry stands under a checkpoint
that both keys sign; from there on the new one signs alone. `continuation` opens a new origin over the entries that a
backup held: the old key signed nothing behind them, and if it did, those entries were lost.

Whoever knows any key of a chain that holds accepts the newest. A checkpoint counts up to the size at which its key was
retired. An entry that the old key did not sign makes no key.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from audit.errors import LogError, NotCanonical, NoteWrong, ProofWrong, Tampered, WrongCheckpoint
from audit.leaf import Leaf
from audit.note import Checkpoint, NoteSigner, NoteVerifier, open_note
from audit.receipt import Opening

__all__ = ["CONTINUATION", "KINDS", "LOG_KEY", "Chain", "Succession", "openings", "read", "statement"]

LOG_KEY, CONTINUATION = "log-key", "continuation"
KINDS = frozenset({LOG_KEY, CONTINUATION})
_MOST = 10_000  # openings that are looked at: a key a day for 27 years


def statement(old: NoteSigner, new: NoteVerifier, *, kind: str, size: int, root: bytes) -> str:
    """What the old key signs; no checkpoint, since its second line is no size."""
    lines = (f"accordant-{kind}/v1", old.vkey, new.vkey, str(size), base64.b64encode(root).decode())
    return old.sign("".join(f"{line}\n" for line in lines)).decode()


@dataclass(frozen=True, slots=True)
class Succession:
    """One key after another, at an entry. `lost`: how many entries the log that was continued is known to have had."""

    seq: int
    kind: str
    old: NoteVerifier
    new: NoteVerifier
    root: bytes
    lost: int = 0

    @property
    def until(self) -> int:
        """The largest size of a checkpoint that the old key signs."""
        return self.seq + 1 if self.kind == LOG_KEY else max(self.seq, self.lost)


def read(seq: int, kind: str, body: Mapping[str, Any]) -> Succession:
    """What an entry says. Raises Tampered where the old key did not sign it, or it is about something else."""
    try:
        old, new = NoteVerifier.from_vkey(body["old"]), NoteVerifier.from_vkey(body["new"])
        text = open_note(str(body["statement"]).encode(), old)
        root = base64.b64decode(text.split("\n")[4], validate=True)
        lines = (f"accordant-{kind}/v1", old.vkey, new.vkey, str(seq), base64.b64encode(root).decode())
        missing = body.get("missing") or {}
        lost = int(missing["until"]) + 1 if missing.get("until") is not None else 0
        same = old.name == new.name
        if text != "".join(f"{line}\n" for line in lines) or old == new or same != (kind == LOG_KEY):
            raise ValueError("it speaks of other keys or of another place")
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, binascii.Error, LogError) as error:
        message = f"entry {seq} names another key of the log, and the key before did not sign that ({error})"
        raise Tampered(seq, "log-key-unsigned", message) from error
    return Succession(seq, kind, old, new, root, lost)


@dataclass(frozen=True, slots=True)
class Chain:
    """The keys of a log, each signed by the one before."""

    links: tuple[Succession, ...] = ()

    @classmethod
    def opened(cls, data: bytes) -> Chain:
        """Of what `vkeys` of a log holds. Raises Tampered, ProofWrong, NoteWrong."""
        return cls.of(link for _, link in openings(data))

    @classmethod
    def of(cls, links: Iterable[Succession]) -> Chain:
        """In the log's order. Raises Tampered for one whose old key is not the key that signed by then."""
        found: list[Succession] = []
        for link in links:
            if found and found[-1].new != link.old:
                message = f"entry {link.seq} takes the place of a key that was not the log's by then"
                raise Tampered(link.seq, "log-key-unsigned", message)
            found.append(link)
        return cls(tuple(found))

    def holds(self, verifier: NoteVerifier) -> bool:
        """Whether it is a key of this chain."""
        return any(verifier in (link.old, link.new) for link in self.links)

    def newest(self, known: NoteVerifier) -> NoteVerifier:
        """The key that signs now, for whoever knows `known`: that key itself where the chain does not hold it."""
        return self.links[-1].new if self.holds(known) else known

    def verifiers(self, known: NoteVerifier) -> tuple[NoteVerifier, ...]:
        """Every key of the log, the newest first."""
        if not self.holds(known):
            return (known,)
        return (*(link.new for link in reversed(self.links)), self.links[0].old)

    def signed(self, note: bytes, known: NoteVerifier) -> tuple[Checkpoint, NoteVerifier]:
        """A checkpoint and the key of the log that signed it, whenever. Raises WrongCheckpoint, NoteWrong."""
        failed: WrongCheckpoint | None = None
        for verifier in self.verifiers(known):
            try:
                checkpoint = Checkpoint.from_text(open_note(note, verifier))
            except WrongCheckpoint as error:
                failed = failed or error
                continue
            if checkpoint.origin != verifier.name:
                raise WrongCheckpoint(f"the checkpoint is of the log `{checkpoint.origin}`, not of `{verifier.name}`")
            return checkpoint, verifier
        raise failed or WrongCheckpoint("signed by no key of the log")

    def too_late(self, checkpoint: Checkpoint, verifier: NoteVerifier) -> tuple[str, str] | None:
        """Code and sentence where the key was retired before that size."""
        link = next((link for link in self.links if link.old == verifier), None)
        if link is None or checkpoint.size <= link.until:
            return None
        said = f"a checkpoint of {checkpoint.size} entries is signed by the key `{_short(verifier)}`"
        if link.kind == CONTINUATION:
            named = f"up to {link.lost - 1}" if link.lost else "none of them"
            return (
                "entries-lost",
                f"{said}: entries {link.seq} to {checkpoint.size - 1} of `{verifier.name}` were lost when it was "
                f"continued as `{link.new.name}`, and entry {link.seq} names {named}",
            )
        return "retired-key", f"{said}, which entry {link.seq} had retired before: whoever had that key signed it later"

    def lost(self, checkpoint: Checkpoint, verifier: NoteVerifier) -> bool:
        """Whether it is of entries that were lost, as a continuation says: nothing is left to hold it against."""
        link = next((link for link in self.links if link.old == verifier), None)
        return link is not None and link.kind == CONTINUATION and link.seq < checkpoint.size <= link.until


def _short(verifier: NoteVerifier) -> str:
    return f"{verifier.name}+{verifier.key_id.hex()}"


def openings(data: bytes) -> tuple[tuple[Opening, Succession], ...]:
    """What `vkeys` of a log holds: an opened entry a line, in order. Raises Tampered, ProofWrong, NoteWrong."""
    lines = [line for line in data.split(b"\n") if line.strip()]
    if len(lines) > _MOST:
        raise NoteWrong("the file of the log's keys is too long")
    found = []
    for line in lines:
        opening = Opening.from_bytes(line)
        leaf: Leaf = opening.check()
        if leaf.kind not in KINDS:
            raise ProofWrong(f"entry {leaf.seq} is about no key of the log")
        try:
            found.append((opening, read(leaf.seq, leaf.kind, opening.body)))
        except NotCanonical as error:
            raise ProofWrong(f"entry {leaf.seq} is not in the form of an entry") from error
    return tuple(found)
