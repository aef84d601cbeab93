"""Versions and proposals."""

from __future__ import annotations

import datetime as dt

import pytest

from governance.agreements.shown import state_of
from governance.errors import Conflict, InputWrong, Refused
from governance.register.reading import encoded
from tests.agreement_world import Person, World, document
from tests.register.asking import in_force, reasons, refused


class TestVersions:
    """A newer version replaces the older one from its effective day, once the amendment rule is satisfied as well."""

    def test_both_are_given_to_the_compiler(self) -> None:
        """The compiler knows the days; lower versions come first."""
        world = World().signed()
        world.propose(document(version=2, effective="2027-01-01"))
        assert in_force(world) == ("small@1",)
        world.sign_all(version=2)
        assert in_force(world) == ("small@1", "small@2")
        life = world.register.life("small")
        assert life is not None
        assert [state_of(v, life, world.clock.now()) for v in life.versions] == ["in force", "signed"]
        world.clock.time = dt.datetime(2027, 1, 1, 6, 0, tzinfo=dt.UTC)
        assert [state_of(v, life, world.clock.now()) for v in life.versions] == ["replaced", "in force"]

    def test_the_amendment_rule_of_the_version_before(self) -> None:
        """A new version whose own rule asks for two partners still needs whom the old version's amendment names."""
        world = World().signed(document(more="amendment: {required: everyone}\n"))
        world.propose(document(version=2, signing="{required: {at_least: 2, of: {roles: [partner]}}}"))
        for name in ("north", "south", "east"):
            world.say(world.people[name], version=2)
        assert in_force(world) == ("small@1",)
        world.say(world.people["hub"], version=2)
        assert in_force(world) == ("small@1", "small@2")

    def test_a_party_that_the_new_version_leaves_out_signs_too(self) -> None:
        """Nobody is amended away without its signature, where the amendment rule names everyone."""
        world = World().signed(document(more="amendment: {required: everyone}\n"))
        smaller = document(version=2).replace(b"  - {id: east, name: East, role: partner}\n", b"")
        world.propose(smaller)
        for name in ("north", "south", "hub"):
            world.say(world.people[name], version=2)
        assert in_force(world) == ("small@1",)
        world.say(world.people["east"], version=2)
        assert in_force(world) == ("small@1", "small@2")

    def test_a_version_below_one_that_counts_is_not_signed_any_more(self) -> None:
        """Numbers only rise."""
        world = World().signed()
        world.propose(document(version=3))
        assert refused(world.propose, document(version=2)) == "version-proposed"
        world.sign_all(version=3)
        other = world.enrol(Person("north"))
        assert refused(world.say, other, version=1) == "version-replaced"

    def test_proposed_twice(self) -> None:
        """The first proposal of a version counts."""
        world = World().signed()
        assert refused(world.propose, document()) == "version-proposed"
        late = world.insert("proposal", world.proposal(document(), time=world.clock.now()), document="", text="")
        assert in_force(world) == ("small@1",)
        assert (late.seq, "proposed-twice") in [(f.seq, f.reason) for f in world.register.failures_of("small")]


class TestProposal:
    """Only an administrator proposes, and what is proposed is what the document says."""

    def test_by_a_party(self, world: World) -> None:
        """A party's key proposes nothing, even through the database."""
        north = world.people["north"]
        data = document(version=2)
        with pytest.raises(Refused):
            world.agreements.mous.propose(north, data, *world.proposal(data, by=north))
        entry = world.insert("proposal", world.proposal(data, by=north), document=encoded(data), text="")
        assert [(f.seq, f.kind) for f in world.register.failures_of("small")] == [(entry.seq, "proposal")]

    @pytest.mark.parametrize("member", ["text_sha256", "policy_sha256", "document_sha256"])
    def test_another_digest(self, member: str) -> None:
        """The statement's digests are those of the document."""
        world = World()
        data = document()
        with pytest.raises(InputWrong):
            world.agreements.mous.propose(world.admin, data, *world.proposal(data, **{member: "0" * 64}))
        assert world.log.rows == []

    def test_a_document_with_faults(self) -> None:
        """All faults are told, nothing is recorded."""
        world = World()
        data = document().replace(b"view: identified", b"view: naked")
        with pytest.raises(InputWrong) as caught:
            world.agreements.mous.propose(world.admin, data, *world.proposal(document()))
        assert caught.value.reason == "document-wrong"
        assert world.log.rows == []

    def test_the_administrator_is_no_party(self) -> None:
        """The name of the server's administrators is nobody else's."""
        world = World()
        data = document().replace(b"id: hub", b"id: administrator")
        with pytest.raises(InputWrong):
            world.agreements.mous.propose(world.admin, data, *world.proposal(data))

    def test_a_signature_on_what_was_never_proposed(self, world: World) -> None:
        """It fails, and nothing else does."""
        north = world.people["north"]
        entry = world.insert("signature", world.word(north, world.opening(north), mou="nothing"))
        assert reasons(world, "nothing") == [(entry.seq, "no-proposal", "north")]
        with pytest.raises(Conflict):
            raise Conflict("")
