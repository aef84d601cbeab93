"""A world with something to tell; each test reads it, and none changes what another looks at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulator import World
from tests.web.console.visitor import telling_world


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """For a module's tests together."""
    world = telling_world(World.found(tmp_path_factory.mktemp("told")))
    yield world
    world.close()


@pytest.fixture
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One's own: an administrator and a partner with a connector, and no agreement."""
    world = World.found(tmp_path_factory.mktemp("founded"))
    world.enrol("north")
    world.enrol("north", use="connector", name="dashboard")
    yield world
    world.close()
