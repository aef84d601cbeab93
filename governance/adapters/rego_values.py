"""Values on their way into `regopy`, whose strings are not whole.

rego-cpp 1.5 compares a string of the input as it is with a string of data or source as it is *written*, escapes and
all, prints some unescaped, and ends them at a NUL. The policies only ever compare strings (and take a leading `-` off),
so every string, of data and of input alike, is written in characters that have no escapes, one to one.

The input is built by the vendor's C functions, without its Python wrappers: these take half of a decision's time.
"""

from __future__ import annotations

import re
from typing import Any

from regopy import Input, RegoError
from regopy.rego_shared import rego, rego_new_input

__all__ = ["Prepared", "plain", "text"]

_PLAIN = re.compile(r"[ !#-\[\]-}]*", re.ASCII)  # printable ASCII but `"`, `\` and `~`
_OTHER = re.compile(r"[^ !#-\[\]-}]", re.ASCII)
_INT64 = 2**63


def text(value: str) -> str:
    """The string in plain characters; others become `~` and their number, closed by `;`."""
    if _PLAIN.fullmatch(value):
        return value
    return _OTHER.sub(lambda found: f"~{ord(found.group()):x};", value)


def plain(value: Any) -> Any:
    """The same for every string of a JSON value, keys included."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(k): plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value if not isinstance(value, int) or isinstance(value, bool) or -_INT64 <= value < _INT64 else _wide(value)


def _wide(value: int) -> str:
    """An integer beyond 64 bits: equal to itself only, as it is in JSON."""
    return f"~integer {value}"


class Prepared(Input):  # type: ignore[misc]
    """A JSON value as the input of one query."""

    def __init__(self, value: Any) -> None:
        self._impl = rego_new_input()
        _add(self._impl, value)


def _add(target: Any, value: Any) -> None:
    if isinstance(value, str):
        failed = rego.regoInputString(target, text(value).encode())
    elif value is None:
        failed = rego.regoInputNull(target)
    elif isinstance(value, bool):
        failed = rego.regoInputBoolean(target, value)
    elif isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            return _add(target, _wide(value))
        failed = rego.regoInputInt(target, value)
    elif isinstance(value, float):
        failed = rego.regoInputFloat(target, value)
    elif isinstance(value, dict):
        for key, item in value.items():
            _add(target, key)
            _add(target, item)
            if rego.regoInputObjectItem(target):
                raise RegoError("unable to create input")
        failed = rego.regoInputObject(target, len(value))
    else:
        for item in value:
            _add(target, item)
        failed = rego.regoInputArray(target, len(value))
    if failed:
        raise RegoError("unable to create input")
    return None
