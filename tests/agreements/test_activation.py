"""Activation: what decides is what was signed."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest

from governance.errors import AccordantError, EngineUnavailable, LogUnavailable
from governance.model.access import Decision, Facts, Request
from tests.agreement_world import World, document
from tests.agreements.asking import decide, kinds, refused


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
        assert answer["activation"]["left_out"][0]["difference"] == {"request": {"party": "north"}}
        assert kinds(world)[-1] == "activation-refused"
        assert world.agreements.mous.shown(world.admin, "small")["versions"][0]["left_out"]["entry"] == 17
        assert refused(decide, world) == "no-mou-in-force"
        world.difference = None
        assert world.agreements.activate(world.admin)["state"] == "active"
        assert decide(world).outcome == "permit"
        assert world.agreements.mous.shown(world.admin, "small")["versions"][0]["left_out"] is None

    def test_a_refused_one_leaves_what_counted_until_the_newer_version_is_due(self, world: World) -> None:
        """The older version goes on, but never past the effective day of a newer one that is signed."""
        world.difference = {"request": {}}
        world.propose(document(version=2, effective="2026-10-01"))
        assert world.sign_all(version=2)["activation"]["state"] == "refused"
        assert decide(world).outcome == "permit"
        world.clock.time = dt.datetime(2026, 10, 1, 5, 0, tzinfo=dt.UTC)
        assert refused(decide, world) == "mou-not-activated"

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

            def loaded(self) -> str | None:
                return None

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

    def test_signing_and_activating_at_once(self) -> None:
        """Many threads that sign, activate and decide at the same time come to an end, and each word is said once."""
        world = World()
        world.everybody()
        for n in range(4):
            world.propose(document(id=f"m{n}"))
        errors: list[BaseException] = []

        def run(call: Any, *args: Any, **kwargs: Any) -> None:
            try:
                call(*args, **kwargs)
            except AccordantError:
                pass
            except BaseException as error:  # a thread's error would be lost otherwise
                errors.append(error)

        threads = [
            threading.Thread(target=run, args=(world.say, person), kwargs={"mou": f"m{n}"})
            for n in range(4)
            for person in world.people.values()
        ]
        threads += [threading.Thread(target=run, args=(world.agreements.activate, world.admin)) for _ in range(8)]
        threads += [threading.Thread(target=run, args=(decide, world)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert [t for t in threads if t.is_alive()] == []
        assert errors == []
        assert [m.id for m in world.register.in_force_documents()] == ["m0", "m1", "m2", "m3"]
        assert world.register.failures() == ()
        assert world.register.activation is not None
        assert len(world.register.activation.documents) == 4
