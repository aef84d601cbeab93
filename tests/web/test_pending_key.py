"""A key that waits for its approval: its holder is told so, and nobody else learns of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.signing.keys import PrivateKey
from tests.simulator import Partner, World
from tests.test_gateway import OWN


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World.found(tmp_path).agreed()
    yield made
    made.close()


def test_its_holder_is_told_that_it_waits(world: World) -> None:
    """On any call, a data request too, with what to do; nothing is answered."""
    waiting = world.enrol("north", name="waiting", approved=False)
    assert (401, "key-pending") == _answer(world, waiting)
    assert (401, "key-pending") == _asked(world, waiting)
    assert "tell its fingerprint" in world.call(waiting, "GET", "/v1/mous").json["detail"]


def test_nobody_else_learns_of_it(world: World) -> None:
    """A signature in its name that is not its own is answered as an unknown key's is, and makes no entry."""
    waiting = world.enrol("north", name="waiting", approved=False)
    stranger = Partner("north", PrivateKey.generate("ed25519"), "somebody", "signatory")
    forged = dataclasses.replace(waiting, key=_InTheNameOf(waiting.key, stranger.key))
    before = world.services.journal.head().size
    told = [world.call(who, "GET", "/v1/mous").json for who in (stranger, forged)]
    assert told[0] == told[1]
    assert before == world.services.journal.head().size


class _InTheNameOf:
    """Says one key's id and signs with another."""

    def __init__(self, named: PrivateKey, signing: PrivateKey) -> None:
        self._named, self._signing = named, signing

    def __getattr__(self, name: str) -> object:
        return getattr(self._signing if name == "sign" else self._named, name)


def _answer(world: World, partner: Partner) -> tuple[int, str]:
    response = world.call(partner, "GET", "/v1/mous")
    return response.status_code, response.json["reason"]


def _asked(world: World, partner: Partner) -> tuple[int, str]:
    response = world.query(partner, OWN)
    return response.status_code, response.json["reason"]
