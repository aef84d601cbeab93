"""Duties: acknowledged, overdue, done."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from governance.errors import Refused
from governance.register.facts import due_days
from governance.signing.statement import Duty
from tests.agreement_world import Person, World, document
from tests.agreements.asking import decide, refused, request_of


class TestDuties:
    """Acknowledgements are reckoned by local days; other duties are overdue by a recorded fact."""

    def test_signing_is_an_acknowledgement(self, world: World) -> None:
        """Of every such duty of the version, on the local day of the signature."""
        found = world.register.facts(request_of(world)).acknowledged
        assert [(a.mou, a.clause, a.party, a.on) for a in found] == [("small", "3", "north", dt.date(2026, 9, 10))]

    def test_the_local_day_counts(self) -> None:
        """At 04:59 UTC it is still the day before in Chicago."""
        world = World()
        world.everybody()
        world.propose(document())
        world.clock.time = dt.datetime(2026, 9, 20, 4, 59, tzinfo=dt.UTC)
        world.sign_all()
        assert world.register.acknowledged_on("small", "3", "north") == dt.date(2026, 9, 19)

    def test_overdue_and_acknowledged(self, world: World) -> None:
        """Due after a year, overdue after the grace; an acknowledgement is followed by the very next request."""
        hub = world.people["hub"]
        asked = {"rows": "all", "view": "pseudonymised", "party": "hub"}
        due, first = (
            due_days(world.register.in_force_documents()[0], _clause(world, "3"), "hub", dt.date(2026, 9, 10)) or ()
        )
        assert (due, first) == (dt.date(2027, 9, 10), dt.date(2027, 10, 11))
        world.clock.time = dt.datetime(2027, 10, 11, 4, 59, tzinfo=dt.UTC)
        assert decide(world, **asked).reason == "approval-needed"
        world.clock.time = dt.datetime(2027, 10, 11, 5, 0, tzinfo=dt.UTC)
        assert decide(world, **asked).reason == "duty-overdue"
        listed = {d["clause"]: d["overdue"] for d in world.agreements.duties.listed(hub)}
        assert listed == {"3": True, "4": False}
        assert world.acknowledge(hub)["due"] == "2028-10-11"
        assert decide(world, **asked).reason == "approval-needed"

    def test_who_acknowledges_what(self, world: World) -> None:
        """A duty that is there, of one's own party, with a signatory's key."""
        north = world.people["north"]
        assert refused(world.acknowledge, north, clause="4") == "no-such-duty"
        assert refused(world.acknowledge, north, clause="99") == "no-such-duty"
        assert refused(world.acknowledge, north, mou="nothing") == "no-mou-in-force"
        assert refused(world.acknowledge, world.enrol(Person("north", "connector"))) == "not-a-signatory"

    def test_overdue_by_a_recorded_fact(self, world: World) -> None:
        """Deletion blocks all of the convener's requests while it is recorded as overdue."""
        asked = {"rows": "all", "view": "pseudonymised"}
        assert decide(world, "hub", **asked).reason == "approval-needed"
        world.mark("hub", "overdue")
        assert [str(c) for c in decide(world, "hub", **asked).cites] == ["small:4"]
        assert refused(world.mark, "hub", "overdue") == "duty-unchanged"
        world.mark("hub", "done")
        assert decide(world, "hub", **asked).reason == "approval-needed"
        assert refused(world.mark, "hub", "done") == "duty-unchanged"

    @pytest.mark.parametrize(
        ("party", "clause", "reason"),
        [("north", "4", "no-such-duty"), ("hub", "1", "no-such-duty"), ("north", "3", "duty-is-reckoned")],
    )
    def test_what_is_not_recorded(self, world: World, party: str, clause: str, reason: str) -> None:
        """Only duties of that party that are not reckoned from days."""
        assert refused(world.mark, party, "overdue", clause) == reason

    def test_a_party_records_nothing(self, world: World) -> None:
        """Neither through the door nor through the database."""
        north = world.people["north"]
        said = Duty(time=world.clock.now(), mou="small", clause="4", party="hub", status="overdue", nonce="n" * 32)
        with pytest.raises(Refused):
            world.agreements.duties.mark(north, *north.signs(said))
        entry = world.insert("duty", north.signs(said))
        assert world.register.overdue() == frozenset()
        assert [(f.seq, f.reason) for f in world.register.failures()] == [(entry.seq, "not-an-administrator")]


def _clause(world: World, name: str) -> Any:
    return next(c for c in world.register.in_force_documents()[0].clauses if c.id == name)
