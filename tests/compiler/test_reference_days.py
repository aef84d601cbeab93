"""The plain-Python reading in time: acknowledgements, and the instant until which an answer stands."""

from __future__ import annotations

import datetime as dt
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

from governance.compiler.reference import Reading
from governance.model.access import Acknowledged, Decision, Facts, Request, Withdrawn
from governance.model.mou import Mou
from tests import strategies
from tests.compiler.small import answer, clause, document, permit, told

TICK = dt.timedelta(microseconds=1)


def acknowledging(every: str = "P1M", grace: str | None = None, **keys: Any) -> Mou:
    """A permit, and an acknowledgement that blocks everything while it is overdue."""
    periods: dict[str, Any] = {"every": every} if grace is None else {"every": every, "grace": grace}
    duty = clause("2", "duty", of="everyone", action="acknowledge-purpose", blocking="all", **periods)
    return document(permit("1"), duty, **keys)


def on(*days: str, party: str = "a", mou: str = "m", id_: str = "2") -> Facts:
    """Acknowledgements on these days."""
    return Facts(
        acknowledged=tuple(
            Acknowledged(mou=mou, clause=id_, party=party, on=dt.date.fromisoformat(day)) for day in days
        )
    )


def overdue_at(mou: Mou, facts: Facts, instant: str) -> bool:
    """Whether the duty blocks at that instant."""
    return answer(mou, facts, at=instant).reason == "duty-overdue"


class TestAcknowledgement:
    """Due a period after effective day or last acknowledgement, the later; overdue the day after the grace."""

    @pytest.mark.parametrize(
        ("every", "grace", "acknowledged", "last_day"),
        [
            ("P1M", None, [], "2026-02-01"),
            ("P1M", "P10D", [], "2026-02-11"),
            ("P1M", None, ["2026-01-31"], "2026-02-28"),
            ("P1M", "P1M", ["2026-01-31"], "2026-03-28"),
            ("P1M1D", None, ["2026-01-30"], "2026-03-01"),
            ("P2W", None, ["2026-03-05", "2026-03-01"], "2026-03-19"),
            ("P1M", None, ["2025-06-30"], "2026-02-01"),
            ("P6M", None, [], "2026-07-01"),
        ],
    )
    def test_the_last_day(self, every: str, grace: str | None, acknowledged: list[str], last_day: str) -> None:
        """The whole last day is free, the first instant of the next is not; one from before the MOU changes nothing."""
        mou, facts = acknowledging(every, grace), on(*acknowledged)
        after = dt.datetime.fromisoformat(last_day + "T00:00:00+00:00") + dt.timedelta(days=1)
        assert not overdue_at(mou, facts, (after - TICK).isoformat())
        assert overdue_at(mou, facts, after.isoformat())

    def test_a_leap_day(self) -> None:
        """A year after 29 February is 28 February; four years after is the 29th again."""
        leap: dict[str, Any] = {"effective": dt.date(2028, 1, 1), "expires": dt.date(2032, 12, 31)}
        for every, last in (("P1Y", "2029-02-28"), ("P4Y", "2032-02-29")):
            after = dt.datetime.fromisoformat(last + "T00:00:00+00:00") + dt.timedelta(days=1)
            mou = acknowledging(every, **leap)
            assert not overdue_at(mou, on("2028-02-29"), (after - TICK).isoformat())
            assert overdue_at(mou, on("2028-02-29"), after.isoformat())

    def test_the_local_day_counts(self) -> None:
        """In Chicago the day begins at 06:00 UTC, before which that day's acknowledgement has not been."""
        mou = acknowledging("P1M", timezone="America/Chicago")
        assert overdue_at(mou, on("2026-03-02"), "2026-03-02T05:59:59.999999Z")
        assert not overdue_at(mou, on("2026-03-02"), "2026-03-02T06:00:00Z")

    def test_one_of_later_does_not_count_yet(self) -> None:
        """What is asked about the past is answered from the past."""
        mou = acknowledging("P1M")
        assert overdue_at(mou, on("2026-05-01"), "2026-04-30T23:59:59Z")
        assert not overdue_at(mou, on("2026-05-01"), "2026-05-01T00:00:00Z")

    def test_only_the_requesters_own_under_this_clause(self) -> None:
        """Of another party, another clause, another MOU: none counts."""
        mou, late = acknowledging("P1M"), "2026-03-01T00:00:00Z"
        assert not overdue_at(mou, on("2026-02-20"), late)
        for other in (on("2026-02-20", party="b"), on("2026-02-20", mou="n"), on("2026-02-20", id_="1")):
            assert overdue_at(mou, other, late)

    def test_a_recorded_fact_does_not_count_for_it(self) -> None:
        """R10: a duty that is reckoned is reckoned."""
        facts = Facts.model_validate({"overdue": [{"mou": "m", "clause": "2", "party": "a"}]})
        assert not overdue_at(acknowledging("P1M"), facts, "2026-01-15T00:00:00Z")


class TestValidUntil:
    """R14: the next moment at which time alone could change the answer."""

    @staticmethod
    def until(mous: Mou | list[Mou], facts: Facts | None = None, **keys: Any) -> str | None:
        moment = answer(mous, facts or Facts(), **keys).valid_until
        return None if moment is None else moment.isoformat()

    def test_the_ends_of_a_documents_days(self) -> None:
        """Before it begins, that; within, its end; after it, never."""
        mou = document(timezone="Asia/Kathmandu")
        assert self.until(mou, at="2025-06-01T00:00:00Z") == "2025-12-31T18:15:00+00:00"
        assert self.until(mou) == "2026-12-31T18:15:00+00:00"
        assert self.until(mou, at="2026-12-31T18:15:00Z") is None

    def test_a_clauses_days_and_withdrawals(self) -> None:
        """Whatever the outcome: of any clause, and anybody's withdrawal from that MOU."""
        valid = {"from": dt.date(2026, 8, 1), "until": dt.date(2026, 8, 31)}
        mou = document(permit("1"), clause("2", "consent", valid=valid))
        assert self.until(mou) == "2026-08-01T00:00:00+00:00"
        assert self.until(mou, at="2026-08-01T00:00:00Z", purpose="other") == "2026-09-01T00:00:00+00:00"
        gone = dt.datetime(2026, 7, 20, tzinfo=dt.UTC)
        for id_, expected in (("m", "2026-07-20T00:00:00+00:00"), ("n", "2026-08-01T00:00:00+00:00")):
            assert expected == self.until(mou, Facts(withdrawn=(Withdrawn(mou=id_, party="c", at=gone),)))

    def test_an_acknowledgement_that_runs_out(self) -> None:
        """When it would be overdue, and when a later one begins to count; only for those whom the duty names."""
        mou = acknowledging("P1M", "P10D")
        assert self.until(mou, at="2026-01-15T00:00:00Z") == "2026-02-12T00:00:00+00:00"
        facts = on("2026-02-05")
        assert self.until(mou, facts, at="2026-01-15T00:00:00Z") == "2026-02-05T00:00:00+00:00"
        assert self.until(mou, facts, at="2026-02-12T00:00:00Z") == "2026-03-16T00:00:00+00:00"

    def test_an_invalid_request_on_a_known_dataset_has_one_too(self) -> None:
        """A contributor that leaves may make it so; an unknown dataset stays unknown."""
        assert self.until(document(), party="x") == "2027-01-01T00:00:00+00:00"
        assert self.until(document(), dataset="x") is None

    def test_a_version_that_no_longer_defines_the_dataset_replaces_too(self) -> None:
        """From its effective day the answer is another, so an answer from before stands until then only."""
        datasets = document().model_dump(by_alias=True, exclude_none=True)["datasets"]
        new = document(permit("1", data="e"), version=2, effective=dt.date(2026, 9, 1), datasets={"e": datasets["d"]})
        assert self.until([document(), new]) == "2026-09-01T00:00:00+00:00"
        assert "deny no-mou-in-force" == told(answer([document(), new], at="2026-09-01T00:00:00Z"))


def _timeless(decision: Decision) -> Decision:
    return decision.model_copy(update={"valid_until": None})


@settings(max_examples=400, deadline=None)
@given(strategies.questions(), strategies.seeds())
def test_until_then_the_answer_is_the_same(question: tuple[tuple[Mou, ...], Request, Facts], seed: int) -> None:
    """Asked again at any earlier instant, facts unchanged: outcome, reason, citations and obligations are the same."""
    mous, asked, facts = question
    reading = Reading(mous, revision="r")
    first = reading.decide(asked, facts)
    last = (first.valid_until or asked.at + dt.timedelta(days=2000)) - TICK
    moments = [m for m in strategies.boundaries(mous) if asked.at < m <= last]
    moments += [m - TICK for m in moments if m - TICK > asked.at]
    between = (last - asked.at) // TICK
    moments += [last, *(asked.at + Random(seed + i).randint(0, between) * TICK for i in range(8))]
    for moment in moments:
        again = reading.decide(asked.model_copy(update={"at": moment}), facts)
        assert _timeless(first) == _timeless(again), moment
        assert first.valid_until == again.valid_until, moment


def test_the_very_ends_of_the_calendar_raise_nothing() -> None:
    """Days that cannot be reckoned have always begun, or never end."""
    always = document(effective=dt.date.min, expires=dt.date.max, timezone="Asia/Tokyo")
    assert "permit m:1" == told(answer(always, at="0001-01-01T00:00:00Z"))
    assert "permit m:1" == told(answer(always, at="9999-12-31T23:59:59Z"))
    assert answer(always).valid_until is None
    mou = acknowledging("P999Y", effective=dt.date(9500, 1, 1), expires=dt.date.max, timezone="Pacific/Pago_Pago")
    for facts in (Facts(), on("9999-12-31"), on("0001-01-01")):
        assert not overdue_at(mou, facts, "9999-12-31T23:59:59Z")
