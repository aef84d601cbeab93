"""A source query to one SQL statement, whatever the engine: SQLAlchemy Core, names from the mapping, values bound.

The inner select computes every expression that rows are chosen or grouped by, and names it `k0`, `v0`, …; the outer one
groups by those names. So no bound value stands in a GROUP BY, which PostgreSQL would take for another expression.
A label of a level never reaches a statement: a key is the number of its bin.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from governance.disclosure.query import Condition, IsNull, NotEquals, SourceQuery, Test
from governance.errors import SourceUnavailable
from governance.model.levels import Equals, Interval, Other
from governance.model.names import FieldType

__all__ = ["Bound", "column_of", "statement"]

_TYPES: dict[FieldType, sa.types.TypeEngine[Any]] = {
    "string": sa.Text(),
    "quarter": sa.Text(),
    "integer": sa.BigInteger(),
    "number": sa.Double(),
    "boolean": sa.Boolean(),
    "date": sa.Date(),
    "datetime": sa.DateTime(),
}


@dataclass(frozen=True, slots=True)
class Bound:
    """A table with its mapped columns as typed expressions, by field. `aware`: fields whose instants have an offset."""

    table: sa.FromClause
    columns: Mapping[str, sa.ColumnElement[Any]]
    owner: str
    aware: frozenset[str] = frozenset()
    binary: str | None = None  # the collation that orders text by code points, where the engine's own is another
    place: sa.ColumnElement[Any] | None = None  # of several owners: which file a row lies in …
    owners: Mapping[str, str] = field(default_factory=dict)  # … and whose rows lie in it; `owner` is nobody then

    def of_owners(self, place: sa.ColumnElement[Any], owners: Mapping[str, str], asked: Collection[str]) -> Bound:
        """The same columns over the files of those who are asked; groups then begin with their owner."""
        return replace(self, owner="", place=place, owners={f: o for f, o in owners.items() if o in asked})

    def whose(self) -> sa.ColumnElement[Any]:
        """The owner of a row."""
        if self.place is None:
            return sa.literal(self.owner, sa.Text())
        return sa.case({path: sa.literal(o, sa.Text()) for path, o in self.owners.items()}, value=self.place)


def column_of(name: str, type_: FieldType, *, cast: bool, aware: bool = False) -> sa.ColumnElement[Any]:
    """The column of a mapping, quoted by the dialect; cast where the database holds another type that fits."""
    kind = sa.DateTime(timezone=True) if aware else _TYPES[type_]
    quoted = sa.column(sa.sql.quoted_name(name, True), kind if not cast else None)
    return sa.cast(quoted, kind) if cast else quoted


@dataclass(frozen=True, slots=True)
class _Maker:
    query: SourceQuery
    bound: Bound

    def value(self, name: str) -> sa.ColumnElement[Any]:
        if name == self.query.contributor_field:
            return self.bound.whose()  # whatever the column says
        try:
            return self.bound.columns[name]
        except KeyError:
            raise SourceUnavailable(
                f"the mapping has no column for the field `{name}`", reason="field-not-mapped"
            ) from None

    def subject(self) -> sa.ColumnElement[Any]:
        value = self.value(self.query.subject_field)
        return value if isinstance(value.type, sa.Text) else sa.cast(value, sa.Text())

    def literal(self, name: str, value: Any) -> sa.ColumnElement[Any]:
        if isinstance(value, dt.datetime) and name not in self.bound.aware:
            value = value.astimezone(dt.UTC).replace(tzinfo=None)
        return sa.literal(value, self.value(name).type)

    def test(self, name: str, test: Test) -> sa.ColumnElement[bool]:
        value = self.value(name)
        match test:
            case Equals(expected):
                return value == self.literal(name, expected)
            case NotEquals(expected):
                return value != self.literal(name, expected)
            case IsNull(expected):
                return value.is_(None) if expected else value.is_not(None)
            case Other(known):
                if not known:
                    return value.is_not(None)
                return sa.and_(value.is_not(None), value.not_in([self.literal(name, k) for k in known]))
            case Interval(low, high, low_open, high_open):
                parts: list[sa.ColumnElement[bool]] = [value.is_not(None)]
                if low is not None:
                    parts.append(value > self.literal(name, low) if low_open else value >= self.literal(name, low))
                if high is not None:
                    parts.append(value < self.literal(name, high) if high_open else value <= self.literal(name, high))
                return sa.and_(*parts)

    def condition(self, condition: Condition) -> sa.ColumnElement[bool]:
        equal = [t for t in condition.tests if isinstance(t, Equals)]
        rest = [self.test(condition.field, t) for t in condition.tests if not isinstance(t, Equals)]
        if len(equal) > 1:
            literals = [self.literal(condition.field, e.value) for e in equal]
            rest.append(self.value(condition.field).in_(literals))
        elif equal:
            rest.append(self.test(condition.field, equal[0]))
        passes = sa.or_(*rest) if rest else sa.literal_column("1") == sa.literal_column("0")
        if not condition.negate:
            return passes
        # An absent value passes a negated condition: `not NULL` would lose it.
        return sa.case((passes, 1), else_=0) == 0

    def where(self, consents: sa.FromClause | None) -> list[sa.ColumnElement[bool]]:
        conditions: list[sa.ColumnElement[bool]] = [self.value(self.query.subject_field).is_not(None)]
        conditions += [self.condition(c) for c in self.query.where]
        if self.bound.place is not None:
            conditions.append(self.bound.place.in_([sa.literal(path, sa.Text()) for path in self.bound.owners]))
        if consents is not None:
            conditions.append(self.subject().in_(sa.select(consents.c.subject)))
        return conditions

    def rows(self, consents: sa.FromClause | None) -> sa.Select[Any]:
        query = self.query
        columns = [self.value(c).label(f"c{i}") for i, c in enumerate(query.columns)]
        made = sa.select(*columns, self.subject().label("s")).select_from(self.bound.table).where(*self.where(consents))
        for name, descending in query.order_by:
            value = self.value(name)
            if name == query.contributor_field:
                continue  # one value in all rows
            if self.bound.binary is not None and isinstance(value.type, sa.Text):
                value = sa.collate(value, self.bound.binary)
            made = made.order_by(sa.case((value.is_(None), 1), else_=0), value.desc() if descending else value.asc())
        return made.limit(query.limit) if query.limit is not None else made

    def groups(self, consents: sa.FromClause | None) -> sa.Select[Any]:
        query = self.query
        inner: list[sa.ColumnElement[Any]] = []
        if self.bound.place is not None:
            inner.append(self.bound.whose().label("o"))
        for i, key in enumerate(query.keys):
            if key.bins is None:
                inner.append(self.value(key.field).label(f"k{i}"))
            elif not key.bins:
                inner.append(sa.cast(sa.null(), sa.Integer()).label(f"k{i}"))
            else:
                places: list[Any] = [
                    (self.test(key.field, b), sa.literal_column(str(n))) for n, b in enumerate(key.bins)
                ]
                inner.append(sa.case(*places, else_=None).label(f"k{i}"))
        inner.append(self.subject().label("s"))
        for i, tally in enumerate(query.tallies):
            met = sa.and_(sa.true(), *(self.condition(c) for c in tally.where))
            inner.append(
                sa.case((met, 1), else_=0).label(f"m{i}") if tally.where else sa.literal_column("1").label(f"m{i}")
            )
            if tally.value is not None:
                inner.append(self.value(tally.value).label(f"v{i}"))
        of = sa.select(*inner).select_from(self.bound.table).where(*self.where(consents)).subquery("q")
        keys = [of.c.o] if self.bound.place is not None else []
        keys += [of.c[f"k{i}"] for i in range(len(query.keys))]
        if query.per_subject:
            keys.append(of.c.s)
        figures: list[sa.ColumnElement[Any]] = []
        for i, tally in enumerate(query.tallies):
            met = of.c[f"m{i}"] == 1
            if tally.where:
                figures.append(sa.func.count(sa.case((met, 1))))
                subjects: sa.ColumnElement[Any] = sa.func.count(sa.distinct(sa.case((met, of.c.s))))
            else:  # every row counts, and has a subject
                figures.append(sa.func.count())
                subjects = sa.func.count(sa.distinct(of.c.s))
            figures.append(subjects if tally.distinct else sa.func.min(sa.literal_column("0")))
            if tally.value is not None:
                value = sa.case((met, of.c[f"v{i}"]))
                figures += [sa.func.sum(value), sa.func.sum(sa.func.abs(value))]
        labelled = [f.label(f"f{i}") for i, f in enumerate(figures)]
        return sa.select(*keys, *labelled).group_by(*keys)


def statement(query: SourceQuery, bound: Bound, consents: sa.FromClause | None) -> sa.Select[Any]:
    """The select that answers a source query; its columns stand in the order of `query.schema`."""
    maker = _Maker(query, bound)
    return maker.rows(consents) if query.kind == "rows" else maker.groups(consents)
