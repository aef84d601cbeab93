"""The production profile: the same world on PostgreSQL, and decided by a real OPA server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.adapters.opa import OpaEngine
from governance.checking import readings_agree
from governance.verification import verify_home
from tests.real_parts import Opa
from tests.simulator import World
from tests.test_gateway import COMPARE, OWN


@pytest.mark.postgresql
def test_the_whole_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    """Sign, load, ask, be refused, replay, consent, restart, verify: one code path."""
    world = World.found(tmp_path, database_url=postgresql_url).agreed().filled()
    dashboard = world.partners["dashboard"]
    assert 60 == len(world.query(dashboard, OWN).json["rows"])
    assert 3 == len(world.query(dashboard, COMPARE).json["rows"])
    assert 403 == world.query(dashboard, OWN, purpose="marketing").status_code
    body, headers = world.signed_query(dashboard, OWN)
    statuses = []

    def send() -> None:
        response = world.client.post("/v1/query", data=body, headers=headers, base_url="http://accordant.test")
        response.get_data()
        statuses.append(response.status_code)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [200, 409, 409, 409] == sorted(statuses)
    records = "subject,purpose,fields,status\n" + "".join(f"{i},improvement,grade,given\n" for i in range(60))
    for party in ("north", "south", "east", "west"):
        world.told(world.partners[party], "POST", "/v1/consents", body=records.encode(), content_type="text/csv")
    grades = COMPARE | {"measures": [{"measure": "clients"}], "group_by": ["grade"]}
    assert 240 == sum(row[1] for row in world.query(world.partners["hub"], grades).json["rows"])
    world.close()
    world.open()
    assert 3 == len(world.query(dashboard, COMPARE).json["rows"])
    world.close()
    assert () == verify_home(world.settings).faults


@pytest.mark.opa
def test_decided_by_an_opa_server(tmp_path: Path, opa_server_factory: Callable[..., Opa]) -> None:
    """Activated after three readings agreed; a server that is gone releases nothing, and comes back."""
    server = opa_server_factory()
    engine = OpaEngine(server.url, timeout=5)
    world = World.found(tmp_path, engine=engine, check=readings_agree(engine)).agreed().filled()
    activation = next(iter(world.services.journal.entries(kinds={"activation"})))
    assert ["reference", "embedded", "opa"] == activation.body["engines"]
    assert activation.body["cases"] > 100
    dashboard = world.partners["dashboard"]
    assert 200 == world.query(dashboard, OWN).status_code
    assert 403 == world.query(dashboard, OWN, purpose="marketing").status_code
    server.stop()
    refused = world.query(dashboard, OWN | {"fields": ["client", "days"]})
    assert (503, "engine-unreachable") == (refused.status_code, refused.json["reason"])
    assert "unavailable" == refused.headers["Accordant-Outcome"]
    world.close()
    assert () == verify_home(world.settings).faults
