"""A look at the leaves when a service starts: nothing was taken away, nothing changed, since the checkpoint was signed.

Opening a log looks at its end alone. Whoever can write to the database could make an entry in the middle vanish, from
the table or from the index that entries of a kind are found by, and a service would not miss it. So the leaves are
hashed: chain, Merkle root (RFC 6962 §2.1) and the signed checkpoint must hold, and what is told of is found in the
leaves themselves. Bodies are not read here; each is held against its leaf whenever it is.

What was looked through once (`Looked`) need not be hashed again, if whoever kept it can vouch for it: then each leaf
that it tells of must have the hash that it had, and the leaves behind it must lead, from the tree that it remembers, to
the root that the log's key signed. A change of another leaf among the first is then for verification to find. Where
the two disagree nothing is believed: everything is looked through, and the entry at fault is named.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, select, text

from audit.entry import Entry
from audit.errors import LogMissing, Tampered, mapped
from audit.head import Head, check_head, read_head
from audit.leaf import FIRST, Leaf
from audit.log import Log
from audit.merkle import EMPTY, Range
from audit.rows import checked_leaf, fetch
from audit.schema import LEAVES

__all__ = ["NOTHING", "Looked", "Seen", "read", "scan"]

_CHUNK = 4096
_FEW = 500
# As they are stored: the columns' own type would look at each value, and hashing does that as well.
_LEAVES = text("SELECT seq, leaf FROM audit_leaves WHERE seq >= :first AND seq < :behind ORDER BY seq")
_SOME = select(LEAVES.c.seq, LEAVES.c.leaf).where(LEAVES.c.seq.in_(bindparam("numbers", expanding=True)))


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry as its leaf tells of it."""

    kind: str
    leaf_hash: bytes


@dataclass(frozen=True, slots=True)
class Looked:
    """The leaves that were looked through, from the first on, and which entries among them were looked for."""

    tree: Range = EMPTY
    last: bytes = FIRST
    seen: Mapping[int, Seen] = field(default_factory=dict)
    began: int = field(default=0, compare=False)  # the first that was hashed in this look

    @property
    def size(self) -> int:
        """How many."""
        return self.tree.size


NOTHING = Looked()


def scan(log: Log, kinds: Collection[str], *, since: Looked = NOTHING, again: bool = True) -> Looked:
    """Looks at every leaf behind `since`, and at those that it tells of; the entries of these kinds are told of.

    Without `again`, those that it tells of are taken as they are. Raises Tampered, LogMissing, LogUnavailable.
    """
    with mapped(log.engine, "being looked through"), log.engine.connect() as connection, connection.begin():
        head = read_head(connection)
        if head is None:
            raise LogMissing("the database holds no log")
        check_head(head, origin=log.verifier.name, verifier=log.verifier)
        if since.size and since.size <= head.size:
            try:
                if again:
                    _unchanged(connection, since.seen)
                return _walked(connection, head, kinds, since)
            except Tampered:
                if not again:
                    raise
        return _walked(connection, head, kinds, NOTHING)


def _unchanged(connection: Connection, seen: Mapping[int, Seen]) -> None:
    numbers = sorted(seen)
    for start in range(0, len(numbers), _FEW):
        some = numbers[start : start + _FEW]
        found = {row.seq: row.leaf for row in connection.execute(_SOME, {"numbers": some})}
        for seq in some:
            if seq not in found:
                raise Tampered(seq, "missing", f"entry {seq} is missing")
            if Leaf.hash(found[seq]) != seen[seq].leaf_hash:
                raise Tampered(seq, "leaf-changed", f"entry {seq} was changed after it was recorded")


def _walked(connection: Connection, head: Head, kinds: Collection[str], since: Looked) -> Looked:
    marks = re.compile(b'"kind":"(?:' + b"|".join(re.escape(k.encode()) for k in sorted(kinds)) + b')"')
    found = dict(since.seen)
    tree, last = since.tree, since.last
    for first in range(since.size, head.size, _CHUNK):
        behind = min(first + _CHUNK, head.size)
        rows = connection.execute(_LEAVES, {"first": first, "behind": behind}).all()
        hashes = []
        for expected, (seq, stored) in zip(range(first, behind), rows, strict=False):
            if seq != expected:
                raise Tampered(expected, "missing", f"entry {expected} is missing")
            # SQLite keeps text in a column for bytes, if somebody tells it to; its hash will say so.
            leaf = stored.encode("utf-8", "surrogateescape") if isinstance(stored, str) else stored
            if b'"prev":"' + last.hex().encode() + b'"' not in leaf:
                raise Tampered(seq, "chain-broken", f"entry {seq}, or the one before it, is not what it was")
            last = Leaf.hash(leaf)
            hashes.append(last)
            if kinds and marks.search(leaf) is not None and (kind := checked_leaf(seq, leaf).kind) in kinds:
                found[seq] = Seen(kind, last)
        if len(rows) != behind - first:
            raise Tampered(first + len(rows), "missing", f"entry {first + len(rows)} is missing")
        tree = tree.extended(hashes)
    if last != head.last or tree.root != head.root:
        raise Tampered(head.size - 1, "root-differs", "the entries are not those that the log's key signed for")
    return Looked(tree, last, found, since.size)


def read(log: Log, numbers: Sequence[int]) -> Iterator[Entry]:
    """The entries of these numbers, in this order, each verified against its leaf; no transaction meanwhile.

    Raises Tampered, LogUnavailable.
    """
    for start in range(0, len(numbers), _FEW):
        with mapped(log.engine, "reading"), log.engine.connect() as connection, connection.begin():
            found = fetch(connection, numbers[start : start + _FEW], log.sealing)
        yield from found
