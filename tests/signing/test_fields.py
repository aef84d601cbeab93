"""Structured fields: the short way to read one and the long way are one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import NotAuthentic
from governance.signing.fields import dictionary, signature_input

PIECES = [
    "accordant",
    "sig1",
    "*a",
    "A",
    "=",
    "(",
    ")",
    '"@method"',
    '"content-type"',
    '"a\\"b"',
    '"a\\\\b"',
    '""',
    '"é"',
    '"a',
    " ",
    "  ",
    "\t",
    ";created",
    ";keyid",
    ";",
    "=1",
    "=0",
    "=007",
    "=-1",
    "=1.5",
    "=999999999999999",
    "=9999999999999999",
    '="x;y=1"',
    "=tok",
    "=:AA==:",
    "=?1",
    ", ",
]


def read(parse: Any, value: str) -> Any:
    try:
        return parse(value)
    except (NotAuthentic, UnicodeEncodeError):
        return "refused"


def same(value: str) -> None:
    assert read(lambda v: dictionary("signature-input", v), value) == read(signature_input, value)


@settings(max_examples=1_500)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=10))
def test_the_short_way_reads_pieces_as_the_long_way_does(pieces: list[str]) -> None:
    same("".join(pieces))


@settings(max_examples=500)
@given(
    names=st.lists(st.text(st.characters(min_codepoint=30, max_codepoint=128), max_size=6), min_size=1, max_size=3),
    parameters=st.lists(
        st.tuples(
            st.text("abz*_.-0", min_size=1, max_size=3),
            st.one_of(
                st.integers(-5, 10**16).map(str),
                st.text(st.characters(min_codepoint=30, max_codepoint=128), max_size=6).map(lambda t: f'"{t}"'),
            ),
        ),
        max_size=4,
    ),
)
def test_the_short_way_reads_near_misses_as_the_long_way_does(
    names: list[str], parameters: list[tuple[str, str]]
) -> None:
    items = " ".join(f'"{name}"' for name in names)
    same(f"accordant=({items})" + "".join(f";{key}={value}" for key, value in parameters))


@pytest.mark.parametrize(
    "value",
    [
        'accordant=("@method" "@target-uri");created=1;keyid="a"',
        'accordant=("@method" "@target-uri");created=1;created=1',
        'accordant=("@method");a=2, accordant=("@method");a=2',
        'accordant=("a") ',
        'accordant=("a");a=1;',
        "accordant=();a=1",
        'accordant=("a""b");a=1',
    ],
)
def test_known_near_misses(value: str) -> None:
    same(value)
