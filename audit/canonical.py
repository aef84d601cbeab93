"""Canonical JSON: RFC 8785 (JCS), the one form of a value that is hashed.

`canonical` gives the bytes and the value as it reads back from them. `orjson`'s sorted encoder writes the same bytes
many times as fast wherever no number is a fraction or has more than 15 digits, no character is outside the Basic
Multilingual Plane (JCS sorts keys by UTF-16), and the value reads back equal (so it held nothing but JSON); fractions
without an exponent, not whole, go through the sorted `json` encoder, and everything else through `rfc8785`. A number
that would not read back as itself is refused, since stored bytes are verified by encoding again what they say.

A long list of texts, such as the subjects of an answer, is joined where each is of printable ASCII without quotation
mark and backslash: between its marks such a text is its own canonical form, and there is nothing to read back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import orjson
import rfc8785

from audit.errors import NotCanonical

__all__ = ["canonical", "parse"]

_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
# Beyond it, sorting by code points is not sorting by UTF-16.
_LAST_OF_PLANE = "\uffff"
# Fewer texts are not worth a look.
_LONG = 64
_PLAIN_FRACTION = re.compile(r"-?(?:0|[1-9]\d{0,14})\.\d*[1-9]", re.ASCII)


class _Unsure(Exception):
    """The fast way can't promise the canonical form."""


def _unsure(_text: str) -> NoReturn:
    raise _Unsure


def _fraction(text: str) -> float:
    # Without an exponent, and not whole, both write the fewest digits that read back the same (ECMA-262 §6.1.6.1.20).
    if _PLAIN_FRACTION.fullmatch(text) is None:
        raise _Unsure
    return float(text)


def _small(text: str) -> int:
    if len(text) > 15:
        raise _Unsure
    return int(text)


def _plain(text: str) -> bool:
    return text.isascii() or max(text) <= _LAST_OF_PLANE


_NO_FRACTIONS = json.JSONDecoder(parse_int=_small, parse_float=_unsure, parse_constant=_unsure)
_PLAIN_NUMBERS = json.JSONDecoder(parse_int=_small, parse_float=_fraction, parse_constant=_unsure)
_JSON = json.JSONDecoder()


def canonical(value: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """The RFC 8785 bytes of an object, and the object that they read back as. Raises NotCanonical."""
    plain = dict(value)
    try:
        fast = _joined(plain) if _holds_long(plain) else _encoded(plain)
        if fast is not None:
            return fast[0].encode(), fast[1]
    except (_Unsure, TypeError, ValueError, RecursionError):
        pass  # the slow way decides, and says what is wrong
    return _slowly(plain)


def _encoded(value: Any) -> tuple[str, Any] | None:
    """What a sorted encoder writes and what that reads back as, where it is the canonical form."""
    try:
        text = orjson.dumps(value, option=_SORTED).decode()
        if _plain(text):
            back = _NO_FRACTIONS.decode(text)
            if back == value:
                return text, back
    except (_Unsure, TypeError, ValueError, RecursionError):
        pass  # a fraction, or nothing that it knows
    text = _ENCODER.encode(value)
    if _plain(text):
        back = _PLAIN_NUMBERS.decode(text)
        if back == value:
            return text, back
    return None


def _holds_long(value: dict[str, Any]) -> bool:
    """Whether a long list stands in an object, or in an object in it."""
    return any(
        len(v) >= _LONG if type(v) is list else type(v) is dict and any(_is_long(each) for each in v.values())
        for v in value.values()
    )


def _is_long(value: Any) -> bool:
    return type(value) is list and len(value) >= _LONG


def _joined(value: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """As `_encoded`, member by member, with long lists of texts only joined."""
    members, back = [], {}
    if not all(type(key) is str and key.isascii() for key in value):
        return None
    for key in sorted(value):
        member = value[key]
        if _is_long(member):
            made = _texts(member) or _encoded(member)
        elif type(member) is dict and any(_is_long(each) for each in member.values()):
            made = _joined(member)
        else:
            made = _encoded(member)
        if made is None:
            return None
        members.append(f"{_ENCODER.encode(key)}:{made[0]}")
        back[key] = made[1]
    return "{" + ",".join(members) + "}", back


def _texts(values: list[Any]) -> tuple[str, list[str]] | None:
    """A list of texts none of which needs an escape; None for any other."""
    if set(map(type, values)) != {str}:
        return None
    run = "".join(values)
    if not (run.isascii() and run.isprintable()) or '"' in run or "\\" in run:
        return None
    return '["' + '","'.join(values) + '"]', values.copy()


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
            value = _NO_FRACTIONS.decode(text)
            fast = _plain(text) and orjson.dumps(value, option=_SORTED) == data
        except (_Unsure, orjson.JSONEncodeError):
            value, fast = _JSON.decode(text), False
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise NotCanonical("not a JSON object")
    # A key that stands twice is written once, and shows here like every other difference.
    if not fast and _slowly(value)[0] != data:
        raise NotCanonical("JSON, but not in its canonical form")
    return value
