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


class TestAttestation:
    """Another party's signatory says whose a key is, and everybody who sees the key sees by whom."""

    def test_partners_see_who_attested(self, world: World) -> None:
        """With the entry; the key's party and the attester read it."""
        north, south = world.people["north"], world.people["south"]
        answer = world.agreements.keys.attest(south, north.fingerprint, *world.attestation(north, by=south))
        assert [("south", south.fingerprint, answer["entry"])] == [
            (a["party"], a["fingerprint"], a["entry"]) for a in answer["attested_by"]
        ]
        seen = {k["fingerprint"]: k for k in world.agreements.keys.listed(world.people["hub"])}
        assert ["south"] == [a["party"] for a in seen[north.fingerprint]["attested_by"]]
        assert [] == seen[south.fingerprint]["attested_by"]
        entry = world.log.rows[-1]
        assert ("attestation", ("north", "south")) == (entry.kind, entry.readers)

    def test_who_attests_nothing(self, world: World) -> None:
        """The own party, a connector, an administrator, a stranger, somebody with another's statement; a dead key."""
        north, south = world.people["north"], world.people["south"]
        attest, before = world.agreements.keys.attest, len(world.log.rows)
        call = world.attestation(north, by=south)
        assert refused(attest, world.people["east"], north.fingerprint, *call) == "key-of-another"
        assert refused(attest, world.admin, north.fingerprint, *call) == "not-a-signatory"
        assert refused(attest, south, world.people["east"].fingerprint, *call) == "invalid-input"
        wrong = world.attestation(north, by=south, person="somebody else")
        assert refused(attest, south, north.fingerprint, *wrong) == "enrolment-differs"
        assert refused(attest, south, north.fingerprint, *world.approval(north, by=south)) == "invalid-input"
        assert before == len(world.log.rows)
        colleague = world.enrol(Person("north", person="the treasurer"))
        said = world.attestation(north, by=colleague, said_by="elsewhere")
        assert refused(attest, colleague, north.fingerprint, *said) == "not-attested"
        stranger = world.enrol(Person("west"))
        said = world.attestation(north, by=stranger)
        assert refused(attest, stranger, north.fingerprint, *said) == "no-key"
        world.revoke(north, by=north)
        assert refused(attest, south, north.fingerprint, *world.attestation(north, by=south)) == "not-attested"
        assert "attestation" not in {e.kind for e in world.log.rows}
