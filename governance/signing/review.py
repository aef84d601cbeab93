"""What an approval is over: a digest of the request as its approvers read it (language, Approval).

Party, clause, fields, filters, `from` and view, as the language says; and what else changes what leaves: the dataset,
the rows, the purpose, groups and measures. The instant, the order and the limit are left out. Lists that have no order
of their own are sorted, so that the same request asked another way keeps its approval.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import rfc8785

from governance.errors import RequestInvalid
from governance.model.access import Request

__all__ = ["digest_of", "request_digest", "reviewed"]


def reviewed(request: Request, *, mou: str, under: str) -> dict[str, Any]:
    """What an approver is shown of a request, and what the digest is over. `under` is the clause of `mou` relied on."""
    filters = {
        _bytes(_filter(f.model_dump(exclude_none=True))): _filter(f.model_dump(exclude_none=True))
        for f in request.filters
    }
    measures = {_bytes(m): m for m in (m.model_dump(exclude_none=True) for m in request.measures)}
    return {
        "party": request.party,
        "mou": mou,
        "clause": under,
        "dataset": request.dataset,
        "fields": sorted(request.all_fields),
        "filters": [filters[key] for key in sorted(filters)],
        "from": None if request.from_ is None else sorted(set(request.from_)),
        "group_by": sorted(set(request.group_by)),
        "measures": [measures[key] for key in sorted(measures)],
        "purpose": request.purpose,
        "rows": request.rows,
        "view": request.view,
    }


def request_digest(request: Request, *, mou: str, under: str) -> str:
    """The digest in hex that an `Approval` or `Refusal` names. Raises RequestInvalid for a value that is not JSON's."""
    return digest_of(reviewed(request, mou=mou, under=under))


def digest_of(shown: Mapping[str, Any]) -> str:
    """The digest of what an approver is shown: whoever signs makes it from that, whatever a server says."""
    return hashlib.sha256(_bytes(shown)).hexdigest()


def _filter(condition: dict[str, Any]) -> dict[str, Any]:
    if condition["op"] == "in" and isinstance(condition.get("value"), list | tuple):
        values = {_bytes(value): value for value in condition["value"]}
        return condition | {"value": [values[key] for key in sorted(values)]}
    return condition


def _bytes(value: Any) -> bytes:
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        raise RequestInvalid("a filter's value is not one that JSON can hold exactly", reason="malformed") from None
