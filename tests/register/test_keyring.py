"""Keys: whose they are, by whose word, and what is left when one was in other hands."""

from __future__ import annotations

import datetime as dt

import pytest

from governance.register import Register
from governance.signing.keys import PrivateKey
from tests.agreement_world import Person, World, document
from tests.register.asking import in_force, reasons, refused, revocation, version_of


class TestKeys:
    """A key counts from its approval on, for its party and use."""

    def test_a_key_that_nobody_approved(self, world: World) -> None:
        """It signs nothing."""
        other = Person("north", person="an impostor")
        world.agreements.keys.enroll(*world.enrolment(other))
        opened = world.opening(world.people["north"])
        entry = world.insert("signature", world.word(other, opened))
        assert reasons(world) == [(entry.seq, "key-not-approved", "north")]

    def test_a_key_that_is_not_enrolled(self, world: World) -> None:
        """A signature inserted with a key from nowhere fails."""
        entry = world.insert("signature", world.word(Person("north"), world.opening(world.people["north"])))
        assert reasons(world) == [(entry.seq, "key-unknown", "north")]

    def test_a_connector_does_not_sign(self, world: World) -> None:
        """A connector's key is for requests."""
        connector = world.enrol(Person("north", "connector"))
        assert refused(world.opening, connector) == "not-a-signatory"
        entry = world.insert("signature", world.word(connector, world.opening(world.people["north"])))
        assert reasons(world) == [(entry.seq, "not-a-signatory", "north")]

    def test_a_key_of_another_party(self, world: World) -> None:
        """South's key does not sign for North, even past every use case."""
        opened = world.opening(world.people["north"])
        entry = world.insert("signature", world.word(world.people["south"], opened, party="north"))
        assert reasons(world) == [(entry.seq, "key-of-another", "north")]

    def test_an_approval_before_the_enrolment_counts_for_nothing(self) -> None:
        """Approval follows enrolment in the log, and names its digest."""
        world = World()
        person = Person("north")
        early = world.insert("enrolment-approval", world.approval(person, by=world.admin))
        world.agreements.keys.enroll(*world.enrolment(person))
        assert world.register.key(person.fingerprint).state == "pending"  # type: ignore[union-attr]
        assert [(f.seq, f.reason) for f in world.register.failures()] == [(early.seq, "enrolment-differs")]

    def test_rotation(self, world: World) -> None:
        """An older signatory's key of the same party approves a new one; both go on, in their places."""
        old = world.people["north"]
        world.say(old)
        new = world.enrol(Person("north"), by=old)
        world.revoke(old, by=old)
        assert world.register.key(new.fingerprint).active  # type: ignore[union-attr]
        world.people["north"] = new
        for name in ("south", "east", "hub"):
            world.say(world.people[name])
        assert in_force(world) == ("small@1",)

    @pytest.mark.parametrize("by", ["south", "connector"])
    def test_who_may_not_approve(self, world: World, by: str) -> None:
        """Neither another party's signatory nor a connector of one's own."""
        approver = world.people["south"] if by == "south" else world.enrol(Person("north", "connector"))
        new = Person("north")
        world.agreements.keys.enroll(*world.enrolment(new))
        assert refused(world.approve, new, by=approver) == "may-not-approve"
        world.insert("enrolment-approval", world.approval(new, by=approver))
        assert world.register.key(new.fingerprint).state == "pending"  # type: ignore[union-attr]

    def test_a_second_administrator(self) -> None:
        """Approved by the first, it approves others; a party's signatory cannot make administrators."""
        world = World()
        second = world.enrol(Person("administrator", "administrator", "the other administrator"))
        north = world.enrol(Person("north"), by=second)
        assert world.register.key(north.fingerprint).approved_by == second.fingerprint  # type: ignore[union-attr]
        false = Person("north", "administrator")
        assert refused(world.agreements.keys.enroll, *world.enrolment(false)) == "use-of-another"

    def test_a_key_cannot_approve_itself(self) -> None:
        """Nor is it let in by its own word through the database."""
        world = World()
        person = Person("administrator", "administrator")
        world.agreements.keys.enroll(*world.enrolment(person))
        world.insert("enrolment-approval", world.approval(person, by=person))
        assert [f.reason for f in world.register.failures()] == ["approves-itself"]

    def test_a_signature_before_a_revocation_stays(self) -> None:
        """A person who left changes nothing."""
        world = World().signed()
        world.revoke(world.people["north"], by=world.admin)
        assert in_force(world) == ("small@1",)

    def test_a_signature_after_a_revocation_fails(self, world: World) -> None:
        """The key is no use any more, nor does it open signings."""
        north = world.people["north"]
        call = world.word(north, world.opening(north))
        world.revoke(north, by=world.admin)
        entry = world.insert("signature", call)
        assert reasons(world) == [(entry.seq, "key-revoked", "north")]

    def test_a_key_compromised_since_before_takes_its_signature_away(self) -> None:
        """Whenever that becomes known; status says which signature fails and why."""
        world = World().signed()
        north = world.people["north"]
        signed_at = version_of(world).signatures["north"].place
        world.clock.pass_(days=100)
        world.revoke(north, by=world.admin, since=signed_at.time - dt.timedelta(minutes=1))
        assert in_force(world) == ()
        failure = world.agreements.mous.shown(world.admin, "small")["versions"][0]["failures"]
        assert [(f["entry"], f["party"], f["reason"], f["hindsight"]) for f in failure] == [
            (signed_at.seq, "north", "key-compromised", True)
        ]
        assert north.fingerprint in failure[0]["detail"]

    def test_a_key_compromised_only_later_leaves_it(self) -> None:
        """What was signed before that instant holds."""
        world = World().signed()
        world.clock.pass_(days=100)
        world.revoke(world.people["north"], by=world.admin, since=world.clock.time - dt.timedelta(days=1))
        assert in_force(world) == ("small@1",)

    def test_the_party_signs_anew_with_another_key(self) -> None:
        """After a compromise only that party signs again, also when `within` has long run out."""
        world = World().signed(
            document(signing="{required: everyone, within: P60D, order: [[north, south, east], [hub]]}")
        )
        world.clock.pass_(days=100)
        world.revoke(world.people["north"], by=world.admin, since=dt.datetime(2026, 9, 1, tzinfo=dt.UTC))
        assert in_force(world) == ()
        assert world.agreements.mous.shown(world.admin, "small")["state"] == "fails"
        world.say(world.enrol(Person("north")))
        assert in_force(world) == ("small@1",)

    def test_what_a_compromised_key_approved_falls_with_it(self) -> None:
        """A new key let in by a stolen one counts for nothing."""
        world = World()
        world.everybody()
        since = world.clock.now()
        thief = world.enrol(Person("north", person="a thief"), by=world.people["north"])
        world.revoke(world.people["north"], by=world.admin, since=since)
        assert world.register.key(thief.fingerprint).state == "pending"  # type: ignore[union-attr]
        assert [(f.reason, f.hindsight) for f in world.register.failures()] == [("key-compromised", True)]

    def test_two_keys_that_revoke_each_other(self) -> None:
        """The first of the two counts; there is an answer at all."""
        world = World()
        a = world.enrol(Person("administrator", "administrator", "a"))
        b = world.enrol(Person("administrator", "administrator", "b"))
        since = world.clock.now()
        call = b.signs(revocation(world, a, since))
        world.revoke(b, by=a, since=since)
        late = world.insert("revocation", call)
        assert world.register.key(b.fingerprint).state == "revoked"  # type: ignore[union-attr]
        assert world.register.key(a.fingerprint).state == "active"  # type: ignore[union-attr]
        assert [f.seq for f in world.register.failures()] == [late.seq]

    def test_who_may_not_revoke(self, world: World) -> None:
        """Another party's signatory ends nobody's key; a signatory ends those of its own party."""
        assert refused(world.revoke, world.people["north"], by=world.people["south"]) == "may-not-revoke"
        connector = world.enrol(Person("north", "connector"))
        world.revoke(connector, by=world.people["north"])
        assert world.register.key(connector.fingerprint).state == "revoked"  # type: ignore[union-attr]
        assert refused(world.revoke, world.people["north"], by=connector) in ("may-not-revoke", "key-revoked")

    def test_the_root_is_not_revoked(self, world: World) -> None:
        """It is replaced in the settings, outside the database."""
        assert refused(world.revoke, world.admin, by=world.admin) == "root-is-pinned"

    def test_another_root(self) -> None:
        """With another administrator's key in the settings, nothing that the old one approved counts."""
        world = World().signed()
        other = PrivateKey.generate().public
        assert Register.from_entries(world.log.rows, root=other).in_force_documents() == ()


class TestAttestations:
    """A signatory of another party says whose a key is; nothing but belief hangs on it."""

    def test_an_attestation_counts_while_its_key_does(self) -> None:
        """Of each party the newest, until the attester's key turns out to have been in other hands by then."""
        world = World().signed()
        north, south, east = (world.people[p] for p in ("north", "south", "east"))
        made = [world.insert("attestation", world.attestation(north, by=by)) for by in (south, east, south)]
        counting = world.register.keyring.attested(north.fingerprint)
        assert [("south", made[2].seq), ("east", made[1].seq)] == [(a.text("by"), a.place.seq) for a in counting]
        assert in_force(world) == ("small@1",)
        world.revoke(east, by=east, since=made[1].time)
        world.revoke(south, by=south)
        assert ["south"] == [a.text("by") for a in world.register.keyring.attested(north.fingerprint)]
        fell = [(f.seq, f.reason, f.hindsight) for f in world.register.failures() if f.kind == "attestation"]
        assert [(made[1].seq, "key-compromised", True)] == fell

    def test_what_counts_for_nothing(self) -> None:
        """Another enrolment, a wrong name, a connector's key, another party's name, a key from nowhere."""
        world = World().signed()
        north, south = world.people["north"], world.people["south"]
        connector, stranger = world.enrol(Person("south", "connector")), Person("west")
        words = [
            (world.attestation(north, by=south, enrolment_sha256="0" * 64), "enrolment-differs"),
            (world.attestation(north, by=south, person="somebody else"), "enrolment-differs"),
            (world.attestation(north, by=connector), "not-a-signatory"),
            (world.attestation(north, by=south, said_by="east"), "key-of-another"),
            (world.attestation(stranger, by=south), "no-enrolment"),
            (world.attestation(north, by=stranger), "key-unknown"),
        ]
        expected = [(world.insert("attestation", call).seq, reason) for call, reason in words]
        assert expected == [(f.seq, f.reason) for f in world.register.failures()]
        assert () == world.register.keyring.attested(north.fingerprint)
