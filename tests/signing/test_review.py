"""The digest of a request under review: what an approver read, no more and no less."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from governance.errors import AccordantError
from governance.model.access import Request
from governance.signing.review import request_digest, reviewed

BASE: dict[str, Any] = {
    "party": "university",
    "dataset": "enrollments",
    "fields": ["program", "grade"],
    "rows": "others",
    "from": ["northside", "westend"],
    "view": "pseudonymised",
    "purpose": "research",
    "at": "2026-11-02T12:00:00Z",
    "filters": [
        {"field": "quarter", "op": "in", "value": ["2026-Q1", "2026-Q2"]},
        {"field": "completed", "op": "eq", "value": True},
    ],
}


def digest(mou: str = "benchmarking", under: str = "2.3", **changes: Any) -> str:
    return request_digest(Request.model_validate(BASE | changes), mou=mou, under=under)


@pytest.mark.parametrize(
    "changes",
    [
        {"at": dt.datetime(2026, 12, 1, tzinfo=dt.UTC)},
        {"fields": ["grade", "program"]},
        {"fields": ["grade", "program", "grade"]},
        {"from": ["westend", "northside", "westend"]},
        {"filters": BASE["filters"][::-1]},
        {"filters": [*BASE["filters"], BASE["filters"][0]]},
        {"filters": [BASE["filters"][0] | {"value": ["2026-Q2", "2026-Q1"]}, BASE["filters"][1]]},
        {"limit": 5},
        {"order_by": ["-grade"]},
    ],
    ids=str,
)
def test_the_same_request_asked_another_way_keeps_its_approval(changes: dict[str, Any]) -> None:
    assert digest() == digest(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"party": "funder"},
        {"dataset": "visits"},
        {"fields": ["program"]},
        {"fields": ["program", "grade", "language"]},
        {"rows": "all"},
        {"from": ["northside"]},
        {"from": None},
        {"view": "identified"},
        {"view": "aggregate"},
        {"purpose": "program-improvement"},
        {"filters": []},
        {"filters": [BASE["filters"][0]]},
        {"filters": [BASE["filters"][0], {"field": "completed", "op": "eq", "value": False}]},
        {"filters": [BASE["filters"][0], {"field": "completed", "op": "eq", "value": 1}]},
        {"filters": [BASE["filters"][0], {"field": "completed", "op": "ne", "value": True}]},
        {"filters": [BASE["filters"][0], {"field": "completed", "op": "eq", "value": "true"}]},
        {"group_by": ["program"]},
        {"measures": [{"measure": "clients"}]},
        {"order_by": ["language"]},
    ],
    ids=str,
)
def test_another_request_needs_another_approval(changes: dict[str, Any]) -> None:
    assert digest() != digest(**changes)


def test_an_approval_is_for_one_clause_of_one_mou() -> None:
    assert len({digest(), digest(mou="other"), digest(under="2.4")}) == 3


def test_whether_the_request_names_its_clause_does_not_matter() -> None:
    """What it relies on is known by then, named or not."""
    named = Request.model_validate(BASE | {"mou": "benchmarking", "under": "2.3"})
    assert digest() == request_digest(named, mou="benchmarking", under="2.3")


def test_the_bounds_of_between_are_in_order_and_stay_so() -> None:
    """A list has no order for `in` alone."""
    low, high = ({"field": "grade", "op": "between", "value": v} for v in ([1, 5], [5, 1]))
    assert digest(filters=[low]) != digest(filters=[high])


def test_what_is_shown_is_what_the_digest_is_over() -> None:
    shown = reviewed(Request.model_validate(BASE), mou="benchmarking", under="2.3")
    assert (["grade", "program"], ["northside", "westend"]) == (shown["fields"][1:3], shown["from"])
    assert ["completed", "grade", "program", "quarter"] == shown["fields"]


@pytest.mark.parametrize("value", [float("nan"), 2**60, pytest.param(object(), id="object")], ids=repr)
def test_a_value_that_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(AccordantError):
        digest(filters=[{"field": "grade", "op": "eq", "value": value}])
