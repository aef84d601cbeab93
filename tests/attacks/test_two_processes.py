"""Two processes: on one PostgreSQL a nonce counts once, and on one home the second says so and ends."""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from governance.settings import from_home
from governance.verification import verify_home
from tests.serving import Served, free_port, serving
from tests.simulator import World
from tests.test_gateway import OWN
from tests.wall_clock import WallClock

Call = tuple[bytes, dict[str, str]]
CLIENTS = 4


def _post(connection: http.client.HTTPConnection, call: Call) -> int:
    body, headers = call
    connection.request("POST", "/v1/query", body=body, headers=headers)
    response = connection.getresponse()
    response.read()
    return response.status


def _doubled(servers: tuple[Served, Served], calls: list[Call]) -> list[tuple[int, int]]:
    """Each call to both servers at the same time; the two answers."""
    answers: list[list[int]] = [[0, 0] for _ in calls]

    def send(which: int, first: int, meeting: threading.Barrier) -> None:
        connection = servers[which].connect()
        for place in range(first, len(calls), CLIENTS):
            meeting.wait(60)
            answers[place][which] = _post(connection, calls[place])
        connection.close()

    threads = []
    for first in range(CLIENTS):
        meeting = threading.Barrier(2)
        threads += [threading.Thread(target=send, args=(which, first, meeting)) for which in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [(a, b) for a, b in answers]


@pytest.mark.postgresql
@pytest.mark.parametrize("count", [100, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_doubled_request_counts_once_whichever_process_has_it_first(
    tmp_path: Path, postgresql_url: str, count: int
) -> None:
    """As many answers as there were requests, as many refusals of a replay; the log of it is whole."""
    world = World.found(tmp_path, database_url=postgresql_url, clock=WallClock()).agreed().filled(clients=33)
    world.close()
    shutil.copytree(world.settings.home, tmp_path / "second")
    more = {"ACCORDANT_REQUESTS_PER_MINUTE": "1000000"}
    with ExitStack() as stack:
        settings = (world.settings, from_home(tmp_path / "second", {}))
        one, two = (stack.enter_context(serving(s, **more)) for s in settings)
        # No signature is older than its 300 s: signed in parts.
        answers = []
        for start in range(0, count, 250):
            part = [world.signed_query(world.partners["dashboard"], OWN) for _ in range(start, min(start + 250, count))]
            answers += _doubled((one, two), part)
    assert {(200, 409), (409, 200)} >= set(answers)
    assert {200: count, 409: count} == Counter(status for pair in answers for status in pair)
    assert () == verify_home(world.settings).faults


@pytest.mark.postgresql
def test_a_key_revoked_at_one_gateway_is_worth_nothing_at_the_other(tmp_path: Path, postgresql_url: str) -> None:
    """What the other process wrote is seen before anything is recorded behind it."""
    world = World.found(tmp_path, database_url=postgresql_url).agreed().filled(clients=33)
    shutil.copytree(world.settings.home, tmp_path / "second")
    other = World.__new__(World)
    other.settings, other.clock, other.reading = from_home(tmp_path / "second", {}), world.clock, world.reading
    other.administrator, other.partners = world.administrator, world.partners
    other.open()
    assert [200, 200] == [w.query(world.partners["dashboard"], OWN).status_code for w in (world, other)]
    world.revoke("dashboard")
    assert 401 == other.query(world.partners["dashboard"], OWN).status_code
    other.close()
    world.close()
    assert () == verify_home(world.settings).faults


def test_a_second_server_of_a_home_says_so_and_ends(tmp_path: Path) -> None:
    """One line and exit code 3, a needed part is not to be had; the first goes on."""
    world = World.found(tmp_path)
    world.close()
    with serving(world.settings) as served:
        words = [sys.executable, "-m", "governance.cli", "serve", "--home", str(world.settings.home)]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=60, env={"ACCORDANT_LISTEN": f"127.0.0.1:{free_port()}"}
        )
        assert (3, "") == (done.returncode, done.stdout)
        assert f"accordant: another process serves the home `{world.settings.home}`\n" == done.stderr
        connection = served.connect()
        connection.request("GET", "/healthz")
        assert 200 == connection.getresponse().status
        connection.close()
