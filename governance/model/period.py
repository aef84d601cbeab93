"""Periods of whole days, months and years (ISO 8601 durations without a time part) and days in a time zone.

A month or a year later than a day that the month lacks is its last day (language, Acknowledgement): 31 January and
`P1M` give 28 February.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

__all__ = ["Period", "PeriodField", "after", "day_of", "start_of"]

_PATTERN = r"^P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,3})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$"
_RE = re.compile(_PATTERN, re.ASCII)


class Period:
    """`P1Y6M`, `P30D`, `P2W`: months and days, kept with the text that they came from."""

    __slots__ = ("days", "months", "text")

    def __init__(self, text: str) -> None:
        match = _RE.match(text)
        if not match:
            raise ValueError(f"`{text}` is not a period")
        years, months, weeks, days = (int(g or 0) for g in match.groups())
        if not years + months + weeks + days:
            raise ValueError(f"`{text}` is an empty period")
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "months", 12 * years + months)
        object.__setattr__(self, "days", 7 * weeks + days)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a period is frozen")

    text: str
    months: int
    days: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Period) and (self.months, self.days) == (other.months, other.days)

    def __hash__(self) -> int:
        return hash((self.months, self.days))

    def __repr__(self) -> str:
        return f"Period({self.text!r})"

    def __str__(self) -> str:
        return self.text


class _PeriodSchema:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def parse(value: object) -> Period:
            if isinstance(value, Period):
                return value
            if not isinstance(value, str):
                raise ValueError("a period is text such as P1Y, P6M or P30D")
            return Period(value)

        return core_schema.no_info_plain_validator_function(
            parse, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="always")
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # ECMA 262 has no lookahead problem here, but an editor's message is clearer with an example.
        return {"type": "string", "pattern": _PATTERN, "examples": ["P1Y", "P60D"]}


PeriodField = Annotated[Period, _PeriodSchema]


def after(day: dt.date, period: Period) -> dt.date:
    """The day a period after `day`: months first (clamped to the month's last day), then days."""
    index = day.year * 12 + (day.month - 1) + period.months
    year, month = divmod(index, 12)
    month += 1
    clamped = min(day.day, calendar.monthrange(year, month)[1])
    return dt.date(year, month, clamped) + dt.timedelta(days=period.days)


def day_of(instant: dt.datetime, zone: ZoneInfo) -> dt.date:
    """The local day that an instant lies in."""
    return instant.astimezone(zone).date()


def start_of(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The first instant of a local day, in UTC.

    Where clocks skip midnight (Beirut, Havana) the day starts after the gap; where midnight comes twice, at the first.
    """
    wall = dt.datetime.combine(day, dt.time(0), tzinfo=zone)
    first = wall.replace(fold=0).astimezone(dt.UTC)
    if first.astimezone(zone).date() == day and first.astimezone(zone).replace(fold=0) == wall:
        return first
    # Midnight does not exist: search the second at which the local date becomes `day`.
    low, high = first - dt.timedelta(hours=26), first + dt.timedelta(hours=26)
    while high - low > dt.timedelta(seconds=1):
        middle = low + (high - low) / 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).date() >= day:
            high = middle
        else:
            low = middle
    return high
