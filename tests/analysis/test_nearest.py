"""The nearest request that would pass: always permitted, nearest by the ruling, none only where none is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import chain, combinations, product
from typing import Any

import pytest
from hypothesis import given, settings

from governance.analysis.nearest import nearest
from governance.analysis.nearest_shape import kept_request
from governance.compiler.reference import Reading
from governance.model.access import Decision, Facts, Request
from governance.model.levels import bins_of
from governance.model.mou import Dataset, Mou
from tests import acceptance
from tests.compiler.small import clause, document, permit, request
from tests.strategies import questions

VIEWS = ("identified", "pseudonymised", "aggregate")


def ask(mous: Sequence[Mou], request: Request, facts: Facts) -> tuple[Decision, Request | None]:
    """The decision, and the nearest where it is refused."""
    reading = Reading(mous, revision="r")
    decision = reading.decide(request, facts)
    return decision, nearest(request, decision, mous, lambda r: reading.decide(r, facts))


@settings(max_examples=300, deadline=None)
@given(questions())
def test_resubmitted_it_is_permitted(question: tuple[tuple[Mou, ...], Request, Facts]) -> None:
    """Asked again with the same facts at the same instant, it is permitted, and nothing else of it has moved."""
    mous, request, facts = question
    decision, found = ask(mous, request, facts)
    if decision.outcome in ("permit", "review", "invalid"):
        assert found is None
    if found is None:
        return
    assert Reading(mous).decide(found, facts).outcome == "permit"
    kept = ("party", "dataset", "purpose", "at", "mou", "under")
    assert [getattr(request, key) for key in kept] == [getattr(found, key) for key in kept]
    assert set(found.all_fields) <= set(request.all_fields)
    assert VIEWS.index(found.view) >= VIEWS.index(request.view)


def _subsets(items: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return chain.from_iterable(combinations(items, n) for n in range(len(items), -1, -1))


def _every_request(mous: Sequence[Mou], request: Request) -> Iterator[Request]:
    """By brute force: every view that is no higher, every set of contributors and of the fields, and `clients`."""
    parties = sorted({p.id for m in mous if request.dataset in m.datasets for p in m.parties})
    names = request.all_fields
    bare: dict[str, Any] = {"filters": (), "group_by": (), "measures": (), "order_by": (), "limit": None, "rows": "all"}
    for view, owners in product(VIEWS[VIEWS.index(request.view) :], _subsets(parties)):
        for fields in _subsets(names):
            if owners and fields:
                yield request.model_copy(update=bare | {"view": view, "from_": owners, "fields": fields})
        if owners and view == "aggregate":
            clients = {"measures": ({"measure": "clients"},), "fields": (), "view": view, "from_": owners}
            yield Request.model_validate(request.model_dump() | bare | clients)


@settings(max_examples=120, deadline=None)
@given(questions())
def test_none_only_where_none_is(question: tuple[tuple[Mou, ...], Request, Facts]) -> None:
    """For a gap there is one whenever any request for that purpose and dataset would pass, with as many fields."""
    mous, request, facts = question
    decision, found = ask(mous, request, facts)
    if decision.outcome != "gap" or len(request.all_fields) > 4:
        return
    reading = Reading(mous)
    allowed = [r for r in _every_request(mous, request) if reading.decide(r, facts).outcome == "permit"]
    assert (found is not None) == bool(allowed), [a.model_dump() for a in allowed[:3]]
    if found is not None and not (request.filters or request.group_by or request.order_by or request.measures):
        assert max(len(r.all_fields) for r in allowed) == len(found.all_fields)


def _fits(request: Request, dataset: Dataset) -> bool:
    """The gateway's shape of an aggregate over rows of others."""
    named = {*request.group_by, *(f.field for f in request.filters)}
    levels = all(bins_of(dataset.fields[name]) is not None for name in named)
    return len(named) <= 2 and levels and not request.order_by and request.limit is None


@settings(max_examples=200, deadline=None)
@given(questions())
def test_an_aggregate_of_others_has_a_shape_that_the_gateway_takes(
    question: tuple[tuple[Mou, ...], Request, Facts],
) -> None:
    """At most two dimensions, filters among them, each with declared levels; no order and no limit."""
    mous, request, facts = question
    _, found = ask(mous, request, facts)
    if found is not None and found.view == "aggregate" and found.rows != "own" and found.from_ != (request.party,):
        basis = Reading(mous).decide(found, facts).cites[0]
        document = next(m for m in mous if (m.id, m.version) == (basis.mou, basis.version))
        assert _fits(found, document.datasets[request.dataset])


def _acceptance(**keys: Any) -> tuple[Decision, Request | None]:
    value: dict[str, Any] = {
        "party": "northside",
        "dataset": "enrollments",
        "fields": ["program", "completed"],
        "rows": "all",
        "view": "identified",
        "purpose": "program-improvement",
        "at": "2026-11-02T12:00:00Z",
    }
    request = Request.model_validate(value | keys)
    return ask([acceptance.document()], request, Facts(acknowledged=keys.pop("acknowledged", ())))


def test_the_search_asks_few_questions() -> None:
    """Sixty fields, half of them permitted, a prohibition on each fifth: tens of decisions, not 2 to the sixty."""
    names = [f"f{i}" for i in range(60)]
    fields = {n: {"class": "plain", "type": "string", "title": n} for n in names}
    datasets = document().model_dump(by_alias=True, exclude_none=True)["datasets"]
    never = [clause(f"p{i}", "prohibit", fields=[names[i]]) for i in range(0, 30, 5)]
    mou = document(
        *(permit(f"{i}", fields=names[i : i + 30], view="pseudonymised") for i in range(4)),
        *never,
        datasets={"d": datasets["d"] | {"fields": fields | datasets["d"]["fields"]}},
    )
    asked = request(fields=names)
    reading, questions_asked = Reading([mou]), []

    def decide(one: Request) -> Decision:
        questions_asked.append(one)
        return reading.decide(one)

    found = nearest(asked, reading.decide(asked), [mou], decide)
    assert found is not None
    assert ("pseudonymised", 25) == (found.view, len(found.fields))
    assert len(questions_asked) < 60


@pytest.mark.shared
class TestAcceptanceDocument:
    """What a partner is told that asks for too much."""

    def test_the_view_is_lowered_first(self, shared: object) -> None:
        """Rows of all, identified: the same fields and rows in aggregate."""
        decision, found = _acceptance()
        assert ("gap", "aggregate", "all", ("program", "completed")) == (
            decision.outcome,
            found and found.view,
            found and found.rows,
            found and found.fields,
        )

    def test_rows_are_narrowed_before_fields_are_dropped(self, shared: object) -> None:
        """`zip` of all is in no comparative report; of one's own clients it may be seen."""
        _, found = _acceptance(fields=["zip", "completed"], view="aggregate")
        assert found is not None
        assert ("own", ("zip", "completed"), "aggregate") == (found.rows, found.fields, found.view)

    def test_a_field_is_dropped_where_nothing_else_helps(self, shared: object) -> None:
        """The convener has no rows of its own, so the language of quality work is dropped."""
        _, found = _acceptance(
            party="backbone", fields=["org", "language"], view="pseudonymised", purpose="data-quality"
        )
        assert found is not None
        assert (("org",), "pseudonymised") == (found.fields, found.view)

    def test_who_may_see_nothing_of_it_may_count(self, shared: object) -> None:
        """Where every field falls away: the measure `clients`."""
        _, found = _acceptance(party="trust", fields=["grade"], view="aggregate", purpose="funder-reporting")
        assert found is not None
        assert ((), "clients", "aggregate") == (found.fields, found.measures[0].measure, found.view)

    def test_never_another_purpose(self, shared: object) -> None:
        """No clause speaks of a partner's research, and a prohibited purpose stays so."""
        assert _acceptance(purpose="research")[1] is None
        assert _acceptance(purpose="marketing")[1] is None

    def test_names_of_all_become_names_of_ones_own(self, shared: object) -> None:
        """A prohibition that rows of others touch is answered with one's own."""
        decision, found = _acceptance(fields=["name", "program"])
        assert found is not None
        assert ("prohibited", "own", ("name", "program")) == (decision.reason, found.rows, found.fields)

    def test_only_those_who_agreed(self, shared: object) -> None:
        """Research with grades of everybody, in aggregate: of the three who agreed, once all approved."""
        request = {
            "party": "backbone",
            "fields": ["program", "completed"],
            "view": "pseudonymised",
            "purpose": "research",
            "at": "2027-03-01T12:00:00Z",
        }
        # Unapproved, it would be a review: no nearest.
        assert _acceptance(**request)[1] is None

    def test_an_overdue_duty_leaves_ones_own_rows(self, shared: object) -> None:
        """While others' rows are blocked, own ones are near."""
        decision, found = _acceptance(at="2027-10-02T12:00:00Z")
        assert found is not None
        assert ("duty-overdue", "own") == (decision.reason, found.rows)

    def test_what_does_not_fit_an_aggregate_is_left_out(self, shared: object) -> None:
        """Order, limit, a filter by range and a third dimension belong to rows."""
        _, found = _acceptance(
            party="backbone",
            fields=["program"],
            filters=[
                {"field": "grade", "op": "ge", "value": 60},
                {"field": "language", "op": "eq", "value": "Polish"},
                {"field": "program", "op": "in", "value": ["youth"]},
            ],
            order_by=["-program"],
            limit=10,
        )
        assert found is not None
        assert ((), None) == (found.order_by, found.limit)
        assert ["language", "program"] == [f.field for f in found.filters]


def test_kept_request_never_leaves_measures_that_the_gateway_refuses() -> None:
    """A mean of text is left out, a count stays."""
    document = Mou.model_validate(
        {
            "accordant": 1, "id": "m", "version": 1, "title": "t", "timezone": "UTC",
            "effective": dt.date(2026, 1, 1), "expires": dt.date(2026, 12, 31),
            "parties": [{"id": "a", "name": "A", "role": "partner"}],
            "signing": {"required": "everyone"},
            "purposes": {"use": {"title": "use"}},
            "datasets": {"d": {
                "title": "d", "subject": "id", "contributor": "org", "contributors": "everyone",
                "fields": {"word": {"class": "plain", "type": "string", "title": "w"}},
            }},
            "clauses": [{"id": "1", "title": "t", "text": "t", "duty": {
                "of": "everyone", "action": "delete", "within": "P1D", "after": "expiry"}}],
        }
    )  # fmt: skip
    request = Request.model_validate(
        {
            "party": "a",
            "dataset": "d",
            "rows": "all",
            "view": "aggregate",
            "purpose": "use",
            "at": "2026-06-01T00:00:00Z",
            "measures": [{"measure": "mean", "field": "word"}, {"measure": "count", "field": "word"}],
        }
    )
    kept = kept_request(request, frozenset({"word"}), document)
    assert ["count"] == [m.measure for m in kept.measures]
