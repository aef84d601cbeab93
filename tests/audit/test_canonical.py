"""Canonical JSON: the fast way and the library's are the same bytes."""

from __future__ import annotations

import enum
import json
import math
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from audit.canonical import canonical, parse
from audit.errors import NotCanonical

_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-(2.0**53) + 1, 2.0**53 - 1, allow_nan=False)
    | _TEXT
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(_TEXT, _VALUES, max_size=5)


@given(OBJECTS)
def test_the_bytes_are_those_of_rfc8785(value: dict[str, Any]) -> None:
    """Whatever the way taken; and they read back, and are accepted as canonical."""
    data, back = canonical(value)
    assert rfc8785.dumps(value) == data
    assert json.loads(data) == back
    assert back == parse(data)


_LISTED = st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8) | _SCALARS, max_size=80)


@given(st.dictionaries(_TEXT, _LISTED | st.dictionaries(_TEXT, _LISTED, max_size=2), max_size=3), _TEXT, st.booleans())
def test_long_lists_are_those_of_rfc8785(value: dict[str, Any], text: str, whole: bool) -> None:
    """Lists long enough to be joined, of texts with and without what needs an escape, among other members."""
    long = {"north": [f"{text}{n}" for n in range(70)]}
    asked = value | ({"subjects": long} if whole else long)
    data, back = canonical(asked)
    assert rfc8785.dumps(asked) == data
    assert json.loads(data) == back
    assert back == parse(data)


@pytest.mark.parametrize("odd", ['"', "\\", "\n", "\x7f", "é", "\u2028", "\U0001f600", "", 1, 1.5, None, True, ["a"]])
@pytest.mark.parametrize("place", [0, 35, 69])
def test_one_odd_value_in_a_long_list(odd: Any, place: int) -> None:
    """Whatever is not plain text takes another way to the same bytes."""
    values: list[Any] = [f"client {n}" for n in range(70)]
    values[place] = odd
    asked = {"subjects": {"north": values}, "size": 70}
    assert (rfc8785.dumps(asked), asked) == canonical(asked)


@given(st.floats(min_value=1 - 2.0**53, max_value=2.0**53 - 1) | st.floats(min_value=-2, max_value=2))
@example(0.8)
@example(0.0001)
@example(0.00009)
@example(5e-324)
@example(-0.0)
@example(1e15 + 0.5)
@example(999999999999999.9)
def test_fractions_are_those_of_rfc8785(number: float) -> None:
    """Whether they are written fast or slowly."""
    assert rfc8785.dumps({"n": number}) == canonical({"n": number})[0]


def test_what_reads_back_is_no_part_of_what_was_given() -> None:
    """A list that its owner changes afterwards changes nothing in the log."""
    values = [f"client {n}" for n in range(70)]
    back = canonical({"subjects": {"north": values}})[1]
    values.clear()
    assert 70 == len(back["subjects"]["north"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # RFC 8785 §3.2.2 and §3.2.3.
        (
            {
                "numbers": [333333333.33333329, 1e15, 4.50, 2e-3, 0.000000000000000000000000001],
                "literals": [None, True, False],
            },
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1000000000000000,4.5,0.002,1e-27]}',
        ),
        (
            {"string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f"},
            '{"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
        ),
        (
            {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7},
            '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"\U0001f600":5,"\ufb33":3}',
        ),
        ({"a": (1, 2)}, '{"a":[1,2]}'),
        ({"a": 1.0, "b": -0.0}, '{"a":1,"b":0}'),
        ({"a": 2**53 - 1}, '{"a":9007199254740991}'),
        ({}, "{}"),
    ],
)
def test_known_forms(value: dict[str, Any], expected: str) -> None:
    """The RFC's own examples, and the edges between the two ways."""
    assert expected.encode() == canonical(value)[0]


class _Role(enum.StrEnum):
    PARTNER = "partner"


def test_an_enumeration_is_its_text() -> None:
    """As models give them."""
    assert (b'{"role":"partner"}', {"role": "partner"}) == canonical({"role": _Role.PARTNER})


@pytest.mark.parametrize(
    "value",
    [
        {"a": 2**53},
        {"a": -(2**53)},
        {"a": 1e20},
        {"a": math.nan},
        {"a": math.inf},
        {"a": "\ud800"},
        {"\udfff": 1},
        {1: 2},
        {True: 1},
        {None: 1},
        {"a": {1: 2}},
        {"a": b"bytes"},
        {"a": {1, 2}},
        {"a": object()},
    ],
)
def test_what_has_no_canonical_form(value: Any) -> None:
    """Refused before anything is written, never coerced."""
    with pytest.raises(NotCanonical):
        canonical(value)


def test_nesting_beyond_reason() -> None:
    """A value nested too deeply is refused, not a crash."""
    deep: dict[str, Any] = {}
    for _ in range(200_000):
        deep = {"a": deep}
    with pytest.raises(NotCanonical):
        canonical(deep)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"1",
        b"{",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e0}',
        b'{"a":-0}',
        b'{"a":"\\u0041"}',
        b'{"a":NaN}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":1.5,"b":}',
        b'{"a":1}\n',
        b"\xef\xbb\xbf{}",
        b'{"a":9007199254740993}',
        b'{"a":1e400}',
        b"[" * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_bytes_that_are_not_canonical_are_refused(data: bytes) -> None:
    """Stored bytes have one form; anything else was put there by other means."""
    with pytest.raises(NotCanonical):
        parse(data)
