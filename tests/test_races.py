"""What happens at the same time: one nonce many times, a key revoked under requests, nothing decided on old facts."""

from __future__ import annotations

import threading
from pathlib import Path

from governance.verification import verify_home
from tests.simulator import ORIGIN, World
from tests.test_gateway import OWN


def test_one_nonce_at_once_counts_once(tmp_path: Path) -> None:
    """Eight threads send the same bytes: one answer, seven refusals, eight entries."""
    world = World.found(tmp_path).agreed().filled(clients=33)
    body, headers = world.signed_query(world.partners["dashboard"], OWN)
    statuses: list[int] = []

    def send() -> None:
        response = world.client.post("/v1/query", data=body, headers=headers, base_url=ORIGIN)
        response.get_data()
        statuses.append(response.status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [200] + 7 * [409] == sorted(statuses)
    world.close()
    assert () == verify_home(world.settings).faults


def test_no_request_is_recorded_behind_the_revocation_of_its_key(tmp_path: Path) -> None:
    """Whatever comes first in the log was first; the log of it verifies."""
    world = World.found(tmp_path).agreed().filled(clients=33)
    calls = [world.signed_query(world.partners["dashboard"], OWN) for _ in range(12)]
    start = threading.Barrier(len(calls) + 1)

    def send(body: bytes, headers: dict[str, str]) -> None:
        start.wait()
        world.client.post("/v1/query", data=body, headers=headers, base_url=ORIGIN).get_data()

    threads = [threading.Thread(target=send, args=call) for call in calls]
    for thread in threads:
        thread.start()
    start.wait()
    world.revoke("dashboard")
    for thread in threads:
        thread.join()
    *_, revocation = world.services.journal.entries(kinds={"revocation"})
    behind = list(world.services.journal.entries(kinds={"request"}, after=revocation.seq))
    assert [] == [e.body["outcome"] for e in behind if e.body["outcome"] == "permit"]
    world.close()
    assert () == verify_home(world.settings).faults
