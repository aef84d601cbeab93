"""The picture of requests as geometry: a bar a day, a part an outcome. Pure; the template draws it and its table."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from governance.web.console.words import OUTCOMES

__all__ = ["Bar", "Chart", "Part", "chart"]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 720, 230, 46, 32, 12


@dataclass(frozen=True, slots=True)
class Part:
    """One outcome of a bar."""

    outcome: str
    count: int
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One day, or one week where days would be too thin."""

    label: str
    x: float
    width: float
    total: int
    parts: tuple[Part, ...]
    marked: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars with their scale, and the same figures as tables."""

    bars: tuple[Bar, ...]
    lines: tuple[tuple[int, float], ...]
    outcomes: tuple[str, ...]
    by_day: tuple[tuple[str, Mapping[str, int]], ...]
    by_party: tuple[tuple[str, Mapping[str, int]], ...]
    total: int
    most: int
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    base: int = _HEIGHT - _BOTTOM

    def sum(self, outcome: str) -> int:
        """All requests of one outcome."""
        return sum(counts.get(outcome, 0) for _, counts in self.by_party)


def _step(most: int) -> int:
    """A round distance of the lines, so that there are four at most."""
    step = 1
    while most / step > 4:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step


def chart(figures: Mapping[tuple[str, str, str], int], first: dt.date, last: dt.date) -> Chart:
    """The picture of the days from `first` to `last`, both included."""
    days = max((last - first).days + 1, 1)
    span = 1 if days <= 62 else 7
    starts = [first + dt.timedelta(days=i) for i in range(0, days, span)]
    counts: dict[int, Counter[str]] = {}
    parties: dict[str, Counter[str]] = {}
    by_day: dict[str, Counter[str]] = {}
    for (day, party, outcome), number in figures.items():
        index = (dt.date.fromisoformat(day) - first).days // span
        if 0 <= index < len(starts):
            counts.setdefault(index, Counter())[outcome] += number
            parties.setdefault(party, Counter())[outcome] += number
            by_day.setdefault(day, Counter())[outcome] += number
    known = [o for o in OUTCOMES if any(o in c for c in parties.values())]
    shown = tuple(known + sorted({o for c in parties.values() for o in c} - set(OUTCOMES)))
    most = max((sum(c.values()) for c in counts.values()), default=0)
    step = _step(most)
    scale_top = max(step * -(-most // step), 1)
    room, base = _HEIGHT - _BOTTOM - _TOP, _HEIGHT - _BOTTOM
    slot = (_WIDTH - _LEFT) / len(starts)
    bars = []
    for index, start in enumerate(starts):
        at, parts = 0, []
        for outcome in shown:
            number = counts.get(index, Counter())[outcome]
            if number:
                height = number / scale_top * room
                parts.append(Part(outcome, number, round(base - at / scale_top * room - height, 2), round(height, 2)))
                at += number
        every = max(1, -(-len(starts) // 5))
        marked = (len(starts) - 1 - index) % every == 0
        width = round(min(slot * 0.76, 36), 2)
        x = round(_LEFT + index * slot + (slot - width) / 2, 2)
        bars.append(Bar(start.isoformat(), x, width, at, tuple(parts), marked))
    lines = tuple((n, round(base - n / scale_top * room, 2)) for n in range(0, scale_top + 1, step))
    ranked = sorted(parties.items(), key=lambda pair: (-sum(pair[1].values()), pair[0]))
    return Chart(
        tuple(bars),
        lines,
        shown,
        tuple(sorted(by_day.items(), reverse=True)),
        tuple(ranked),
        sum(sum(c.values()) for c in parties.values()),
        max((sum(c.values()) for c in parties.values()), default=1) or 1,
    )
