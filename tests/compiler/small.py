"""Small documents and requests for tests of the language, one key at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from governance.compiler.reference import decide
from governance.model.access import NO_FACTS, Decision, Facts, Request
from governance.model.mou import Mou

__all__ = ["answer", "clause", "document", "permit", "request", "told"]

FIELDS: dict[str, Any] = {
    "id": {"class": "identifier", "type": "string", "title": "number"},
    "zip": {"class": "quasi-identifier", "type": "string", "title": "ZIP"},
    "grade": {"class": "sensitive", "type": "integer", "title": "grade", "levels": ["0-59", "60-100"]},
    "site": {"class": "plain", "type": "string", "title": "site", "levels": ["east", "west", "1"]},
    "done": {"class": "plain", "type": "boolean", "title": "done"},
}


def clause(id_: str, kind: str, *, valid: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """A clause of the kind; `from_` and `except_` stand for the keys that Python reserves."""
    rule = {key.removesuffix("_"): value for key, value in keys.items()}
    made: dict[str, Any] = {"id": id_, "title": "title", "text": "text", kind: rule}
    return made if valid is None else made | {"valid": valid}


def permit(id_: str = "1", *, valid: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    """A permit of everything to everyone, unless told otherwise."""
    wide = {"to": "everyone", "data": "d", "rows": "all", "fields": "all", "view": "identified", "purpose": ["use"]}
    return clause(id_, "permit", valid=valid, **(wide | keys))


def document(*clauses: dict[str, Any], **keys: Any) -> Mou:
    """A document of 2026, in UTC: partners a, b and c contribute, h convenes."""
    value: dict[str, Any] = {
        "accordant": 1,
        "id": "m",
        "version": 1,
        "title": "title",
        "timezone": "UTC",
        "effective": dt.date(2026, 1, 1),
        "expires": dt.date(2026, 12, 31),
        "parties": [
            *({"id": name, "name": name, "role": "partner"} for name in "abc"),
            {"id": "h", "name": "h", "role": "convener"},
        ],
        "signing": {"required": "everyone"},
        "purposes": {
            "use": {"title": "use"},
            "report": {"title": "report", "broader": "use"},
            "page": {"title": "page", "broader": "report"},
            "other": {"title": "other"},
        },
        "datasets": {
            "d": {
                "title": "d",
                "subject": "id",
                "contributor": "site",
                "contributors": {"roles": ["partner"]},
                "fields": FIELDS,
            }
        },
        "clauses": clauses or [permit()],
    }
    return Mou.model_validate(value | keys)


def request(**keys: Any) -> Request:
    """Partner a asks for the sites of all, identified, for use, in the middle of 2026."""
    value: dict[str, Any] = {
        "party": "a",
        "dataset": "d",
        "fields": ["site"],
        "rows": "all",
        "view": "identified",
        "purpose": "use",
        "at": "2026-07-01T12:00:00Z",
    }
    return Request.model_validate(value | {key.removesuffix("_"): part for key, part in keys.items()})


def answer(mous: Mou | Sequence[Mou], facts: Facts = NO_FACTS, **keys: Any) -> Decision:
    """The decision on a request that differs from the usual one in these keys."""
    return decide([mous] if isinstance(mous, Mou) else mous, request(**keys), facts, revision="r")


def told(decision: Decision) -> str:
    """`permit m:1`, `deny prohibited m:2`, `gap no-clause`: outcome, reason where it is not plain, citations."""
    reason = () if decision.outcome in ("permit", "gap", "review") else (decision.reason,)
    return " ".join((decision.outcome, *reason, *map(str, decision.cites)))
