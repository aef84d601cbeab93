"""From stored rows to entries: whatever is read is verified before it is believed.

A leaf must be the canonical form of a leaf, carry the number under which it is stored, and its body must open under the
keys that it names and have the hash that the leaf says. A body that is not there was erased where the log's table of
erasures says so; whether such an erasure was ever ordered, and whether the leaves themselves are the ones that were
written, is for verification to find (`audit.verify`). One that lies there, and whose key does not, was never erased.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from typing import NamedTuple

from sqlalchemy import Connection, select

from audit.canonical import parse
from audit.entry import Entry, filing
from audit.errors import NotCanonical, Tampered
from audit.leaf import Leaf, body_hash
from audit.schema import BODIES, ERASED, LEAVES, WHOLE
from audit.sealing import SALT, Lost, Sealing

__all__ = [
    "Stored",
    "checked_leaf",
    "erased_entry",
    "fetch",
    "key_missing",
    "opened",
    "part_of",
    "place_of",
    "stored",
    "to_entry",
]

_ROWS = select(LEAVES.c.seq, LEAVES.c.leaf, BODIES.c["keys"], BODIES.c.sealed).select_from(
    LEAVES.outerjoin(BODIES, BODIES.c.seq == LEAVES.c.seq)
)


class Stored(NamedTuple):
    """A row as it lies there; without `sealed` there is no content."""

    seq: int
    leaf: bytes
    keys: bytes | None
    sealed: bytes | None


def place_of(seq: int, leaf_hash: bytes) -> bytes:
    """What a ciphertext is bound to."""
    return seq.to_bytes(8, "big") + leaf_hash


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


def key_missing(seq: int) -> str:
    """What to think where a key is gone and no erasure of this log says so."""
    return (
        f"the key to the content of entry {seq} is missing, and no erasure says so: it was destroyed, and this "
        "database is an older copy than its key store (put it back by `accordant restore`), or the store is another's"
    )


def opened(row: Stored, sealing: Sealing) -> tuple[bytes, bytes] | None:
    """Salt and body, None where there is no content. Raises Lost, Tampered, KeysUnavailable."""
    if row.keys is None or row.sealed is None:
        return None
    plain = sealing.open(row.seq, row.keys, row.sealed, place_of(row.seq, Leaf.hash(row.leaf)))
    return plain[:SALT], plain[SALT:]


def erased_entry(seq: int, data: bytes, under: int) -> Entry:
    """An entry whose content was forgotten."""
    leaf = checked_leaf(seq, data)
    return Entry(seq, leaf.kind, leaf.time, data, Leaf.hash(data), b"", {}, b"", (), under)


def fetch(connection: Connection, numbers: Sequence[int], sealing: Sealing) -> list[Entry]:
    """The entries of these numbers, in the order given. Raises Tampered where one is missing or wrong."""
    found = {row.seq: Stored(*row) for row in connection.execute(_ROWS.where(LEAVES.c.seq.in_(numbers)))}
    entries = []
    for seq in numbers:
        if seq not in found:
            raise Tampered(seq, "missing", f"entry {seq} is missing")
        entries.append(_entry(connection, found[seq], sealing))
    return entries


def _entry(connection: Connection, row: Stored, sealing: Sealing) -> Entry:
    checked_leaf(row.seq, row.leaf)
    try:
        content = opened(row, sealing)
    except Lost as lost:
        # An erasure takes the content along with its keys: one that lies there under a destroyed key was made to.
        raise Tampered(row.seq, "key-missing", key_missing(row.seq)) from lost
    if content is None:
        whole = select(ERASED.c.under).where(ERASED.c.seq == row.seq, ERASED.c.number == WHOLE)
        under = connection.scalar(whole)
        if under is None:
            from audit.erasure import erased_under  # which reads entries by way of this module

            under = erased_under(connection, row.seq, None, sealing)
        return to_entry(row.seq, row.leaf, None, None) if under is None else erased_entry(row.seq, row.leaf, under)
    return to_entry(row.seq, row.leaf, *content)


def part_of(entry: Entry, number: int, keys: bytes, sealed: bytes, sealing: Sealing) -> tuple[bytes, bytes]:
    """Salt and canonical value of one part, held against the body. Raises Lost, Tampered, KeysUnavailable."""
    place = place_of(entry.seq, entry.leaf_hash) + number.to_bytes(4, "big")
    plain = sealing.open(entry.seq, keys, sealed, place)
    salt, value = plain[:SALT], plain[SALT:]
    said = entry.body.get("parts")
    if not isinstance(said, list) or not number < len(said) or body_hash(salt, value).hex() != said[number]:
        message = f"part {number} of entry {entry.seq} is not the one that was recorded"
        raise Tampered(entry.seq, "part-changed", message)
    return salt, value


def stored(connection: Connection, first: int, behind: int, most: int) -> Generator[Stored]:
    """Rows as they are, unverified, in order, few of them in memory at a time."""
    rows = _ROWS.where(LEAVES.c.seq >= first, LEAVES.c.seq < behind).order_by(LEAVES.c.seq).limit(most)
    with closing(connection.execution_options(yield_per=50).execute(rows)) as found:
        for row in found:
            yield Stored(*row)
