"""The OPA server in trouble: nothing is released, it is written down, and the service comes back by itself."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from governance.adapters.opa import OpaEngine
from governance.verification import verify_home
from tests.faults.between import Between, between
from tests.faults.table import promised
from tests.real_parts import Opa
from tests.simulator import World

pytestmark = pytest.mark.opa

_FIELDS = ("client", "program", "grade", "days", "done")


@dataclass
class Setting:
    """A world that is decided by an OPA server behind something that a test can turn."""

    world: World
    server: Opa
    between: Between
    asked: int = 0

    def ask(self) -> TestResponse:
        """A request that no cache knows yet."""
        self.asked += 1
        names = [name for bit, name in enumerate(_FIELDS) if self.asked & (1 << bit)]
        request = {"dataset": "visits", "fields": names, "rows": "own", "view": "identified"}
        return self.world.query(self.world.partners["dashboard"], request)

    def ready(self) -> dict[str, str]:
        """The parts as a fresh look at them says."""
        return self.world.services.ready()

    def outcomes(self) -> list[tuple[str, str]]:
        """What the log says about requests."""
        return [(e.body["outcome"], e.body["reason"]) for e in self.world.services.journal.entries(kinds={"request"})]


@pytest.fixture
def setting(tmp_path: Path, opa_server_factory: Callable[..., Opa]) -> Iterator[Setting]:
    """Agreed, filled, and asked once with success."""
    server = opa_server_factory()
    with between(server.url) as middle:
        engine = OpaEngine(middle.url, timeout=1)
        world = World.found(tmp_path, engine=engine).agreed().filled(clients=12)
        made = Setting(world, server, middle)
        assert 200 == made.ask().status_code
        yield made
        world.close()
        engine.close()
        assert () == verify_home(world.settings).faults
    server.stop()


def refused(setting: Setting, row: str, *, ready: str) -> None:
    """What the row promises the caller; the entry says the same, and so does /readyz."""
    response = setting.ask()
    assert promised(row) == [(response.status_code, response.json["reason"])]
    assert ("unavailable", response.json["reason"]) == setting.outcomes()[-1]
    assert ready == setting.ready()["engine"]


@pytest.mark.fault("OPA is killed")
def test_killed(setting: Setting) -> None:
    """Nothing is released."""
    setting.server.stop()
    refused(setting, "OPA is killed", ready="engine-unreachable")


@pytest.mark.fault("OPA is started again, empty")
def test_an_empty_server_is_told_again(setting: Setting) -> None:
    """All that it knew is taken from it: one request is refused, the next is answered."""
    base = setting.server.url
    with urllib.request.urlopen(f"{base}/v1/policies") as answer:
        policies = [policy["id"] for policy in json.load(answer)["result"]]
    for path in ("/v1/data/accordant", *(f"/v1/policies/{name}" for name in sorted(policies, reverse=True))):
        _call("DELETE", base + path)
    response = setting.ask()
    assert promised("OPA is started again, empty") == [(response.status_code, response.json["reason"])]
    assert 200 == setting.ask().status_code
    assert "ok" == setting.ready()["engine"]


def _call(method: str, url: str, document: Any = None) -> None:
    data = None if document is None else json.dumps(document).encode()
    made = urllib.request.Request(url, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        urllib.request.urlopen(made).close()
    except urllib.error.HTTPError as error:
        error.close()  # a module that another one still needs goes with the next


@pytest.mark.fault("OPA takes seconds for an answer")
def test_slow(setting: Setting) -> None:
    """The setting `engine_seconds` bounds it; in time again, it is asked again."""
    setting.between.mode = "slow"
    refused(setting, "OPA takes seconds for an answer", ready="engine-timeout")
    setting.between.mode = "through"
    setting.between.release.set()
    assert 200 == setting.ask().status_code


@pytest.mark.fault("OPA answers rubbish")
def test_rubbish(setting: Setting) -> None:
    """What can't be read is no answer."""
    setting.between.mode = "rubbish"
    refused(setting, "OPA answers rubbish", ready="engine-malformed")
    setting.between.mode = "through"
    assert 200 == setting.ask().status_code


@pytest.mark.fault("OPA answers for an old revision")
def test_an_old_revision(setting: Setting) -> None:
    """Whoever changed what it decides by: its answer does not count, and it is told again."""
    _call("PUT", f"{setting.server.url}/v1/data/accordant/catalogue/revision", "0" * 64)
    response = setting.ask()
    assert promised("OPA answers for an old revision") == [(response.status_code, response.json["reason"])]
    assert ("unavailable", "engine-stale") == setting.outcomes()[-1]
    assert 200 == setting.ask().status_code
    _call("PUT", f"{setting.server.url}/v1/data/accordant/catalogue/revision", "0" * 64)
    assert "ok" == setting.ready()["engine"]  # asking for its state tells it again, too


def test_many_callers_of_a_slow_server_are_refused_side_by_side(setting: Setting) -> None:
    """None waits behind another."""
    setting.between.mode = "slow"
    statuses: list[int] = []

    def send() -> None:
        statuses.append(setting.ask().status_code)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    setting.between.release.set()
    assert 8 * [503] == statuses
