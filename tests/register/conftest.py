"""The world that most tests here begin with."""

from __future__ import annotations

import pytest

from tests.agreement_world import World, document


@pytest.fixture
def world() -> World:
    """Everybody enrolled, one document proposed."""
    made = World()
    made.everybody()
    made.propose(document())
    return made
