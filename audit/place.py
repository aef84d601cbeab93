"""The head together with the entries that the search's table does not hold yet.

The table's rows for an entry lie far apart on the disk, one place for each word, and would cost an append more than
everything else together. They are derived from the body, so they need not be written at once: they are filed for some
hundred entries at a time, in the transaction of the entry that makes the number full, and until then each process keeps
the words of the unfiled entries, read again from the bodies when it opens the log. Which entries are filed needs no
record: every entry has at least the word of its kind, so it is all up to the table's largest number. On PostgreSQL,
where several processes write, each transaction files its own: the others would have to open every body for its words.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, union_all

from audit.entry import Entry, Term, terms
from audit.errors import Tampered
from audit.head import Head
from audit.inserting import insert_terms
from audit.leaf import Leaf
from audit.rows import checked_leaf, fetch
from audit.schema import LEAVES, TERMS
from audit.sealing import Sealing

__all__ = ["FILED_AT", "Place", "caught_up", "check_filed", "filed_below", "newest_of_kinds", "refiled"]

# So many unfiled entries are filed at once: at the end of a transaction there are always fewer.
FILED_AT = 256
_ALONE = "sqlite"  # where hardly anybody else writes
_CHUNK = 100

_NEWEST = select(func.max(TERMS.c.seq))

_UNCHAINED = "entry {} does not continue the log that this process knew"
Unfiled = tuple[int, tuple[Term, ...]]


@dataclass(frozen=True, slots=True)
class Place:
    """One moment of the log; `unfiled` is in the order of entries, and ends at the head."""

    head: Head
    unfiled: tuple[Unfiled, ...] = ()

    @property
    def filed(self) -> int:
        """The search's table holds every entry below."""
        return self.unfiled[0][0] if self.unfiled else self.head.size

    def after(self, head: Head, more: Sequence[Unfiled]) -> Place:
        """The place once these entries stand."""
        return Place(head, (*self.unfiled, *more))

    def filed_when_full(self, connection: Connection) -> Place:
        """Files everything where it is time to, in the caller's transaction."""
        enough = FILED_AT if connection.dialect.name == _ALONE else 1
        return self.filed_by(connection) if len(self.unfiled) >= enough else self

    def filed_by(self, connection: Connection) -> Place:
        """Files everything, in the caller's transaction."""
        rows = [(seq, key, value) for seq, words in self.unfiled for key, value in words]
        insert_terms(connection, rows)
        return Place(self.head)

    def newest_first(self, wanted: Sequence[Term], first: int, behind: int) -> Iterator[int]:
        """Numbers of unfiled entries that hold every term."""
        for seq, words in reversed(self.unfiled):
            if first <= seq < behind and set(wanted) <= set(words):
                yield seq

    def of_kinds(self, connection: Connection, kinds: Collection[str], first: int, behind: int, most: int) -> list[int]:
        """Numbers of the entries of some kinds, oldest first, at most `most`; each kind is one walk along the index."""
        walks = []
        for kind in kinds:
            walk = select(TERMS.c.seq).where(TERMS.c.key == "kind", TERMS.c.value == kind)
            walk = walk.where(TERMS.c.seq >= first, TERMS.c.seq < min(behind, self.filed)).order_by(TERMS.c.seq)
            walks.append(select(walk.limit(most).subquery().c.seq))
        found: list[int] = []
        check_filed(connection, self)
        if walks:
            every = union_all(*walks).subquery()
            found += connection.scalars(select(every.c.seq).order_by(every.c.seq).limit(most))
        wanted = {("kind", kind) for kind in kinds}
        found += [seq for seq, words in self.unfiled if first <= seq < behind and wanted & set(words)]
        return found[:most]


def filed_below(connection: Connection, size: int) -> int:
    """Behind the last of `size` entries that the search's table holds."""
    newest = connection.scalar(_NEWEST.where(TERMS.c.seq < size))
    return 0 if newest is None else int(newest) + 1


def check_filed(connection: Connection, place: Place) -> None:
    """Raises Tampered where rows that were filed are gone from the end of the table."""
    filed = filed_below(connection, place.head.size)
    if filed < place.filed:
        raise Tampered(filed, "index-differs", f"searches know of no entry from {filed} on: their table was cut off")


def caught_up(
    connection: Connection, head: Head, *, sealing: Sealing, since: int = 0, known: Place | None = None
) -> tuple[Place, dict[str, int]]:
    """The place at a head, and the newest entries of the kinds that came since the known place, or `since`.

    Their leaves are held against the chain from the known place on; bodies are opened only where their words are not
    filed. Raises Tampered, KeysUnavailable.
    """
    first = since if known is None else known.head.size
    kinds, filed = _chained(connection, head, first, None if known is None else known.head.last)
    waiting = [] if known is None else [one for one in known.unfiled if one[0] >= filed]
    for entry in _read(connection, max(first, filed), head.size, sealing):
        waiting.append((entry.seq, terms(entry.kind, entry.body)))
    return Place(head, tuple(waiting)), kinds


def _chained(connection: Connection, head: Head, first: int, last: bytes | None) -> tuple[dict[str, int], int]:
    """The newest entry of each kind from `first` on; and behind the last that is filed. `last`: the hash of the leaf
    before `first`."""
    kinds: dict[str, int] = {}
    newest = _NEWEST.where(TERMS.c.seq < head.size).scalar_subquery()
    rows = select(LEAVES.c.seq, LEAVES.c.leaf, newest).where(LEAVES.c.seq >= first, LEAVES.c.seq < head.size)
    behind, filed = first, None
    for seq, data, filed in connection.execute(rows.order_by(LEAVES.c.seq)):  # noqa: B007 - the same in each row
        leaf = checked_leaf(seq, data)
        if seq != behind or (last is not None and leaf.prev != last):
            raise Tampered(behind, "missing" if seq != behind else "chain-broken", _UNCHAINED.format(behind))
        kinds[leaf.kind] = seq
        last, behind = Leaf.hash(data), seq + 1
    if behind != head.size or (behind > first and last != head.last):
        raise Tampered(behind, "missing" if behind != head.size else "leaf-changed", _UNCHAINED.format(head.size - 1))
    if behind == first:
        return kinds, filed_below(connection, head.size)
    return kinds, 0 if filed is None else filed + 1


def refiled(connection: Connection, head: Head, sealing: Sealing) -> int:
    """Puts back rows that were cut off the table's end, in the caller's transaction; the number behind the last filed.

    No crash can do that; but the table is derived, so it is mended. Gaps in its middle are for verification to find.
    """
    filed = filed_below(connection, head.size)
    if head.size - filed < FILED_AT:
        return filed
    for first in range(filed, head.size, _CHUNK):
        entries = _read(connection, first, min(first + _CHUNK, head.size), sealing)
        Place(head, tuple((entry.seq, terms(entry.kind, entry.body)) for entry in entries)).filed_by(connection)
    return head.size


def _read(connection: Connection, first: int, behind: int, sealing: Sealing) -> Iterator[Entry]:
    for start in range(first, behind, _CHUNK):
        yield from fetch(connection, range(start, min(start + _CHUNK, behind)), sealing)


def newest_of_kinds(connection: Connection) -> dict[str, int]:
    """The newest filed entry of each kind: from kind to kind along the index, never along the entries."""
    newest: dict[str, int] = {}
    kind: str | None = ""
    of_kinds = TERMS.c.key == "kind"
    while kind is not None:
        kind = connection.scalar(select(func.min(TERMS.c.value)).where(of_kinds, TERMS.c.value > kind))
        if kind is not None:
            found = select(func.max(TERMS.c.seq)).where(of_kinds, TERMS.c.value == kind)
            newest[kind] = connection.scalar(found) or 0
    return newest
