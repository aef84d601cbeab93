"""Canonical JSON: RFC 8785 (JCS), the one form of a value that is hashed.

`canonical` gives the bytes and the value as it reads back from them. The sorted `json` encoder writes the same bytes
four times as fast wherever there is no fraction, no number of 16 digits or more, no character outside the Basic
Multilingual Plane (JCS sorts keys by UTF-16), and the value reads back equal (so no key was a number); everything else
goes through `rfc8785`. A number that would not read back as itself is refused, since stored bytes are verified by
encoding again what they say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import rfc8785

from audit.errors import NotCanonical

__all__ = ["canonical", "parse"]

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
# Beyond it, sorting by code points is not sorting by UTF-16.
_LAST_OF_PLANE = "\uffff"


class _Unsure(Exception):
    """The fast way can't promise the canonical form."""


def _unsure(_text: str) -> NoReturn:
    raise _Unsure


def _small(text: str) -> int:
    if len(text) > 15:
        raise _Unsure
    return int(text)


def _plain(text: str) -> bool:
    return text.isascii() or max(text) <= _LAST_OF_PLANE


_WHOLE_NUMBERS = json.JSONDecoder(parse_int=_small, parse_float=_unsure, parse_constant=_unsure)
_JSON = json.JSONDecoder()


def canonical(value: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """The RFC 8785 bytes of an object, and the object that they read back as. Raises NotCanonical."""
    plain = dict(value)
    try:
        text = _ENCODER.encode(plain)
        if _plain(text):
            back = _WHOLE_NUMBERS.decode(text)
            if back == plain:
                return text.encode(), back
    except (_Unsure, TypeError, ValueError, RecursionError):
        pass  # the slow way decides, and says what is wrong
    return _slowly(plain)


def _slowly(plain: dict[str, Any]) -> tuple[bytes, dict[str, Any]]:
    try:
        data: bytes = rfc8785.dumps(plain)
        back = json.loads(data)
        if rfc8785.dumps(back) != data:  # pragma: no cover - a number beyond 2**53 raises instead
            raise NotCanonical("a number does not read back as itself")
    except (rfc8785.CanonicalizationError, RecursionError, TypeError, ValueError) as error:
        raise NotCanonical(f"not a value of canonical JSON: {error}") from error
    return data, back


def parse(data: bytes) -> dict[str, Any]:
    """The object that canonical bytes hold. Raises NotCanonical where they are anything but its one canonical form."""
    try:
        text = data.decode()
        try:
            value = _WHOLE_NUMBERS.decode(text)
            fast = _plain(text) and _ENCODER.encode(value) == text
        except _Unsure:
            value, fast = _JSON.decode(text), False
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise NotCanonical("not a JSON object")
    # A key that stands twice is written once, and shows here like every other difference.
    if not fast and _slowly(value)[0] != data:
        raise NotCanonical("JSON, but not in its canonical form")
    return value
