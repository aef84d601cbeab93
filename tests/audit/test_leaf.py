"""The leaf's bytes: RFC 8785, and nothing else reads back."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import NotCanonical
from audit.leaf import FIRST, Leaf, body_hash, from_text, to_text

_HASHES = st.binary(min_size=32, max_size=32)
LEAVES = st.builds(
    Leaf,
    st.integers(0, 2**53 - 1),
    st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True),
    st.datetimes(timezones=st.just(dt.UTC)),
    _HASHES,
    _HASHES,
)


@given(LEAVES)
def test_a_leaf_is_canonical_json_and_reads_back(leaf: Leaf) -> None:
    """The bytes written by hand are the library's, with exactly the six keys."""
    expected = rfc8785.dumps(
        {
            "v": 1,
            "seq": leaf.seq,
            "kind": leaf.kind,
            "time": to_text(leaf.time),
            "prev": leaf.prev.hex(),
            "body": leaf.body.hex(),
        }
    )
    assert expected == leaf.to_bytes()
    assert leaf == Leaf.from_bytes(expected)


def test_the_bytes_of_one_leaf() -> None:
    """The format, spelled out: it is never migrated."""
    time = dt.datetime(2026, 11, 2, 13, 0, 0, 5, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    leaf = Leaf(7, "request", time, FIRST, body_hash(b"s" * 32, b'{"a":1}'))
    data = (
        b'{"body":"' + hashlib.sha256(b"s" * 32 + b'{"a":1}').hexdigest().encode() + b'","kind":"request",'
        b'"prev":"0000000000000000000000000000000000000000000000000000000000000000","seq":7,'
        b'"time":"2026-11-02T12:00:00.000005Z","v":1}'
    )
    assert data == leaf.to_bytes()
    assert hashlib.sha256(b"\x00" + data).digest() == Leaf.hash(data)


GOOD = Leaf(7, "request", dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC), FIRST, FIRST).to_bytes()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b",", b", "),
        (b'"v":1', b'"v":2'),
        (b'"seq":7', b'"seq":07'),
        (b'"seq":7', b'"seq":-7'),
        (b'"seq":7', b'"seq":7.0'),
        (b'"seq":7', b'"seq":"7"'),
        (b"request", b"Request"),
        (b"request", b""),
        (b"00Z", b"00+00:00"),
        (b".000000", b""),
        (b"12:00", b"24:00"),
        (b"11-02", b"02-30"),
        (b'"kind":"request",', b""),
        (b'"v":1', b'"v":1,"x":1'),
        (b"}", b"}\n"),
        (b'"body":"0', b'"body":"A'),
        (b'"seq":7', b'"seq":9007199254740992'),
        (b"{", b"\xef\xbb\xbf{"),
        (GOOD, b""),
        (b"2026", "٢٠٢٦".encode()),
        (b"T12", b" 12"),
    ],
)
def test_other_bytes_are_no_leaf(old: bytes, new: bytes) -> None:
    """Not even where they mean the same."""
    assert old in GOOD
    with pytest.raises(NotCanonical):
        Leaf.from_bytes(GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"seq": -1},
        {"seq": 2**53},
        {"kind": "Request"},
        {"kind": "a b"},
        {"kind": ""},
        {"time": dt.datetime.fromisoformat("2026-01-01")},
        {"prev": b""},
        {"body": bytes(31)},
    ],
)
def test_a_leaf_that_could_not_be_read_cannot_be_made(wrong: dict[str, object]) -> None:
    """Illegal states can't be built."""
    right = {"seq": 0, "kind": "request", "time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "prev": FIRST, "body": FIRST}
    with pytest.raises(NotCanonical):
        Leaf(**{**right, **wrong})  # type: ignore[arg-type]


@given(st.datetimes(timezones=st.timezones()))
def test_times_are_kept_to_the_microsecond(time: dt.datetime) -> None:
    """Text and instant are one to one, and text sorts as instants do."""
    try:
        text = to_text(time)
    except OverflowError:
        return  # the year 1 or 9999, across the line
    assert time.astimezone(dt.UTC) == from_text(text)
    assert text == to_text(from_text(text))
