"""The body of a data request: what belongs elsewhere, what is unknown and what is too much is refused by name."""

from __future__ import annotations

import contextlib
import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InputWrong
from governance.model.limits import Limits
from governance.query_body import parse

LIMITS = Limits()
BODY = {"dataset": "enrollments", "fields": ["program"], "rows": "own", "view": "identified"}
NOW = dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC)


def _request(body: dict[str, object]) -> object:
    return parse(json.dumps(body).encode(), LIMITS).request(party="northside", purpose="research", mou="m", at=NOW)


@pytest.mark.parametrize("key", ["party", "at", "facts", "purpose", "mou"])
def test_what_comes_from_elsewhere_is_refused_in_the_body(key: str) -> None:
    """Named in the error, never ignored."""
    with pytest.raises(InputWrong) as caught:
        _request(BODY | {key: "x"})
    assert ("not-from-the-body", key) == (caught.value.reason, caught.value.field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"feilds": []}, "feilds"),
        ({"fields": "program"}, "fields"),
        ({"rows": "every"}, "rows"),
        ({"view": None}, "view"),
        ({"limit": -1}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": 10**9}, "limit"),
        ({"filters": [{"field": "a", "op": "like", "value": 1}]}, "filters.0.op"),
        ({"filters": [{"field": "a", "op": "eq", "value": 1}] * 17}, "filters"),
        ({"measures": [{"measure": "median", "field": "a"}]}, "measures.0.measure"),
        ({"indicator": "completion"}, "indicator"),
        ({"fields": ["x" * 201]}, "fields.0"),
    ],
)
def test_a_wrong_value_names_its_field(change: dict[str, object], field: str) -> None:
    """Types, unknown keys, unknown words and limits."""
    with pytest.raises(InputWrong) as caught:
        _request(BODY | change)
    assert field == caught.value.field


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b'{"rows": NaN}', b'{"rows": 1, "rows": 2}', b"[" * 60_000]
)
def test_what_is_not_a_json_object_is_malformed(body: bytes) -> None:
    """Truncated, of another kind, of another encoding, with a key twice, nested without end."""
    with pytest.raises(InputWrong):
        parse(body, LIMITS)


def test_a_body_over_the_limit_is_too_large() -> None:
    """64 KiB."""
    with pytest.raises(InputWrong) as caught:
        parse(b" " * 65_537, LIMITS)
    assert "too-large" == caught.value.reason


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_input_wrong(body: bytes) -> None:
    """Whatever arrives, the answer is a clear one."""
    with contextlib.suppress(InputWrong):
        parse(body, LIMITS).request(party="p", purpose="q", mou="m", at=NOW)
