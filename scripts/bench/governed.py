"""A governed request over HTTP beside the same rows ungoverned: half the time of many, and how many a second.

Requests are signed beforehand, each with a nonce of its own: what a client spends on signing is not the server's.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from connectors.client import JSON
from governance.verification import verify_home
from scripts.bench import place
from scripts.bench.measure import Row, alternate, median, throughput
from tests.serving import Served, free_port, process, serving
from tests.simulator import World

__all__ = ["against_ungoverned"]

_OWN = {"dataset": "enrollments", "fields": list(place.FIELDS), "rows": "own", "view": "identified"}
_FIGURES = {
    "dataset": "enrollments", "measures": [{"measure": "clients"}], "group_by": ["program"], "rows": "all",
    "view": "aggregate",
}  # fmt: skip
_THREADS = 4
# Nobody asks so often; the bench does, with one key.
_NO_RATE = {"ACCORDANT_REQUESTS_PER_MINUTE": "100000000"}

Call = Callable[[], bytes]


@contextlib.contextmanager
def _beside(folder: Path, world: World) -> Iterator[Served]:
    files = [next((world.settings.data / party / "enrollments").glob("*.parquet")) for party in place.PARTNERS]
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
    import datetime as dt

    partner, lifetime = world.partners["dashboard"], dt.timedelta(seconds=300)
    made = []
    for _ in range(count):
        body, headers = world.signed_query(
            partner, asked, purpose="program-improvement", mou="benchmarking", lifetime=lifetime
        )
        made.append(lambda body=body, headers=headers: _sent(connection, "/v1/query", body, headers))
    return made  # type: ignore[return-value]


def _plainly(connection: http.client.HTTPConnection, asked: dict[str, Any], count: int) -> list[Call]:
    path = "/rows" if asked is _OWN else "/figures"
    said = {"fields": asked["fields"]} if asked is _OWN else {"group_by": asked["group_by"][0]}
    body = json.dumps(said | {"accept": JSON}).encode()
    return [lambda: _sent(connection, path, body, {"Content-Type": JSON})] * count


def against_ungoverned(world: World, folder: Path, *, rounds: int = 150) -> list[Row]:
    """Rows, and figures of seven sources."""
    rows = []
    with serving(world.settings, **_NO_RATE) as served, _beside(folder, world) as beside:
        for asked, what, aims in ((_OWN, "1,700 own rows × 6 fields, JSON", (1.5, 0.6)), (_FIGURES, "a small aggregate over all seven partners' rows, JSON", (None, 0.4))):
            ours, theirs = served.connect(), beside.connect()
            governed = _governed(world, ours, asked, rounds + 10)
            plain = _plainly(theirs, asked, rounds + 10)
            _same(governed.pop()(), plain.pop()())
            taken = alternate(lambda n: governed[n](), lambda n: plain[n](), rounds=rounds, warm=9)  # noqa: B023
            p50 = list(map(median, taken))
            ratio = p50[0] / p50[1]
            rows.append(
                Row(what, "half of the answers within (p50)", _ms(p50[0]), _ms(p50[1]), ratio, *_aim(aims[0], ratio, least=False))
            )
            each = max(rounds // 2, 20)
            rates: list[list[float]] = [[], []]
            for _ in range(3):
                rates[0].append(throughput([_governed(world, served.connect(), asked, each) for _ in range(_THREADS)]))
                rates[1].append(throughput([_plainly(beside.connect(), asked, each) for _ in range(_THREADS)]))
            many = list(map(median, rates))
            ratio = many[0] / many[1]
            rows.append(
                Row(what, f"answers a second, {_THREADS} callers", f"{many[0]:,.0f}/s", f"{many[1]:,.0f}/s", ratio, *_aim(aims[1], ratio, least=True))
            )
    _whole(world)
    return rows


def _aim(aim: float | None, ratio: float, *, least: bool) -> tuple[str, bool | None]:
    if aim is None:
        return "", None
    return (f"≥ {aim} ×", ratio >= aim) if least else (f"≤ {aim} ×", ratio <= aim)


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.2f} ms"


def _same(governed: bytes, plain: bytes) -> None:
    """Both read the same rows, or the comparison is none."""
    ours, theirs = json.loads(governed), json.loads(plain)
    if ours["columns"][: len(theirs["columns"])] != theirs["columns"] or len(ours["rows"]) != len(theirs["rows"]):
        raise RuntimeError("the governed and the ungoverned answer differ")


def _whole(world: World) -> None:
    """What was measured was the real thing: the log proves whole afterwards."""
    report = verify_home(world.settings)
    if not report.ok:
        raise RuntimeError("the log does not verify after the bench")
