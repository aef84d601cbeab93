"""Figures: the groups of every source, merged, protected, and laid out so that every declared level has its cell.

What is kept in memory is one set of numbers for each cell and contributor; where a dataset's subjects are shared by
its contributors, the distinct subjects of each cell, since the same person may stand in several sources.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

import pyarrow as pa

from governance.disclosure import query as governed
from governance.disclosure.query import Dimension, Figure, GovernedQuery, Key, SourceQuery, arrow_type
from governance.disclosure.suppression import Part, Subjects, shown
from governance.errors import RequestInvalid, SourceUnavailable
from governance.model.names import Level

__all__ = ["Figures", "Together", "figures", "in_turn"]

Fetch = Callable[[SourceQuery], Iterator[pa.RecordBatch]]
# Asks for the groups of several contributors, whose queries differ in nothing else; each batch with its contributor.
Together = Callable[[Sequence[SourceQuery]], Iterator[tuple[str, pa.RecordBatch]]]
Cell = tuple[Any, ...]  # for each dimension the place of its level, or its raw value; None outside every level


@dataclass(slots=True)
class _Tallied:
    """One tally of one contributor in one cell."""

    rows: int = 0
    subjects: int = 0
    who: set[str] = field(default_factory=set)
    sum: int | float = 0
    size: int | float = 0

    def distinct(self, shared: bool) -> Subjects:
        return self.who if shared else self.subjects


@dataclass(frozen=True, slots=True)
class Figures:
    """The table, the places of cells suppressed, and how many figures were left out for the floor of an indicator."""

    table: pa.Table
    cells: int
    suppressed: int
    below_floor: int


def in_turn(fetch: Fetch) -> Together:
    """Asks one source after the other."""

    def together(queries: Sequence[SourceQuery]) -> Iterator[tuple[str, pa.RecordBatch]]:
        for query in queries:
            for batch in fetch(query):
                yield query.contributor, batch

    return together


def figures(query: GovernedQuery, together: Together) -> Figures:
    """Asks every source for its groups and makes the table. Raises RequestInvalid where there are too many cells."""
    cells = 1
    for dimension in query.dimensions:
        cells *= max(len(dimension.shown), 1)
    if cells > query.max_rows:
        raise RequestInvalid(f"{cells} cells are more than the {query.max_rows} allowed", reason="over-a-limit")
    tallied = _Merged(query)
    for contributor, batch in together([_part(query, contributor) for contributor in query.contributors]):
        tallied.add(contributor, batch)
    below = tallied.drop_below_floor()
    return _table(query, tallied, below)


def _part(query: GovernedQuery, contributor: str) -> SourceQuery:
    return SourceQuery(
        token=governed._TOKEN,
        kind="groups",
        contributor=contributor,
        dataset=query.dataset,
        subject_field=query.subject_field,
        contributor_field=query.contributor_field,
        types=query.types,
        where=query.where,
        keys=tuple(Key(d.field, d.levels.bins if d.levels is not None else None) for d in query.dimensions),
        tallies=query.tallies,
        per_subject=query.shared_subjects,
        needs_consent=contributor in query.consent_of,
        consents=query.consents,
        batch_rows=query.batch_rows,
        seconds=query.seconds,
    )


class _Merged:
    """Cell → contributor → tallies."""

    def __init__(self, query: GovernedQuery) -> None:
        self.query = query
        self.cells: dict[Cell, dict[str, list[_Tallied]]] = defaultdict(dict)
        self.excluded: dict[str, set[int]] = defaultdict(set)  # contributor → figures below their floor

    def add(self, contributor: str, batch: pa.RecordBatch) -> None:
        query, width = self.query, len(self.query.dimensions)
        raw = any(d.levels is None for d in query.dimensions)
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            cell, rest = row[:width], list(row[width:])
            subject = rest.pop(0) if query.shared_subjects else None
            if raw and cell not in self.cells and len(self.cells) >= query.max_rows:
                raise RequestInvalid(f"more groups than the {query.max_rows} allowed", reason="over-a-limit")
            tallies = self.cells[cell].setdefault(contributor, [_Tallied() for _ in query.tallies])
            for tally, into in zip(query.tallies, tallies, strict=True):
                rows, subjects = rest.pop(0), rest.pop(0)
                into.rows += rows or 0
                into.subjects += subjects or 0
                if subject is not None and rows:
                    into.who.add(subject)
                if tally.value is not None:
                    into.sum += rest.pop(0) or 0
                    into.size += rest.pop(0) or 0

    def drop_below_floor(self) -> int:
        """A contributor with more missing values than the indicator's floor stays out of it, in every cell."""
        for place, figure in enumerate(self.query.figures):
            if figure.floor is None or figure.missing is None:
                continue
            totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
            for by in self.cells.values():
                for contributor, tallies in by.items():
                    totals[contributor][0] += tallies[figure.missing].rows
                    totals[contributor][1] += tallies[figure.base].rows
            for contributor, (missing, rows) in totals.items():
                if missing > figure.floor * rows:
                    self.excluded[contributor].add(place)
        return sum(len(places) for places in self.excluded.values())

    def of(self, cell: Cell, place: int) -> dict[str, list[_Tallied]]:
        by = self.cells.get(cell, {})
        return {c: t for c, t in by.items() if place not in self.excluded.get(c, ())}


def _table(query: GovernedQuery, merged: _Merged, below: int) -> Figures:
    protect = query.protection.kind != "none"
    cells = _layout(query, merged, protect=protect)
    marker = "suppressed"
    names = [d.field for d in query.dimensions] + [f.column for f in query.figures]
    while marker in names:
        marker += "_"
    columns: list[list[Any]] = [[] for _ in names]
    marks: list[bool] = []
    for cell in cells:
        for i, dimension in enumerate(query.dimensions):
            columns[i].append(_label(dimension, cell[i]))
        hidden = False
        for place, figure in enumerate(query.figures):
            value = _figure(query, merged.of(cell, place), figure, protect=protect)
            hidden = hidden or (protect and value is None)
            columns[len(query.dimensions) + place].append(value)
        marks.append(hidden)
    fields = [pa.field(d.field, _label_type(query, d)) for d in query.dimensions]
    fields += [pa.field(f.column, _figure_type(f)) for f in query.figures]
    fields.append(pa.field(marker, pa.bool_()))
    try:
        arrays = [pa.array(v, f.type) for v, f in zip([*columns, marks], fields, strict=True)]
    except (OverflowError, pa.ArrowInvalid):
        raise SourceUnavailable("a figure is too large to be written", reason="figure-too-large") from None
    return Figures(
        pa.Table.from_arrays(arrays, schema=pa.schema(fields)),
        len(cells),
        sum(marks),
        below,
    )


def _layout(query: GovernedQuery, merged: _Merged, *, protect: bool) -> list[Cell]:
    """Every combination of the declared levels, in their order; over own rows also what lies outside them."""
    if all(d.levels is not None for d in query.dimensions):
        cells: list[Cell] = list(itertools.product(*(d.shown for d in query.dimensions)))
        if not protect:
            known = set(cells)
            cells += sorted((c for c in merged.cells if c not in known), key=_sortable)
    else:
        cells = sorted(merged.cells, key=_sortable)
    for name, descending in reversed(query.order_by):
        at = next(i for i, d in enumerate(query.dimensions) if d.field == name)
        cells.sort(key=lambda cell, at=at: _sortable((cell[at],)), reverse=descending)  # type: ignore[misc]
    return cells[: query.limit] if query.limit is not None else cells


def _compare(a: Cell, b: Cell) -> int:
    for x, y in zip(a, b, strict=True):
        if x == y:
            continue
        if x is None or y is None:
            return 1 if x is None else -1
        return -1 if x < y else 1
    return 0


_sortable = cmp_to_key(_compare)


def _label(dimension: Dimension, value: Any) -> Any:
    if dimension.levels is None or value is None:
        return value
    label = dimension.levels.labels[value]
    return label if isinstance(label, bool) and _all_bool(dimension.levels.labels) else str(label)


def _all_bool(labels: tuple[Level, ...]) -> bool:
    return all(isinstance(label, bool) for label in labels)


def _label_type(query: GovernedQuery, dimension: Dimension) -> pa.DataType:
    if dimension.levels is None:
        return arrow_type(query.types[dimension.field])
    return pa.bool_() if _all_bool(dimension.levels.labels) else pa.string()


def _figure_type(figure: Figure) -> pa.DataType:
    if figure.measure in ("clients", "count") or (figure.measure == "sum" and figure.whole):
        return pa.int64()
    return pa.float64()


def _figure(query: GovernedQuery, by: dict[str, list[_Tallied]], figure: Figure, *, protect: bool) -> Any:
    """The value, or None where it is suppressed (over own rows: where there is none)."""
    shared = query.shared_subjects
    parts = {c: _contribution(t, figure, shared) for c, t in by.items()}
    if protect and not shown(
        parts=parts,
        party=query.party,
        protection=query.protection,
        share=figure.hits is not None,
        sensitive=bool(query.sensitive),
    ):
        return None
    base = [t[figure.base] for t in by.values()]
    if figure.measure == "clients":
        return _count([t.distinct(shared) for t in base])
    rows = sum(t.rows for t in base)
    if figure.measure == "count":
        return rows
    if figure.measure == "sum":
        return _finite(sum(t.sum for t in base)) if rows else (0 if figure.whole else 0.0)
    if figure.measure == "mean":
        return _finite(sum(t.sum for t in base) / rows) if rows else None
    assert figure.hits is not None  # noqa: S101 - a rate has hits
    hits = [t[figure.hits] for t in by.values()]
    if figure.unit == "clients":
        whole = _count([t.distinct(shared) for t in base])
        return _count([t.distinct(shared) for t in hits]) / whole if whole else None
    return sum(t.rows for t in hits) / rows if rows else None


def _contribution(tallies: list[_Tallied], figure: Figure, shared: bool) -> Part:
    base = tallies[figure.base]
    subjects = base.distinct(shared)
    weights: tuple[float, ...] = ()
    if figure.measure == "count" or (figure.measure == "rate" and figure.unit == "rows"):
        weights = (base.rows,)
    elif figure.measure in ("sum", "mean"):
        weights = (base.size,)
    absent: Subjects = tallies[figure.absent].distinct(shared) if figure.absent is not None else 0
    if figure.hits is None:
        return Part(subjects, weights=weights, absent=absent)
    hits = tallies[figure.hits].distinct(shared)
    misses = tallies[figure.misses].distinct(shared) if figure.misses is not None else None
    return Part(subjects, hits, misses, weights)


def _count(subjects: list[Subjects]) -> int:
    sets = [s for s in subjects if not isinstance(s, int)]
    return len(set().union(*sets)) + sum(s for s in subjects if isinstance(s, int))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
