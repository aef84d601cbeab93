"""The one place where errors become HTTP: RFC 9457 problem documents, and no other shape.

InputWrong 400 · NotFound 404 · TooLarge 413 · NotAuthentic 401 · Replayed 409 · Conflict 409 · TooMany 429
Refused 403 · Unavailable 503 · anything unforeseen 500, without a word about its inside
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, g, has_request_context
from werkzeug.exceptions import HTTPException

from governance.errors import (
    AccordantError,
    Conflict,
    DocumentWrong,
    InputWrong,
    NotAuthentic,
    NotFound,
    Refused,
    Replayed,
    TooLarge,
    TooMany,
    Unavailable,
)

__all__ = ["http_problem", "install", "problem", "status_of"]

# In the order in which `isinstance` must ask: the narrower class first.
_STATUS: tuple[tuple[type[AccordantError], int, str], ...] = (
    (NotFound, 404, "not found"),
    (TooLarge, 413, "too large"),
    (InputWrong, 400, "the request is wrong"),
    (Replayed, 409, "replayed"),
    (NotAuthentic, 401, "not authentic"),
    (Conflict, 409, "conflict"),
    (TooMany, 429, "too many requests"),
    (Refused, 403, "refused"),
    (Unavailable, 503, "unavailable"),
)


def status_of(error: AccordantError) -> tuple[int, str]:
    """The status and the title of an error's problem document."""
    for kind, status, title in _STATUS:
        if isinstance(error, kind):
            return status, title
    return 500, "error"


def problem(
    status: int,
    *,
    title: str,
    detail: str,
    reason: str,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document (RFC 9457 §3) with `reason` and whatever else the caller adds."""
    if has_request_context():
        g.reason = reason  # for the event about this request
    body = {"type": f"urn:accordant:problem:{reason}", "title": title, "status": status, "detail": detail}
    # In ASCII: what the caller sent may be quoted here, and need not be Unicode.
    payload = json.dumps(body | {"reason": reason} | dict(extra or {}))
    response = Response(payload, status=status, content_type="application/problem+json")
    response.headers.extend(dict(headers or {}))
    if status == 401:
        # RFC 9110 §15.5.2 asks for a challenge.
        response.headers["WWW-Authenticate"] = 'Signature realm="accordant"'
    if status in (429, 503):
        response.headers["Retry-After"] = "5"
    return response


def _extra(error: AccordantError) -> dict[str, Any]:
    if isinstance(error, DocumentWrong):
        return {
            "faults": [
                {"line": f.line, "column": f.column, "clause": f.clause, "message": f.message, "expected": f.expected}
                for f in error.faults
            ]
        }
    if isinstance(error, InputWrong) and error.field:
        return {"field": error.field}
    return {}


def http_problem(error: HTTPException) -> Response:
    """The problem document of what the framework itself refuses."""
    reason = (error.name or "error").lower().replace(" ", "-")
    detail = (error.description or "").lower()
    return problem(error.code or 500, title=error.name.lower(), detail=detail, reason=reason)


def install(app: Flask) -> None:
    """Registers the handlers on an app."""
    log = structlog.get_logger("accordant.web")
    # An address has one spelling: no redirect that a signature would not follow. Before any route is added.
    app.url_map.merge_slashes = False

    @app.errorhandler(AccordantError)
    def _ours(error: AccordantError) -> Response:
        status, title = status_of(error)
        return problem(status, title=title, detail=error.detail, reason=error.reason, extra=_extra(error))

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        return http_problem(error)

    @app.errorhandler(Exception)
    def _unforeseen(error: Exception) -> Response:
        log.error("unforeseen", kind=type(error).__name__, exc_info=error)
        return problem(500, title="error", detail="something unforeseen went wrong; it was noted", reason="error")
