"""Withdrawals, and signing anew."""

from __future__ import annotations

import datetime as dt

from tests.agreement_world import Person, World, document
from tests.agreements.asking import allowed, refused, request_of


class TestWithdrawal:
    """A party leaves with the notice that the MOU names, and may sign anew."""

    def _leave(self, more: str) -> World:
        world = World().signed(document(more=more))
        world.say(world.people["north"], "withdraw")
        return world

    def test_notice(self) -> None:
        """30 whole days after 10 September in Chicago: from 11 October, 00:00 there, North is no party."""
        world = self._leave("withdrawal: {notice: P30D, data: delete}\n")
        effect = dt.datetime(2026, 10, 11, 5, 0, tzinfo=dt.UTC)
        shown = world.agreements.mous.shown(world.people["south"], "small")
        assert [(w["party"], w["takes_effect"]) for w in shown["withdrawals"]] == [("north", "2026-10-11T05:00:00Z")]
        assert allowed(world, at=effect - dt.timedelta(microseconds=1))
        assert not allowed(world, at=effect)
        assert allowed(world, "south", at=effect)

    def test_at_once(self) -> None:
        """Without a notice, and without a rule, it takes effect with its entry; the others go on."""
        for more in ("withdrawal: {data: delete}\n", ""):
            world = self._leave(more)
            assert not allowed(world)
            assert allowed(world, "south")

    def test_ends_all(self) -> None:
        """With `ends: all`, the MOU ends for everybody, and only a later version begins again."""
        world = self._leave("withdrawal: {data: delete, ends: all}\n")
        assert not allowed(world, "south")
        assert world.agreements.mous.shown(world.admin, "small")["state"] == "ended"
        assert refused(world.say, world.people["north"]) == "mou-ended"
        world.propose(document(version=2))
        world.sign_all(version=2)
        assert allowed(world)

    def test_signing_anew(self) -> None:
        """The withdrawal is no fact any more once the party has signed again; its day is an acknowledgement."""
        world = self._leave("withdrawal: {data: delete}\n")
        world.clock.pass_(days=40)
        assert world.say(world.people["north"])["state"] == "in force"
        assert world.register.facts(request_of(world)).withdrawn == ()
        assert world.register.acknowledged_on("small", "3", "north") == dt.date(2026, 10, 20)
        assert allowed(world)
        world.say(world.people["north"], "withdraw")
        assert not allowed(world)

    def test_a_later_version_signed_anew_counts_once_it_is_established(self) -> None:
        """A signature on a version that others have not signed brings nobody back."""
        world = self._leave("withdrawal: {data: delete}\n")
        world.propose(document(version=2))
        world.say(world.people["north"], version=2)
        assert not allowed(world)
        for name in ("south", "east", "hub"):
            world.say(world.people[name], version=2)
        assert allowed(world)

    def test_a_version_without_the_party(self) -> None:
        """Once its notice has run out, the amendment needs its signature no more."""
        world = self._leave("withdrawal: {data: delete}\namendment: {required: everyone}\n")
        world.propose(document(version=2).replace(b"  - {id: north, name: North, role: partner}\n", b""))
        for name in ("south", "east", "hub"):
            answer = world.say(world.people[name], version=2)
        assert answer["state"] == "in force"

    def test_what_is_no_withdrawal(self) -> None:
        """Twice, or from what was never signed by all."""
        world = self._leave("withdrawal: {notice: P30D, data: delete}\n")
        assert refused(world.say, world.people["north"], "withdraw") == "withdrawn-already"
        other = World()
        other.everybody()
        other.propose(document())
        assert refused(other.say, other.people["north"], "withdraw") == "not-signed-yet"

    def test_by_a_key_that_was_in_other_hands(self) -> None:
        """A withdrawal falls as a signature does."""
        world = World().signed()
        south = world.enrol(Person("south", person="the treasurer of south"))
        since = world.clock.now()
        world.say(south, "withdraw")
        assert not allowed(world, "south")
        world.revoke(south, by=world.admin, since=since)
        assert allowed(world, "south")
