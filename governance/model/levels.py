"""Levels: the values or bins that an aggregate over others' rows is grouped and filtered by (language, A document).

What a level means depends on the type of its field:

- `string`, `quarter`: the value itself; on a string field the level `other` catches every value that is present and
  that no other level names.
- `integer`, `number`: a value (`5`), or a bin: `0-19` (both ends belong to it), `40 and more`, `over 40`, `under 20`
  (also `less than 20`), `20 or less`.
- `boolean`: `true` and `false`, which are implied where none are declared.
- `date`, `datetime`: a day (`2026-09-01`), or days from the first to the last (`2026-09-01 to 2026-12-31`).

Bins of one field never overlap, so a value has one level or none. Every test here can be said in SQL as well as in
Python; both readings are held against each other by the tests.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from governance.model.mou import DatasetField
from governance.model.names import FieldType, Level

__all__ = ["Bin", "Equals", "Interval", "Levels", "Other", "Scalar", "bins_of", "faults_of", "matches", "quarter_of"]

Scalar = str | bool | int | float | dt.date | dt.datetime

_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"^({_NUMBER})\s*(?:-|–|to)\s*({_NUMBER})$")
_FROM = re.compile(rf"^({_NUMBER})\s*(?:and|or)\s+(?:more|over|above)$|^({_NUMBER})\+$")
_OVER = re.compile(rf"^(?:over|more than|above)\s+({_NUMBER})$")
_UNDER = re.compile(rf"^(?:under|less than|below)\s+({_NUMBER})$")
_UPTO = re.compile(rf"^({_NUMBER})\s*(?:and|or)\s+(?:less|fewer|under|below)$|^(?:up to)\s+({_NUMBER})$")
_DAYS = re.compile(r"^(\d{4}-\d{2}-\d{2})\s+to\s+(\d{4}-\d{2}-\d{2})$")
_QUARTER = re.compile(r"^\d{4}-Q[1-4]$")


@dataclass(frozen=True, slots=True)
class Equals:
    """The value itself."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`; an absent end is open, and so is an end that is marked so."""

    low: Scalar | None = None
    high: Scalar | None = None
    low_open: bool = False
    high_open: bool = False


@dataclass(frozen=True, slots=True)
class Other:
    """Any value that is present and not among the `known`."""

    known: tuple[str, ...]


Bin = Equals | Interval | Other


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of one field, in their declared order: `labels[i]` is what people read, `bins[i]` what it means."""

    labels: tuple[Level, ...]
    bins: tuple[Bin, ...]

    def index(self, label: object) -> int | None:
        """The place of a label, or None where it is not declared; `1` is not `true`."""
        for i, known in enumerate(self.labels):
            if isinstance(label, bool) and isinstance(known, bool) and label == known:
                return i
            # A document may write 5 where a request writes "5": the label people read is the same.
            if _written(label) is not None and _written(label) == _written(known):
                return i
        return None

    def level_of(self, value: Scalar | None) -> int | None:
        """The place of the level that a value lies in, or None."""
        return next((i for i, b in enumerate(self.bins) if matches(b, value)), None)


def _written(label: object) -> str | None:
    """A label as it is read; None for `true` and `false`, which are no words."""
    return str(label) if isinstance(label, str | int) and not isinstance(label, bool) else None


def matches(bin_: Bin, value: Scalar | None) -> bool:
    """Whether a value lies in a bin; an absent value lies in none."""
    if value is None:
        return False
    match bin_:
        case Equals(expected):
            return value == expected
        case Other(known):
            return value not in known
        case Interval(low, high, low_open, high_open):
            above = low is None or (value > low if low_open else value >= low)  # type: ignore[operator]
            below = high is None or (value < high if high_open else value <= high)  # type: ignore[operator]
            return above and below


def quarter_of(text: str) -> str:
    """`2026-Q3`, or ValueError."""
    if not _QUARTER.match(text):
        raise ValueError(f"`{text}` is not a quarter, written 2026-Q3")
    return text


def bins_of(field: DatasetField) -> Levels | None:
    """The levels of a field, None where it has none. Raises ValueError where they are wrong (see `faults_of`)."""
    levels = field.levels
    if levels is None:
        return Levels((True, False), (Equals(True), Equals(False))) if field.type == "boolean" else None
    faults = faults_of(field)
    if faults:
        raise ValueError("; ".join(faults))
    return Levels(tuple(levels), tuple(_bin(level, field.type, levels) for level in levels))


def faults_of(field: DatasetField) -> tuple[str, ...]:
    """What is wrong with a field's levels, each in words: unreadable, doubled, or overlapping bins."""
    if field.levels is None:
        return ()
    faults: list[str] = []
    read: list[tuple[Level, Bin]] = []
    for level in field.levels:
        try:
            read.append((level, _bin(level, field.type, field.levels)))
        except ValueError as error:
            faults.append(str(error))
    for i, (label, bin_) in enumerate(read):
        for earlier, other in read[:i]:
            if bin_ == other:
                faults.append(f"level `{_shown(label)}` says the same as level `{_shown(earlier)}`")
            elif _overlap(bin_, other):
                faults.append(f"level `{_shown(label)}` overlaps level `{_shown(earlier)}`")
    return tuple(faults)


def _shown(label: Level) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def _bin(level: Level, type_: FieldType, levels: Sequence[Level]) -> Bin:
    reader = _READERS[type_]
    if type_ == "string":
        if isinstance(level, bool):
            raise ValueError(f"level `{_shown(level)}` is not text: put it in quotes")
        if level == "other":
            return Other(tuple(str(known) for known in levels if known != "other"))
        return Equals(str(level))
    if type_ != "boolean" and isinstance(level, bool):
        raise ValueError(f"level `{_shown(level)}` does not fit the type `{type_}`")
    return reader(level)


def _number(text: str) -> int | float:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else float(number)


def _numeric(level: Level) -> Bin:
    if isinstance(level, int):
        return Equals(level)
    text = level.strip().lower()
    if re.fullmatch(_NUMBER, text):
        return Equals(_number(text))
    if found := _RANGE.match(text):
        low, high = _number(found[1]), _number(found[2])
        if low > high:
            raise ValueError(f"level `{level}` ends before it starts")
        return Interval(low=low, high=high)
    if found := _FROM.match(text):
        return Interval(low=_number(found[1] or found[2]))
    if found := _OVER.match(text):
        return Interval(low=_number(found[1]), low_open=True)
    if found := _UNDER.match(text):
        return Interval(high=_number(found[1]), high_open=True)
    if found := _UPTO.match(text):
        return Interval(high=_number(found[1] or found[2]))
    raise ValueError(f"level `{level}` is not a number or a bin such as `0-19`, `40 and more` or `under 20`")


def _integer(level: Level) -> Bin:
    bin_ = _numeric(level)
    ends = (bin_.value,) if isinstance(bin_, Equals) else (bin_.low, bin_.high) if isinstance(bin_, Interval) else ()
    if any(isinstance(end, float) for end in ends):
        raise ValueError(f"level `{level}` has a fraction, and the field holds whole numbers")
    return bin_


def _boolean(level: Level) -> Bin:
    if not isinstance(level, bool):
        raise ValueError(f"level `{level}` is neither `true` nor `false`")
    return Equals(level)


def _quarter(level: Level) -> Bin:
    try:
        return Equals(quarter_of(str(level)))
    except ValueError:
        raise ValueError(f"level `{level}` is not a quarter, written 2026-Q3") from None


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"level `{text}` is not a day, written 2026-09-01") from None


def _date(level: Level) -> Bin:
    if found := _DAYS.match(str(level).strip()):
        first, last = _day(found[1]), _day(found[2])
        if first > last:
            raise ValueError(f"level `{level}` ends before it starts")
        return Interval(low=first, high=last)
    return Equals(_day(str(level)))


def _datetime(level: Level) -> Bin:
    days = _date(level)
    first = days.value if isinstance(days, Equals) else days.low if isinstance(days, Interval) else None
    last = days.value if isinstance(days, Equals) else days.high if isinstance(days, Interval) else None
    if not isinstance(first, dt.date) or not isinstance(last, dt.date):  # pragma: no cover - `_date` gives days
        raise ValueError(f"level `{level}` is not a day")
    midnight = dt.time(0, tzinfo=dt.UTC)
    end = dt.datetime.combine(last + dt.timedelta(days=1), midnight)
    return Interval(low=dt.datetime.combine(first, midnight), high=end, high_open=True)


_READERS: dict[FieldType, Callable[[Level], Bin]] = {
    "string": lambda level: Equals(str(level)),
    "quarter": _quarter,
    "integer": _integer,
    "number": _numeric,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
}


def _overlap(a: Bin, b: Bin) -> bool:
    if isinstance(a, Other) or isinstance(b, Other):
        return False  # `Other` is defined as what the rest leaves
    if isinstance(a, Equals):
        return matches(b, a.value)
    if isinstance(b, Equals):
        return matches(a, b.value)
    return not (_before(a, b) or _before(b, a))


def _before(a: Interval, b: Interval) -> bool:
    """Whether `a` ends before `b` starts."""
    if a.high is None or b.low is None:
        return False
    if a.high == b.low:
        return a.high_open or b.low_open
    return a.high < b.low  # type: ignore[operator]
