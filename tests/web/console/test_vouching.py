"""The console says who vouches for the log, and loudly where somebody remembers another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator import World
from tests.vouching import refusing, with_fake
from tests.web.console.visitor import Visitor


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Everybody has signed."""
    made = World.found(tmp_path).agreed()
    yield made
    made.close()


def test_nobody_vouches_yet(world: World) -> None:
    """And the page says how somebody would."""
    assert "accordant audit witness add" in Visitor.signed_in(world, world.administrator).text("/")


def test_witnesses_and_what_they_said(world: World) -> None:
    """For a partner as well."""
    fake = with_fake(world)
    assert "has not been heard" in Visitor.signed_in(world, world.partners["north"]).text("/")
    world.services.witnesses.ask()
    page = Visitor.signed_in(world, world.partners["north"]).text("/")
    assert "w cosigned" in page
    assert f"covers {fake.size}" in page
    fake.refuse = lambda: refusing(404)
    world.services.witnesses.ask()
    assert "does not know this log" in Visitor.signed_in(world, world.administrator).text("/")
    world.clock.time += dt.timedelta(hours=5)
    assert "Witnesses are overdue" in Visitor.signed_in(world, world.partners["north"]).text("/history")


def test_an_alarm_stands_on_every_page(world: World) -> None:
    """With both checkpoints, for whoever is signed in; pages go on, for reading goes on."""
    fake = with_fake(world)
    world.services.witnesses.ask()
    seen = fake.size
    fake.refuse = lambda: refusing(422)
    world.services.witnesses.ask()
    visitor = Visitor.signed_in(world, world.partners["north"])
    own = next(e.seq for e in world.services.journal.entries() if "north" in e.readers)
    for path in ("/", "/history", "/mous", f"/history/{own}"):
        page = visitor.text(path)
        assert "The witness w remembers another history" in page
        assert f"{seen} entries" in page
        assert "accordant.test/log" in page
    assert "remembers another history" not in Visitor.of(world).text("/sign-in")
