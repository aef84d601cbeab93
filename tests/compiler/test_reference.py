"""The plain-Python reading: the acceptance decisions, then the steps of the decision with small documents.

What touches and what covers is in `test_reference_clauses`, days and instants in `test_reference_days`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from governance.compiler.bundle import revision
from governance.compiler.reference import Reading, decide
from governance.model.access import Approved, Facts, Overdue, Withdrawn
from governance.model.mou import Mou
from tests import acceptance
from tests.compiler.small import answer, clause, document, permit, request, told

AT = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
TICK = dt.timedelta(microseconds=1)


def withdrawn(party: str, at: dt.datetime = AT, mou: str = "m") -> Facts:
    """One withdrawal, in effect from that instant."""
    return Facts(withdrawn=(Withdrawn(mou=mou, party=party, at=at),))


def stranger() -> Mou:
    """A document of x alone, on another dataset."""
    datasets = document().model_dump(by_alias=True, exclude_none=True)["datasets"]
    parties = [{"id": "x", "name": "x", "role": "partner"}]
    return document(permit("1", data="e"), id="n", parties=parties, datasets={"e": datasets["d"]})


@pytest.mark.shared
@pytest.mark.parametrize("case", acceptance.cases())
def test_acceptance(shared: object, case: acceptance.Case) -> None:
    """Each row of the acceptance decisions comes out as told: outcome, reason, citations, consent."""
    assert case.expected == case.actual(decide([acceptance.document()], case.request, case.facts))


def test_the_revision_is_the_digest_of_the_documents() -> None:
    """A decision says which documents it was made on."""
    mou = document()
    assert revision([mou]) == decide([mou], request()).revision == Reading([mou]).revision


class TestInvalid:
    """Step 1: what no document can speak about, in the order of R8, each naming what it is about."""

    @pytest.mark.parametrize(
        ("keys", "reason", "named"),
        [
            ({"party": "x", "dataset": "x"}, "unknown-party", "`x`"),
            ({"dataset": "x", "fields": []}, "unknown-dataset", "`x`"),
            ({"fields": [], "purpose": "x"}, "no-fields", "`fields`"),
            ({"measures": [{"measure": "clients"}], "fields": ["x"]}, "measures-need-aggregate", "`identified`"),
            ({"fields": ["site", "pay"], "purpose": "x"}, "unknown-field", "`pay`"),
            ({"order_by": ["-pay"]}, "unknown-field", "`pay`"),
            ({"filters": [{"field": "pay", "op": "eq", "value": 1}]}, "unknown-field", "`pay`"),
            ({"purpose": "x", "from_": []}, "unknown-purpose", "`x`"),
            ({"from_": [], "mou": "x"}, "empty-from", "`from`"),
            ({"from_": ["a", "x"], "mou": "x"}, "unknown-from", "`x`"),
            ({"mou": "x", "under": "x"}, "unknown-mou", "`x`"),
            ({"under": "x", "party": "h", "rows": "own"}, "unknown-clause", "`x`"),
            ({"party": "h", "rows": "own"}, "no-rows", "`own`"),
            ({"rows": "others", "from_": ["a"]}, "no-rows", "`others`"),
        ],
    )
    def test_reason_and_detail(self, keys: dict[str, Any], reason: str, named: str) -> None:
        """The first fault that applies is the reason; the detail names the value; nothing is cited."""
        decision = answer(document(), **keys)
        assert ("invalid", reason, (), None) == (
            decision.outcome,
            decision.reason,
            decision.cites,
            decision.obligations,
        )
        assert named in (decision.detail or "")

    def test_a_document_out_of_force_knows_too(self) -> None:
        """What an expired document defines is denied, not invalid."""
        assert "deny no-mou-in-force" == told(answer(document(), at="2030-01-01T00:00:00Z"))

    def test_one_document_knows_all_fields(self) -> None:
        """Fields of two documents are not put together."""
        only = {"x": {"class": "plain", "type": "string", "title": "x"}}
        base = document()
        other = document(
            id="n", datasets={"d": base.datasets["d"].model_dump(by_alias=True, exclude_none=True) | {"fields": only}}
        )
        assert "permit m:1" == told(answer([base, other]))
        assert "unknown-field" == answer([base, other], fields=["site", "x"]).reason

    def test_under_is_looked_for_in_the_mou_named(self) -> None:
        """R4: of any version of it; a clause that is no permit covers nothing."""
        other = document(permit("7"), id="n")
        both = [document(permit("1"), clause("2", "consent")), other]
        assert "unknown-clause" == answer(both, mou="m", under="7").reason
        assert "permit n:7" == told(answer(both, under="7"))
        assert "gap" == told(answer(both, under="2"))

    def test_r_is_not_empty_whoever_asks(self) -> None:
        """R3: R is looked at in any document, whether or not the requester is its party."""
        other = stranger()
        assert "deny no-mou-in-force" == told(answer([document(), other], party="x", from_=["a"]))

    def test_nobody_left_to_contribute(self) -> None:
        """R is reckoned with the contributors at the instant."""
        mou = document()
        assert "no-rows" == answer(mou, withdrawn("b"), from_=["b"]).reason
        assert "permit m:1" == told(answer(mou, withdrawn("b", AT + TICK), from_=["b"]))


class TestLevels:
    """R6: an aggregate over others' rows is filtered by declared levels only."""

    @pytest.mark.parametrize(
        ("field", "op", "value", "expected"),
        [
            ("site", "eq", "east", "permitted"),
            ("site", "eq", "north", "undeclared-level"),
            ("site", "in", ["east", "west"], "permitted"),
            ("site", "in", ["east", "north"], "undeclared-level"),
            ("site", "in", [], "permitted"),
            ("site", "in", "east", "permitted"),
            ("site", "eq", 1, "undeclared-level"),
            ("site", "eq", None, "undeclared-level"),
            ("site", "eq", ["east"], "undeclared-level"),
            ("site", "ne", "east", "filter-not-a-level"),
            ("site", "is_null", None, "filter-not-a-level"),
            ("zip", "eq", "60601", "permitted"),
            ("zip", "lt", "60601", "filter-not-a-level"),
            ("done", "eq", True, "permitted"),
            ("done", "eq", 1, "undeclared-level"),
            ("done", "eq", "true", "undeclared-level"),
        ],
    )
    def test_filters(self, field: str, op: str, value: Any, expected: str) -> None:
        """`eq` and `in` on declared levels, compared as JSON; fields without levels are the gateway's business."""
        filters = [{"field": field, "op": op, "value": value}]
        assert expected == answer(document(), view="aggregate", filters=filters).reason

    def test_own_rows_and_other_views_are_free(self) -> None:
        """Own rows, and rows in other views, are filtered by any value."""
        filters = [{"field": "site", "op": "ge", "value": "north"}]
        assert "permitted" == answer(document(), rows="own", view="aggregate", filters=filters).reason
        assert "permitted" == answer(document(), filters=filters).reason

    def test_every_operator_before_any_level(self) -> None:
        """An operator that is none of a level's is named before a level that is not declared."""
        filters = [{"field": "site", "op": "eq", "value": "north"}, {"field": "zip", "op": "lt", "value": "6"}]
        assert "filter-not-a-level" == answer(document(), view="aggregate", filters=filters).reason


class TestInForce:
    """Step 2, and R1."""

    def test_days_are_inclusive_in_the_documents_zone(self) -> None:
        """The first and the last day lie in the document's time zone."""
        mou = document(timezone="Asia/Kathmandu")  # UTC+05:45
        assert "deny no-mou-in-force" == told(answer(mou, at="2025-12-31T18:14:59.999999Z"))
        assert "permit m:1" == told(answer(mou, at="2025-12-31T18:15:00Z"))
        assert "permit m:1" == told(answer(mou, at="2026-12-31T18:14:59.999999Z"))
        assert "deny no-mou-in-force" == told(answer(mou, at="2026-12-31T18:15:00Z"))

    def test_a_day_may_have_no_midnight(self) -> None:
        """In Havana clocks go from 23:59 on 7 March 2026 to 01:00 on the 8th: that is when the day starts."""
        mou = document(timezone="America/Havana", effective=dt.date(2026, 3, 8))
        assert "deny no-mou-in-force" == told(answer(mou, at="2026-03-08T04:59:59.999999Z"))
        assert "permit m:1" == told(answer(mou, at="2026-03-08T05:00:00Z"))

    def test_a_newer_version_replaces_the_older_for_good(self) -> None:
        """From its effective day, even after it has expired; a lower number never replaces a higher."""
        old = document(permit("1"))
        new = document(permit("2"), version=2, effective=dt.date(2026, 7, 1), expires=dt.date(2026, 8, 31))
        assert "permit m:1" == told(answer([old, new], at="2026-06-30T23:59:59Z"))
        assert "permit m:2" == told(answer([new, old], at="2026-07-01T00:00:00Z"))
        assert "deny no-mou-in-force" == told(answer([old, new], at="2026-09-01T00:00:00Z"))
        assert 2 == answer([old, new]).cites[0].version

    def test_who_is_no_party_is_bound_by_nothing(self) -> None:
        """A party to another MOU only, one that says nothing of the dataset."""
        other = stranger()
        assert "deny no-mou-in-force" == told(answer([document(), other], party="x"))

    def test_after_its_notice_a_party_is_none(self) -> None:
        """From the very instant; the others go on without its rows."""
        mou = document()
        assert "permit m:1" == told(answer(mou, withdrawn("a", AT + TICK)))
        assert "deny no-mou-in-force" == told(answer(mou, withdrawn("a", AT)))
        rest = answer(mou, withdrawn("b"))
        assert rest.obligations is not None
        assert ("a", "c") == rest.obligations.contributors

    def test_a_withdrawal_may_end_it_for_all(self) -> None:
        """`ends: all`; a withdrawal from another MOU, or of somebody who is no party here, does not."""
        mou = document(withdrawal={"data": "delete", "ends": "all"})
        assert "deny no-mou-in-force" == told(answer(mou, withdrawn("b")))
        assert "permit m:1" == told(answer(mou, withdrawn("b", mou="n")))
        assert "permit m:1" == told(answer(mou, withdrawn("x")))


class TestReview:
    """Step 6."""

    @staticmethod
    def approved(party: str = "a", mou: str = "m", under: str = "1") -> Facts:
        return Facts(approved=(Approved(party=party, mou=mou, under=under),))

    def test_until_all_have_approved(self) -> None:
        """Only an approval of this party's request under this clause counts."""
        mou = document(permit("1", review="contributors"))
        assert "review m:1" == told(answer(mou))
        assert "permit m:1" == told(answer(mou, self.approved()))
        for wrong in (self.approved(party="b"), self.approved(mou="n"), self.approved(under="2")):
            assert "review m:1" == told(answer(mou, wrong))

    def test_own_rows_need_no_contributors_approval(self) -> None:
        """R = {p} needs none under `contributors`; a `<who>` is always asked."""
        assert "permit m:1" == told(answer(document(permit("1", review="contributors")), rows="own"))
        assert "review m:1" == told(answer(document(permit("1", review={"roles": ["convener"]})), rows="own"))

    def test_a_later_permit_does_not_spare_it(self) -> None:
        """The basis is the first covering clause, whatever stands after it; `under` names another."""
        mou = document(permit("1", review="contributors"), permit("2"))
        assert "review m:1" == told(answer(mou))
        assert "permit m:2" == told(answer(mou, under="2"))


class TestProtection:
    """R15: defaults filled in."""

    @pytest.mark.parametrize(
        ("permitted", "protect", "asked", "expected"),
        [
            ("identified", None, {}, ("none", None, None, None, None)),
            ("identified", {"minimum_cell": 7}, {"rows": "own", "view": "aggregate"}, ("none", None, None, None, None)),
            ("aggregate", None, {"view": "aggregate"}, ("aggregate", 11, 3, 0.8, None)),
            ("aggregate", {"other_parties": 0}, {"view": "aggregate"}, ("aggregate", 11, 0, 0.8, None)),
            ("identified", {"minimum_cell": 5, "dominance": 1}, {"view": "aggregate"}, ("aggregate", 5, 3, 1.0, None)),
            ("pseudonymised", {"k": 5, "minimum_cell": 6}, {"view": "aggregate"}, ("aggregate", 11, 3, 0.8, None)),
            ("pseudonymised", {"k": 20, "other_parties": 9}, {"view": "aggregate"}, ("aggregate", 20, 3, 0.8, None)),
            ("pseudonymised", None, {"view": "pseudonymised"}, ("pseudonymised", None, None, None, 11)),
            ("pseudonymised", {"k": 5}, {"view": "pseudonymised"}, ("pseudonymised", None, None, None, 5)),
            ("identified", {"k": 5}, {"view": "pseudonymised"}, ("pseudonymised", None, None, None, 5)),
            ("identified", None, {"view": "pseudonymised"}, ("pseudonymised", None, None, None, None)),
        ],
    )
    def test_numbers(self, permitted: str, protect: Any, asked: dict[str, Any], expected: tuple[Any, ...]) -> None:
        """By the view of the clause and the view asked for."""
        keys = {} if protect is None else {"protect": protect}
        decision = answer(document(permit("1", view=permitted, **keys)), **asked)
        assert decision.obligations is not None
        made = decision.obligations.protection
        assert expected == (made.kind, made.minimum_cell, made.other_parties, made.dominance, made.k)


class TestRecordedDuties:
    """Step 3, for duties that are not reckoned."""

    delete: dict[str, Any] = {"of": {"roles": ["partner"]}, "action": "delete", "within": "P9D", "after": "release"}  # noqa: RUF012 - read only

    def test_overdue_by_a_recorded_fact(self) -> None:
        """Blocks as `blocking` says, whatever `data` says (R12), only whom it binds, inside its days (R11)."""
        facts = Facts(overdue=tuple(Overdue(mou="m", clause="2", party=p) for p in "ah"))
        for blocking, own, others in (("none", False, False), ("others", False, True), ("all", True, True)):
            mou = document(permit("1"), clause("2", "duty", blocking=blocking, **self.delete))
            assert own == (answer(mou, facts, rows="own").reason == "duty-overdue")
            assert others == (answer(mou, facts, rows="others").reason == "duty-overdue")
            assert "permit m:1" == told(answer(mou, facts, party="h"))
            assert "permit m:1" == told(answer(mou, rows="others"))
        past = clause("2", "duty", blocking="all", valid={"until": dt.date(2026, 6, 30)}, **self.delete)
        assert "permit m:1" == told(answer(document(permit("1"), past), facts))

    def test_every_such_duty_is_cited(self) -> None:
        """Before any prohibition."""
        duties = [clause(id_, "duty", blocking="all", **self.delete) for id_ in ("9", "2")]
        facts = Facts(overdue=tuple(Overdue(mou="m", clause=id_, party="a") for id_ in ("2", "9")))
        assert "deny duty-overdue m:9 m:2" == told(answer(document(*duties, clause("3", "prohibit")), facts))
