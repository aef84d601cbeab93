"""The clock steps: signatures are judged by the server's clock, and the log's time never goes back."""

from __future__ import annotations

import contextlib
import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.leaf import Leaf
from governance.adapters.store.database import open_database
from governance.verification import verify_home
from tests.faults.homes import FEW, copied
from tests.faults.killing import account
from tests.faults.load import MANY, loaded
from tests.faults.table import promised
from tests.serving import free_port, process
from tests.simulator import ORIGIN, World


def sent(world: World, body: bytes, headers: dict[str, str]) -> tuple[int, str | None]:
    """The status, and the reason of a refusal."""
    response = world.client.post("/v1/query", data=body, headers=headers, base_url=ORIGIN)
    return response.status_code, (response.get_json(silent=True) or {}).get("reason")


@pytest.mark.fault("The clock steps back and forth")
def test_the_clock_steps(tmp_path: Path) -> None:
    """Whoever signed by the right time is refused while the clock is wrong, and served when it is right again."""
    world = World.found(tmp_path).agreed().filled(clients=12)
    dashboard, right = world.partners["dashboard"], world.clock.time
    assert 200 == world.query(dashboard, FEW).status_code
    found = []
    for step in (dt.timedelta(hours=-2), dt.timedelta(hours=2)):
        world.clock.time = right
        body, headers = world.signed_query(dashboard, FEW)
        world.clock.time = right + step
        found.append(sent(world, body, headers))
        assert 200 == world.query(dashboard, FEW).status_code  # signed by the same wrong clock
        replayed = world.signed_query(dashboard, FEW)
        assert (200, None) == sent(world, *replayed)
        assert (409, "replayed-nonce") == sent(world, *replayed)
    assert promised("The clock steps back and forth") == found
    world.clock.time = right + dt.timedelta(minutes=1)
    assert 200 == world.query(dashboard, FEW).status_code
    times = [entry.time for entry in world.services.journal.entries()]
    assert sorted(times) == times
    world.close()
    assert () == verify_home(world.settings).faults


@pytest.mark.fault("The clock steps back and forth")
def test_the_clock_of_a_served_process_steps(few: World, tmp_path: Path, figures: Callable[..., None]) -> None:
    """Under clients that have the right time: refused while it is wrong, served when it is right; it starts so, too."""
    world, port, clock = copied(few, tmp_path), free_port(), tmp_path / "clock"
    clock.write_text("0")
    words = [sys.executable, "-m", "tests.faults.clocked", str(world.settings.home), str(clock)]
    environ = MANY | {"ACCORDANT_LISTEN": f"127.0.0.1:{port}"}
    served = process(words, port=port, log=world.settings.home / "server.log", environ=environ)
    with served as server, loaded(world, server) as load:
        for seconds, told in zip((-7200, 7200), promised("The clock steps back and forth"), strict=True):
            clock.write_text(str(seconds))
            load.comes(*told, times=4)
            world.clock = Stepped(seconds)
            load.comes(200, times=4)  # signed by the same wrong clock
            clock.write_text("0")
            world.clock = Stepped(0)
            load.comes(200, times=4)
    assert {(200, None), (401, "signature-early"), (401, "signature-expired")} == load.answers()
    account(world, load.received).hold(figures, "the clock of the service steps", rounds=4)
    with contextlib.closing(open_database(world.settings.database_url).connect()) as connection:
        times = connection.exec_driver_sql("SELECT leaf FROM audit_leaves ORDER BY seq").scalars().all()
    found = [Leaf.from_bytes(leaf).time for leaf in times]
    assert sorted(found) == found
    assert found[-1] - dt.datetime.now(dt.UTC) > dt.timedelta(hours=1)  # it stood where the wrong clock had left it


class Stepped:
    """The machine's clock, wrong by so many seconds."""

    def __init__(self, seconds: int) -> None:
        self._by = dt.timedelta(seconds=seconds)

    def now(self) -> dt.datetime:
        """The instant, in UTC."""
        return dt.datetime.now(dt.UTC) + self._by
