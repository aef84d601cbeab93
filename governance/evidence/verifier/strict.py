"""JSON in the one reading that it has: no name twice in an object, no number that JSON does not know.

Another reader might take the other one of two values; then what was signed and what is shown would differ.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["canonical_json", "strict_json"]


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _number(text: str) -> float:
    value = float(text)
    if abs(value) == float("inf"):
        raise ValueError("a number without end")
    return value


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def strict_json(data: bytes) -> Any:
    """What the bytes say. Raises ValueError."""
    text = data.decode("utf-8")
    return json.loads(text, object_pairs_hook=_pairs, parse_float=_number, parse_constant=_constant)


def canonical_json(value: Any, *, ascii_only: bool = False) -> bytes:
    """Sorted and without blanks: of a statement's text and whole numbers RFC 8785; `ascii_only` as in `mou.json`."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=ascii_only).encode()
