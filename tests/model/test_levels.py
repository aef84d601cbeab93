"""Levels: what each way of writing one means, and what is refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.model.levels import Equals, Interval, bins_of, faults_of, matches
from governance.model.mou import DatasetField


def field(type_: str, levels: list[Any] | None) -> DatasetField:
    """A field with levels."""
    return DatasetField.model_validate({"class": "plain", "type": type_, "title": "t", "levels": levels})


@pytest.mark.parametrize(
    ("level", "inside", "outside"),
    [
        ("0-19", [0, 19], [-1, 20, None]),
        ("0 to 19", [0, 19], [-1, 20]),
        ("-5--1", [-5, -1], [-6, 0]),
        ("40 and more", [40, 10**9], [39]),
        ("40 or more", [40], [39]),
        ("40+", [40], [39]),
        ("over 40", [41], [40]),
        ("more than 40", [41], [40]),
        ("under 20", [19, -5], [20]),
        ("less than 20", [19], [20]),
        ("20 or less", [20, -1], [21]),
        ("up to 20", [20], [21]),
        ("7", [7], [6, 8]),
        (7, [7], [6]),
    ],
)
def test_a_bin_means_what_it_says(level: Any, inside: list[int], outside: list[int | None]) -> None:
    """Both ends of a range belong to it; `under` and `over` exclude theirs."""
    levels = bins_of(field("integer", [level]))
    assert levels is not None
    assert [0] * len(inside) == [levels.level_of(v) for v in inside]
    assert [None] * len(outside) == [levels.level_of(v) for v in outside]


def test_numbers_may_have_fractions() -> None:
    """A range over numbers holds what lies between, and bins may meet."""
    levels = bins_of(field("number", ["under 0.5", "0.5-1", "over 1"]))
    assert levels is not None
    assert [0, 1, 1, 2] == [levels.level_of(v) for v in (0.49, 0.5, 1.0, 1.001)]


def test_other_catches_what_is_present_and_not_named() -> None:
    """Only where it is declared, only on text, and never an absent value."""
    levels = bins_of(field("string", ["a", "other", "b"]))
    assert levels is not None
    assert [0, 2, 1, 1, None] == [levels.level_of(v) for v in ("a", "b", "z", "other", None)]
    without = bins_of(field("string", ["a", "b"]))
    assert without is not None
    assert without.level_of("z") is None


def test_booleans_have_their_levels_by_themselves() -> None:
    """`true` and `false`, and `1` is no label of theirs."""
    levels = bins_of(field("boolean", None))
    assert levels is not None
    assert (0, 1) == (levels.index(True), levels.index(False))
    assert (None, None, None) == (levels.index(1), levels.index("true"), levels.index(0))


def test_days_are_levels_of_dates_and_instants() -> None:
    """A day of instants runs from midnight to midnight, in UTC."""
    dates = bins_of(field("date", ["2026-09-01", "2026-09-02 to 2026-12-31"]))
    assert dates is not None
    assert [0, 1, 1, None] == [
        dates.level_of(d)
        for d in (dt.date(2026, 9, 1), dt.date(2026, 9, 2), dt.date(2026, 12, 31), dt.date(2027, 1, 1))
    ]
    instants = bins_of(field("datetime", ["2026-09-01"]))
    assert instants is not None
    last = dt.datetime(2026, 9, 1, 23, 59, 59, tzinfo=dt.UTC)
    assert (0, None) == (instants.level_of(last), instants.level_of(last + dt.timedelta(seconds=1)))


def test_a_field_without_levels_has_none() -> None:
    """Only booleans have levels that nobody declared."""
    assert bins_of(field("integer", None)) is None


@pytest.mark.parametrize(
    ("type_", "levels", "part"),
    [
        ("integer", ["0-20", "20-40"], "level `20-40` overlaps level `0-20`"),
        ("integer", ["0-19", "5"], "level `5` overlaps level `0-19`"),
        ("integer", ["under 20", "10 and more"], "overlaps"),
        ("integer", ["5", 5], "level `5` says the same as level `5`"),
        ("integer", ["19-0"], "ends before it starts"),
        ("integer", ["low"], "is not a number or a bin"),
        ("integer", ["0-1.5"], "has a fraction"),
        ("integer", [True], "does not fit the type"),
        ("string", [True], "put it in quotes"),
        ("string", ["a", "a"], "says the same"),
        ("boolean", ["yes"], "neither `true` nor `false`"),
        ("quarter", ["2026-Q5"], "is not a quarter"),
        ("quarter", ["other"], "is not a quarter"),
        ("date", ["2026-02-30"], "is not a day"),
        ("date", ["2026-01-01 to 2026-02-01", "2026-02-01"], "overlaps"),
        ("date", ["2026-02-01 to 2026-01-01"], "ends before it starts"),
    ],
)
def test_wrong_levels_are_told(type_: str, levels: list[Any], part: str) -> None:
    """Every fault names the level; nothing is guessed."""
    faults = faults_of(field(type_, levels))
    assert part in " ".join(faults)
    with pytest.raises(ValueError, match="level"):
        bins_of(field(type_, levels))


def test_bins_that_only_meet_do_not_overlap() -> None:
    """`under 20` and `20 and more` share no value."""
    assert () == faults_of(field("integer", ["under 20", "20 and more"]))
    assert () == faults_of(field("number", ["20 or less", "over 20"]))


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-60, 60))
def test_a_range_is_its_two_ends(low: int, high: int, value: int) -> None:
    """Negative numbers included."""
    if low > high:
        return
    levels = bins_of(field("integer", [f"{low}-{high}"]))
    assert levels is not None
    assert (low <= value <= high) == (levels.level_of(value) == 0)


@given(st.integers(), st.one_of(st.none(), st.integers()), st.one_of(st.none(), st.integers()), st.booleans())
def test_absent_ends_are_open(value: int, low: int | None, high: int | None, open_: bool) -> None:
    """An interval without an end has none on that side."""
    inside = (low is None or (value > low if open_ else value >= low)) and (high is None or value <= high)
    assert inside == matches(Interval(low=low, high=high, low_open=open_), value)
    assert not matches(Interval(low=low, high=high), None)
    assert matches(Equals(value), value)
