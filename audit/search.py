"""The access history: entries by the words that they are filed under, by time, and by the subjects that they name.

Words are answered from the search's table: the rarest of those asked for leads, the others are looked up beside it,
and nothing is scanned that could not be an answer. Time needs no table, since it never decreases in the log: its bounds
are found by halving. A subject stands only in bodies, by handles to which a keyed hash of its id leads (`audit.keys`):
the bodies that name subjects are read, newest first; give other filters with it to read fewer. Every entry found is
verified, and held against the words that found it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, exists, func, select

from audit.entry import INDEX_KEYS, Entry, Term, terms
from audit.errors import Tampered, mapped
from audit.keys import handle_text
from audit.place import Place, check_filed
from audit.rows import checked_leaf, fetch
from audit.schema import LEAVES, TERMS
from audit.sealing import Sealing

__all__ = ["Query", "search"]

_CHUNK = 100
_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; everything given must hold. `first` and `behind` bound the numbers, as in a slice."""

    terms: tuple[Term, ...] = ()
    since: dt.datetime | None = None  # inclusive
    until: dt.datetime | None = None  # exclusive
    subject: str | tuple[str, str] | None = None  # an id, of any contributor, or (contributor, id)
    first: int = 0
    behind: int = 0
    limit: int = 100

    @classmethod
    def of(cls, words: Mapping[str, str | None], *, kind: str | None, reader: str | None, **rest: Any) -> Query:
        """From the filters of `Log.search`."""
        found = [(key, value) for key, value in words.items() if value is not None]
        unknown = [key for key, _ in found if key not in INDEX_KEYS]
        if unknown:
            raise TypeError(f"`{unknown[0]}` is not a word that entries are found by: {', '.join(INDEX_KEYS)}")
        found += [] if kind is None else [("kind", kind)]
        found += [] if reader is None else [("reader", reader)]
        found += [] if rest.get("subject") is None else [("holds", "subjects")]
        return cls(tuple(found), **rest)


def search(engine: Engine, query: Query, place: Place, sealing: Sealing) -> tuple[Entry, ...]:
    """The newest entries that answer the query, newest first, at most `limit`. Raises Tampered, LogUnavailable."""
    found: list[Entry] = []
    handles = None if query.subject is None else _handles(sealing, query.subject)
    if handles is not None and not handles:
        return ()  # nothing was ever said of such a client, or it was forgotten
    with mapped(engine, "searching"), engine.connect() as connection, connection.begin():
        check_filed(connection, place)
        numbers = _numbers(connection, query, place)
        while len(found) < query.limit and (some := list(islice(numbers, min(query.limit, _CHUNK)))):
            found += _answers(fetch(connection, some, sealing), query, handles)
    return tuple(found[: query.limit])


def _numbers(connection: Connection, query: Query, place: Place) -> Iterator[int]:
    """Numbers of the entries that hold every term, newest first: the unfiled ones from memory, then the table's."""
    first, behind = _bounds(connection, query)
    yield from place.newest_first(query.terms, first, behind)
    ordered, behind = _rarest_first(connection, query.terms), min(behind, place.filed)
    while some := _filed(connection, ordered, first, behind):
        yield from some
        behind = some[-1]


def _answers(entries: Sequence[Entry], query: Query, handles: frozenset[str] | None) -> Iterator[Entry]:
    for entry in entries:
        if entry.erased is None and not set(query.terms) <= set(terms(entry.kind, entry.body)):
            raise Tampered(entry.seq, "index-differs", f"entry {entry.seq} is filed under words that it does not hold")
        if handles is None or (entry.erased is None and _names(entry.body["subjects"], handles)):
            yield entry


def _handles(sealing: Sealing, subject: str | tuple[str, str]) -> frozenset[str]:
    holder, name = (None, subject) if isinstance(subject, str) else subject
    return frozenset(handle_text(key.id) for key in sealing.keys.naming(name, holder=holder))


def _names(subjects: Mapping[str, Any], handles: frozenset[str]) -> bool:
    """Whether `{contributor: [handles]}` names one of them."""
    return any(isinstance(held, list) and not handles.isdisjoint(held) for held in subjects.values())


def _bounds(connection: Connection, query: Query) -> tuple[int, int]:
    first, behind = max(query.first, 0), query.behind
    if query.since is not None:
        first = max(first, _first_at(connection, query.since, behind))
    if query.until is not None:
        behind = min(behind, _first_at(connection, query.until, behind))
    return first, behind


def _first_at(connection: Connection, instant: dt.datetime, size: int) -> int:
    """The number of the first entry at or after an instant."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        data = connection.scalar(select(LEAVES.c.leaf).where(LEAVES.c.seq == middle))
        if data is None:
            raise Tampered(middle, "missing", f"entry {middle} is missing")
        if checked_leaf(middle, data).time < instant:
            low = middle + 1
        else:
            high = middle
    return low


def _is(term: Term) -> ColumnElement[bool]:
    return (TERMS.c.key == term[0]) & (TERMS.c.value == term[1])


def _rarest_first(connection: Connection, wanted: Sequence[Term]) -> list[Term]:
    if len(wanted) < 2:
        return list(wanted)

    def count(term: Term) -> int:
        some = select(TERMS.c.seq).where(_is(term)).limit(_COUNTED).subquery()
        return connection.scalar(select(func.count()).select_from(some)) or 0

    return sorted(wanted, key=count)


def _filed(connection: Connection, wanted: Sequence[Term], first: int, behind: int) -> list[int]:
    if not wanted:
        return list(range(behind - 1, max(first, behind - _CHUNK) - 1, -1))
    leading, *others = wanted
    found = select(TERMS.c.seq).where(_is(leading), TERMS.c.seq >= first, TERMS.c.seq < behind)
    for other in others:
        beside = TERMS.alias()
        found = found.where(
            exists().where(beside.c.seq == TERMS.c.seq, beside.c.key == other[0], beside.c.value == other[1])
        )
    return list(connection.scalars(found.order_by(TERMS.c.seq.desc()).limit(_CHUNK)))
