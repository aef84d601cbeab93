"""Where the log stands: one row, moved by compare-and-swap in the transaction of the entries that move it.

The row holds the size, the hash of the last leaf, the compact range of the Merkle tree, the time of the checkpoint and
the signed checkpoint itself. Only the checkpoint is signed; everything else in the row is held against it whenever the
row is read anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, inspect, select

from audit.errors import LogMissing, NotCanonical, NoteWrong, Tampered, WrongCheckpoint
from audit.leaf import FIRST, Leaf, from_text, to_text
from audit.merkle import EMPTY, Range
from audit.note import Checkpoint, NoteSigner, NoteVerifier, open_note, signatures_of
from audit.rows import checked_leaf
from audit.schema import HEAD, LEAVES, plain, run

__all__ = [
    "Head",
    "check_head",
    "extended",
    "genesis",
    "insert_head",
    "locked_place",
    "move_head",
    "read_head",
    "verified_head",
]

_ROW = select(HEAD.c.size, HEAD.c.last, HEAD.c.frontier, HEAD.c.time, HEAD.c.checkpoint).where(HEAD.c.id == 1)
_PLACE = "SELECT size, last FROM audit_head WHERE id = 1"
# Where another process may have moved it, the whole row: it spares a turn.
_LOCKED = {"postgresql": "SELECT size, last, frontier, time, checkpoint FROM audit_head WHERE id = 1 FOR UPDATE"}
_INSERT = insert(HEAD)
_MOVE = (
    "UPDATE audit_head SET size = ?, last = ?, frontier = ?, time = ?, checkpoint = ? "
    "WHERE id = 1 AND size = ? AND last = ?"
)


@dataclass(frozen=True, slots=True)
class Head:
    """A state of the log. `last` is the hash of its last leaf (32 zero bytes when empty)."""

    size: int
    last: bytes
    frontier: Range
    checkpoint: bytes
    checkpoint_time: dt.datetime

    @property
    def root(self) -> bytes:
        """The root of the Merkle tree over all leaves (RFC 6962)."""
        return self.frontier.root


def genesis(*, signer: NoteSigner, now: dt.datetime) -> Head:
    """The head of an empty log."""
    return Head(0, FIRST, EMPTY, _sign(EMPTY, signer), now)


def extended(head: Head, hashes: Sequence[bytes], *, time: dt.datetime, signer: NoteSigner) -> Head:
    """The head after more leaves, with a new checkpoint."""
    frontier = head.frontier.extended(hashes)
    return Head(frontier.size, hashes[-1], frontier, _sign(frontier, signer), time)


def _sign(frontier: Range, signer: NoteSigner) -> bytes:
    return signer.sign(Checkpoint(signer.name, frontier.size, frontier.root).to_text())


def read_head(connection: Connection, row: Sequence[Any] | None = None) -> Head | None:
    """The stored head, None where there is no log. `row`: as `locked_place` gave it.

    Raises Tampered where the row contradicts itself.
    """
    if row is None or len(row) < len(_ROW.selected_columns):
        row = connection.execute(_ROW).one_or_none()
    if row is None:
        return None
    size, last, frontier, time, checkpoint = row
    try:
        return Head(size, last, Range.from_bytes(size, frontier), checkpoint, from_text(time))
    except (ValueError, TypeError, AttributeError, OverflowError, NotCanonical) as error:
        raise Tampered(None, "head-differs", f"the log's head can't be read: {error}") from error


def check_head(head: Head, *, origin: str, verifier: NoteVerifier) -> None:
    """Holds a head against its own signed checkpoint. Raises WrongCheckpoint or Tampered."""
    try:
        signed = Checkpoint.from_text(open_note(head.checkpoint, verifier))
        own = [s for s in signatures_of(head.checkpoint)[1] if s.name == verifier.name]
    except NoteWrong as error:
        raise WrongCheckpoint(f"the head's checkpoint can't be read: {error}") from error
    if own[-1].key_id != verifier.key_id:
        raise WrongCheckpoint(f"the log's key was rotated: `{verifier.name}+{own[-1].key_id.hex()}` signs now")
    if signed.origin != origin:
        raise WrongCheckpoint(f"the log in this database is `{signed.origin}`, not `{origin}`")
    if (signed.size, signed.root) != (head.size, head.root):
        raise Tampered(
            None,
            "head-differs",
            f"the head stands at {head.size} entries and its signed checkpoint at {signed.size}, or their roots differ",
        )


def verified_head(connection: Connection, *, origin: str, verifier: NoteVerifier, lock: bool = False) -> Head:
    """The head, held against its checkpoint, the number of leaves and the last of them: of one moment.

    So the transaction is a `snapshot`, or the row is locked first, and whoever appends meanwhile waits.

    Raises LogMissing, WrongCheckpoint, Tampered.
    """
    if not inspect(connection).has_table(HEAD.name):
        raise LogMissing("the database holds no log")
    head = read_head(connection, locked_place(connection) if lock else None)
    if head is None:
        raise LogMissing("the database holds no log")
    check_head(head, origin=origin, verifier=verifier)
    newest = connection.scalar(select(func.max(LEAVES.c.seq)))
    size = 0 if newest is None else newest + 1
    if size != head.size:
        raise Tampered(
            min(size, head.size),
            "missing" if size < head.size else "surplus",
            f"the log's head says {head.size} entries, and the last one stored is number {size - 1}",
        )
    last = connection.scalar(select(LEAVES.c.leaf).where(LEAVES.c.seq == head.size - 1))
    if last is not None:
        checked_leaf(head.size - 1, last)
    if (FIRST if last is None else Leaf.hash(last)) != head.last:
        raise Tampered(head.size - 1, "leaf-changed", f"entry {head.size - 1} was changed after it was recorded")
    return head


def locked_place(connection: Connection) -> tuple[Any, ...]:
    """Size, last hash and perhaps the rest of the row, locked until the transaction ends (SQLite: the whole database).

    Empty where there is no log.
    """
    row = run(connection, _LOCKED.get(connection.dialect.name, _PLACE)).fetchone()
    return () if row is None else tuple(row)


def insert_head(connection: Connection, head: Head) -> None:
    """The first row."""
    connection.execute(_INSERT, {"id": 1} | _values(head))


def move_head(connection: Connection, old: Head, new: Head) -> Callable[[], bool]:
    """Compare-and-swap: whether the head still stood at `old`, and now stands at `new`, once that is known."""
    moved = run(connection, plain(connection, _MOVE), (*_values(new).values(), old.size, old.last))
    return lambda: bool(moved.rowcount == 1)


def _values(head: Head) -> dict[str, object]:
    return {
        "size": head.size,
        "last": head.last,
        "frontier": head.frontier.to_bytes(),
        "time": to_text(head.checkpoint_time),
        "checkpoint": head.checkpoint,
    }
