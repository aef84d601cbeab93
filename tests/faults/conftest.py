"""Homes that several of these tests serve."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.homes import living
from tests.serving import Served, serving
from tests.simulator import World

ROWS = 300_000


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One partner has so many rows that no buffer holds its answer."""
    return living(tmp_path_factory.mktemp("many"), rows=ROWS)


@pytest.fixture(scope="module")
def impatient(many: World) -> Iterator[Served]:
    """A server of that home that waits for nobody longer than two seconds."""
    seconds = {"ACCORDANT_BODY_SECONDS": "2", "ACCORDANT_SEND_SECONDS": "2", "ACCORDANT_HEADER_SECONDS": "2"}
    with serving(many.settings, ACCORDANT_THREADS="4", **seconds) as server:
        yield server


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A small home, to be copied and broken."""
    return living(tmp_path_factory.mktemp("few"))
