"""Request and permit to governed query: the obligations applied, and every name and value validated.

An aggregate over rows of others (design §3) is a measure, by at most two dimensions with declared levels. A filter is
`eq` or `in` on a declared level and counts as a dimension; there is no `order_by` and no `limit`; every declared level
stands in the answer, so that no label proves that somebody exists. Anything freer is a tracker. Own rows are the
party's own: dimensions, filters and order are free, and fields without levels are grouped by their values.
"""

from __future__ import annotations

from dataclasses import dataclass

from governance.disclosure import query as governed
from governance.disclosure.indicators import IndicatorAsked, condition_of_definition, definition
from governance.disclosure.pseudonym import derive_key
from governance.disclosure.query import Condition, ConsentSource, Dimension, Figure, GovernedQuery, IsNull, Tally
from governance.disclosure.values import condition_of
from governance.errors import RequestInvalid
from governance.model.access import Decision, Filter, Measure, Obligations, Request
from governance.model.levels import Equals, Levels, bins_of
from governance.model.mou import Dataset, DatasetField, Mou
from governance.model.names import FieldType

__all__ = ["MOST_DIMENSIONS", "govern"]

MOST_DIMENSIONS = 2
_NUMERIC = ("integer", "number")


def govern(
    *,
    request: Request,
    decision: Decision,
    mou: Mou,
    pseudonym_key: bytes,
    consents: ConsentSource | None = None,
    indicator: IndicatorAsked | None = None,
    batch_rows: int = 10_000,
    max_rows: int = 5_000_000,
    seconds: float = 60.0,
) -> GovernedQuery:
    """The query that sources accept. Raises RequestInvalid where the request's shape is not allowed.

    `mou` is the document of the decision's basis; `indicator` is what `expand` made the request from, if anything.
    """
    obligations = decision.obligations
    if decision.outcome != "permit" or obligations is None:
        raise TypeError("only a permit, with its obligations, is governed")
    dataset = mou.datasets[request.dataset]
    shape = _Shaping(request, obligations, mou, dataset, indicator)
    made = shape.aggregate() if obligations.view == "aggregate" else shape.rows()
    basis = decision.cites[0]
    key = b""
    if obligations.view == "pseudonymised":
        key = derive_key(
            pseudonym_key, recipient=request.party, mou=basis.mou, clause=basis.clause, purpose=request.purpose
        )
    types: dict[str, FieldType] = {name: field.type for name, field in dataset.fields.items()}
    types |= {dataset.subject: _type(dataset, dataset.subject), dataset.contributor: "string"}
    return GovernedQuery(
        token=governed._TOKEN,
        dataset=request.dataset,
        party=request.party,
        view=obligations.view,
        contributors=obligations.contributors,
        shared_subjects=dataset.subjects == "shared",
        subject_field=dataset.subject,
        contributor_field=dataset.contributor,
        types=types,
        sensitive=frozenset(n for n in request.all_fields if dataset.fields[n].class_ == "sensitive"),
        protection=obligations.protection,
        columns=made.columns,
        where=made.where,
        order_by=made.order_by,
        limit=request.limit,
        dimensions=made.dimensions,
        figures=made.figures,
        tallies=made.tallies,
        consent_of=frozenset(c for need in obligations.consent for c in need.contributors),
        consents=consents,
        pseudonym_key=key,
        notes=made.notes,
        batch_rows=batch_rows,
        max_rows=max_rows,
        seconds=seconds,
    )


def _type(dataset: Dataset, name: str) -> FieldType:
    return dataset.fields[name].type if name in dataset.fields else "string"


@dataclass(frozen=True, slots=True)
class _Shape:
    columns: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    order_by: tuple[tuple[str, bool], ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    figures: tuple[Figure, ...] = ()
    tallies: tuple[Tally, ...] = ()
    notes: tuple[str, ...] = ()


class _Tallies:
    """The tallies that the figures of one query need, each once."""

    def __init__(self) -> None:
        self._places: dict[Tally, int] = {}

    def place(self, *where: Condition, value: str | None = None) -> int:
        return self._places.setdefault(Tally(where, value), len(self._places))

    def all(self) -> tuple[Tally, ...]:
        return tuple(self._places)


@dataclass(frozen=True, slots=True)
class _Shaping:
    request: Request
    obligations: Obligations
    mou: Mou
    dataset: Dataset
    indicator: IndicatorAsked | None

    @property
    def free(self) -> bool:
        """Whether the shape is free: no rows but the party's own."""
        return set(self.obligations.contributors) <= {self.request.party}

    def field(self, name: str) -> DatasetField:
        try:
            return self.dataset.fields[name]
        except KeyError:
            raise RequestInvalid(
                f"`{name}` is no field of `{self.request.dataset}`", reason="unknown-field", field=name
            ) from None

    def levels(self, name: str) -> Levels | None:
        try:
            return bins_of(self.field(name))
        except ValueError:
            # `mou check` refuses such a document; should one be in force, its field has no levels to group by.
            return None

    def rows(self) -> _Shape:
        """Identified or pseudonymised rows."""
        request = self.request
        if request.group_by:
            raise RequestInvalid(
                "`group_by` needs the view `aggregate`", reason="group-by-needs-aggregate", field="group_by"
            )
        protected = self.obligations.protection.kind == "pseudonymised"
        if protected:
            self._no_order("pseudonymised rows of others")
            self._by_open_levels()
        where = tuple(condition_of(f, self.field(f.field).type) for f in request.filters)
        columns = tuple(dict.fromkeys(request.fields))
        notes: tuple[str, ...] = ()
        if self.obligations.view == "pseudonymised":
            left = tuple(c for c in columns if c != self.dataset.subject)
            if left != columns:
                notes = (f"`{self.dataset.subject}` is replaced by the pseudonym",)
            columns = left
        if not columns and self.obligations.view == "identified":
            raise RequestInvalid("rows need at least one of `fields`", reason="no-fields", field="fields")
        return _Shape(columns=columns, where=where, order_by=self._order(), notes=notes)

    def _by_open_levels(self) -> None:
        """A free filter would ask of each row what `k` keeps from being told: levels only, of no sensitive field."""
        for filter_ in self.request.filters:
            levels = self.levels(filter_.field)
            if levels is None or filter_.op not in ("eq", "in") or self.field(filter_.field).class_ == "sensitive":
                raise RequestInvalid(
                    f"pseudonymised rows of others are filtered by declared levels of fields that are not sensitive, "
                    f"`eq` or `in`; `{filter_.field}` is not",
                    reason="filter-not-a-level",
                    field=filter_.field,
                )
            self._places(filter_, levels)

    def _order(self) -> tuple[tuple[str, bool], ...]:
        named = ((o.removeprefix("-"), o.startswith("-")) for o in self.request.order_by)
        return tuple((name, descending) for name, descending in named if self.field(name))

    def _no_order(self, what: str) -> None:
        if self.request.order_by:
            raise RequestInvalid(f"{what} have no `order_by`", reason="order-not-allowed", field="order_by")
        if self.request.limit is not None:
            raise RequestInvalid(f"{what} have no `limit`", reason="limit-not-allowed", field="limit")

    def aggregate(self) -> _Shape:
        """Measures by dimensions."""
        if not self.free:
            self._no_order("figures over rows of others")
        period = self._period()
        names, notes = self._dimensions(period)
        where: list[Condition] = []
        shown: dict[str, set[int]] = {}
        for filter_ in self.request.filters:
            levels = self.levels(filter_.field)
            if filter_ is period and (levels is None or self.free):
                where.append(condition_of(filter_, self.field(filter_.field).type))
            elif levels is not None and self._by_level(filter_, levels):
                places = self._places(filter_, levels)
                where.append(Condition(filter_.field, tuple(levels.bins[i] for i in places)))
                shown[filter_.field] = shown.get(filter_.field, set(places)) & set(places)
            elif self.free:
                where.append(condition_of(filter_, self.field(filter_.field).type))
            else:
                raise RequestInvalid(
                    f"`{filter_.field}` has no declared levels to filter by",
                    reason="dimension-without-levels",
                    field=filter_.field,
                )
        dimensions = tuple(self._dimension(name, shown.get(name)) for name in names)
        tallies = _Tallies()
        tallies.place()  # the first counts everything
        figures = self._indicator(tallies) if self.indicator is not None else self._figures(tallies)
        order = self._order()
        for name, _ in order:
            if name not in names:
                raise RequestInvalid(
                    f"`{name}` is no dimension of the figures", reason="order-not-allowed", field="order_by"
                )
        return _Shape(
            where=tuple(where),
            order_by=order,
            dimensions=dimensions,
            figures=figures,
            tallies=tallies.all(),
            notes=notes,
        )

    def _period(self) -> Filter | None:
        """The filter that `expand` added: the period of the indicator, which is no dimension."""
        if self.indicator is None or self.indicator.period is None:
            return None
        window = definition(self.mou, self.indicator).window
        last = self.request.filters[-1] if self.request.filters else None
        if last is None or (last.field, last.op, last.value) != (window, "eq", self.indicator.period):
            raise TypeError("the request is not what the indicator was expanded to")
        return last

    def _by_level(self, filter_: Filter, levels: Levels) -> bool:
        if not self.free:
            if filter_.op not in ("eq", "in"):
                raise RequestInvalid(
                    f"`{filter_.op}` is not allowed: figures over rows of others are filtered by levels, `eq` or `in`",
                    reason="filter-not-a-level",
                    field=filter_.field,
                )
            return True
        values = filter_.value if isinstance(filter_.value, list | tuple) else [filter_.value]
        return filter_.op in ("eq", "in") and all(levels.index(v) is not None for v in values)

    def _places(self, filter_: Filter, levels: Levels) -> tuple[int, ...]:
        values = filter_.value if filter_.op == "in" else [filter_.value]
        if not isinstance(values, list | tuple) or not values:
            raise RequestInvalid(
                "`in` takes a list of at least one level", reason="value-wrong-type", field=filter_.field
            )
        places = []
        for value in values:
            place = levels.index(value)
            if place is None:
                raise RequestInvalid(
                    f"the value is no declared level of `{filter_.field}`",
                    reason="undeclared-level",
                    field=filter_.field,
                )
            places.append(place)
        return tuple(sorted(set(places)))

    def _dimensions(self, period: Filter | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
        request = self.request
        filtered = {f.field for f in request.filters if f is not period}
        measured = {m.field for m in request.measures}
        if self.indicator is not None:
            measured |= set(definition(self.mou, self.indicator).fields)
        names = tuple(dict.fromkeys(request.group_by))
        notes: tuple[str, ...] = ()
        if not names:
            candidates = [f for f in dict.fromkeys(request.fields) if f not in measured]
            for name in candidates:
                if self.levels(name) is not None and len({*names, name} | filtered) <= MOST_DIMENSIONS:
                    names = (*names, name)
            left = [f"`{c}`" for c in candidates if c not in names]
            if left:
                notes = (f"not a dimension of these figures: {', '.join(left)}",)
        if self.free:
            return names, notes
        for name in names:
            if self.levels(name) is None:
                raise RequestInvalid(
                    f"`{name}` has no declared levels to group by", reason="dimension-without-levels", field=name
                )
        if len(set(names) | filtered) > MOST_DIMENSIONS:
            raise RequestInvalid(
                f"figures over rows of others have at most {MOST_DIMENSIONS} dimensions, fields of filters included",
                reason="too-many-dimensions",
                field="group_by",
            )
        return names, notes

    def _dimension(self, name: str, shown: set[int] | None) -> Dimension:
        levels = self.levels(name)
        if levels is None:
            return Dimension(name, None)
        places = range(len(levels.labels)) if shown is None else sorted(shown)
        return Dimension(name, levels, tuple(places))

    def _figures(self, tallies: _Tallies) -> tuple[Figure, ...]:
        measures = self.request.measures or (Measure(measure="clients"),)
        return tuple(self._figure(m, tallies) for m in dict.fromkeys(measures))

    def _figure(self, measure: Measure, tallies: _Tallies) -> Figure:
        kind, name = measure.measure, measure.field
        if kind == "clients":
            if name is not None:
                raise RequestInvalid("`clients` takes no field", reason="measure-takes-no-field", field=name)
            return Figure("clients", "clients", 0)
        if name is None:
            if kind == "count":
                return Figure("count", "count", 0)
            raise RequestInvalid(f"`{kind}` needs a field", reason="measure-without-field", field="measures")
        field = self.field(name)
        present, absent = Condition(name, (IsNull(False),)), Condition(name, (IsNull(),))
        if kind == "count":
            return Figure(f"count_{name}", kind, tallies.place(present), absent=tallies.place(absent))
        if kind == "rate":
            if field.type != "boolean":
                raise self._measure(kind, name, field, "a boolean")
            hits = tallies.place(Condition(name, (Equals(True),)))
            misses = tallies.place(Condition(name, (Equals(False),)))
            return Figure(f"rate_{name}", kind, tallies.place(present), hits, misses)
        if field.type not in _NUMERIC:
            raise self._measure(kind, name, field, "a number")
        # A sum over its mean is a count.
        both = {m.measure for m in self.request.measures if m.field == name} >= {"sum", "mean"}
        told = tallies.place(absent) if both else None
        base = tallies.place(present, value=name)
        return Figure(f"{kind}_{name}", kind, base, absent=told, whole=field.type == "integer")

    @staticmethod
    def _measure(kind: str, name: str, field: DatasetField, expected: str) -> RequestInvalid:
        return RequestInvalid(
            f"`{kind}` needs {expected}, and `{name}` has the type `{field.type}`",
            reason="measure-wrong-type",
            field=name,
        )

    def _indicator(self, tallies: _Tallies) -> tuple[Figure, ...]:
        assert self.indicator is not None  # noqa: S101 - the caller asked
        found = definition(self.mou, self.indicator)
        base: list[Condition] = []
        denominator = condition_of_definition(found.denominator, self.mou, found.dataset)
        if denominator is not None:
            base.append(denominator)
        for exclusion in found.exclusions:
            excluded = condition_of_definition(exclusion, self.mou, found.dataset)
            # An exclusion of `all` leaves nothing: a condition that no value passes.
            base.append(
                Condition(self.dataset.subject, ())
                if excluded is None
                else Condition(excluded.field, excluded.tests, negate=True)
            )
        numerator = condition_of_definition(found.numerator, self.mou, found.dataset)
        hit = [numerator] if numerator is not None else []
        hits = tallies.place(*base, *hit)
        misses = None
        if found.unit == "rows":
            missed = [Condition(c.field, c.tests, negate=True) for c in hit] or [Condition(self.dataset.subject, ())]
            misses = tallies.place(*base, *missed)
        missing = floor = None
        if found.floor is not None and numerator is not None:
            missing = tallies.place(*base, Condition(numerator.field, (IsNull(),)))
            floor = found.floor.missing
        column = self.indicator.id
        return (Figure(column, "rate", tallies.place(*base), hits, misses, found.unit, missing=missing, floor=floor),)
