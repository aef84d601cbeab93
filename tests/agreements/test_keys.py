"""Enrolments, and who sees which keys and MOUs."""

from __future__ import annotations

import pytest

from governance.errors import Conflict, NotFound, TooMany
from governance.signing.jws import sign_detached
from tests.agreement_world import Person, World, document
from tests.agreements.asking import refused


class TestWhoSeesWhat:
    """Parties see their MOUs and the keys that stand behind them; nobody else hears that there are any."""

    def test_a_stranger_hears_nothing(self, world: World) -> None:
        """The same answer as where there is none."""
        stranger = world.enrol(Person("west"))
        for name in ("small", "nothing"):
            with pytest.raises(NotFound) as caught:
                world.agreements.mous.shown(stranger, name)
            assert caught.value.detail == f"no MOU `{name}`"
        assert world.agreements.mous.listed(stranger) == []
        assert refused(world.agreements.mous.text, stranger, "small") == "no-mou"
        assert refused(world.opening, stranger) == "no-mou"
        assert {k["party"] for k in world.agreements.keys.listed(stranger)} == {"west", "administrator"}
        assert refused(world.agreements.keys.shown, stranger, world.people["north"].fingerprint) == "no-key"

    def test_partners_see_each_others_keys(self, world: World) -> None:
        """With the enrolment as its holder signed it."""
        north, south = world.people["north"], world.people["south"]
        shown = world.agreements.keys.shown(north, south.fingerprint)
        assert (shown["party"], shown["state"]) == ("south", "active")
        assert shown["enrolment"]["sha256"] == shown["enrolment_sha256"]

    def test_readers_of_entries(self, world: World) -> None:
        """Everything about an MOU may be read by its parties; a key's entries by its party."""
        parties = ("east", "hub", "north", "south")
        for entry in world.log.rows:
            if entry.kind in ("enrolment", "enrolment-approval"):
                assert entry.readers == (entry.body["party"],)
            else:
                assert entry.readers == parties, entry.kind

    def test_exact_bytes(self, world: World) -> None:
        """Text and document are given as they were proposed."""
        data, digest = world.agreements.mous.document(world.people["north"], "small")
        assert data == document()
        assert digest == world.agreements.mous.shown(world.admin, "small")["versions"][0]["document_sha256"]
        assert refused(world.agreements.mous.text, world.admin, "small", 9) == "no-version"


class TestEnrolment:
    """Anybody may hand in an enrolment; none counts, and nobody fills the log with them."""

    def test_signed_by_another_key(self) -> None:
        """Who holds the key is proven by its signature."""
        world = World()
        data, _ = world.enrolment(Person("north"))
        jws = sign_detached(key=Person("south").key, payload=data)
        assert refused(world.agreements.keys.enroll, data, jws) == "invalid-input"
        assert world.log.rows == []

    def test_a_wrong_signature(self) -> None:
        """The same bytes with another signature of the same key."""
        world = World()
        north = Person("north")
        data, _ = world.enrolment(north)
        _, jws = world.enrolment(north, capacity="treasurer")
        assert refused(world.agreements.keys.enroll, data, jws) == "signature-wrong"
        assert world.log.rows == []

    def test_twice(self) -> None:
        """A key that counts is not enrolled again."""
        world = World()
        north = world.enrol(Person("north"))
        with pytest.raises(Conflict):
            world.agreements.keys.enroll(*world.enrolment(north, capacity="treasurer"))

    def test_changed_before_the_approval(self) -> None:
        """The approval names the enrolment that was seen: another one of the same key is not approved by it."""
        world = World()
        north = Person("north")
        world.agreements.keys.enroll(*world.enrolment(north))
        call = world.approval(north, by=world.admin)
        world.agreements.keys.enroll(*world.enrolment(north, capacity="treasurer"))
        assert refused(world.agreements.keys.approve, world.admin, north.fingerprint, *call) == "enrolment-differs"

    def test_too_many(self) -> None:
        """20 of a party may wait from one day; another party's are not kept out by them."""
        world = World()
        for _ in range(20):
            world.agreements.keys.enroll(*world.enrolment(Person("north")))
        with pytest.raises(TooMany):
            world.agreements.keys.enroll(*world.enrolment(Person("north")))
        world.agreements.keys.enroll(*world.enrolment(Person("south")))
        world.clock.pass_(days=1.1)
        world.agreements.keys.enroll(*world.enrolment(Person("north")))
