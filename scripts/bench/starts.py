"""From the start of the process to the first answer, on a home with a long log beside the same home with a short one.

Both hold a hundred MOUs in force. What an earlier start found out is kept in the home, as it is on every home that was
served once; the one start that finds everything out (after an upgrade, or where it was thrown away) is told apart.
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from governance.bootstrap import open_services
from governance.settings import Settings, from_home
from scripts.bench.long_home import asked, lengthened, many_mous
from scripts.bench.measure import Row, alternate, median
from tests.serving import Served, serving
from tests.simulator import World

__all__ = ["long_beside_short"]

_SECONDS = 2.0
_RATIO = 1.5


@dataclass(frozen=True, slots=True)
class _Started:
    health: float
    answer: float
    processor: float
    peak: int


def long_beside_short(folder: Path, *, mous: int = 100, entries: int = 1_000_000, rounds: int = 5) -> list[Row]:
    """Starts of `accordant serve`, and the opening of its services in this process."""
    place = folder / "starts"
    place.mkdir()
    world = many_mous(place, mous)
    shutil.copytree(world.settings.home, place / "short")
    short = lengthened(world, entries)
    homes = [world.settings, from_home(place / "short", environ={})]
    for settings in homes:
        shutil.rmtree(settings.home / "kept", ignore_errors=True)
    first = [_started(world, settings) for settings in homes]
    taken = [[_started(world, settings) for settings in homes] for _ in range(rounds)]
    opened = [median(seconds) for seconds in alternate(*map(_opening, homes), rounds=rounds, warm=1)]
    shutil.rmtree(place)
    part = f"a start with {mous} MOUs in force and {entries:,} entries in the log, against {short:,} entries"

    def row(what: str, ours: float, beside: float, aim: str = "", met: bool | None = None) -> Row:
        return Row(part, what, f"{ours:,.2f} s", f"{beside:,.2f} s", ours / beside, aim, met)

    answers = [median([pair[n].answer for pair in taken]) for n in (0, 1)]
    peaks = [max(pair[n].peak for pair in taken) for n in (0, 1)]
    ratio = opened[0] / opened[1]
    return [
        row("to the first answer of a signed request", *answers, f"≤ {_SECONDS:.0f} s", answers[0] <= _SECONDS),
        row("to the first answer of `/healthz`", *(median([pair[n].health for pair in taken]) for n in (0, 1))),
        row(
            "processor time of the server until its first answer (whatever else the machine does)",
            *(median([pair[n].processor for pair in taken]) for n in (0, 1)),
        ),
        row("opening the home, in a process that runs", *opened, f"≤ {_RATIO} ×", ratio <= _RATIO),
        row("to the first answer where nothing is kept yet", first[0].answer, first[1].answer),
        replace(
            row("memory of the server at its highest", *peaks), ours=_megabytes(peaks[0]), beside=_megabytes(peaks[1])
        ),
    ]


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _started(world: World, settings: Settings) -> _Started:
    partner = world.partners["dashboard"]
    started = time.perf_counter()
    with serving(settings, seconds=300, pause=0.005) as served:
        health = time.perf_counter() - started
        # Signed here: it takes a hundredth of what is measured, and a signature does not live long.
        body, headers = world.signed_query(partner, asked(), purpose="program-improvement", mou="agreement-0000")
        _answered(served, body, headers)
        return _Started(health, time.perf_counter() - started, served.processor_seconds(), served.peak())


def _answered(served: Served, body: bytes, headers: dict[str, str]) -> None:
    with contextlib.closing(served.connect()) as connection:
        connection.request("POST", "/v1/query", body=body, headers=headers)
        response: http.client.HTTPResponse = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise RuntimeError(f"the first request was answered {response.status}: {content[:500]!r}")


def _opening(settings: Settings) -> object:
    def once(_: int) -> None:
        open_services(settings).close()

    return once
