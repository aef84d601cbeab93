"""Signing rules: who, how many, in which order, within which time; and declines."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.agreement_world import Person, World, document
from tests.register.asking import in_force, reasons, refused


class TestSigningRule:
    """An MOU is in force once its signing rule is satisfied by signatures that verify."""

    def test_everyone_must_sign(self, world: World) -> None:
        """With `required: everyone`, the last signature brings it into force."""
        for person in list(world.people.values())[:-1]:
            world.say(person)
        assert in_force(world) == ()
        world.say(world.people["hub"])
        assert in_force(world) == ("small@1",)
        assert reasons(world) == []

    def test_n_of_m(self) -> None:
        """`at_least: 2` of the partners: the convener's signature does not count towards it."""
        world = World()
        world.everybody()
        world.propose(document(signing="{required: {at_least: 2, of: {roles: [partner]}}}"))
        world.say(world.people["hub"])
        world.say(world.people["north"])
        assert in_force(world) == ()
        world.say(world.people["south"])
        assert in_force(world) == ("small@1",)

    def test_two_people_of_one_party_are_one_signature(self) -> None:
        """A second signatory of a party that has signed is told so, and one party never counts twice."""
        world = World()
        world.everybody()
        world.propose(document(signing="{required: {at_least: 2, of: {roles: [partner]}}}"))
        world.say(world.people["north"])
        other = world.enrol(Person("north", person="the treasurer of north"))
        assert refused(world.say, other) == "signed-already"
        opened = world.opening(world.people["south"])
        world.insert("signature", world.word(other, opened, party="north", person="the treasurer of north"))
        assert in_force(world) == ()

    def test_groups_sign_in_turn(self) -> None:
        """A signature before its turn is refused; inserted into the database, it fails."""
        world = World()
        world.everybody()
        order = "{required: everyone, order: [[north, south], [east], [hub]]}"
        world.propose(document(signing=order))
        hub, east = world.people["hub"], world.people["east"]
        assert refused(world.say, hub) == "out-of-turn"
        early = world.insert("signature", world.word(east, world.opening(east)))
        assert reasons(world) == [(early.seq, "out-of-turn", "east")]
        for name in ("south", "north", "east", "hub"):
            world.say(world.people[name])
        assert in_force(world) == ("small@1",)

    def test_with_n_of_m_a_decline_passes_the_turn_on(self) -> None:
        """Where not everybody must sign, a party of an earlier group that declines holds nobody up."""
        world = World()
        world.everybody()
        signing = "{required: {at_least: 2, of: {roles: [partner]}}, order: [[north], [south, east], [hub]]}"
        world.propose(document(signing=signing))
        assert refused(world.say, world.people["south"]) == "out-of-turn"
        world.say(world.people["north"], "decline")
        world.say(world.people["south"])
        world.say(world.people["east"])
        assert in_force(world) == ("small@1",)

    @pytest.mark.parametrize(
        ("passed", "counts"),
        [
            # Proposed on 10 September, so 12 September in Chicago is the last day: it ends at 05:00 UTC on the 13th.
            (dt.datetime(2026, 9, 13, 4, 59, tzinfo=dt.UTC), True),
            (dt.datetime(2026, 9, 13, 5, 0, tzinfo=dt.UTC), False),
        ],
    )
    def test_within(self, passed: dt.datetime, counts: bool) -> None:
        """All signatures must be there within the period from the proposal, by days of the MOU's zone."""
        world = World()
        world.everybody()
        world.propose(document(signing="{required: everyone, within: P2D}"))
        *first, last = world.people.values()
        for person in first:
            world.say(person)
        world.clock.time = dt.datetime(2026, 9, 12, 20, 0, tzinfo=dt.UTC)
        opened = world.opening(last)
        world.clock.time = passed
        call = world.word(last, opened)
        if counts:
            world.agreements.mous.state(last, "small", *call)
        else:
            assert refused(world.agreements.mous.state, last, "small", *call) == "offer-lapsed"
            world.insert("signature", call)
            assert world.agreements.mous.shown(world.admin, "small")["state"] == "lapsed"
        assert in_force(world) == (("small@1",) if counts else ())

    def test_a_decline_by_a_required_party(self, world: World) -> None:
        """It keeps the version from being complete until that party signs after all; both are in the log."""
        world.say(world.people["north"])
        answer = world.say(world.people["south"], "decline")
        assert answer["state"] == "declined"
        for name in ("east", "hub"):
            world.say(world.people[name])
        assert in_force(world) == ()
        assert refused(world.say, world.people["south"], "decline") == "declined-already"
        assert world.say(world.people["south"])["state"] == "in force"
        assert in_force(world) == ("small@1",)

    def test_a_signature_taken_back_in_time(self, world: World) -> None:
        """A party that signed may decline while others are still to sign: its last word counts."""
        world.say(world.people["north"])
        world.say(world.people["north"], "decline")
        for name in ("south", "east", "hub"):
            world.say(world.people[name])
        assert in_force(world) == ()
        assert world.agreements.mous.shown(world.admin, "small")["missing"] == ["north"]

    def test_who_declines_after_everybody_signed_is_told_to_withdraw(self) -> None:
        """A decline cannot undo an agreement."""
        world = World().signed()
        assert refused(world.say, world.people["north"], "decline") == "declined-too-late"
        assert in_force(world) == ("small@1",)

    def test_with_n_of_m_a_decline_may_leave_it_possible(self) -> None:
        """The state is `declined` only once too few are left."""
        world = World()
        world.everybody()
        world.propose(document(signing="{required: {at_least: 2, of: {roles: [partner]}}}"))
        assert world.say(world.people["north"], "decline")["state"] == "signing"
        assert world.say(world.people["south"], "decline")["state"] == "declined"
