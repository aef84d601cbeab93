"""The shapes that a request may have, and the reason that each other shape is refused with."""

from __future__ import annotations

from typing import Any

import pytest

from governance.disclosure.govern import govern
from governance.disclosure.indicators import IndicatorAsked, expand
from governance.disclosure.query import GovernedQuery
from governance.errors import RequestInvalid
from governance.model.access import Protection
from tests.disclosure.world import NONE, PARTIES, SECRET, aggregate, mou, permit, request

PSEUDONYMS = Protection(kind="pseudonymised", k=3)


def governed(protection: Protection, *, own: bool = False, **keys: Any) -> GovernedQuery:
    """The governed query of a request by `ash`."""
    asked = request(rows="own" if own else "all", **keys)
    decision = permit(asked, protection, contributors=["ash"] if own else PARTIES)
    return govern(request=asked, decision=decision, mou=mou(), pseudonym_key=SECRET)


def measure(kind: str, field: str | None = None) -> dict[str, Any]:
    """A measure of a request."""
    return {"measure": kind, "field": field}


def equal(field: str, value: Any, op: str = "eq") -> dict[str, Any]:
    """A filter of a request."""
    return {"field": field, "op": op, "value": value}


@pytest.mark.parametrize(
    ("keys", "reason", "field"),
    [
        ({"group_by": ["program", "language", "days"]}, "too-many-dimensions", "group_by"),
        ({"group_by": ["program", "done"], "filters": [equal("days", "10-19")]}, "too-many-dimensions", "group_by"),
        (
            {
                "measures": [measure("clients")],
                "filters": [equal(f, v) for f, v in [("program", "early"), ("days", "10-19"), ("done", True)]],
            },
            "too-many-dimensions",
            "group_by",
        ),
        ({"group_by": ["quarter"]}, "dimension-without-levels", "quarter"),
        ({"group_by": ["org"]}, "dimension-without-levels", "org"),
        ({"fields": ["program"], "filters": [equal("quarter", "2026-Q3")]}, "dimension-without-levels", "quarter"),
        ({"fields": ["program"], "filters": [equal("days", "10-19", "ne")]}, "filter-not-a-level", "days"),
        ({"fields": ["program"], "filters": [equal("days", 10, "ge")]}, "filter-not-a-level", "days"),
        ({"fields": ["program"], "filters": [equal("days", None, "is_null")]}, "filter-not-a-level", "days"),
        ({"fields": ["program"], "filters": [equal("days", 10)]}, "undeclared-level", "days"),
        ({"fields": ["program"], "filters": [equal("language", "Klingon")]}, "undeclared-level", "language"),
        ({"fields": ["program"], "filters": [equal("done", 1)]}, "undeclared-level", "done"),
        ({"fields": ["program"], "filters": [equal("done", ["x"], "in")]}, "undeclared-level", "done"),
        ({"fields": ["program"], "filters": [equal("program", [], "in")]}, "value-wrong-type", "program"),
        ({"fields": ["program"], "filters": [equal("program", "early", "in")]}, "value-wrong-type", "program"),
        ({"fields": ["program"], "order_by": ["program"]}, "order-not-allowed", "order_by"),
        ({"fields": ["program"], "limit": 5}, "limit-not-allowed", "limit"),
        ({"measures": [measure("sum", "name")]}, "measure-wrong-type", "name"),
        ({"measures": [measure("mean", "done")]}, "measure-wrong-type", "done"),
        ({"measures": [measure("sum", "born")]}, "measure-wrong-type", "born"),
        ({"measures": [measure("rate", "days")]}, "measure-wrong-type", "days"),
        ({"measures": [measure("sum")]}, "measure-without-field", "measures"),
        ({"measures": [measure("rate")]}, "measure-without-field", "measures"),
        ({"measures": [measure("clients", "days")]}, "measure-takes-no-field", "days"),
    ],
)
def test_figures_over_rows_of_others_are_narrow(keys: dict[str, Any], reason: str, field: str) -> None:
    """Each freer shape is refused with its own reason, and names the field."""
    with pytest.raises(RequestInvalid) as caught:
        governed(aggregate(), **keys)
    assert (reason, field) == (caught.value.reason, caught.value.field)


@pytest.mark.parametrize(
    ("keys", "reason", "field"),
    [
        ({"filters": [equal("days", "10")]}, "value-wrong-type", "days"),
        ({"filters": [equal("days", 10.5)]}, "value-wrong-type", "days"),
        ({"filters": [equal("days", True)]}, "value-wrong-type", "days"),
        ({"filters": [equal("days", 2**63)]}, "value-wrong-type", "days"),
        ({"filters": [equal("fee", float("inf"))]}, "value-wrong-type", "fee"),
        ({"filters": [equal("fee", 10**400)]}, "value-wrong-type", "fee"),
        ({"filters": [equal("name", 5)]}, "value-wrong-type", "name"),
        ({"filters": [equal("name", "a\x00b")]}, "value-wrong-type", "name"),
        ({"filters": [equal("name", "\ud800")]}, "value-wrong-type", "name"),
        ({"filters": [equal("name", "x" * 1001)]}, "value-wrong-type", "name"),
        ({"filters": [equal("name", {"$gt": ""})]}, "value-wrong-type", "name"),
        ({"filters": [equal("done", "true")]}, "value-wrong-type", "done"),
        ({"filters": [equal("born", "01/02/2000")]}, "value-wrong-type", "born"),
        ({"filters": [equal("seen", "2026-09-01T12:00:00")]}, "value-wrong-type", "seen"),
        ({"filters": [equal("quarter", "2026-Q5")]}, "value-wrong-type", "quarter"),
        ({"filters": [equal("name", "a", "lt")]}, "operator-wrong-type", "name"),
        ({"filters": [equal("done", True, "ge")]}, "operator-wrong-type", "done"),
        ({"filters": [equal("name", ["a", "b"], "between")]}, "operator-wrong-type", "name"),
        ({"filters": [equal("days", [1], "between")]}, "value-wrong-type", "days"),
        ({"filters": [equal("days", 1, "in")]}, "value-wrong-type", "days"),
        ({"filters": [equal("days", list(range(1001)), "in")]}, "over-a-limit", "days"),
        ({"filters": [equal("days", 1, "is_null")]}, "value-wrong-type", "days"),
        ({"group_by": ["program"]}, "group-by-needs-aggregate", "group_by"),
    ],
)
def test_a_filters_operator_and_value_fit_the_fields_type(keys: dict[str, Any], reason: str, field: str) -> None:
    """Nothing that is not of the field's type goes on towards a source."""
    with pytest.raises(RequestInvalid) as caught:
        governed(NONE, own=True, view="identified", fields=["name"], **keys)
    assert (reason, field) == (caught.value.reason, caught.value.field)


def test_fields_alone_are_counted_by() -> None:
    """The first two with declared levels become dimensions, the measure is `clients`; what is left is told."""
    made = governed(aggregate(), fields=["quarter", "done", "program", "language"])
    assert ("done", "program") == tuple(d.field for d in made.dimensions)
    assert ("clients",) == tuple(f.column for f in made.figures)
    assert ("not a dimension of these figures: `quarter`, `language`",) == made.notes


def test_a_filters_field_leaves_less_room() -> None:
    """A filter counts as a dimension, so only one more field is counted by."""
    made = governed(aggregate(), fields=["done", "program"], filters=[equal("days", "10-19")])
    assert ("done",) == tuple(d.field for d in made.dimensions)
    same = governed(aggregate(), fields=["done", "days"], filters=[equal("days", "10-19")])
    assert ("done", "days") == tuple(d.field for d in same.dimensions)


def test_a_measured_field_is_no_dimension() -> None:
    """`fields` may list what is measured too."""
    made = governed(aggregate(), fields=["done", "program"], measures=[measure("rate", "done")])
    assert ("program",) == tuple(d.field for d in made.dimensions)


def test_group_by_prevails_over_fields() -> None:
    """Who says what to group by gets that."""
    made = governed(aggregate(), fields=["done", "program"], group_by=["language"])
    assert ("language",) == tuple(d.field for d in made.dimensions)


def test_own_figures_are_freer() -> None:
    """Any dimension, any number of them, any filter, an order and a limit."""
    made = governed(
        NONE,
        own=True,
        group_by=["quarter", "program", "name"],
        filters=[equal("days", 10, "ge"), equal("name", "x", "ne")],
        order_by=["-quarter"],
        limit=3,
    )
    assert (("quarter", True),) == made.order_by
    assert 3 == made.limit


def test_own_figures_are_ordered_by_their_dimensions() -> None:
    """Another field has no value in a group."""
    with pytest.raises(RequestInvalid) as caught:
        governed(NONE, own=True, group_by=["quarter"], order_by=["name"])
    assert "order-not-allowed" == caught.value.reason


@pytest.mark.parametrize("keys", [{"order_by": ["program"]}, {"limit": 5}])
def test_pseudonymised_rows_of_others_have_no_order_and_no_limit(keys: dict[str, Any]) -> None:
    """An order tells whose a row is, and a limit would leave fewer than k."""
    with pytest.raises(RequestInvalid, match="pseudonymised rows of others"):
        governed(PSEUDONYMS, view="pseudonymised", fields=["program"], **keys)


def test_the_subject_of_pseudonymised_rows_is_replaced() -> None:
    """The subject's own field is no column of the answer."""
    made = governed(NONE, own=True, view="pseudonymised", fields=["client", "program"])
    assert ("program",) == made.columns
    assert ("`client` is replaced by the pseudonym",) == made.notes


INDICATORS = {
    "completion": {
        "version": 1,
        "title": "completion",
        "dataset": "visits",
        "window": "quarter",
        "denominator": {"all": True},
        "numerator": {"field": "done", "equals": True},
    },
    "passing": {
        "version": 2,
        "title": "passing",
        "dataset": "visits",
        "denominator": {"field": "program", "in": ["early"]},
        "numerator": {"field": "grade", "at_least": 60},
        "exclusions": [{"field": "language", "equals": "Klingon"}],
    },
}


@pytest.mark.parametrize(
    ("asked", "keys", "reason"),
    [
        ({"id": "none"}, {}, "unknown-indicator"),
        ({"id": "completion"}, {}, "period-missing"),
        ({"id": "completion", "period": "last year"}, {}, "value-wrong-type"),
        ({"id": "passing", "period": "2026-Q3"}, {}, "period-unknown"),
        ({"id": "passing"}, {"measures": [measure("clients")]}, "indicator-and-measures"),
        ({"id": "passing"}, {"view": "identified", "fields": ["name"]}, "measures-need-aggregate"),
        ({"id": "passing"}, {"dataset": "other"}, "indicator-other-dataset"),
        ({"id": 5}, {}, "malformed"),
        ({}, {}, "malformed"),
        ([], {}, "malformed"),
        ({"id": "passing", "period": 3}, {}, "malformed"),
        ({"id": "passing", "since": "x"}, {}, "malformed"),
    ],
)
def test_an_indicator_is_asked_for_rightly(asked: Any, keys: dict[str, Any], reason: str) -> None:
    """Every way to ask wrongly has its reason."""
    with pytest.raises(RequestInvalid) as caught:
        expand(request(**keys), mou(indicators=INDICATORS), IndicatorAsked.parse(asked))
    assert reason == caught.value.reason


def test_an_indicators_fields_count_as_fields() -> None:
    """Numerator, denominator, exclusions and window are decided on; the period is no dimension."""
    document = mou(indicators=INDICATORS)
    plain = expand(request(), document, IndicatorAsked("passing", None))
    assert {"grade", "program", "language"} == set(plain.all_fields)
    asked = IndicatorAsked("completion", "2026-Q3")
    windowed = expand(request(group_by=["program", "language"]), document, asked)
    assert {"done", "quarter", "program", "language"} == set(windowed.all_fields)
    made = govern(
        request=windowed,
        decision=permit(windowed, aggregate()),
        mou=document,
        pseudonym_key=SECRET,
        indicator=asked,
    )
    assert ("program", "language") == tuple(d.field for d in made.dimensions)
    assert ("completion",) == tuple(f.column for f in made.figures)


def test_the_period_of_an_indicator_is_the_one_that_was_decided_on() -> None:
    """A request that does not hold the period is not the indicator's."""
    document = mou(indicators=INDICATORS)
    asked = IndicatorAsked("completion", "2026-Q3")
    other = expand(request(), document, IndicatorAsked("completion", "2026-Q4"))
    with pytest.raises(TypeError):
        govern(request=other, decision=permit(other, aggregate()), mou=document, pseudonym_key=SECRET, indicator=asked)
    bare = request(fields=["done"])
    with pytest.raises(TypeError):
        govern(request=bare, decision=permit(bare, aggregate()), mou=document, pseudonym_key=SECRET, indicator=asked)
