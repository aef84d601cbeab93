"""A filter's value, as JSON has it, to the value that its field's type allows; the operator too.

Nothing that came from outside goes on towards a source unless it passed here (design §3).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

from governance.disclosure.query import Condition, IsNull, NotEquals, Test
from governance.errors import RequestInvalid
from governance.model.access import Filter
from governance.model.levels import Equals, Interval, Scalar, quarter_of
from governance.model.names import FieldType

__all__ = ["condition_of", "typed"]

_MOST_VALUES = 1000
_MOST_TEXT = 1000
_BOUND = 2**63
_EQUALITY = frozenset({"eq", "ne", "in", "is_null"})
_ORDER = _EQUALITY | {"lt", "le", "gt", "ge", "between"}
_OPERATORS: dict[FieldType, frozenset[str]] = {
    "string": _EQUALITY,  # an order of text hangs on a source's collation
    "boolean": _EQUALITY,
    "integer": _ORDER,
    "number": _ORDER,
    "date": _ORDER,
    "datetime": _ORDER,
    "quarter": _ORDER,
}


def condition_of(filter_: Filter, type_: FieldType) -> Condition:
    """The condition that a filter means. Raises RequestInvalid naming the field."""
    op, value, name = filter_.op, filter_.value, filter_.field
    if op not in _OPERATORS[type_]:
        raise RequestInvalid(f"`{op}` does not apply to the type `{type_}`", reason="operator-wrong-type", field=name)
    if op == "is_null":
        if value is not None and not isinstance(value, bool):
            raise _wrong(name, "`is_null` takes no value, or true or false")
        return Condition(name, (IsNull(value is not False),))
    if op == "in":
        if not isinstance(value, list | tuple) or not value:
            raise _wrong(name, "`in` takes a list of at least one value")
        if len(value) > _MOST_VALUES:
            raise RequestInvalid(
                f"{len(value)} values are more than the {_MOST_VALUES} allowed", reason="over-a-limit", field=name
            )
        return Condition(name, tuple(Equals(v) for v in dict.fromkeys(typed(v, type_, name) for v in value)))
    if op == "between":
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise _wrong(name, "`between` takes a list of two values")
        return Condition(name, (Interval(low=typed(value[0], type_, name), high=typed(value[1], type_, name)),))
    return Condition(name, (_SINGLE[op](typed(value, type_, name)),))


_SINGLE: dict[str, Callable[[Scalar], Test]] = {
    "eq": Equals,
    "ne": NotEquals,
    "lt": lambda v: Interval(high=v, high_open=True),
    "le": lambda v: Interval(high=v),
    "gt": lambda v: Interval(low=v, low_open=True),
    "ge": lambda v: Interval(low=v),
}


def typed(value: Any, type_: FieldType, name: str) -> Scalar:
    """The value in the field's type. Raises RequestInvalid (`value-wrong-type`) naming the field."""
    try:
        return _TYPED[type_](value)
    except (ValueError, OverflowError):
        raise _wrong(name, f"the value does not fit the type `{type_}` ({_EXPECTED[type_]})") from None


def _wrong(name: str, detail: str) -> RequestInvalid:
    return RequestInvalid(detail, reason="value-wrong-type", field=name)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MOST_TEXT or "\x00" in value:
        raise ValueError
    value.encode("utf-8")  # a lone surrogate is no text (a UnicodeEncodeError is a ValueError)
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -_BOUND <= value < _BOUND:
        raise ValueError
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _date(value: Any) -> dt.date:
    return dt.date.fromisoformat(_text(value))


def _datetime(value: Any) -> dt.datetime:
    instant = dt.datetime.fromisoformat(_text(value))
    if instant.tzinfo is None:
        raise ValueError
    return instant.astimezone(dt.UTC)


_TYPED: dict[FieldType, Callable[[Any], Scalar]] = {
    "string": _text,
    "quarter": lambda v: quarter_of(_text(v)),
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
}
_EXPECTED: dict[FieldType, str] = {
    "string": f"text of at most {_MOST_TEXT} characters",
    "quarter": "written 2026-Q3",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a day, written 2026-09-01",
    "datetime": "an instant, written 2026-09-01T12:00:00Z",
}
