"""Health, readiness and metrics tell the truth, and not more than they should."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from governance.errors import EngineUnavailable, LogUnavailable
from governance.events import Lines, configure, places
from governance.web.app import create_app
from governance.web.health import Readiness
from governance.web.life import Life
from tests.simulator import World
from tests.test_gateway import COMPARE, OWN


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Agreed and filled."""
    made = World.found(tmp_path).agreed().filled(clients=33)
    yield made
    made.close()


def test_a_new_home_is_ready(tmp_path: Path) -> None:
    """Nobody has signed yet, and that is what the service is for."""
    world = World.found(tmp_path)
    response = world.client.get("/readyz")
    assert (200, {"ok"}) == (response.status_code, set(response.json["parts"].values()))
    world.close()


def test_the_part_that_fails_is_named(tmp_path: Path) -> None:
    """By its reason code: no address, no path, no message."""
    life = Life()

    def ask() -> dict[str, str]:
        return {"database": "database-unwritable", "engine": "ok"}

    world = World.found(tmp_path)
    services = world.services
    object.__setattr__(services, "ready", ask)
    response = create_app_anew(world, life).get("/readyz")
    assert 503 == response.status_code
    assert {"database": "database-unwritable", "engine": "ok", "life": "ok"} == response.json["parts"]
    assert str(world.settings.home) not in response.get_data(as_text=True)
    world.close()


def create_app_anew(world: World, life: Life):  # type: ignore[no-untyped-def]
    """An application of its own; metrics are registered once a registry, so it gets a fresh one."""
    from governance.web.metrics import Metrics

    object.__setattr__(world.services, "metrics", Metrics())
    return create_app(world.services, life=life).test_client()


def test_an_engine_with_another_revision_is_not_ready(world: World) -> None:
    """It is told again first, and only what cannot be told is reported."""
    world.reading.revision = "0" * 64
    assert "ok" == world.services.ready()["engine"]

    policies = world.services.agreements.policies
    policies.engine = Stale()
    assert "engine-stale" == world.services.ready()["engine"]


class Stale:
    """An engine that something else feeds."""

    name = "stale"

    def load(self, bundle: object) -> None:
        """Takes it, and does not keep it."""

    def loaded(self) -> str:
        """Something else."""
        return "f" * 64

    def decide(self, request: object, facts: object) -> None:
        """Never."""
        raise EngineUnavailable("no", reason="engine-stale")


def test_readiness_is_asked_once_a_second() -> None:
    """However many monitors there are."""
    asked = []
    readiness = Readiness(lambda: asked.append(1) or {"log": "ok"}, Life())  # type: ignore[func-returns-value]
    assert [{"log": "ok", "life": "ok"}] * 5 == [readiness.parts() for _ in range(5)]
    assert 1 == len(asked)


def test_a_part_that_takes_its_time_holds_up_nobody() -> None:
    """While one asks, another is told what was found before."""
    slow, entered, answers = threading.Event(), threading.Event(), iter([{"log": "ok"}, {"log": "log-unavailable"}])

    def ask() -> dict[str, str]:
        found = next(answers)
        if found["log"] != "ok":
            entered.set()
            slow.wait(30)
        return found

    readiness = Readiness(ask, Life(), kept=-1)
    assert "ok" == readiness.parts()["log"]
    asking = threading.Thread(target=readiness.parts)
    asking.start()
    entered.wait(30)
    assert "ok" == readiness.parts()["log"]
    slow.set()
    asking.join()


def test_stopping_refuses_what_is_new(world: World) -> None:
    """All but the questions after its health."""
    life = Life()
    client = create_app_anew(world, life)
    life.stop()
    refused = client.get("/log/checkpoint")
    assert (503, "stopping") == (refused.status_code, refused.json["reason"])
    assert (503, "stopping") == (client.get("/readyz").status_code, client.get("/readyz").json["parts"]["life"])
    assert [200, 200] == [client.get(path).status_code for path in ("/healthz", "/metrics")]


def test_metrics_count_by_outcome_and_clause(world: World) -> None:
    """Decisions, entries and requests are timed; labels are words that we know."""
    dashboard = world.partners["dashboard"]
    world.query(dashboard, OWN).get_data()
    world.query(dashboard, COMPARE).get_data()
    world.query(dashboard, OWN, purpose="marketing")
    world.client.get("/no/such/page")
    sample = world.services.metrics.registry.get_sample_value
    counted = [
        sample("accordant_data_requests_total", {"outcome": o, "reason": r, "clause": c})
        for o, r, c in (("permit", "permitted", "small:1"), ("permit", "permitted", "small:2"),
                        ("deny", "prohibited", "small:4"))
    ]  # fmt: skip
    assert [1, 1, 1] == counted
    assert 3 == sample("accordant_decision_seconds_count", {"engine": "reference"})
    assert (sample("accordant_append_seconds_count") or 0) >= 3
    assert 1 == sample("accordant_http_requests_total", {"route": "none", "method": "GET", "status": "404"})
    assert world.services.journal.head().size == sample("accordant_log_entries")
    assert 1 == sample("accordant_part_ready", {"part": "engine"})
    assert 0 == sample("accordant_appends_waiting")


@pytest.mark.parametrize(
    ("address", "headers"),
    [("192.0.2.7", {}), ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}), ("127.0.0.1", {"Forwarded": "for=10.0.0.1"})],
    ids=["another address", "through a proxy", "through a proxy that says so"],
)
def test_metrics_are_not_for_everybody(world: World, address: str, headers: dict[str, str]) -> None:
    """Clauses and counts are the partners' business."""
    response = world.client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    assert (403, "not-for-you") == (response.status_code, response.json["reason"])


def test_an_event_about_an_error_holds_no_message() -> None:
    """A database's message may quote the row that it stumbled over."""
    out = io.StringIO()
    old = structlog.get_config()
    configure(out)
    try:
        try:
            raise ValueError("client Ada Lovelace, grade 93")
        except ValueError as error:
            raise LogUnavailable("the value was 'Ada'") from error
    except LogUnavailable as error:
        structlog.get_logger("test").error("unforeseen", exc_info=error)
        chain = places(error)
    finally:
        structlog.configure(**old)
    event = json.loads(out.getvalue())
    assert "unforeseen" == event["event"]
    assert "Ada" not in out.getvalue()
    assert ["governance.errors.LogUnavailable", "builtins.ValueError"] == [c["type"] for c in chain]
    assert "test_health.py" in event["exception"][0]["places"][0]


def test_what_the_server_says_is_one_event_a_line() -> None:
    """Also where it says more."""
    import logging

    record = logging.LogRecord("_granian", logging.WARNING, "x", 1, "two\nlines", None, None)
    event = json.loads(Lines().format(record))
    assert ("two", "granian", "warning") == (event["event"], event["logger"], event["level"])


class _Full(io.StringIO):
    """A log on a disk without room."""

    def write(self, _text: str) -> int:
        raise OSError(28, "no space left on device")


def test_an_event_that_cannot_be_written_is_lost_and_nothing_else() -> None:
    """Whoever tells it goes on."""
    old = structlog.get_config()
    configure(_Full())
    try:
        structlog.get_logger("test").info("told")
    finally:
        structlog.configure(**old)
