"""The OPA server and a partner's database break under a served process and its clients, and are mended again."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from governance.settings import from_home
from tests.faults.between import Between, between
from tests.faults.homes import EVERYTHING, FEW, asked, bodies, copied
from tests.faults.killing import account
from tests.faults.load import MANY, loaded
from tests.faults.table import promised
from tests.faults.test_clients import release
from tests.faults.test_engine import _call
from tests.faults.test_load_storage import parts
from tests.real_parts import Opa, PostgreSQL
from tests.serving import Served, serving
from tests.simulator import World

Tell = Callable[..., None]
_ROWS = 60_000
_LIVE = """\
party: north
mou: small
dataset: visits
source: {table: visits}
columns: {client: client, program: program, grade: grade, days: days, done: done}
"""


def told(row: str) -> tuple[int, str]:
    """The one refusal that a row promises."""
    (found,) = promised(row)
    return found


@pytest.mark.opa
@pytest.mark.parametrize("rounds", [1, pytest.param(15, marks=pytest.mark.slow)])
@pytest.mark.fault("OPA is killed")
@pytest.mark.fault("OPA is started again, empty")
@pytest.mark.fault("OPA takes seconds for an answer")
@pytest.mark.fault("OPA answers rubbish")
@pytest.mark.fault("OPA answers for an old revision")
def test_opa_breaks_under_load(
    rounds: int, few: World, tmp_path: Path, opa_server_factory: Callable[..., Opa], figures: Tell
) -> None:
    """Slow, killed inside requests, another in its place, rubbish, cut answers, an old revision: each is got over."""
    world, opa = copied(few, tmp_path), opa_server_factory()
    with between(opa.url) as middle:
        environ = MANY | {"ACCORDANT_OPA_URL": middle.url, "ACCORDANT_ENGINE_SECONDS": "1"}
        with serving(world.settings, **environ) as server, loaded(world, server) as load:
            for _ in range(rounds):
                opa.suspend()
                load.comes(*told("OPA takes seconds for an answer"), times=4)
                opa.stop()  # every client has a request there
                load.comes(*told("OPA is killed"), times=4)
                assert told("OPA is killed")[1] == parts(server)["engine"]
                opa = opa_server_factory()
                middle.target = opa.url
                load.comes(200, times=8)
                middle.mode = "rubbish"
                load.comes(*told("OPA answers rubbish"), times=4)
                middle.mode, middle.most = "through", 40  # an answer breaks off in its head
                load.comes(*told("OPA answers rubbish"), times=4)
                middle.most = None
                load.comes(200, times=8)
                _call("PUT", f"{opa.url}/v1/data/accordant/catalogue/revision", "0" * 64)
                load.comes(200, times=8)
                assert "ok" == parts(server)["engine"]
    engine = {told(row) for row in (
        "OPA is killed", "OPA is started again, empty", "OPA takes seconds for an answer", "OPA answers rubbish",
        "OPA answers for an old revision",
    )}  # fmt: skip
    assert {(200, None), told("OPA answers for an old revision")} <= load.answers() <= {(200, None)} | engine
    refused = {(b["outcome"], b["reason"]) for b in bodies(world.settings, "request") if b["outcome"] != "permit"}
    assert {("unavailable", reason) for _, reason in load.answers() if reason} == refused
    account(world, load.received).hold(figures, "the OPA server breaks under the service", rounds=rounds * 5)
    opa.stop()


@contextlib.contextmanager
def live(few: World, folder: Path, postgresql: PostgreSQL, url: str) -> Iterator[tuple[World, Between]]:
    """One partner's rows lie in a PostgreSQL of its own, behind something that a test can turn."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE visits AS SELECT 'client-' || n AS client, "
            "(ARRAY['reading', 'maths', 'art'])[1 + mod(n, 3)] AS program, 40 + mod(n, 60) AS grade, "
            f"mod(n, 200) AS days, mod(n, 2) = 0 AS done FROM generate_series(1, {_ROWS}) AS n"
        )
    engine.dispose()
    world = copied(few, folder)
    toml = world.settings.home / "accordant.toml"
    toml.write_text(toml.read_text() + 'source_hosts = "127.0.0.1"\n')
    world.settings = from_home(world.settings.home, {})
    with between(str(postgresql.folder / ".s.PGSQL.5432")) as middle:
        world.open()
        name, port = sa.make_url(url).database, middle.url.rpartition(":")[2]
        address = f"postgresql+psycopg://accordant:any@127.0.0.1:{port}/{name}"
        world.told(world.partners["north"], "POST", "/v1/sources", {"mapping": _LIVE, "url": address})
        world.close()
        yield world, middle


def whole(world: World, server: Served) -> int:
    """How many rows an answer has."""
    with asked(world, server, EVERYTHING) as response:
        return len(json.loads(response.read())["rows"])


@pytest.mark.postgresql
@pytest.mark.fault("A live source is gone")
def test_a_live_postgresql_is_gone(
    few: World, tmp_path: Path, postgresql: PostgreSQL, postgresql_url: str, figures: Tell
) -> None:
    """Out of reach under load, then killed: refused, written down, and asked again when it is back."""
    with live(few, tmp_path, postgresql, postgresql_url) as (world, middle):
        with serving(world.settings, **MANY) as server, loaded(world, server) as load:
            middle.mode = "gone"
            load.comes(*told("A live source is gone"), times=4)
            middle.mode = "through"
            load.comes(200, times=8)
            postgresql.kill()
            try:
                load.comes(*told("A live source is gone"), times=4)
            finally:
                postgresql.start()
            load.comes(200, times=8)
        assert {(200, None), told("A live source is gone")} == load.answers()
        assert 0 == load.broken
        account(world, load.received).hold(figures, "a live PostgreSQL source is gone", rounds=2)


@pytest.mark.postgresql
@pytest.mark.fault("A live source is slow")
def test_a_live_postgresql_that_is_not_heard_of(
    few: World, tmp_path: Path, postgresql: PostgreSQL, postgresql_url: str, figures: Tell
) -> None:
    """Connected, and silent, as behind a network that lost it: no thread waits longer than the query has."""
    with live(few, tmp_path, postgresql, postgresql_url) as (world, middle):
        environ = MANY | {"ACCORDANT_QUERY_SECONDS": "1"}
        with serving(world.settings, **environ) as server, loaded(world, server) as load:
            middle.mode = "slow"
            load.comes(*told("A live source is slow"), times=4)
            middle.mode = "through"
            middle.release.set()
            load.comes(200, times=8)
        assert {(200, None), told("A live source is slow")} <= load.answers()
        assert load.answers() <= {(200, None), told("A live source is slow"), told("A live source is gone")}
        account(world, load.received).hold(figures, "a live PostgreSQL source is silent", rounds=1)


@pytest.mark.postgresql
@pytest.mark.fault("A live source goes away in mid-answer")
def test_a_live_postgresql_goes_away_in_mid_answer(
    few: World, tmp_path: Path, postgresql: PostgreSQL, postgresql_url: str
) -> None:
    """The answer breaks off in the middle of its encoding, and its account says how much had left."""
    with live(few, tmp_path, postgresql, postgresql_url) as (world, middle), serving(world.settings, **MANY) as server:
        assert _ROWS == whole(world, server)
        with asked(world, server, FEW) as response:
            response.read()
        middle.most = 1_500_000  # for the connections that are open, too
        with asked(world, server, EVERYTHING) as response:
            entry = int(response.headers["Accordant-Entry"])
            assert 200 == response.status
            with pytest.raises(http.client.IncompleteRead) as cut:
                response.read()
        received = len(cut.value.partial)
        closed: dict[str, Any] = release(world, entry)
        assert (False, True) == (closed["complete"], closed["bytes"] >= received > 0)
        middle.most = None
        assert _ROWS == whole(world, server)
    assert () == account(world, []).wrong
