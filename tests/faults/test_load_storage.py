"""The database and the disk break under a served process and its clients, and are mended again."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.signing.http import sign_request
from tests.faults.disks import breaking_disk, filled, small_disk
from tests.faults.homes import copied, living
from tests.faults.killing import account
from tests.faults.load import MANY, Load, loaded
from tests.faults.table import promised
from tests.faults.test_stop import get
from tests.real_parts import PostgreSQL
from tests.serving import Served, serving
from tests.simulator import ORIGIN, World

Tell = Callable[..., None]
LOG_AWAY = (503, "log-unavailable")


def parts(server: Served) -> dict[str, str]:
    """What `/readyz` says."""
    with contextlib.closing(server.connect()) as connection:
        return dict(json.loads(get(connection, "/readyz")[1])["parts"])


def uploaded(world: World, server: Served) -> int:
    """The status of an upload of rows."""
    path, rows = "/v1/sources/visits/rows", b"client,program,grade,days,done\n1,art,50,1,1\n"
    headers = sign_request(
        key=world.partners["south"].key, method="POST", target_uri=ORIGIN + path, now=world.clock.now(),
        nonce=secrets.token_urlsafe(24), body=rows, content_type="text/csv",
    )  # fmt: skip
    with contextlib.closing(server.connect()) as connection:
        connection.request("POST", path, body=rows, headers=headers)
        return connection.getresponse().status


def gone_and_back(server: Served, load: Load, postgresql: PostgreSQL, *, rounds: int) -> None:
    """The database server dies in one of two ways, and is started again."""
    for number in range(rounds):
        postgresql.kill() if number % 2 else postgresql.crash()
        try:
            load.comes(*LOG_AWAY, times=4)
            assert "database-unwritable" == parts(server)["database"]
        finally:
            postgresql.start()
        load.comes(200, times=8)


@pytest.mark.postgresql
@pytest.mark.fault("PostgreSQL is restarted")
@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_postgresql_dies_under_load(
    rounds: int, tmp_path: Path, postgresql: PostgreSQL, postgresql_url: str, figures: Tell
) -> None:
    """Killed and started again: 503 meanwhile, nothing that was acknowledged is lost or doubled."""
    world = living(tmp_path, database_url=postgresql_url)
    with serving(world.settings, **MANY) as server, loaded(world, server) as load:
        gone_and_back(server, load, postgresql, rounds=rounds)
    assert {(200, None), *promised("PostgreSQL is restarted")} == load.answers()
    account(world, load.received).hold(figures, "PostgreSQL is killed under the service", rounds=rounds)


@pytest.mark.postgresql
@pytest.mark.fault("The database may only be read")
def test_a_database_that_may_only_be_read(
    tmp_path: Path, postgresql: PostgreSQL, postgresql_url: str, figures: Tell
) -> None:
    """As after a failover to a standby: refused, and served again when it may be written again."""
    world = living(tmp_path, database_url=postgresql_url)
    with serving(world.settings, **MANY) as server, loaded(world, server) as load:
        postgresql.read_only(True)
        try:
            load.comes(*LOG_AWAY, times=8)
            assert "database-unwritable" == parts(server)["database"]
        finally:
            postgresql.read_only(False)
        load.comes(200, times=8)
    assert {(200, None), *promised("The database may only be read")} == load.answers()
    account(world, load.received).hold(figures, "PostgreSQL may only be read", rounds=1)


@pytest.mark.fault("The disk is full")
@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_a_disk_fills_up_under_load(rounds: int, few: World, tmp_path: Path, figures: Tell) -> None:
    """Not a byte left, for the service's own log neither: refused until there is room again."""
    with small_disk(tmp_path / "disk") as disk:
        world = copied(few, disk)
        with serving(world.settings, **MANY) as server, loaded(world, server) as load:
            for _ in range(rounds):
                with filled(disk):
                    load.comes(*LOG_AWAY, times=8)
                    assert "disk-full" == parts(server)["disk"]
                    assert 503 == uploaded(world, server)
                load.comes(200, times=8)
        assert {(200, None), *promised("The disk is full")} == load.answers()
        account(world, load.received).hold(figures, "the disk is full under the service", rounds=rounds)


@pytest.mark.fault("The disk breaks, and may only be read")
def test_a_disk_breaks_under_load(few: World, tmp_path: Path, figures: Tell) -> None:
    """The system makes it read-only under open files: refused; once it is mended, a start needs nothing else."""
    with breaking_disk(tmp_path / "disk") as disk:
        world = copied(few, disk.folder)
        disk.settle()
        with serving(world.settings, **MANY) as server, loaded(world, server) as load:
            disk.fail()
            load.comes(*LOG_AWAY, times=8)
            assert "database-unwritable" == parts(server)["database"]
        disk.mend()
        with serving(world.settings, **MANY) as server, loaded(world, server) as after:
            after.comes(200, times=8)
        assert {(200, None), *promised("The disk breaks, and may only be read")} == load.answers()
        received = load.received + after.received
        account(world, received).hold(figures, "the disk breaks under the service", rounds=1)
