"""The plain-Python reading: which prohibitions and consents touch a request, which permits cover it, key by key."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.compiler.small import answer, clause, document, permit, told


class TestProhibitions:
    """Step 4, and *Touches*."""

    @pytest.mark.parametrize(
        ("keys", "asked", "touched"),
        [
            ({}, {}, True),
            ({"to": {"roles": ["convener"]}}, {}, False),
            ({"to": {"parties": ["a"], "roles": ["convener"]}}, {}, True),
            ({"data": "d"}, {}, True),
            ({"view": ["aggregate", "pseudonymised"]}, {}, False),
            ({"view": ["aggregate"]}, {"view": "aggregate"}, True),
            ({"rows": "others"}, {}, True),
            ({"rows": "others"}, {"rows": "own"}, False),
            ({"rows": "own"}, {"rows": "others"}, False),
            ({"rows": "own"}, {}, True),
            ({"from_": {"parties": ["b"]}}, {"from_": ["c"]}, False),
            ({"from_": {"parties": ["b"]}}, {"from_": ["b", "c"]}, True),
            ({"rows": "others", "from_": {"parties": ["a"]}}, {}, False),
            ({"fields": ["grade", "zip"]}, {}, False),
            ({"fields": ["grade", "zip"]}, {"fields": ["site", "zip"]}, True),
            ({"fields": {"classes": ["plain"]}}, {}, True),
            ({"fields": {"classes": ["sensitive"]}}, {}, False),
            ({"fields": ["grade"]}, {"order_by": ["-grade"]}, True),
            ({"fields": ["grade"]}, {"filters": [{"field": "grade", "op": "eq", "value": 1}]}, True),
            ({"purpose": ["use"]}, {"purpose": "page"}, True),
            ({"purpose": ["page"]}, {"purpose": "use"}, True),
            ({"purpose": ["page", "other"]}, {"purpose": "report"}, True),
            ({"purpose": ["other"]}, {"purpose": "use"}, False),
        ],
    )
    def test_each_key(self, keys: dict[str, Any], asked: dict[str, Any], touched: bool) -> None:
        """A prohibition touches when every key that it has is met; an absent key is met by anything."""
        mou = document(permit("1"), clause("2", "prohibit", **keys))
        assert ("deny prohibited m:2" if touched else "permit m:1") == told(answer(mou, **asked))

    def test_days(self) -> None:
        """Only inside its own days, both inclusive; half of them is open."""
        until = document(permit("1"), clause("2", "prohibit", valid={"until": dt.date(2026, 6, 30)}))
        assert "deny prohibited m:2" == told(answer(until, at="2026-06-30T23:59:59.999999Z"))
        assert "permit m:1" == told(answer(until, at="2026-07-01T00:00:00Z"))
        begun = document(permit("1"), clause("2", "prohibit", valid={"from": dt.date(2026, 6, 30)}))
        assert "permit m:1" == told(answer(begun, at="2026-06-29T23:59:59.999999Z"))
        assert "deny prohibited m:2" == told(answer(begun, at="2026-06-30T00:00:00Z"))

    def test_clients_alone_is_touched_by_what_speaks_of_every_field(self) -> None:
        """Prohibitions without `fields`, and those whose fields are all that the dataset has."""
        clients: dict[str, Any] = {"view": "aggregate", "fields": [], "measures": [{"measure": "clients"}]}
        every = ["id", "zip", "grade", "site", "done"]
        for fields, touched in ((None, True), ("all", True), (every, True), (every[1:], False)):
            keys: dict[str, Any] = {} if fields is None else {"fields": fields}
            mou = document(permit("1"), clause("2", "prohibit", **keys))
            assert touched == (answer(mou, **clients).reason == "prohibited")

    def test_all_that_touch_are_cited_in_order(self) -> None:
        """MOUs by effective day, then id; clauses in document order (R9)."""
        late = document(clause("9", "prohibit"), id="a", effective=dt.date(2026, 2, 1))
        early = document(clause("2", "prohibit"), clause("10", "prohibit"), id="z")
        same = document(clause("1", "prohibit"), id="y")
        assert "deny prohibited y:1 z:2 z:10 a:9" == told(answer([late, early, same]))

    def test_an_excepted_permit_lifts_it(self) -> None:
        """Where it covers the whole request, and only permits of the `except` list may then be the basis."""
        never = clause("3", "prohibit", fields=["grade"], except_=["2"])
        mou = document(permit("1"), permit("2", fields=["grade", "site"]), never)
        assert "permit m:2" == told(answer(mou, fields=["grade"]))
        assert "deny prohibited m:3" == told(answer(mou, fields=["grade", "zip"]))
        assert "permit m:1" == told(answer(mou))

    def test_an_exception_heeds_neither_mou_nor_under(self) -> None:
        """R16: the prohibition is lifted by 2, but the clause relied on does not stand in `except`: a gap."""
        never = clause("3", "prohibit", except_=["2"])
        mou = document(permit("1"), permit("2"), never)
        assert "gap" == told(answer(mou, under="1"))
        assert "permit m:2" == told(answer(mou, under="2"))

    def test_two_mous_that_each_except_their_own(self) -> None:
        """R13: the basis must stand in every lifted prohibition's list, and ids belong to their MOU."""
        one = document(permit("1"), clause("2", "prohibit", except_=["1"]))
        two = document(permit("1"), clause("2", "prohibit", except_=["1"]), id="n")
        assert "permit m:1" == told(answer([one]))
        assert "gap" == told(answer([one, two]))

    def test_of_any_binding_mou(self) -> None:
        """Another MOU's prohibition forbids too, as long as it binds."""
        other = document(clause("2", "prohibit", rows="others"), id="n", expires=dt.date(2026, 6, 30))
        assert "deny prohibited n:2" == told(answer([document(), other], at="2026-06-01T00:00:00Z"))
        assert "permit m:1" == told(answer([document(), other]))

    def test_an_mou_that_sees_no_rows_is_silent(self) -> None:
        """Where R is empty in one binding MOU, its clauses neither touch nor cover."""
        datasets = document().model_dump(by_alias=True, exclude_none=True)["datasets"]
        datasets["d"]["contributors"] = {"parties": ["c"]}
        other = document(permit("1"), clause("2", "prohibit"), id="n", datasets=datasets)
        assert "permit m:1" == told(answer([document(), other], from_=["a", "b"]))
        assert "deny prohibited n:2" == told(answer([document(), other], from_=["a", "c"]))


class TestPermits:
    """Step 5 to 7, and *Covers*."""

    @pytest.mark.parametrize(
        ("keys", "asked", "covered"),
        [
            ({}, {}, True),
            ({"to": {"roles": ["convener"]}}, {}, False),
            ({"view": "aggregate"}, {}, False),
            ({"view": "pseudonymised"}, {"view": "aggregate"}, True),
            ({"view": "pseudonymised"}, {"view": "identified"}, False),
            ({"rows": "own"}, {}, False),
            ({"rows": "own"}, {"from_": ["a"]}, True),
            ({"rows": "others"}, {}, False),
            ({"rows": "others"}, {"from_": ["b"]}, True),
            ({"from_": {"parties": ["b", "c"]}}, {"rows": "others"}, True),
            ({"from_": {"parties": ["b"]}}, {"rows": "others"}, False),
            ({"fields": ["site", "zip"]}, {}, True),
            ({"fields": ["site", "zip"]}, {"fields": ["site", "grade"]}, False),
            ({"fields": {"classes": ["plain"]}}, {"fields": ["site", "done"]}, True),
            ({}, {"fields": ["site", "id"], "view": "pseudonymised"}, False),
            ({}, {"fields": ["site", "id"], "view": "aggregate"}, True),
            ({"purpose": ["use"]}, {"purpose": "page"}, True),
            ({"purpose": ["page"]}, {"purpose": "use"}, False),
            ({"fields": ["zip"], "view": "aggregate"}, {"fields": [], "measures": [{"measure": "clients"}]}, False),
        ],
    )
    def test_each_key(self, keys: dict[str, Any], asked: dict[str, Any], covered: bool) -> None:
        """A permit covers the whole request or nothing of it."""
        asked = {"view": "aggregate"} | asked if "measures" in asked else asked
        covered = covered or "measures" in asked
        assert ("permit m:1" if covered else "gap") == told(answer(document(permit("1", **keys)), **asked))

    def test_two_clauses_never_add_up(self) -> None:
        """Fields that may each be seen may not be seen side by side."""
        mou = document(permit("1", fields=["site"]), permit("2", fields=["zip"]))
        assert "gap" == told(answer(mou, fields=["site", "zip"]))

    def test_the_first_is_the_basis_and_the_rest_are_listed(self) -> None:
        """MOUs by effective day, then id; clauses in document order; `mou` and `under` leave the one relied on."""
        one = document(permit("2"), permit("1"), id="z")
        two = document(permit("1"), id="a", effective=dt.date(2026, 2, 1))
        decision = answer([two, one])
        assert ("permit z:2", ["z:1", "a:1"]) == (told(decision), [str(ref) for ref in decision.also])
        assert "permit a:1" == told(answer([two, one], mou="a"))
        assert "permit z:1" == told(answer([two, one], under="1"))
        assert () == answer([two, one], under="1", mou="z").also

    def test_purposes_are_the_same_by_their_term(self) -> None:
        """R2: the node of that id, else every node of its `dpv` term, however the request names it."""
        one = document(purposes={"use": {"title": "u", "dpv": "dpv:Use"}}, id="m")
        two = document(permit("1", purpose=["einsatz"]), purposes={"einsatz": {"title": "u", "dpv": "dpv:Use"}}, id="n")
        assert "permit m:1" == told(answer([one, two]))
        assert ["n:1"] == [str(ref) for ref in answer([one, two]).also]
        assert "permit n:1" == told(answer([one, two], purpose="dpv:Use", mou="n"))
        assert "unknown-purpose" == answer([one, two], purpose="dpv:Other").reason

    def test_of_several_nodes_all_must_be_permitted_and_any_is_forbidden(self) -> None:
        """R2: where a term stands at two nodes."""
        purposes = {
            "use": {"title": "u", "dpv": "dpv:X"},
            "other": {"title": "o", "dpv": "dpv:X"},
        }
        assert "gap" == told(answer(document(purposes=purposes), purpose="dpv:X"))
        both = document(permit("1", purpose=["use", "other"]), purposes=purposes)
        assert "permit m:1" == told(answer(both, purpose="dpv:X"))
        never = document(
            permit("1", purpose=["use", "other"]), clause("2", "prohibit", purpose=["other"]), purposes=purposes
        )
        assert "deny prohibited m:2" == told(answer(never, purpose="dpv:X"))

    def test_consent_clauses_that_touch_are_listed_with_the_rows_that_they_filter(self) -> None:
        """Each with R ∩ C(c), of every binding MOU; only with a permit."""
        asks = clause("2", "consent", rows="others", fields=["grade"])
        other = document(clause("3", "consent", from_={"parties": ["c"]}), id="n")
        decision = answer([document(permit("1"), asks), other], fields=["grade"])
        assert decision.obligations is not None
        assert [("m:2", ("b", "c")), ("n:3", ("c",))] == [
            (str(need.clause), need.contributors) for need in decision.obligations.consent
        ]
        own = answer([document(permit("1"), asks)], fields=["grade"], rows="own")
        assert own.obligations is not None
        assert () == own.obligations.consent

    def test_obligations_name_what_was_asked(self) -> None:
        """View, R in order, and every field that counts, once."""
        filters = [{"field": "zip", "op": "eq", "value": "6"}]
        decision = answer(document(), fields=["site", "site"], filters=filters, order_by=["-done", "site"])
        assert decision.obligations is not None
        assert ("identified", ("a", "b", "c"), ("site", "zip", "done")) == (
            decision.obligations.view,
            decision.obligations.contributors,
            decision.obligations.fields,
        )
