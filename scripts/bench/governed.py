"""A governed request over HTTP beside the same rows ungoverned: half the time of many, and how many a second.

Requests are signed beforehand, each with a nonce of its own: what a client spends on signing is not the server's.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from connectors.client import JSON
from governance.verification import verify_home
from scripts.bench import place
from scripts.bench.measure import Row, alternate, median, throughput
from tests.serving import Served, free_port, process, serving
from tests.simulator import World

__all__ = ["NO_RATE", "OWN", "against_ungoverned", "beside_files"]

OWN = {"dataset": "enrollments", "fields": list(place.FIELDS), "rows": "own", "view": "identified"}
_FIGURES = {
    "dataset": "enrollments", "measures": [{"measure": "clients"}], "group_by": ["program"], "rows": "all",
    "view": "aggregate",
}  # fmt: skip
_THREADS = 4
# Nobody asks so often; the bench does, with one key.
NO_RATE = {"ACCORDANT_REQUESTS_PER_MINUTE": "100000000"}

Call = Callable[[], bytes]


@contextlib.contextmanager
def beside_files(folder: Path, files: Sequence[Path]) -> Iterator[Served]:
    """The ungoverned server on these files; the first is the caller's own."""
    port = free_port()
    words = [sys.executable, "-m", "scripts.bench.ungoverned", str(port), *map(str, files)]
    with process(words, port=port, log=folder / "ungoverned.log", environ={}) as served:
        yield served


def _sent(connection: http.client.HTTPConnection, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    connection.request("POST", path, body=body, headers=dict(headers))
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise RuntimeError(f"{path} answered {response.status}: {content[:500]!r}")
    return content


def _governed(world: World, connection: http.client.HTTPConnection, asked: dict[str, Any], count: int) -> list[Call]:
    """So many calls, signed now; a signature lives for 300 s."""
    partner, lifetime = world.partners["dashboard"], dt.timedelta(seconds=300)
    made = []
    for _ in range(count):
        body, headers = world.signed_query(
            partner, asked, purpose="program-improvement", mou="benchmarking", lifetime=lifetime
        )
        made.append(lambda body=body, headers=headers: _sent(connection, "/v1/query", body, headers))
    return made  # type: ignore[return-value]


def _plainly(connection: http.client.HTTPConnection, asked: dict[str, Any], count: int) -> list[Call]:
    path = "/rows" if asked is OWN else "/figures"
    said = {"fields": asked["fields"]} if asked is OWN else {"group_by": asked["group_by"][0]}
    body = json.dumps(said | {"accept": JSON}).encode()
    return [lambda: _sent(connection, path, body, {"Content-Type": JSON})] * count


def against_ungoverned(world: World, folder: Path, *, rounds: int = 120) -> list[Row]:
    """Rows, and figures of seven sources."""
    files = [next((world.settings.data / party / "enrollments").glob("*.parquet")) for party in place.PARTNERS]
    with serving(world.settings, **NO_RATE) as served, beside_files(folder, files) as beside:
        own = "1,700 own rows × 6 fields as JSON, against the same without signature, decision and log"
        figures = "a small aggregate of seven partners' rows, against the same without"
        rows = _compared(own, OWN, (world, served, beside), rounds, p50=1.5, rate=0.6)
        rows += _compared(figures, _FIGURES, (world, served, beside), rounds, p50=None, rate=0.4)
    if faults := verify_home(world.settings).faults:  # what was measured was the real thing
        raise RuntimeError(f"the log does not verify after the bench: {faults[:3]}")
    return rows


def _compared(
    part: str,
    asked: dict[str, Any],
    places: tuple[World, Served, Served],
    rounds: int,
    *,
    p50: float | None,
    rate: float,
) -> list[Row]:
    world, served, beside = places
    governed = _governed(world, served.connect(), asked, rounds + 10)
    plain = _plainly(beside.connect(), asked, rounds + 10)
    _same(governed.pop()(), plain.pop()())
    before = served.processor_seconds(), beside.processor_seconds()
    ours, theirs = map(median, alternate(lambda n: governed[n](), lambda n: plain[n](), rounds=rounds, warm=9))
    work, plain_work = (
        (s.processor_seconds() - b) / (rounds + 9) for s, b in zip((served, beside), before, strict=True)
    )
    each, rates = max(rounds // 3, 20), ([], [])  # type: tuple[int, tuple[list[float], list[float]]]
    for _ in range(3):
        rates[0].append(throughput([_governed(world, served.connect(), asked, each) for _ in range(_THREADS)]))
        rates[1].append(throughput([_plainly(beside.connect(), asked, each) for _ in range(_THREADS)]))
    many, plainly = map(median, rates)
    return [
        Row(part, "half of the answers within (p50)", _ms(ours), _ms(theirs), ours / theirs,
            f"≤ {p50} ×" if p50 else "", ours / theirs <= p50 if p50 else None),
        Row(part, "processor time of the server an answer (whatever else the machine does)", _ms(work), _ms(plain_work),
            work / max(plain_work, 1e-6)),
        Row(part, f"answers a second, {_THREADS} callers", f"{many:,.0f}/s", f"{plainly:,.0f}/s", many / plainly,
            f"≥ {rate} ×", many / plainly >= rate),
    ]  # fmt: skip


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.2f} ms"


def _same(governed: bytes, plain: bytes) -> None:
    """Both read the same rows, or the comparison is none."""
    ours, theirs = json.loads(governed), json.loads(plain)
    if ours["columns"][: len(theirs["columns"])] != theirs["columns"] or len(ours["rows"]) != len(theirs["rows"]):
        raise RuntimeError("the governed and the ungoverned answer differ")
