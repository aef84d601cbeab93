"""`kill -9` under eight clients: every byte that left has its entry, and the next start needs nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.homes import copied, living
from tests.faults.killing import killed, lost
from tests.simulator import World


@pytest.mark.fault("The server is killed (`kill -9`) under requests")
def test_killed_on_sqlite(few: World, tmp_path: Path) -> None:
    """A few lives."""
    world = copied(few, tmp_path)
    received = killed(world, rounds=3, seed=3)
    assert [] == lost(world, received)
    assert {200, 403} <= {one.status for one in received}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_two_hundred_times_on_sqlite(few: World, tmp_path: Path) -> None:
    """Two hundred lives."""
    two_hundred(copied(few, tmp_path))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.postgresql
def test_killed_two_hundred_times_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    """Two hundred lives."""
    two_hundred(living(tmp_path, database_url=postgresql_url))


@pytest.mark.postgresql
def test_killed_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    """A few lives."""
    world = living(tmp_path, database_url=postgresql_url)
    assert [] == lost(world, killed(world, rounds=2, seed=5))


def two_hundred(world: World) -> None:
    """Nothing that was acknowledged is lost or doubled, and the log is whole."""
    received = killed(world, rounds=200, seed=200)
    answered = sum(one.status == 200 for one in received)
    print(f"{len(received)} acknowledged, {answered} answers, {sum(not one.whole for one in received)} broken off")
    assert [] == lost(world, received)
    assert answered >= 200
