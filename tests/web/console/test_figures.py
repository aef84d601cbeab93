"""The picture's geometry: every request stands in one bar, and bars keep to their scale."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.web.console.figures import chart

FIRST = dt.date(2026, 11, 1)


def figures(days: int) -> st.SearchStrategy[dict[tuple[str, str, str], int]]:
    day = st.integers(0, days - 1).map(lambda n: (FIRST + dt.timedelta(days=n)).isoformat())
    key = st.tuples(day, st.sampled_from(["north", "south"]), st.sampled_from(["permit", "deny", "other"]))
    return st.dictionaries(key, st.integers(1, 5_000), max_size=12)


@pytest.mark.parametrize("days", [7, 30, 365])
def test_nothing_is_drawn_for_nothing(days: int) -> None:
    """No bar has a part, and there is a scale."""
    empty = chart({}, FIRST, FIRST + dt.timedelta(days=days - 1))
    assert (0, 0) == (empty.total, sum(len(b.parts) for b in empty.bars))
    assert empty.lines


@given(st.sampled_from([1, 7, 30, 90, 365]).flatmap(lambda d: st.tuples(st.just(d), figures(d))))
def test_every_request_is_drawn_once(asked: tuple[int, dict[tuple[str, str, str], int]]) -> None:
    """The bars, the tables and the total agree; a bar's height is its share of the scale, within the picture."""
    days, given_ = asked
    made = chart(given_, FIRST, FIRST + dt.timedelta(days=days - 1))
    total = sum(given_.values())
    assert total == made.total == sum(b.total for b in made.bars)
    assert total == sum(sum(by.values()) for _, by in made.by_day)
    for bar in made.bars:
        assert bar.total == sum(p.count for p in bar.parts)
        assert made.left <= bar.x
        assert bar.x + bar.width <= made.width
        assert all(0 <= p.y <= made.base for p in bar.parts)
    assert len(made.lines) <= 6
