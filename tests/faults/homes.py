"""A home in which partners have agreed and one has many rows, for a server of its own; and signed requests to it."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from audit import Draft
from governance.home import SystemClock
from governance.settings import Settings, from_home
from tests.serving import Served
from tests.simulator import DOCUMENT, MAPPING, World

__all__ = ["EVERYTHING", "FEW", "asked", "bodies", "copied", "events", "living", "slow_socket"]

EVERYTHING = {"dataset": "visits", "fields": ["client", "program", "grade", "days", "done"], "rows": "own",
              "view": "identified"}  # fmt: skip
FEW = EVERYTHING | {"limit": 10}


def living(folder: Path, *, rows: int = 0, database_url: str | None = None) -> World:
    """A world by the machine's clock, closed, its home ready to be served; with `rows`, the first party has so many."""
    world = World.found(folder, clock=SystemClock(), database_url=database_url)  # type: ignore[arg-type]
    today = SystemClock().now().date()
    world.agreed(
        DOCUMENT.replace("effective: 2026-09-01", f"effective: {today.replace(day=1)}").replace(
            "expires: 2029-08-31", f"expires: {today.year + 3}-12-31"
        )
    )
    if rows:
        mapping = {"mapping": MAPPING.format(party="north"), "url": None}
        world.told(world.partners["north"], "POST", "/v1/sources", mapping)
        path = world.settings.data / "north" / "visits" / "many.parquet"
        _write(path, rows)
        body = {"party": "north", "dataset": "visits", "path": "north/visits/many.parquet", "rows": rows,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "warnings": []}  # fmt: skip
        world.services.journal.append([Draft("load", body, ("north",), {"party": "north", "dataset": "visits"})])
    else:
        world.filled(clients=30)
    world.close()
    return world


def copied(world: World, folder: Path) -> World:
    """The same people with a home of their own, to break."""
    shutil.copytree(world.settings.home, folder / "home")
    other = World.__new__(World)
    other.__dict__.update(world.__dict__)
    other.settings = from_home(folder / "home", {})
    return other


def _write(path: Path, rows: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = range(rows)
    table = pa.table(
        {
            "client": pa.array([f"client-{n:07}" for n in numbers]),
            "program": pa.array([("reading", "maths", "art")[n % 3] for n in numbers]),
            "grade": pa.array([40 + n % 60 for n in numbers], pa.int64()),
            "days": pa.array([n % 200 for n in numbers], pa.int64()),
            "done": pa.array([n % 2 == 0 for n in numbers]),
        }
    )
    pq.write_table(table, path, compression="zstd")


@contextlib.contextmanager
def asked(
    world: World, server: Served, request: dict[str, Any], *, accept: str = "application/json", **declared: Any
) -> Iterator[http.client.HTTPResponse]:
    """The answer, not read yet; where the block ends the client is gone."""
    body, headers = world.signed_query(world.partners["dashboard"], request, **declared)
    with contextlib.closing(server.connect()) as connection:
        connection.request("POST", "/v1/query", body=body, headers=headers | {"Accept": accept})
        with connection.getresponse() as response:
            yield response


def slow_socket(world: World, server: Served, request: dict[str, Any]) -> socket.socket:
    """A connection that has asked and has room for very little of the answer."""
    body, headers = world.signed_query(world.partners["dashboard"], request)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", server.port))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    client.sendall(f"POST /v1/query HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return client


def events(server: Served) -> list[dict[str, Any]]:
    """The server's log. Raises ValueError where a line is not one event."""
    return [json.loads(line) for line in server.log.read_text(errors="replace").splitlines() if line]


def bodies(settings: Settings, kind: str) -> list[dict[str, Any]]:
    """The bodies of a log's entries of one kind, read beside whoever serves."""
    from audit.look import entries_of
    from governance.adapters.store.database import open_database
    from governance.wrapping import open_keys

    engine, keys = open_database(settings.database_url), open_keys(settings)
    try:
        return [entry.body for entry in entries_of(engine, {kind}, keys=keys)]
    finally:
        keys.close()
        engine.dispose()
