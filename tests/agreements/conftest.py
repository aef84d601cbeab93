"""The world that most tests here begin with."""

from __future__ import annotations

import pytest

from tests.agreement_world import World


@pytest.fixture
def world() -> World:
    """An MOU that everybody signed and that is active."""
    return World().signed()
