"""Days of a document as instants: a day starts at its first instant there and ends where the next one starts.

Both ends of a `valid`, and of a document's own days, are inclusive (language, A document). A day at the very end of
the calendar never ends, one at its very beginning has always started.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from zoneinfo import ZoneInfo

from governance.model.clauses import Valid
from governance.model.period import Period, after, start_of

__all__ = ["ALWAYS", "NEVER", "end", "later", "start", "within"]

ALWAYS = dt.datetime.min.replace(tzinfo=dt.UTC)
NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)


@lru_cache(maxsize=4096)
def start(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The first instant of the day."""
    try:
        return start_of(day, zone)
    except (OverflowError, ValueError):
        return NEVER if day.year > 5000 else ALWAYS


def end(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The first instant that is no longer in the day."""
    return NEVER if day == dt.date.max else start(day + dt.timedelta(days=1), zone)


def later(day: dt.date, period: Period) -> dt.date:
    """The day a period later."""
    try:
        return after(day, period)
    except (OverflowError, ValueError):
        return dt.date.max


def within(valid: Valid | None, at: dt.datetime, zone: ZoneInfo) -> bool:
    """The instant lies in a clause's own days; an absent end is open."""
    if valid is None:
        return True
    begun = valid.from_ is None or start(valid.from_, zone) <= at
    return begun and (valid.until is None or at < end(valid.until, zone))
