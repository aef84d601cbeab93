"""The body of `POST /v1/query`: JSON to a request, with everything in it that must not be there refused by name.

Purpose and MOU come from the signed header, the party from the key, facts from the store, the instant from the
server; any of them in the body is an error, never ignored (interfaces, HTTP).
"""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from governance.disclosure.indicators import IndicatorAsked
from governance.errors import RequestInvalid, TooLarge
from governance.model.access import Request
from governance.model.limits import Limits

_DEEPEST = 16

__all__ = ["QueryBody", "parse", "speakable"]

_ELSEWHERE = {
    "party": "the owner of the key that signs",
    "at": "the server's clock",
    "facts": "the server's records",
    "purpose": "the signed Data-Purpose header",
    "mou": "the signed Data-Purpose header",
}
_KNOWN = frozenset(
    {"dataset", "fields", "rows", "from", "view", "under", "filters", "group_by", "measures", "order_by", "limit"}
)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
        raise RequestInvalid(f"`{twice}` stands twice", reason="malformed", field=twice)
    return result


def _no_constant(name: str) -> Any:
    raise RequestInvalid(f"`{name}` is not JSON", reason="malformed")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise RequestInvalid(f"`{text[:40]}` is not a number that can be kept", reason="malformed")
    return number


@dataclass(frozen=True, slots=True)
class QueryBody:
    """A body whose shape is right; `request` adds what does not come from the body."""

    values: dict[str, Any]
    indicator: IndicatorAsked | None

    def request(self, *, party: str, purpose: str, mou: str, at: dt.datetime) -> Request:
        """The whole request. Raises RequestInvalid naming the field."""
        whole = self.values | {"party": party, "purpose": purpose, "mou": mou, "at": at}
        try:
            return Request.model_validate(whole)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(p) for p in first["loc"])
            message = first["msg"].removeprefix("Value error, ")
            raise RequestInvalid(
                f"{message[:1].lower()}{message[1:]}", reason="malformed", field=place or "body"
            ) from None


def parse(body: bytes, limits: Limits) -> QueryBody:
    """Raises RequestInvalid (`malformed`, or a limit's reason) or TooLarge; each names the field."""
    if len(body) > limits.body:
        raise TooLarge(f"the body has {len(body)} bytes; at most {limits.body} are allowed")
    try:
        document = json.loads(body, object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise RequestInvalid("the body is not JSON", reason="malformed", field="body") from None
    if not isinstance(document, dict):
        raise RequestInvalid("the body is not a JSON object", reason="malformed", field="body")
    speakable(document)
    for key in document:
        if key in _ELSEWHERE:
            raise RequestInvalid(f"`{key}` comes from {_ELSEWHERE[key]}", reason="not-from-the-body", field=key)
        if key not in _KNOWN and key != "indicator":
            raise RequestInvalid(f"`{key}` is not known", reason="malformed", field=key)
    asked = None
    if "indicator" in document:
        asked = IndicatorAsked.parse(document.pop("indicator"))
    _within(document, limits)
    return QueryBody(document, asked)


def speakable(value: Any, depth: int = 0) -> None:
    """Raises RequestInvalid for JSON that the log could not keep.

    It keeps every request in canonical JSON (RFC 8785), which has no lone surrogate and no number over 2^53; and a text
    with a NUL is no search word.
    """
    if depth > _DEEPEST:
        raise RequestInvalid(f"nested deeper than {_DEEPEST}", reason="malformed", field="body")
    if isinstance(value, str):
        if "\x00" in value:
            raise RequestInvalid("a text holds a NUL", reason="malformed", field="body")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise RequestInvalid("a text is not Unicode", reason="malformed", field="body") from None
    elif isinstance(value, int) and abs(value) > 2**53 - 1:
        raise RequestInvalid("a number is larger than 2^53", reason="malformed", field="body")
    elif isinstance(value, dict):
        for key, member in value.items():
            speakable(key, depth + 1)
            speakable(member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            speakable(member, depth + 1)


def _within(document: dict[str, Any], limits: Limits) -> None:
    for key, most in (
        ("filters", limits.filters),
        ("fields", limits.fields),
        ("measures", limits.fields),
        ("order_by", limits.fields),
        ("group_by", limits.fields),
    ):
        value = document.get(key)
        if isinstance(value, list) and len(value) > most:
            raise RequestInvalid(f"{len(value)} are more than the {most} allowed", reason="over-a-limit", field=key)
    limit = document.get("limit")
    if isinstance(limit, int) and limit > limits.rows:
        raise RequestInvalid(f"{limit} is more than the {limits.rows} allowed", reason="over-a-limit", field="limit")
