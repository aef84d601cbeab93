"""Two ways of doing the same, in turn: A B A B. Medians and ratios of one run; a busy machine slows both alike."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Row", "alternate", "median", "repeated", "throughput"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `aim` and `met` only where there is an aim."""

    part: str
    what: str
    ours: str
    beside: str
    ratio: float | None = None
    aim: str = ""
    met: bool | None = None


def alternate(*ways: Callable[[int], object], rounds: int, warm: int = 3) -> list[list[float]]:
    """The seconds that each way took in each round; they take turns, and the first turn moves on."""
    for n in range(warm):
        for way in ways:
            way(n)
    taken: list[list[float]] = [[] for _ in ways]
    for n in range(warm, warm + rounds):
        for step in range(len(ways)):
            which = (n + step) % len(ways)
            started = time.perf_counter()
            ways[which](n)
            taken[which].append(time.perf_counter() - started)
    return taken


def repeated(way: Callable[[], object], times: int) -> Callable[[int], object]:
    """A way that is too short for the clock, so many times in a turn."""

    def several(_: int) -> None:
        for _ in range(times):
            way()

    return several


def throughput(jobs: Sequence[Sequence[Callable[[], object]]]) -> float:
    """Calls a second, a thread for each list of jobs."""
    start = threading.Barrier(len(jobs) + 1)
    failures: list[BaseException] = []

    def run(mine: Sequence[Callable[[], object]]) -> None:
        start.wait()
        try:
            for job in mine:
                job()
        except BaseException as error:  # told to the caller below
            failures.append(error)

    threads = [threading.Thread(target=run, args=(mine,)) for mine in jobs]
    for thread in threads:
        thread.start()
    start.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(map(len, jobs)) / (time.perf_counter() - started)


def median(seconds: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(seconds)
