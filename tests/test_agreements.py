"""The agreements' use cases: activation, withdrawals, duties and reviews; each call leaves one account in the log."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from audit import Log, NoteSigner, Tampered
from governance.adapters.journal import AuditJournal
from governance.adapters.unverified import UnverifiedRows
from governance.agreements import Agreements
from governance.errors import AccordantError, Conflict, EngineUnavailable, LogUnavailable, NotFound, Refused, TooMany
from governance.model.access import Decision, Facts, Request
from governance.register.facts import due_days
from governance.signing.review import request_digest
from tests.agreement_world import Person, World, document


@pytest.fixture
def world() -> World:
    """An MOU that everybody signed and that is active."""
    return World().signed()


def request(world: World, party: str = "north", **changes: Any) -> Request:
    """A request of a party for its own rows, now."""
    values: dict[str, Any] = {
        "party": party,
        "dataset": "visits",
        "fields": ("days",),
        "rows": "own",
        "view": "identified",
        "purpose": "improvement",
        "at": world.clock.now(),
    }
    return Request.model_validate(values | changes)


def decide(world: World, party: str = "north", **changes: Any) -> Decision:
    """What the policies say now."""
    return world.agreements.policies.decide(request(world, party, **changes))


def allowed(world: World, party: str = "north", **changes: Any) -> bool:
    """Whether a party gets its own rows. One that left contributes nothing: its own rows are none."""
    return decide(world, party, **changes).outcome == "permit"


def refused(call: Any, *args: Any, **kwargs: Any) -> str:
    """The reason for which a use case says no."""
    with pytest.raises(AccordantError) as caught:
        call(*args, **kwargs)
    return caught.value.reason


def kinds(world: World) -> list[str]:
    """The kinds of all entries, in order."""
    return [e.kind for e in world.log.rows]


class TestActivation:
    """What decides is what was signed, checked, and named by the log's last activation."""

    def test_the_last_signature_activates(self) -> None:
        """The entry names the revision, the documents, and what was checked."""
        world = World()
        world.everybody()
        world.propose(document())
        *_, last = world.people.values()
        for person in list(world.people.values())[:-1]:
            assert world.say(person)["activation"] is None
        assert refused(decide, world) == "no-mou-in-force"
        answer = world.say(last)
        body = world.log.rows[-1].body
        assert kinds(world)[-2:] == ["signature", "activation"]
        assert answer["activation"] == {"state": "active", "entry": 17, "revision": body["revision"], "cases": 7}
        assert [(m["id"], m["version"]) for m in body["mous"]] == [("small", 1)]
        assert (body["cases"], body["engines"]) == (7, ["reference"])
        assert decide(world).outcome == "permit"

    def test_a_difference_refuses_it(self) -> None:
        """It is recorded with the request, shown in the status, and nothing decides."""
        world = World()
        world.everybody()
        world.propose(document())
        world.difference = {"request": {"party": "north"}}
        answer = world.sign_all()
        assert answer["state"] == "in force"
        assert answer["activation"]["state"] == "refused"
        assert answer["activation"]["difference"] == {"request": {"party": "north"}}
        assert kinds(world)[-1] == "activation-refused"
        assert world.agreements.mous.shown(world.admin, "small")["activation_refused"]["entry"] == 17
        assert refused(decide, world) == "no-mou-in-force"
        world.difference = None
        assert world.agreements.activate(world.admin)["state"] == "active"
        assert decide(world).outcome == "permit"
        assert world.agreements.mous.shown(world.admin, "small")["activation_refused"] is None

    def test_a_refused_one_leaves_what_counted_until_the_newer_version_is_due(self, world: World) -> None:
        """The older version goes on, but never past the effective day of a newer one that is signed."""
        world.difference = {"request": {}}
        world.propose(document(version=2, effective="2026-10-01"))
        assert world.sign_all(version=2)["activation"]["state"] == "refused"
        assert decide(world).outcome == "permit"
        world.clock.time = dt.datetime(2026, 10, 1, 5, 0, tzinfo=dt.UTC)
        assert refused(decide, world) == "engine-stale"

    def test_only_an_administrator_asks_for_it(self, world: World) -> None:
        """And it says when nothing changed."""
        assert refused(world.agreements.activate, world.people["north"]) == "not-an-administrator"
        assert world.agreements.activate(world.admin) == {"state": "unchanged"}

    def test_a_signature_that_falls_stops_decisions_at_once(self, world: World) -> None:
        """The very next request follows: nothing is in force any more."""
        assert decide(world).outcome == "permit"
        answer = world.revoke(world.people["north"], by=world.admin, since=dt.datetime(2026, 9, 1, tzinfo=dt.UTC))
        assert answer["activation"]["state"] == "active"
        assert world.log.rows[-1].body["mous"] == []
        assert decide(world).outcome == "invalid"

    def test_until_it_is_activated_nothing_is_decided(self, world: World) -> None:
        """Where the engines can't be checked after a signature fell, the old policies don't go on."""

        def check(*_: Any) -> Any:
            raise EngineUnavailable("no answer", reason="engine-timeout")

        world.agreements.policies.check = check
        answer = world.revoke(world.people["north"], by=world.admin, since=dt.datetime(2026, 9, 1, tzinfo=dt.UTC))
        assert (answer["state"], answer["activation"]["state"]) == ("revoked", "waits")
        assert refused(decide, world) == "engine-stale"

    def test_a_crash_between_signature_and_activation_is_mended_at_the_start(self) -> None:
        """The signature is durable; the activation follows when the service starts again."""
        world = World()
        world.everybody()
        world.propose(document())
        *first, last = world.people.values()
        for person in first:
            world.say(person)
        opened = world.opening(last)
        world.insert("signature", world.word(last, opened))
        world.agreements = world.open()
        started = world.agreements.policies.start()
        assert started is not None
        assert started["state"] == "active"
        assert world.agreements.policies.start() is None
        assert decide(world).outcome == "permit"

    def test_a_start_loads_what_counts_and_records_nothing(self, world: World) -> None:
        """The engine gets the bundle whose revision the log names."""
        size, loads = len(world.log.rows), world.engine.loads
        world.agreements = world.open()
        assert world.agreements.policies.start() is None
        assert (len(world.log.rows), world.engine.loads) == (size, loads + 1)
        assert decide(world).outcome == "permit"

    def test_an_engine_on_another_revision_does_not_count(self, world: World) -> None:
        """An answer counts only with the revision that the log's last activation names."""
        decide(world)
        world.engine.revision = "0" * 64
        assert refused(decide, world) == "engine-stale"

    def test_an_engine_that_cannot_load(self, world: World) -> None:
        """Nothing is decided by the bundle that it still has."""

        class Broken:
            name = "broken"

            def load(self, bundle: Any) -> None:
                raise EngineUnavailable("no", reason="engine-unreachable")

            def decide(self, request: Request, facts: Facts) -> Decision:
                raise AssertionError

        world.agreements = world.open()
        world.agreements.policies.engine = Broken()
        assert refused(decide, world) == "engine-unreachable"

    def test_tampering_is_seen_by_a_running_service(self, world: World) -> None:
        """Reading a status reads the stored bytes; what was changed behind its back stops decisions."""
        assert decide(world).outcome == "permit"
        world.log.spoil(next(e.seq for e in world.log.rows if e.kind == "signature"))
        shown = world.agreements.mous.shown(world.admin, "small")
        assert (shown["state"], shown["versions"][0]["missing"]) == ("fails", ["north"])
        assert refused(decide, world) == "engine-stale"

    def test_a_log_that_cannot_be_written(self, world: World) -> None:
        """What can't be logged doesn't happen."""
        world.log.broken = True
        with pytest.raises(LogUnavailable):
            world.acknowledge(world.people["north"])
        world.log.broken = False
        assert world.register.acknowledged_on("small", "3", "north") == dt.date(2026, 9, 10)


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
        assert world.register.facts(request(world)).withdrawn == ()
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


class TestDuties:
    """Acknowledgements are reckoned by local days; other duties are overdue by a recorded fact."""

    def test_signing_is_an_acknowledgement(self, world: World) -> None:
        """Of every such duty of the version, on the local day of the signature."""
        found = world.register.facts(request(world)).acknowledged
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
        from governance.signing.statement import Duty

        north = world.people["north"]
        said = Duty(time=world.clock.now(), mou="small", clause="4", party="hub", status="overdue", nonce="n" * 32)
        with pytest.raises(Refused):
            world.agreements.duties.mark(north, *north.signs(said))
        entry = world.insert("duty", north.signs(said))
        assert world.register.overdue() == frozenset()
        assert [(f.seq, f.reason) for f in world.register.failures()] == [(entry.seq, "not-an-administrator")]


class TestReviews:
    """A request that waits for approvals, and the signed answers."""

    def _asked(self, world: World, **changes: Any) -> tuple[Request, str]:
        """The convener's request, answered `review` and recorded as the gateway does."""
        from audit import Draft

        made = request(world, "hub", **({"rows": "all", "view": "pseudonymised"} | changes))
        decision = world.agreements.policies.decide(made)
        body = {
            "request": made.model_dump(mode="json", by_alias=True, exclude_none=True),
            "decision": decision.model_dump(mode="json", exclude_none=True),
        }
        world.log.append([Draft("request", body, ("hub",), {"party": "hub", "outcome": decision.outcome})])
        return made, request_digest(made, mou="small", under="2")

    def _again(self, world: World, made: Request) -> str:
        at = world.clock.now()
        return world.agreements.policies.decide(made.model_copy(update={"at": at})).outcome

    def test_each_contributor(self, world: World) -> None:
        """With `review: contributors` each party whose rows are asked for approves; the next request passes."""
        made, digest = self._asked(world)
        (waiting,) = world.agreements.reviews.listed(world.people["north"])
        assert (waiting["digest"], waiting["waits_for"]) == (digest, ["east", "north", "south"])
        world.answer(world.people["north"], digest)
        world.answer(world.people["south"], digest)
        assert self._again(world, made) == "review"
        assert world.answer(world.people["east"], digest)["state"] == "approved"
        assert self._again(world, made) == "permit"

    def test_only_whose_rows_are_asked_for(self, world: World) -> None:
        """With `from`, only these; another request needs approvals of its own."""
        made, digest = self._asked(world, **{"from": ["north"]})
        world.answer(world.people["north"], digest)
        assert self._again(world, made) == "permit"
        assert self._again(world, request(world, "hub", rows="all", view="pseudonymised")) == "review"
        with pytest.raises(NotFound):
            world.answer(world.people["south"], digest)

    def test_any_of_a_who(self) -> None:
        """With a `<who>`, any one of these suffices."""
        world = World().signed(document(review="{parties: [north, south]}"))
        made, digest = self._asked(world)
        world.answer(world.people["south"], digest)
        assert self._again(world, made) == "permit"

    def test_never_the_requester(self, world: World) -> None:
        """Who asks does not approve."""
        _, digest = self._asked(world)
        assert refused(world.answer, world.people["hub"], digest) == "not-an-approver"

    @pytest.mark.parametrize(("days", "outcome"), [(29.99, "permit"), (30.01, "review")])
    def test_30_days(self, days: float, outcome: str) -> None:
        """An approval is good for 30 days; `facts_until` says when it runs out."""
        world = World().signed(document(review="{parties: [north]}"))
        made, digest = self._asked(world)
        world.answer(world.people["north"], digest)
        until = world.register.facts_until(made.model_copy(update={"at": world.clock.now()}))
        world.clock.pass_(days=days)
        assert self._again(world, made) == outcome
        assert until is not None
        assert (until <= world.clock.time) == (outcome == "review")

    def test_less_than_30_days(self) -> None:
        """Where the approval says so."""
        world = World().signed(document(review="{parties: [north]}"))
        made, digest = self._asked(world)
        world.answer(world.people["north"], digest, until=world.clock.now() + dt.timedelta(days=2))
        assert self._again(world, made) == "permit"
        world.clock.pass_(days=2.1)
        assert self._again(world, made) == "review"

    def test_a_refusal_takes_an_approval_back(self) -> None:
        """The last word of a party counts."""
        world = World().signed(document(review="{parties: [north]}"))
        made, digest = self._asked(world)
        world.answer(world.people["north"], digest)
        assert world.answer(world.people["north"], digest, yes=False)["state"] == "refused"
        assert self._again(world, made) == "review"

    def test_not_carried_over_to_other_words(self) -> None:
        """A clause that says something else in a newer version asks anew; one that stayed the same does not."""
        for change, outcome in ((b"", "permit"), (b" And more.", "review")):
            world = World().signed(document(review="{parties: [north]}"))
            made, digest = self._asked(world)
            world.answer(world.people["north"], digest)
            text_of_2 = b'text: "{to} may see {fields} of {rows} clients.'
            world.propose(document(version=2, review="{parties: [north]}").replace(text_of_2, text_of_2 + change))
            world.sign_all(version=2)
            assert self._again(world, made) == outcome

    def test_an_approval_by_a_key_that_was_in_other_hands(self) -> None:
        """It falls with the key."""
        world = World().signed(document(review="{parties: [north]}"))
        clerk = world.enrol(Person("north", person="a clerk of north"))
        made, digest = self._asked(world)
        since = world.clock.now()
        world.answer(clerk, digest)
        assert self._again(world, made) == "permit"
        world.revoke(clerk, by=world.people["north"], since=since)
        assert self._again(world, made) == "review"

    def test_nothing_waits(self, world: World) -> None:
        """An answer to what nobody asked is no entry."""
        size = len(world.log.rows)
        assert refused(world.answer, world.people["north"], "0" * 64) == "no-review"
        assert len(world.log.rows) == size


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
        from governance.signing.jws import sign_detached

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
        """100 may wait from one day."""
        world = World()
        for _ in range(100):
            world.agreements.keys.enroll(*world.enrolment(Person("north")))
        with pytest.raises(TooMany):
            world.agreements.keys.enroll(*world.enrolment(Person("north")))
        world.clock.pass_(days=1.1)
        world.agreements.keys.enroll(*world.enrolment(Person("north")))


class TestRealLog:
    """The same on the real log in SQLite, with somebody who holds the database."""

    def _open(self, world: World, path: Path, *, create: bool) -> tuple[Agreements, Log, Any]:
        engine = create_engine(f"sqlite:///{path}")
        signer = NoteSigner.generate("example.org/log") if create else world.signer  # type: ignore[attr-defined]
        opening = Log.create if create else Log.open
        log = opening(engine, origin="example.org/log", signer=signer, clock=world.clock)
        world.signer = signer  # type: ignore[attr-defined]
        world.log = AuditJournal(log)  # type: ignore[assignment]
        world.claims = UnverifiedRows(engine)
        world.agreements = world.open()
        return world.agreements, log, engine

    def test_tampered_rows(self, tmp_path: Path) -> None:
        """With the triggers dropped, one changed byte of a signature's body: not in force, and status names it."""
        world = World()
        path = tmp_path / "log.db"
        agreements, log, engine = self._open(world, path, create=True)
        world.signed()
        assert decide(world).outcome == "permit"
        seq = next(e.seq for e in log.entries(kinds={"signature"}))
        with engine.begin() as connection:
            for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                connection.execute(text(f'DROP TRIGGER "{name}"'))
            row = connection.execute(text("SELECT body FROM audit_bodies WHERE seq = :s"), {"s": seq}).scalar_one()
            forged = bytes(row).replace(b'"jws":"', b'"jws":"A', 1)
            connection.execute(text("UPDATE audit_bodies SET body = :b WHERE seq = :s"), {"b": forged, "s": seq})
        shown = agreements.mous.shown(world.admin, "small")
        assert (shown["state"], shown["versions"][0]["missing"]) == ("fails", ["north"])
        (failure,) = shown["failures"]
        assert (failure["entry"], failure["reason"], failure["kind"]) == (seq, "entry-broken", "signature")
        assert (failure["party"], failure["version"]) == ("north", 1)
        assert "changed after it was recorded" in failure["detail"]
        assert refused(decide, world) == "engine-stale"
        log.close()
        # A start either refuses, naming the entry, or serves without the MOU; never with it.
        try:
            agreements, log, _ = self._open(world, path, create=False)
        except Tampered as error:
            assert error.seq == seq  # noqa: PT017 either way is right
        else:
            assert agreements.policies.start() is not None
            assert decide(world).outcome == "invalid"
            log.close()


def _clause(world: World, name: str) -> Any:
    return next(c for c in world.register.in_force_documents()[0].clauses if c.id == name)
