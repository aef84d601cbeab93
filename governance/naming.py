"""Which clients the record of a request names: it is sealed under their keys too, and forgotten with the first of them.

A filter on the field that holds clients' own ids names them, known or not. Anything else that a requester may write as
it likes (a filter on another field; a body that no document can speak about, or that is no query at all; a purpose that
nobody has) names those whose id it holds, word by word, and who are known by then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from governance.model.access import Request

__all__ = ["Known", "named", "words"]

# Of these ids, whichever are a contributor's clients that the log knows.
Known = Callable[[str, Collection[str]], Collection[str]]

_LONGEST = 1024  # of a client's id; no longer one is recorded anywhere
_MOST = 20_000
_WORD = re.compile(r"[^\s\"'\\,:;{}\[\]()<>=&?/|]+")


def named(
    request: Request | None,
    *,
    outcome: str,
    holders: Collection[str],
    subject_fields: Collection[str],
    written: Callable[[], Collection[str]],
    known: Known,
) -> tuple[tuple[str, str], ...]:
    """Pairs of contributor and id. `written`: every word of a call that was not permitted. Raises LogUnavailable."""
    sure, perhaps = [], list[str]()
    for one in request.filters if request is not None else ():
        values = one.value if isinstance(one.value, list | tuple) else (one.value,)
        texts = [str(value) for value in values if value is not None and 0 < len(str(value)) <= _LONGEST]
        if one.field in subject_fields:
            sure += texts
        else:
            perhaps += texts
    if outcome != "permit":
        perhaps += written()
    asked = set(perhaps) - set(sure)
    return tuple(
        (holder, subject)
        for holder in sorted(holders)
        for subject in dict.fromkeys([*sure, *sorted(known(holder, asked) if asked else ())])
    )


def words(body: bytes, *more: str) -> Collection[str]:
    """Whatever in a body, or in other texts of a call, may be a client's id."""
    text = body.decode("utf-8", "replace")
    found: set[str] = set()
    for one in (text, *more):
        found.update(_WORD.findall(one))
        found.add(one)
    try:
        for value in _scalars(json.loads(text)):
            found.add(value)
            found.update(_WORD.findall(value))
    except (ValueError, RecursionError):
        pass
    return sorted(word for word in found if 0 < len(word) <= _LONGEST and word.isprintable())[:_MOST]


def _scalars(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) or (isinstance(one, int | float) and not isinstance(one, bool)):
            yield str(one)
