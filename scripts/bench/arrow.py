"""A million rows as an Arrow stream, governed, beside DuckDB to Arrow over the same server: rows a second, memory."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from audit import Draft
from connectors.client import JSON
from governance.web.api.encode import ARROW
from scripts.bench import place
from scripts.bench.governed import NO_RATE, OWN, beside_files
from scripts.bench.measure import Row, median
from tests.serving import Served, serving
from tests.simulator import World

__all__ = ["million_as_arrow"]

_ROWS = 1_000_000
_PART = "1,000,000 own rows × 6 fields as Arrow, against plain DuckDB to Arrow over the same server"
_PIECE = 1 << 20


def _million(world: World) -> None:
    """The first partner's rows over and over, each with a client of its own, put where a load puts them."""
    party = place.PARTNERS[0]
    folder = world.settings.data / party / "enrollments"
    few = pq.read_table(next(folder.glob("*.parquet")))
    rows = pa.concat_tables([few] * (_ROWS // few.num_rows + 1)).slice(0, _ROWS).combine_chunks()
    clients = pa.array([f"{n:07}" for n in range(_ROWS)], few.schema.field("client_id").type)
    rows = rows.set_column(rows.schema.get_field_index("client_id"), few.schema.field("client_id"), clients)
    path = folder / "million.parquet"
    pq.write_table(rows, path, compression="zstd", row_group_size=100_000)
    body = {"party": party, "dataset": "enrollments", "path": f"{party}/enrollments/million.parquet", "rows": _ROWS,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "warnings": []}  # fmt: skip
    world.services.journal.append([Draft("load", body, (party,), {"party": party, "dataset": "enrollments"})])


# The first answer makes a key for each of a million clients.
_FIRST = {"ACCORDANT_QUERY_SECONDS": "900"}


class _Memory:
    """The largest a server was while a block ran."""

    def __init__(self, served: Served) -> None:
        self.most, self._served, self._end = 0, served, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._end.wait(0.1):
            self.most = max(self.most, self._served.memory())

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def _read(connection: HTTPConnection, path: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The bytes of an answer, read piece by piece and let go."""
    connection.request("POST", path, body=body, headers=dict(headers))
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"{path} answered {response.status}: {response.read()[:500]!r}")
    size = 0
    while piece := response.read(_PIECE):
        size += len(piece)
    return size


def million_as_arrow(folder: Path, *, rounds: int = 5) -> list[Row]:
    """Seconds of a whole answer in turn, and the memory of each server at its largest."""
    folder.mkdir()
    world = place.founded(folder, more=_million)
    file = world.settings.data / place.PARTNERS[0] / "enrollments" / "million.parquet"
    with serving(world.settings, **NO_RATE, **_FIRST) as served, beside_files(folder, [file]) as beside:
        ways = _governed(world, served), _plainly(beside)
        taken: tuple[list[float], list[float]] = ([], [])
        work: list[float] = []
        most = [0, 0]
        sizes = [way() for way in ways]
        if min(sizes) < 0.9 * max(sizes):
            raise RuntimeError(f"the governed and the ungoverned answer differ in size: {sizes}")
        before = [s.processor_seconds() for s in (served, beside)]
        for _ in range(rounds):
            for which, (way, server) in enumerate(zip(ways, (served, beside), strict=True)):
                with _Memory(server) as memory:
                    started = time.perf_counter()
                    way()
                    taken[which].append(time.perf_counter() - started)
                most[which] = max(most[which], memory.most)
        work = [(s.processor_seconds() - b) / rounds for s, b in zip((served, beside), before, strict=True)]
    ours, theirs = (_ROWS / median(t) for t in taken)
    larger = most[0] / most[1]
    return [
        Row(_PART, "rows a second", f"{ours:,.0f}/s", f"{theirs:,.0f}/s", ours / theirs, "≥ 0.8 ×",
            ours / theirs >= 0.8),
        Row(_PART, "processor time of the server an answer", f"{work[0]:,.2f} s", f"{work[1]:,.2f} s",
            work[0] / work[1]),
        Row(_PART, "memory of the server at its largest", f"{most[0] / 2**20:,.0f} MiB", f"{most[1] / 2**20:,.0f} MiB",
            larger, "≤ 1.2 ×", larger <= 1.2),
    ]  # fmt: skip


def _governed(world: World, served: Served) -> Callable[[], int]:
    connection = served.connect()

    def ask() -> int:
        body, headers = world.signed_query(
            world.partners["dashboard"], OWN, purpose="program-improvement", mou="benchmarking"
        )
        return _read(connection, "/v1/query", body, headers | {"Accept": ARROW})

    return ask


def _plainly(beside: Served) -> Callable[[], int]:
    connection = beside.connect()
    said: dict[str, Any] = {"fields": OWN["fields"], "accept": ARROW}
    return lambda: _read(connection, "/rows", json.dumps(said).encode(), {"Content-Type": JSON})
