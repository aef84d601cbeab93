"""The disk and the database in trouble: what can't be logged doesn't happen."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from governance.verification import verify_home
from tests.faults.disks import filled, small_disk
from tests.faults.homes import FEW, bodies, copied, living
from tests.faults.table import promised
from tests.faults.test_clients import until
from tests.real_parts import PostgreSQL
from tests.simulator import World


def status(world: World) -> tuple[int, str | None]:
    """What a request gets: the status, and the reason of a refusal."""
    response = world.query(world.partners["dashboard"], FEW)
    document = response.get_json(silent=True) or {}
    return response.status_code, document.get("reason")


@pytest.mark.fault("The disk is full")
def test_a_full_disk(few: World, tmp_path: Path) -> None:
    """Refused until there is room again, then on as before: nothing is lost, doubled or half written."""
    with small_disk(tmp_path / "disk") as disk:
        world = copied(few, disk)
        world.open()
        assert (200, None) == status(world)
        assert "ok" == world.services.ready()["disk"]
        with filled(disk):
            refusals = [status(world) for _ in range(40)]
            assert promised("The disk is full") == [refusals[-1]]
            assert "disk-full" == world.services.ready()["disk"]
        assert (200, None) == status(world)
        assert "ok" == world.services.ready()["disk"]
        world.close()
        outcomes = [body["outcome"] for body in bodies(world.settings, "request")]
        answered = 2 + sum(1 for found in refusals if found == (200, None))
        assert answered == outcomes.count("permit") == len(bodies(world.settings, "release"))
        assert () == verify_home(world.settings).faults


@pytest.mark.slow
@pytest.mark.fault("Another program holds SQLite's lock")
def test_another_holds_the_database(few: World, tmp_path: Path) -> None:
    """A request waits for it, not for ever; /readyz says so sooner; when the lock is gone all goes on."""
    world = copied(few, tmp_path)
    world.open()
    assert (200, None) == status(world)
    with closing(sqlite3.connect(world.settings.home / "accordant.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "database-unwritable" == world.services.ready()["database"]
        assert promised("Another program holds SQLite's lock") == [status(world)]
        other.execute("ROLLBACK")
    assert (200, None) == status(world)
    assert "ok" == world.services.ready()["database"]
    world.close()
    assert () == verify_home(world.settings).faults


@pytest.mark.postgresql
@pytest.mark.fault("PostgreSQL is restarted")
def test_postgresql_is_restarted(tmp_path: Path, postgresql: PostgreSQL, postgresql_url: str) -> None:
    """Refused while it is away; connections are made anew, and whoever was answered has an entry."""
    world = living(tmp_path, database_url=postgresql_url)
    world.open()
    assert (200, None) == status(world)
    postgresql.crash()
    assert promised("PostgreSQL is restarted") == [status(world)]
    assert "database-unwritable" == world.services.ready()["database"]
    postgresql.start()
    until(lambda: status(world) == (200, None))
    assert {"ok"} == set(world.services.ready().values())
    world.close()
    permits = [b for b in bodies(world.settings, "request") if b["outcome"] == "permit"]
    assert 2 == len(permits)
    assert () == verify_home(world.settings).faults
