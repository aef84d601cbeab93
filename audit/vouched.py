"""What witnesses vouched for: every cosignature that is kept, and whether a policy's quorum stands behind the newest.

A kept cosignature must verify, under a checkpoint that the log's key signed, and that must be one of a beginning of
this log: otherwise the log showed its witness another history. Cosignatures are looked at as the walk comes to their
sizes, a few at a time. What a policy asks for (C2SP tlog-policy) must hold for the newest checkpoint; where it holds
for an older one only, the log is told up to which entry others vouch for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, inspect, select

from audit.cosignature import CosignatureVerifier, cosignatures_of, with_lines
from audit.cosigned import COSIGNATURES
from audit.errors import NoteWrong, WrongCheckpoint
from audit.note import Checkpoint, NoteVerifier
from audit.policy import Policy
from audit.report import Faults
from audit.schema import HEAD

__all__ = ["Vouched", "quorum_fault", "vouching"]

_LOOKED_AT = 10_000  # sizes, backwards, for one that the quorum vouches for


def vouching(policy: Policy, note: bytes) -> tuple[str, ...]:
    """The policy's witnesses that cosigned a checkpoint, by their names there. A line that does not verify is none."""
    found = []
    for witness in policy.witnesses:
        try:
            if cosignatures_of(note, (witness.verifier,)):
                found.append(witness.name.decode(errors="replace"))
        except NoteWrong:
            continue
    return tuple(sorted(found))


def quorum_fault(policy: Policy, verifier: NoteVerifier, note: bytes) -> tuple[str, str] | None:
    """Why a checkpoint is not as good as a policy asks, as a code and a sentence; None where it is."""
    if policy.logs and all(log.verifier.vkey != verifier.vkey for log in policy.logs):
        return "policy-log", f"the policy does not name this log, `{verifier.name}`, with this key"
    names = vouching(policy, note)
    if policy.satisfied(frozenset(name.encode() for name in names)):
        return None
    who = ", ".join(f"`{name}`" for name in names) or "none"
    return "quorum-missing", f"the checkpoint lacks the witnesses that the policy asks for; of its own, {who} cosigned"


@dataclass(slots=True)
class Vouched:
    """The kept cosignatures of one log. `sizes`: of all of them that the walk will come to, ascending."""

    verifier: NoteVerifier  # the log's key by now
    signed: Callable[[bytes], Checkpoint]  # opens a checkpoint that any of the log's keys signed
    faults: Faults
    sizes: list[int] = field(default_factory=list)
    _done: int = -1
    _at: int = 0

    @classmethod
    def of(
        cls,
        connection: Connection,
        verifier: NoteVerifier,
        signed: Callable[[bytes], Checkpoint],
        faults: Faults,
        *,
        since: int = 0,
    ) -> Vouched:
        """Reads which there are."""
        if not inspect(connection).has_table(COSIGNATURES.name):
            return cls(verifier, signed, faults)
        sizes = select(COSIGNATURES.c.size).distinct().where(COSIGNATURES.c.size >= since)
        known = []
        for size in connection.scalars(sizes.order_by(COSIGNATURES.c.size)):
            if type(size) is int:
                known.append(size)
            else:  # SQLite keeps words where a number belongs
                faults.add(
                    None, "cosignature-wrong", f"a cosignature is kept for `{size}` in place of a size of the log"
                )
        return cls(verifier, signed, faults, known, since - 1)

    def due(self, size: int) -> bool:
        """Whether there is one up to this size that was not looked at."""
        return self._at < len(self.sizes) and self.sizes[self._at] <= size

    def held(self, connection: Connection, size: int, roots: dict[int, bytes], *, end: int | None = None) -> None:
        """Those up to `size` against the roots that the walk met. `end`: nothing follows, and so many entries are."""
        if not self.sizes:
            return
        c = COSIGNATURES.c
        rows = select(c.size, c.witness, c.checkpoint, c.line).where(c.size > self._done)
        if end is None:
            rows = rows.where(c.size <= size)
        else:
            # What witnesses cosigned while the log grew on is of entries that are not verified this time.
            grown = connection.scalar(select(HEAD.c.size).where(HEAD.c.id == 1)) if _has_head(connection) else None
            rows = rows.where((c.size <= end) | (c.size > (grown if type(grown) is int else end)))
        streamed = connection.execution_options(yield_per=100).execute(rows.order_by(c.size, c.witness))
        for row in (row for row in streamed if type(row.size) is int):
            self._one(row, roots.get(row.size), end)
        self._done = size
        while self.due(size):
            self._at += 1

    def _one(self, row: Any, root: bytes | None, end: int | None) -> None:
        who = str(row.witness).partition("+")[0]
        try:
            checkpoint = self.signed(row.checkpoint)
            note = _without_lines(row.checkpoint)
            if not cosignatures_of(note + row.line, (CosignatureVerifier.from_vkey(str(row.witness)),)):
                raise NoteWrong("the line is not this witness's")
            if checkpoint.size != row.size:
                raise NoteWrong(f"the checkpoint is of {checkpoint.size} entries")
        except (NoteWrong, WrongCheckpoint) as error:
            message = f"the kept cosignature of `{who}` for {row.size} entries is worth nothing: {error}"
            self.faults.add(None, "cosignature-wrong", message)
            return
        if end is not None and row.size > end:
            self.faults.add(
                None,
                "rewound",
                f"the witness `{who}` cosigned {row.size} entries; now there are {end}: the log was put back",
            )
        elif root is not None and root != checkpoint.root:
            message = f"the witness `{who}` cosigned another history: the first {row.size} entries are not those"
            self.faults.add(None, "history-differs", message)

    def newest(self, connection: Connection, note: bytes, size: int) -> bytes:
        """A checkpoint with the lines that are kept for its size."""
        if size not in self.sizes:
            return note
        c = COSIGNATURES.c
        lines: Sequence[bytes] = connection.scalars(select(c.line).where(c.size == size).order_by(c.witness)).all()
        return with_lines(note, tuple(bytes(line) for line in lines))

    def check(self, connection: Connection, policy: Policy, note: bytes, size: int) -> int:
        """Holds the newest checkpoint against a policy; up to which size its quorum vouches."""
        fault = quorum_fault(policy, self.verifier, self._noted(connection, note, size))
        if fault is None:
            return size
        code, message = fault
        upto = 0
        if code == "quorum-missing":
            upto = self._last_good(connection, policy, size)
            rest = f"entries {upto} to {size - 1} are vouched for by nobody but the log's own key"
            message = f"{message}; {rest if upto else 'it never had them'}"
        self.faults.add(None, code, message)
        return upto

    def _last_good(self, connection: Connection, policy: Policy, size: int) -> int:
        c = COSIGNATURES.c
        for older in reversed([s for s in self.sizes if s < size][-_LOOKED_AT:]):
            note = connection.scalar(select(c.checkpoint).where(c.size == older).limit(1))
            if note is not None and quorum_fault(policy, self.verifier, self._noted(connection, note, older)) is None:
                return older
        return 0

    def _noted(self, connection: Connection, note: bytes, size: int) -> bytes:
        return self.newest(connection, _without_lines(note), size)


def _has_head(connection: Connection) -> bool:
    return inspect(connection).has_table(HEAD.name)


def _without_lines(note: bytes) -> bytes:
    """The note with its first signature line, which is the log's, alone."""
    text, _, lines = note.rpartition(b"\n\n")
    return text + b"\n\n" + b"".join(lines.splitlines(keepends=True)[:1])
