"""The register: what counts is computed from signatures, whatever else the database holds."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from governance.agreements.shown import state_of
from governance.errors import AccordantError, Conflict, InputWrong, Refused
from governance.register import Register
from governance.register.reading import decoded, encoded
from governance.signing.keys import PrivateKey
from tests.agreement_world import Person, World, document

FOUR = ("east", "hub", "north", "south")


@pytest.fixture
def world() -> World:
    """Everybody enrolled, one document proposed."""
    made = World()
    made.everybody()
    made.propose(document())
    return made


def in_force(world: World) -> tuple[str, ...]:
    """The documents that the compiler gets, from the log's bytes as they are now."""
    return tuple(m.ref for m in world.register.in_force_documents())


def reasons(world: World, mou: str = "small") -> list[tuple[int, str, str | None]]:
    """What fails about an MOU: entry, reason, party."""
    return [(f.seq, f.reason, f.party) for f in world.register.failures_of(mou)]


def entry_of(world: World, kind: str, n: int = 0) -> int:
    """The number of the n-th entry of a kind."""
    return [e.seq for e in world.log.rows if e.kind == kind][n]


def refused(call: Any, *args: Any, **kwargs: Any) -> str:
    """The reason for which a use case says no; it must leave no entry."""
    with pytest.raises(AccordantError) as caught:
        call(*args, **kwargs)
    return caught.value.reason


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


class TestOpening:
    """A signing is opened by the server, for one party and version, and good for 24 hours and one statement."""

    @pytest.mark.parametrize(("hours", "reason"), [(23.99, None), (24.01, "opening-expired")])
    def test_24_hours(self, world: World, hours: float, reason: str | None) -> None:
        """A day after the opening, the text is shown again."""
        north = world.people["north"]
        opened = world.opening(north)
        world.clock.pass_(hours=hours)
        call = world.word(north, opened)
        if reason is None:
            world.agreements.mous.state(north, "small", *call)
        else:
            assert refused(world.agreements.mous.state, north, "small", *call) == reason

    def test_once(self, world: World) -> None:
        """The same opening serves one statement; the same statement is said once."""
        north = world.people["north"]
        opened = world.opening(north)
        call = world.word(north, opened)
        world.agreements.mous.state(north, "small", *call)
        again = world.insert("signature", call)
        other = world.insert("decline", world.word(north, opened, "decline"))
        assert reasons(world) == [(again.seq, "stated-twice", "north"), (other.seq, "opening-used", "north")]
        assert [s.party for s in _version(world).signatures.values()] == ["north"]

    def test_of_another_party(self, world: World) -> None:
        """South cannot sign on North's opening."""
        opened = world.opening(world.people["north"])
        south = world.people["south"]
        assert refused(world.agreements.mous.state, south, "small", *world.word(south, opened)) == "opening-of-another"

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"nonce": "f" * 32}, "nonce-differs"),
            ({"opening": "0" * 64}, "no-opening"),
            ({"text_sha256": "0" * 64}, "text-differs"),
            ({"policy_sha256": "0" * 64}, "policy-differs"),
            ({"version": 2}, "no-version"),
            ({"party": "south"}, "key-of-another"),
            ({"person": "somebody else"}, "key-of-another"),
        ],
    )
    def test_a_statement_that_says_something_else(self, world: World, change: dict[str, Any], reason: str) -> None:
        """Each member is held against what the server opened, and nothing is recorded."""
        north = world.people["north"]
        call = world.word(north, world.opening(north), **change)
        size = len(world.log.rows)
        assert refused(world.agreements.mous.state, north, "small", *call) == reason
        assert len(world.log.rows) == size

    @pytest.mark.parametrize("change", [{"text_sha256": "0" * 64}, {"policy_sha256": "0" * 64}])
    def test_inserted_with_another_digest(self, world: World, change: dict[str, Any]) -> None:
        """What was signed must be what the document says now."""
        *first, last = world.people.values()
        for person in first:
            world.say(person)
        world.insert("signature", world.word(last, world.opening(last), **change))
        assert in_force(world) == ()

    def test_a_statement_of_long_ago(self, world: World) -> None:
        """The statement's own time is that of its entry, give or take the life of an opening."""
        north = world.people["north"]
        call = world.word(north, world.opening(north), time=world.clock.now() - dt.timedelta(hours=25))
        assert refused(world.agreements.mous.state, north, "small", *call) == "time-differs"


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
        signed_at = _version(world).signatures["north"].place
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
        call = b.signs(_revocation(world, a, since))
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


class TestTampering:
    """Somebody has full write access to the database, and makes the hashes of leaves anew."""

    def test_a_signature_moved_to_another_party(self) -> None:
        """What a body claims beside the statement is not believed."""
        world = World()
        world.everybody()
        world.propose(document())
        for name in ("north", "south", "east"):
            world.say(world.people[name])
        statement = world.log.rows[entry_of(world, "signature")].body
        world.insert("signature", (decoded(statement["statement"]), statement["jws"]), party="hub")
        assert in_force(world) == ()
        assert world.agreements.mous.shown(world.admin, "small")["missing"] == ["hub"]

    def test_a_forged_statement(self) -> None:
        """A signature is over these very bytes."""
        world = World()
        world.everybody()
        world.propose(document())
        for name in ("north", "south", "east"):
            world.say(world.people[name])
        hub = world.people["hub"]
        opened = world.opening(hub)
        data, jws = world.word(hub, opened, "decline")
        signed = data.replace(b'"decision":"decline"', b'"decision":"sign"').replace(b'"reason":"we will not",', b"")
        entry = world.insert("signature", (signed, jws))
        assert in_force(world) == ()
        assert reasons(world) == [(entry.seq, "signature-wrong", "hub")]

    def test_a_public_key_is_changed(self) -> None:
        """The enrolment is signed by the key itself and approved by its digest: another key is another enrolment."""
        world = World().signed()
        thief = Person("north", person="the director of north")
        data, jws = world.enrolment(thief)
        seq = entry_of(world, "enrolment")

        def change(body: dict[str, Any]) -> None:
            body |= {"statement": encoded(data), "jws": jws, "fingerprint": thief.fingerprint}

        world.log.rewrite(seq, change)
        assert in_force(world) == ()
        shown = world.agreements.mous.shown(world.admin, "small")["versions"][0]
        failing = {f["party"]: f["reason"] for f in shown["failures"]}
        assert failing["north"] == "key-unknown"

    def test_a_clause_is_changed(self) -> None:
        """The document says something else than what was signed: every signature fails, and says so."""
        world = World().signed()
        seq = entry_of(world, "proposal")
        other = document().replace(b"rows: own, fields: all", b"rows: all, fields: all")
        world.log.rewrite(seq, lambda body: body.update(document=encoded(other)))
        assert in_force(world) == ()
        found = [(f.party, f.reason) for f in world.register.failures_of("small") if f.kind == "signature"]
        # Their openings are named by hash as well, so the text is what fails first.
        assert found == [(p, "text-differs") for p in ("north", "south", "east", "hub")]

    def test_the_text_is_changed(self) -> None:
        """The text that was shown is part of what was signed."""
        world = World().signed()

        def change(body: dict[str, Any]) -> None:
            body["text"] = encoded(decoded(body["text"]).replace(b"own", b"all"))

        world.log.rewrite(entry_of(world, "proposal"), change)
        assert in_force(world) == ()
        assert {f.reason for f in world.register.failures_of("small")} == {"text-differs"}

    def test_document_text_and_proposal_are_made_anew(self) -> None:
        """Even a whole proposal by the administrator's own key cannot take over signatures of another text."""
        world = World().signed()
        other = document().replace(b"rows: own, fields: all", b"rows: all, fields: all")
        data, jws = world.proposal(other, time=world.log.rows[entry_of(world, "proposal")].time)
        from governance.register.reading import compiled

        world.log.rewrite(
            entry_of(world, "proposal"),
            lambda body: body.update(
                document=encoded(other), text=encoded(compiled(other).text), statement=encoded(data), jws=jws
            ),
        )
        assert in_force(world) == ()
        assert {f.reason for f in world.register.failures_of("small")} == {"text-differs"}

    @pytest.mark.parametrize("kind", ["enrolment", "enrolment-approval", "proposal", "opening", "signature"])
    def test_a_body_is_changed_and_nothing_else(self, kind: str) -> None:
        """The log says that the entry was changed; the MOU that needed it is not in force, the rest is read."""
        world = World().signed()
        seq = entry_of(world, kind)
        world.log.spoil(seq)
        assert in_force(world) == ()
        assert (seq, "entry-broken") in [(f.seq, f.reason) for f in world.register.failures_of("small")]
        shown = world.agreements.mous.shown(world.admin, "small")
        assert shown["state"] == "fails" or kind == "signature"
        assert f"entry {seq}" in str(shown)

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"statement": "!", "jws": "x"},
            {"statement": 7, "jws": None},
            {"statement": encoded(b"{}"), "jws": "a..b"},
            {"statement": encoded(b"[" * 20_000), "jws": "a..b"},
        ],
    )
    def test_a_body_without_its_form(self, body: dict[str, Any]) -> None:
        """Whatever stands in an entry, the others are read."""
        world = World().signed()
        from audit import Draft

        (entry,) = world.log.append([Draft("signature", {"mou": "small"} | body)])
        assert in_force(world) == ("small@1",)
        assert [(f.seq, f.reason) for f in world.register.failures_of("small")] == [(entry.seq, "entry-broken")]

    def test_a_copied_acknowledgement_renews_nothing(self) -> None:
        """The same words said twice are said once."""
        world = World().signed()
        north = world.people["north"]
        world.clock.pass_(days=30)
        world.acknowledge(north)
        row = world.log.rows[entry_of(world, "acknowledgement")].body
        day = world.register.acknowledged_on("small", "3", "north")
        world.clock.pass_(days=300)
        world.insert("acknowledgement", (decoded(row["statement"]), row["jws"]))
        assert world.register.acknowledged_on("small", "3", "north") == day == dt.date(2026, 10, 10)

    def test_the_fold_is_the_same_entry_by_entry(self) -> None:
        """A register that was advanced equals one made at once."""
        world = World().signed()
        world.say(world.people["north"], "withdraw")
        whole = Register.from_entries(world.log.rows, root=world.admin.key.public)
        step = Register.from_entries((), root=world.admin.key.public)
        for entry in world.log.rows:
            step = step.advance(entry)
            step.in_force_documents()
        assert step == whole
        assert step.lives() == whole.lives()


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


def _version(world: World, number: int = 1) -> Any:
    life = world.register.life("small")
    assert life is not None
    found = life.version(number)
    assert found is not None
    return found


def _revocation(world: World, key: Person, since: dt.datetime) -> Any:
    from governance.signing.statement import Revocation

    return Revocation(time=world.clock.now(), fingerprint=key.fingerprint, reason="stolen", compromised_since=since)
