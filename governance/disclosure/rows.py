"""Rows: identified ones as they are, pseudonymised ones where enough subjects share them.

Identified rows come one source after the other, or merged where an order was asked for. Pseudonymised rows need two
passes: the first counts, in each source's engine, how many subjects share each combination of values; merged over all
contributors, these say which rows may leave, and the second pass lets them. A row whose combination the first pass did
not see (a live table that moved on) is withheld.

The order of rows must not tell whose they are. So a batch of pseudonymised rows takes from each contributor the same
part of what it has to give, and is sorted by pseudonym.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

import pyarrow as pa

from governance.disclosure import query as governed
from governance.disclosure.anonymity import Combination, Shared, released
from governance.disclosure.pseudonym import pseudonym
from governance.disclosure.query import GovernedQuery, Key, SourceQuery, Tally, arrow_type
from governance.errors import RequestInvalid

__all__ = ["PSEUDONYM", "Rows", "identified", "own_pseudonyms", "pseudonymised"]

Fetch = Callable[[SourceQuery], Iterator[pa.RecordBatch]]
Shaped = tuple[pa.RecordBatch, dict[str, list[str]]]
PSEUDONYM = "pseudonym"


@dataclass(slots=True)
class Rows:
    """Batches of rows with their subjects by contributor. `close` lets go of every source that is still open."""

    schema: pa.Schema
    batches: Iterator[Shaped]
    withheld: int = 0
    _open: list[Iterator[pa.RecordBatch]] = field(default_factory=list)

    def close(self) -> None:
        """Idempotent."""
        for batches in (self.batches, *self._open):
            closer = getattr(batches, "close", None)
            if closer is not None:
                closer()
        self._open.clear()


def _schema(query: GovernedQuery, *, pseudonym_first: bool) -> pa.Schema:
    fields = [pa.field(c, arrow_type(query.types[c])) for c in query.columns]
    if pseudonym_first:
        name = PSEUDONYM
        while name in query.columns:
            name += "_"
        fields.insert(0, pa.field(name, pa.string()))
    return pa.schema(fields)


def _rows_of(query: GovernedQuery, contributor: str) -> SourceQuery:
    order = [name for name, _ in query.order_by if name not in query.columns]
    return SourceQuery(
        token=governed._TOKEN,
        kind="rows",
        contributor=contributor,
        dataset=query.dataset,
        subject_field=query.subject_field,
        contributor_field=query.contributor_field,
        types=query.types,
        columns=(*query.columns, *dict.fromkeys(order)),
        where=query.where,
        order_by=query.order_by,
        limit=query.limit,
        needs_consent=contributor in query.consent_of,
        consents=query.consents,
        batch_rows=query.batch_rows,
        seconds=query.seconds,
    )


def _groups_of(
    query: GovernedQuery, contributor: str, fields: tuple[str, ...], *, per_subject: bool, distinct: bool = True
) -> SourceQuery:
    return SourceQuery(
        token=governed._TOKEN,
        kind="groups",
        contributor=contributor,
        dataset=query.dataset,
        subject_field=query.subject_field,
        contributor_field=query.contributor_field,
        types=query.types,
        where=query.where,
        keys=tuple(Key(name, None) for name in fields),
        tallies=(Tally(distinct=distinct),),
        per_subject=per_subject,
        needs_consent=contributor in query.consent_of,
        consents=query.consents,
        batch_rows=query.batch_rows,
        seconds=query.seconds,
    )


def _count(query: GovernedQuery, fetch: Fetch) -> int:
    total = 0
    for contributor in query.contributors:
        for batch in fetch(_groups_of(query, contributor, (), per_subject=False, distinct=False)):
            total += sum(n or 0 for n in batch.column(0).to_pylist())
    return total


def _too_many(query: GovernedQuery, rows: int) -> RequestInvalid:
    return RequestInvalid(
        f"the answer has {rows} rows; at most {query.max_rows} are allowed (filter it, or give a `limit`)",
        reason="too-many-rows",
        field="limit",
    )


def identified(query: GovernedQuery, fetch: Fetch) -> Rows:
    """Rows as they are. Raises RequestInvalid (`too-many-rows`) before the first batch."""
    return _plain(query, fetch, pseudonyms=False)


def own_pseudonyms(query: GovernedQuery, fetch: Fetch) -> Rows:
    """The recipient's own rows, which need no protection, with pseudonyms."""
    return _plain(query, fetch, pseudonyms=True)


def _plain(query: GovernedQuery, fetch: Fetch, *, pseudonyms: bool) -> Rows:
    opened = [fetch(_rows_of(query, contributor)) for contributor in query.contributors]
    made = Rows(_schema(query, pseudonym_first=pseudonyms), iter(()), _open=opened)
    try:
        sources = dict(zip(query.contributors, opened, strict=True))
        if query.limit is None or query.limit > query.max_rows:
            sources = _within_limits(query, fetch, sources)
    except BaseException:
        made.close()
        raise
    many = len(sources) > 1 and query.order_by
    batches = _merged(query, sources) if many else _in_turn(sources)
    made.batches = _shaped(query, made.schema, _limited(batches, query.limit), pseudonyms=pseudonyms)
    return made


def _within_limits(
    query: GovernedQuery, fetch: Fetch, sources: dict[str, Iterator[pa.RecordBatch]]
) -> dict[str, Iterator[pa.RecordBatch]]:
    """Counts beforehand, unless the only source's first batch shows that it is the last."""
    if len(sources) == 1:
        (contributor, batches), *_ = sources.items()
        first = next(batches, None)
        if first is None:
            return {contributor: iter(())}
        sources = {contributor: itertools.chain([first], batches)}
        if first.num_rows < min(query.batch_rows, query.max_rows + 1):
            second = next(batches, None)
            if second is None:
                return {contributor: iter([first])}
            sources = {contributor: itertools.chain([first, second], batches)}
    rows = _count(query, fetch)
    if rows > query.max_rows and (query.limit is None or query.limit > query.max_rows):
        raise _too_many(query, rows)
    return sources


def _in_turn(sources: dict[str, Iterator[pa.RecordBatch]]) -> Iterator[tuple[pa.RecordBatch, list[str]]]:
    for contributor, batches in sources.items():
        for batch in batches:
            yield batch, [contributor] * batch.num_rows


def _limited(
    batches: Iterator[tuple[pa.RecordBatch, list[str]]], limit: int | None
) -> Iterator[tuple[pa.RecordBatch, list[str]]]:
    left = limit
    for batch, contributors in batches:
        if left is not None:
            if left <= 0:
                return
            batch, contributors = batch.slice(0, left), contributors[:left]
            left -= batch.num_rows
        if batch.num_rows:
            yield batch, contributors


def _merged(
    query: GovernedQuery, sources: dict[str, Iterator[pa.RecordBatch]]
) -> Iterator[tuple[pa.RecordBatch, list[str]]]:
    """Sorted streams, one order: each source has sorted its own rows in the same way (text by code points)."""
    schema: pa.Schema | None = None

    def rows(contributor: str, batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[Any, tuple[Any, ...], str]]:
        nonlocal schema
        for batch in batches:
            schema = batch.schema
            places = [batch.schema.get_field_index(name) for name, _ in query.order_by]
            for row in zip(*(c.to_pylist() for c in batch.columns), strict=True):
                yield tuple(row[p] for p in places), row, contributor

    directions = [descending for _, descending in query.order_by]

    def compare(a: tuple[Any, ...], b: tuple[Any, ...]) -> int:
        for x, y, descending in zip(a, b, directions, strict=True):
            if x == y:
                continue
            if x is None or y is None:  # absent values come last, whichever way
                return 1 if x is None else -1
            less = -1 if x < y else 1
            return -less if descending else less
        return 0

    key = cmp_to_key(compare)
    merged = heapq.merge(*(rows(c, b) for c, b in sources.items()), key=lambda item: key(item[0]))
    while chunk := list(itertools.islice(merged, query.batch_rows)):
        assert schema is not None  # noqa: S101 - a row came from a batch
        columns = zip(*(row for _, row, _ in chunk), strict=True)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema), [c for _, _, c in chunk]


def _shaped(
    query: GovernedQuery,
    schema: pa.Schema,
    batches: Iterator[tuple[pa.RecordBatch, list[str]]],
    *,
    pseudonyms: bool,
) -> Iterator[Shaped]:
    width = len(query.columns)
    for batch, contributors in batches:
        ids = batch.column(batch.num_columns - 1)
        arrays = list(batch.columns[:width])
        if pseudonyms:
            known = _Pseudonyms(query)
            arrays.insert(0, pa.array(map(known.of, contributors, ids.to_pylist()), pa.string()))
        yield pa.RecordBatch.from_arrays(arrays, schema=schema), _subjects(contributors, ids)


def _subjects(contributors: list[str], ids: pa.Array) -> dict[str, list[str]]:
    """Distinct ids by contributor, in their order."""
    if contributors[0] == contributors[-1] and contributors.count(contributors[0]) == len(contributors):
        return {contributors[0]: ids.unique().to_pylist()}
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for contributor, subject in zip(contributors, ids.to_pylist(), strict=True):
        found[contributor][subject] = None
    return {contributor: list(subjects) for contributor, subjects in sorted(found.items())}


class _Pseudonyms:
    """Pseudonyms of one batch: most subjects stand in several rows."""

    def __init__(self, query: GovernedQuery) -> None:
        self._query = query
        self._known: dict[tuple[str, str], str] = {}

    def of(self, contributor: str, subject: str) -> str:
        found = self._known.get((contributor, subject))
        if found is None:
            owner = None if self._query.shared_subjects else contributor
            found = pseudonym(self._query.pseudonym_key, contributor=owner, subject=subject)
            self._known[contributor, subject] = found
        return found


def pseudonymised(query: GovernedQuery, fetch: Fetch) -> Rows:
    """Rows whose combination of values enough subjects share. Raises RequestInvalid before the first batch."""
    if query.protection.k is None:
        raise ValueError("pseudonymised rows need a k")
    fields = query.columns
    combinations: dict[Combination, Shared] = {}
    rows_of: dict[str, dict[Combination, int]] = {}
    for contributor in query.contributors:
        mine: dict[Combination, int] = defaultdict(int)
        for batch in fetch(_groups_of(query, contributor, fields, per_subject=query.shared_subjects)):
            for row in zip(*(c.to_pylist() for c in batch.columns), strict=True):
                combination, rest = row[: len(fields)], row[len(fields) :]
                known = combinations.setdefault(combination, Shared())
                known.rows += rest[-2]
                if query.shared_subjects:
                    known.who.add(rest[0])
                else:
                    known.subjects += rest[-1]
                mine[combination] += rest[-2]
        rows_of[contributor] = mine
    free = released(combinations=combinations, fields=fields, sensitive=query.sensitive, k=query.protection.k)
    total = sum(s.rows for s in combinations.values())
    leaving = {c: sum(n for combo, n in mine.items() if combo in free) for c, mine in rows_of.items()}
    if sum(leaving.values()) > query.max_rows:
        raise _too_many(query, sum(leaving.values()))
    opened = {c: fetch(_rows_of(query, c)) for c in query.contributors if leaving[c]}
    made = Rows(
        _schema(query, pseudonym_first=True),
        iter(()),
        withheld=total - sum(leaving.values()),
        _open=list(opened.values()),
    )
    made.batches = _mixed(query, made.schema, opened, leaving, free)
    return made


def _mixed(
    query: GovernedQuery,
    schema: pa.Schema,
    opened: dict[str, Iterator[pa.RecordBatch]],
    leaving: dict[str, int],
    free: frozenset[Combination],
) -> Iterator[Shaped]:
    total = sum(leaving.values())
    streams = {c: _free_rows(query, batches, free) for c, batches in opened.items()}
    given = 0
    taken = dict.fromkeys(streams, 0)
    while given < total:
        given = min(given + query.batch_rows, total)
        known = _Pseudonyms(query)
        rows: list[tuple[str, Combination, str, str]] = []
        for contributor, stream in streams.items():
            # The part of this contributor's rows that has left once `given` of all have.
            upto = leaving[contributor] * given // total
            for combination, subject in itertools.islice(stream, upto - taken[contributor]):
                rows.append((known.of(contributor, subject), combination, contributor, subject))
            taken[contributor] = upto
        if not rows:
            continue
        rows.sort(key=lambda r: r[0])
        columns: list[list[Any]] = [[r[0] for r in rows]]
        columns += [[r[1][i] for r in rows] for i in range(len(query.columns))]
        arrays = [pa.array(values, f.type) for values, f in zip(columns, schema, strict=True)]
        yield (
            pa.RecordBatch.from_arrays(arrays, schema=schema),
            _subjects([r[2] for r in rows], pa.array([r[3] for r in rows], pa.string())),
        )


def _free_rows(
    query: GovernedQuery, batches: Iterator[pa.RecordBatch], free: frozenset[Combination]
) -> Iterator[tuple[Combination, str]]:
    width = len(query.columns)
    for batch in batches:
        for row in zip(*(c.to_pylist() for c in batch.columns), strict=True):
            if row[:width] in free:
                yield row[:width], row[-1]
