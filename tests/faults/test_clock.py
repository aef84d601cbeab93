"""The clock steps: signatures are judged by the server's clock, and the log's time never goes back."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from governance.verification import verify_home
from tests.faults.homes import FEW
from tests.faults.table import promised
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
