"""A million rows through a real server: memory stays flat, each batch leaves behind its entry, and a client that goes
away is written down."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audit import Draft
from audit.look import entries_of
from connectors.client import ARROW, JSON
from governance.adapters.store.database import open_database
from governance.home import SystemClock
from governance.verification import verify_home
from governance.wrapping import open_keys
from tests.serving import Served, serving
from tests.simulator import DOCUMENT, MAPPING, World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ROWS = 1_000_000
BATCH = 10_000
MOST_GROWTH = 150 * 2**20
EVERYTHING = {"dataset": "visits", "fields": ["client", "program", "grade", "days", "done"], "rows": "own",
              "view": "identified"}  # fmt: skip
FEW = EVERYTHING | {"limit": 10}


def _write(path: Path) -> None:
    """A row a client, typed as a load types it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema(
        [
            ("client", pa.string()),
            ("program", pa.string()),
            ("grade", pa.int64()),
            ("days", pa.int64()),
            ("done", pa.bool_()),
        ]
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, ROWS, 50_000):
            numbers = range(start, start + 50_000)
            columns = [
                [f"client-{n:07}" for n in numbers],
                [("reading", "maths", "art")[n % 3] for n in numbers],
                [40 + n % 60 for n in numbers],
                [n % 200 for n in numbers],
                [n % 2 == 0 for n in numbers],
            ]
            writer.write_batch(
                pa.RecordBatch.from_arrays(
                    [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
                )
            )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One partner has a million rows. The file is put where a load puts it, with the entry that a load makes."""
    made = World.found(tmp_path_factory.mktemp("streaming"), clock=SystemClock())  # type: ignore[arg-type]
    today = SystemClock().now().date()
    made.agreed(DOCUMENT.replace("effective: 2026-09-01", f"effective: {today.replace(day=1)}")
                .replace("expires: 2029-08-31", f"expires: {today.year + 3}-12-31"))  # fmt: skip
    made.told(made.partners["north"], "POST", "/v1/sources", {"mapping": MAPPING.format(party="north"), "url": None})
    path = made.settings.data / "north" / "visits" / "million.parquet"
    _write(path)
    body = {"party": "north", "dataset": "visits", "path": "north/visits/million.parquet", "rows": ROWS,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "warnings": []}  # fmt: skip
    made.services.journal.append([Draft("load", body, ("north",), {"party": "north", "dataset": "visits"})])
    made.close()
    return made


@pytest.fixture(scope="module")
def served(world: World) -> Iterator[Served]:
    """The server that all tests of this module ask."""
    with serving(world.settings) as server:
        with _asked(world, server, EVERYTHING | {"limit": 10 * BATCH}, ARROW) as response:
            response.read()  # what the first questions open, and what allocators keep, is no growth
        yield server


@contextlib.contextmanager
def _asked(world: World, server: Served, asked: dict[str, object], accept: str) -> Iterator[http.client.HTTPResponse]:
    """The answer, not read yet; where the block ends the client is gone."""
    body, headers = world.signed_query(world.partners["dashboard"], asked)
    with contextlib.closing(server.connect()) as connection:
        connection.request("POST", "/v1/query", body=body, headers=headers | {"Accept": accept})
        with connection.getresponse() as response:
            assert 200 == response.status, response.read()
            yield response


def _ten_rows(world: World, server: Served) -> None:
    with _asked(world, server, FEW, JSON) as response:
        assert 10 == len(json.loads(response.read())["rows"])


def _database(world: World) -> contextlib.closing[sqlite3.Connection]:
    """The log's tables, read beside the running server."""
    path = world.settings.home / "accordant.db"
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))


def _kinds(world: World, kind: str, *, after: int) -> list[dict[str, Any]]:
    engine, keys = open_database(world.settings.database_url), open_keys(world.settings)
    try:
        return [entry.body for entry in entries_of(engine, {kind}, keys=keys) if entry.seq > after]
    finally:
        keys.close()
        engine.dispose()


def _disclosed(world: World, *, after: int) -> int:
    """How many batches the log names the clients of."""
    sought = (after, b'"kind":"disclosure"')
    with _database(world) as database:
        found = database.execute("SELECT count(*) FROM audit_leaves WHERE seq > ? AND instr(leaf, ?)", sought)
        return int(found.fetchone()[0])


def _release(world: World, entry: int, *, seconds: float = 60.0) -> dict[str, object]:
    """The entry that closes a request's account; it is written without waiting, so it is waited for here."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for body in _kinds(world, "release", after=entry):
            if body["request"] == entry:
                return body
        time.sleep(0.2)
    raise AssertionError(f"the request {entry} has no release entry after {seconds:g} s")


class _Reader:
    """Reads an answer as a file, and looks at the server's memory on the way."""

    def __init__(self, response: http.client.HTTPResponse, server: Served) -> None:
        self.response, self.server = response, server
        self.digest, self.size, self.most = hashlib.sha256(), 0, 0
        self.closed = False

    def read(self, count: int = -1) -> bytes:
        data = self.response.read(count) if count >= 0 else self.response.read()
        self.digest.update(data)
        if self.size // 2**20 != (self.size + len(data)) // 2**20:
            self.most = max(self.most, self.server.memory())
        self.size += len(data)
        return data


def _checked(world: World, entry: int, reader: _Reader, idle: int) -> None:
    release = _release(world, entry)
    assert (ROWS, reader.size, reader.digest.hexdigest(), True) == tuple(
        release[key] for key in ("rows", "bytes", "sha256", "complete")
    )
    print(f"grew by {(reader.most - idle) / 2**20:.0f} MiB over {idle / 2**20:.0f}")
    assert reader.most - idle < MOST_GROWTH


def test_arrow_leaves_batch_by_batch_behind_its_entries(world: World, served: Served) -> None:
    """At any moment the log names at least as many clients as rows have arrived."""
    idle, rows = served.memory(), 0
    with _asked(world, served, EVERYTHING, ARROW) as response:
        entry, reader = int(response.headers["Accordant-Entry"]), _Reader(response, served)
        with pa.ipc.open_stream(pa.PythonFile(reader, mode="r")) as stream:
            for number, batch in enumerate(stream):
                rows += batch.num_rows
                if number % 10 == 0:
                    assert _disclosed(world, after=entry) * BATCH >= rows
        reader.read()
    assert ROWS == rows
    _checked(world, entry, reader, idle)
    named = [s for body in _kinds(world, "disclosure", after=entry) for s in body["subjects"]["north"]]
    assert ROWS == len(set(named))


def test_json_leaves_with_the_memory_flat(world: World, served: Served) -> None:
    """A million rows as text, read in pieces."""
    idle = served.memory()
    with _asked(world, served, EVERYTHING, JSON) as response:
        reader = _Reader(response, served)
        while reader.read(256 * 1024):
            pass
        entry = int(response.headers["Accordant-Entry"])
    _checked(world, entry, reader, idle)


def test_a_client_that_stands_still_does_not_fill_the_servers_memory(world: World, served: Served) -> None:
    """What it does not read is not made: memory stays, and the log names few of the clients."""
    idle = served.memory()
    with _asked(world, served, EVERYTHING, JSON) as response:
        entry = int(response.headers["Accordant-Entry"])
        response.read(64 * 1024)
        time.sleep(5)
        growth, disclosed = served.memory() - idle, _disclosed(world, after=entry)
    assert growth < MOST_GROWTH, f"{growth / 2**20:.0f} MiB"
    assert disclosed < ROWS // BATCH // 2
    assert _release(world, entry)["complete"] is False


@pytest.mark.parametrize("accept", [ARROW, JSON])
def test_a_client_that_goes_away_is_written_down(world: World, served: Served, accept: str) -> None:
    """The account is closed: incomplete, with what had left until then; and the next request is answered."""
    with _asked(world, served, EVERYTHING, accept) as response:
        entry = int(response.headers["Accordant-Entry"])
        received = len(response.read(512 * 1024))
    release = _release(world, entry)
    assert release["complete"] is False
    assert release["bytes"] >= received  # type: ignore[operator]
    assert release["rows"] <= _disclosed(world, after=entry) * BATCH < ROWS  # type: ignore[operator]
    _ten_rows(world, served)


def test_the_log_is_whole_afterwards(world: World, served: Served) -> None:
    """Whatever came before."""
    assert served.process.poll() is None
    assert () == verify_home(world.settings).faults
