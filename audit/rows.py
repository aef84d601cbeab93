"""From stored rows to entries: whatever is read is verified before it is believed.

A leaf must be the canonical form of a leaf, carry the number under which it is stored, and its body must have the hash
that the leaf says. Whether the leaves themselves are the ones that were written is the chain's and the checkpoint's
business (`audit.verify`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from audit.canonical import parse
from audit.entry import Entry, filing
from audit.errors import NotCanonical, Tampered
from audit.leaf import Leaf, body_hash
from audit.schema import BODIES, LEAVES

__all__ = ["checked_leaf", "fetch", "stored", "to_entry"]

_Stored = tuple[int, bytes, bytes | None, bytes | None]
_ROWS = select(LEAVES.c.seq, LEAVES.c.leaf, BODIES.c.salt, BODIES.c.body).select_from(
    LEAVES.outerjoin(BODIES, BODIES.c.seq == LEAVES.c.seq)
)


def checked_leaf(seq: int, data: bytes) -> Leaf:
    """The leaf in stored bytes. Raises Tampered, naming the entry."""
    try:
        leaf = Leaf.from_bytes(data)
    except NotCanonical as error:
        raise Tampered(seq, "leaf-malformed", f"entry {seq} is not in the form in which entries are written") from error
    if leaf.seq != seq:
        raise Tampered(seq, "renumbered", f"the entry stored as number {seq} says that it is number {leaf.seq}")
    return leaf


def to_entry(seq: int, data: bytes, salt: bytes | None, body: bytes | None) -> Entry:
    """One entry, verified against its own leaf. Raises Tampered, naming the entry and what is wrong."""
    leaf = checked_leaf(seq, data)
    if salt is None or body is None:
        raise Tampered(seq, "body-missing", f"the content of entry {seq} is missing")
    if body_hash(salt, body) != leaf.body:
        raise Tampered(seq, "body-changed", f"the content of entry {seq} was changed after it was recorded")
    try:
        value = parse(body)
    except NotCanonical as error:
        raise Tampered(seq, "body-malformed", f"the content of entry {seq} is not in its canonical form") from error
    readers, _ = filing(value)
    return Entry(seq, leaf.kind, leaf.time, data, Leaf.hash(data), salt, value, body, readers)


def fetch(connection: Connection, numbers: Sequence[int]) -> list[Entry]:
    """The entries of these numbers, in the order given. Raises Tampered where one is missing or wrong."""
    found = {row.seq: row for row in connection.execute(_ROWS.where(LEAVES.c.seq.in_(numbers)))}
    entries = []
    for seq in numbers:
        if seq not in found:
            raise Tampered(seq, "missing", f"entry {seq} is missing")
        entries.append(to_entry(*found[seq]))
    return entries


def stored(connection: Connection, first: int, behind: int, most: int) -> Iterator[_Stored]:
    """Rows (seq, leaf, salt, body) as they are, unverified, in order, few of them in memory at a time."""
    rows = _ROWS.where(LEAVES.c.seq >= first, LEAVES.c.seq < behind).order_by(LEAVES.c.seq).limit(most)
    for row in connection.execution_options(yield_per=50).execute(rows):
        yield row.seq, row.leaf, row.salt, row.body
