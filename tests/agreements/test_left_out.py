"""A document on which the readings differ is left out; the rest counts; nothing is decided without what it forbids."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from governance.agreements.held import held
from governance.compiler.reference import decide as plain
from governance.model.access import Facts, Request
from governance.model.mou import Mou
from governance.register import Life, Place, Proposal, Signed, VersionState
from governance.register.signings import Departure
from tests.agreement_world import World, document
from tests.agreements.asking import decide, kinds, refused
from tests.strategies import askings

_ODD = {"request": {"party": "north"}, "answers": {"reference": {"outcome": "deny"}}}
_FORBIDS = """\
  - id: "5"
    title: Never
    prohibit: {data: visits, purpose: [improvement]}
    text: "Nobody may."
"""


def _clinic(**changes: str) -> bytes:
    """A document about a dataset of its own."""
    return document(id="clinic", **changes).replace(b"visits", b"stays")


def _two(odd: str = "second@1", data: bytes | None = None) -> World:
    """`small` counts; a second one on the same dataset, which forbids all, is signed and odd."""
    world = World().signed()
    world.difference, world.odd = _ODD, {odd}
    world.propose(data or document(id="second", extra=_FORBIDS))
    world.sign_all("second")
    return world


class TestTheRestCounts:
    """One document holds nobody up but those whom it speaks of."""

    def test_a_later_one_is_activated(self) -> None:
        """The entry names what counts, what was left out, and the request on which the readings differ."""
        world = _two()
        assert kinds(world)[-1] == "activation-refused"
        world.propose(_clinic())
        answer = world.sign_all("clinic")
        body = world.log.rows[-1].body
        assert answer["activation"]["state"] == "active"
        assert kinds(world)[-1] == "activation"
        assert [(m["id"], m["version"]) for m in body["mous"]] == [("clinic", 1), ("small", 1)]
        assert [(m["id"], m["version"], m["difference"]) for m in body["left_out"]] == [("second", 1, _ODD)]
        assert decide(world, dataset="stays").outcome == "permit"

    def test_the_status_says_which_and_why(self) -> None:
        """In the list, and beside the version with its entry."""
        world = _two()
        seq = world.log.rows[-1].seq
        shown = world.agreements.mous.shown(world.admin, "second")
        assert [(m["id"], m["left_out"]) for m in world.agreements.mous.listed(world.admin)] == [
            ("second", [1]),
            ("small", []),
        ]
        assert shown["versions"][0]["left_out"] == {"entry": seq, "difference": _ODD}
        assert shown["versions"][0]["activated"] is False

    def test_nothing_is_asked_and_recorded_twice(self) -> None:
        """Until another document is signed; a start looks once more, and is silent where nothing changed."""
        world = _two()
        size = len(world.log.rows)
        assert world.agreements.policies.activate() is None
        assert world.agreements.activate(world.admin) == {"state": "unchanged"}
        world.agreements = world.open()
        assert world.agreements.policies.start() is None
        assert len(world.log.rows) == size

    def test_a_start_takes_it_in_once_the_readings_agree(self) -> None:
        """As after an upgrade."""
        world = _two()
        world.difference = None
        world.agreements = world.open()
        started = world.agreements.policies.start()
        assert started is not None
        assert started["state"] == "active"
        assert world.register.left_out == {}
        assert decide(world).outcome == "deny"

    def test_what_was_recorded_as_all_or_nothing_is_read_as_left_out(self) -> None:
        """An older log's `activation-refused` names every document of the attempt."""
        world = World().signed()
        ((mou, version, digest),) = world.register.activation.documents  # type: ignore[union-attr]
        named = [{"id": mou, "version": version, "document_sha256": digest}]
        odd = {"id": "second", "version": 1, "document_sha256": "0" * 64}
        body = {"revision": "r", "mous": [*named, odd], "cases": 1, "difference": _ODD}
        world.agreements.policies.desk.record("activation-refused", body, ["north"], {})
        assert dict(world.register.left_out) == {("second", 1, "0" * 64): _ODD}


class TestWhatIsLeftOutHoldsBack:
    """A prohibition of one MOU binds what another permits: without it nothing is decided for its parties."""

    def test_what_it_might_forbid_is_not_permitted(self) -> None:
        """Its datasets, for its parties; the reason names it."""
        world = _two()
        assert refused(decide, world) == "mou-not-activated"
        assert refused(decide, world, "hub", rows="all", view="aggregate") == "mou-not-activated"

    def test_before_its_first_day_all_goes_on(self) -> None:
        """It binds nobody yet."""
        world = _two(data=document(id="second", effective="2026-10-01", extra=_FORBIDS))
        assert decide(world).outcome == "permit"
        world.clock.time = dt.datetime(2026, 10, 1, 5, 0, tzinfo=dt.UTC)
        assert refused(decide, world) == "mou-not-activated"

    def test_after_its_last_day_all_goes_on(self) -> None:
        """It forbids nothing any more."""
        world = _two(data=document(id="second", expires="2026-12-31", extra=_FORBIDS))
        assert refused(decide, world) == "mou-not-activated"
        world.clock.time = dt.datetime(2027, 1, 1, 6, 0, tzinfo=dt.UTC)
        assert decide(world).outcome == "permit"

    def test_whoever_is_no_party_is_decided_as_before(self) -> None:
        """The document binds its parties only."""
        data = document(id="second", extra=_FORBIDS).replace(b"  - {id: east, name: East, role: partner}\n", b"")
        world = World().signed()
        world.difference, world.odd = _ODD, {"second@1"}
        world.propose(data)
        for party in ("north", "south", "hub"):
            world.say(world.people[party], mou="second")
        assert decide(world, "east").outcome == "permit"
        assert refused(decide, world, "south") == "mou-not-activated"

    def test_a_party_that_leaves_it_is_decided_by_the_rest(self) -> None:
        """Leaving is how a party gets out of a document that nobody can activate."""
        world = _two()
        world.say(world.people["north"], "withdraw", mou="second")
        assert decide(world).outcome == "permit"
        assert refused(decide, world, "south") == "mou-not-activated"

    def test_a_newer_version_holds_back_what_it_replaces(self) -> None:
        """From its first day on the older one is over: neither decides, for the parties of both."""
        world = World().signed()
        world.difference, world.odd = _ODD, {"small@2"}
        world.propose(document(version=2, effective="2026-10-01").replace(b"visits", b"calls"))
        world.sign_all(version=2)
        assert decide(world).outcome == "permit"
        world.clock.time = dt.datetime(2026, 10, 1, 5, 0, tzinfo=dt.UTC)
        assert refused(decide, world) == "mou-not-activated"

    def test_a_version_that_stands_takes_its_place(self) -> None:
        """An amendment mends it."""
        world = World().signed()
        world.difference, world.odd = _ODD, {"small@2"}
        world.propose(document(version=2, effective="2026-09-02"))
        world.sign_all(version=2)
        assert refused(decide, world) == "mou-not-activated"
        world.propose(document(version=3, effective="2026-09-03"))
        assert world.sign_all(version=3)["activation"]["state"] == "active"
        assert decide(world).outcome == "permit"

    def test_a_term_that_only_it_gives_a_purpose(self) -> None:
        """A prohibition elsewhere may touch a purpose by the term that this document alone knows."""
        clinic = _clinic().replace(b"{title: improvement}", b"{title: improvement, dpv: 'dpv:Marketing'}")
        world = World().signed()
        world.difference, world.odd = _ODD, {"clinic@1"}
        world.propose(clinic)
        world.sign_all("clinic")
        assert refused(decide, world) == "mou-not-activated"

    def test_signed_and_not_looked_at_yet_is_held_back_too(self, world: World) -> None:
        """While no engine answers, a new prohibition is in force all the same."""
        world.difference, world.odd = _ODD, {"second@1"}
        world.propose(document(id="second", extra=_FORBIDS))
        world.sign_all("second")
        counting = world.register.counting_documents()
        assert [h.ref for h in held(world.register.lives(), counting)] == ["second@1"]
        assert [h.ref for h in held(world.register.lives(), ())] == ["second@1", "small@1"]


class TestBeforeAnybodySigns:
    """A document on which the readings differ is not put up for signing."""

    def test_it_is_not_proposed(self, world: World) -> None:
        """The administrator hears the request; no entry is made."""
        world.seen = _ODD
        size = len(world.log.rows)
        assert refused(world.propose, document(id="second")) == "readings-differ"
        assert len(world.log.rows) == size


@pytest.mark.parametrize("odd", [("m1",), ("m0", "m2"), ("m0", "m1", "m2", "m3")])
def test_any_of_several(odd: tuple[str, ...]) -> None:
    """Whichever are odd, the others count."""
    world = World()
    world.everybody()
    world.difference, world.odd = _ODD, {f"{i}@1" for i in odd}
    for n in range(4):
        world.propose(document(id=f"m{n}").replace(b"visits", f"visits{n}".encode()))
        world.sign_all(f"m{n}")
    counting = {m.id for m in world.register.counting_documents()}
    assert counting == {"m0", "m1", "m2", "m3"} - set(odd)
    assert {i for i, _, _ in world.register.left_out} == set(odd)


_NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_SIGNED = Signed(Place(1, _NOW), "signature", "SHA256:x", {})


def _lives(mous: tuple[Mou, ...], facts: Facts) -> dict[str, Life]:
    """Every document established, and every withdrawal of the facts."""
    lives = {}
    for name in sorted({m.id for m in mous}):
        versions: list[Any] = sorted((m for m in mous if m.id == name), key=lambda m: m.version)
        states = tuple(
            VersionState(Proposal(_SIGNED, m.id, m.version, b"", b"", m, "", "", "", ""), m, {}, {}, (), (), True,
                         _SIGNED.place, None, ())
            for m in versions
        )  # fmt: skip
        departures = tuple(
            Departure(_SIGNED, w.party, m.version, w.at, m.withdrawal.ends if m.withdrawal else "party")
            for w in facts.withdrawn
            if w.mou == name
            for m in versions[-1:]
        )
        lives[name] = Life(states, departures, ())
    return lives


@given(asking=askings(most=40))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_not_held_back_is_never_wider(asking: tuple[tuple[Mou, ...], list[tuple[Request, Facts]]]) -> None:
    """Whichever document is left out: what the rest permits is permitted with it too, or it is held back."""
    mous, cases = asking
    for out in mous:
        rest = tuple(m for m in mous if m is not out)
        if not rest:
            continue
        for request, facts in cases:
            if any(h.holds(request) for h in held(_lives(mous, facts), rest)):
                continue
            narrow, whole = plain(rest, request, facts), plain(mous, request, facts)
            # A document can make a filter on one's own rows invalid (R6), which discloses nothing of anybody's.
            if narrow.outcome == "permit" and whole.reason not in ("undeclared-level", "filter-not-a-level"):
                assert (narrow.outcome, narrow.cites, narrow.obligations) == (
                    whole.outcome,
                    whole.cites,
                    whole.obligations,
                )
