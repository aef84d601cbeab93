"""Openings: a statement is made within 24 hours of reading this very text."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.agreement_world import World
from tests.register.asking import in_force, reasons, refused, version_of


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
        assert [s.party for s in version_of(world).signatures.values()] == ["north"]

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
