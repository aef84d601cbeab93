"""`kill -9` under eight clients: every byte that left has its entry, and the next start needs nobody."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.errors import HomeInUse
from governance.home import locked
from tests.faults.homes import copied, events, living
from tests.faults.killing import account, killed
from tests.faults.test_clients import ten_rows, until
from tests.serving import serving
from tests.simulator import World

Tell = Callable[..., None]


@pytest.mark.fault("The server is killed (`kill -9`) under requests")
def test_killed_on_sqlite(few: World, tmp_path: Path, figures: Tell) -> None:
    """A few lives."""
    world = copied(few, tmp_path)
    received = killed(world, rounds=2, seed=3)
    account(world, received).hold(figures, "the server is killed, on SQLite", rounds=2)
    assert {200, 403} <= {one.status for one in received}


def test_the_worker_ends_with_its_parent(few: World, tmp_path: Path) -> None:
    """Where the parent alone is killed nothing is left that would hold the home: the next start needs nobody."""
    world = copied(few, tmp_path)
    with serving(world.settings) as server:
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    until(lambda: _free(world))
    with serving(world.settings) as server:
        ten_rows(world, server)


def test_ctrl_c_ends_it_as_a_stop_does(few: World, tmp_path: Path) -> None:
    """A terminal sends it to both processes; it is no failure."""
    world = copied(few, tmp_path)
    with serving(world.settings) as server:
        ten_rows(world, server)
        for pid in server.workers():
            os.kill(pid, signal.SIGINT)
        assert 0 == server.process.wait(30)
    assert "stopped" in [event["event"] for event in events(server)]


def _free(world: World) -> bool:
    try:
        with locked(world.settings):
            return True
    except HomeInUse:
        return False


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_two_hundred_times_on_sqlite(few: World, tmp_path: Path, figures: Tell) -> None:
    """Two hundred lives."""
    two_hundred(copied(few, tmp_path), figures, "the server is killed, on SQLite")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.postgresql
def test_killed_two_hundred_times_on_postgresql(tmp_path: Path, postgresql_url: str, figures: Tell) -> None:
    """Two hundred lives."""
    two_hundred(living(tmp_path, database_url=postgresql_url), figures, "the server is killed, on PostgreSQL")


@pytest.mark.postgresql
def test_killed_on_postgresql(tmp_path: Path, postgresql_url: str, figures: Tell) -> None:
    """A few lives."""
    world = living(tmp_path, database_url=postgresql_url)
    received = killed(world, rounds=1, seed=5)
    account(world, received).hold(figures, "the server is killed, on PostgreSQL", rounds=1)


def two_hundred(world: World, figures: Tell, what: str) -> None:
    """Nothing that was acknowledged is lost or doubled, and the log is whole."""
    received = killed(world, rounds=200, seed=200)
    account(world, received).hold(figures, what, rounds=200)
    assert sum(one.status == 200 for one in received) >= 200
