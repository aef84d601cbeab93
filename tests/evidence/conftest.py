"""The world with a whole life, and its evidence file, made once for all that look at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evidence.scene import evidence, lived, unpacked
from tests.simulator import World


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything has happened."""
    made = lived(tmp_path_factory.mktemp("lived"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def content(world: World) -> bytes:
    """The evidence file that the first party took."""
    return evidence(world)


@pytest.fixture
def folder(content: bytes, tmp_path: Path) -> Path:
    """A fresh copy, unpacked."""
    return unpacked(content, tmp_path / "evidence")
