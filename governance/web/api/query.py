"""`POST /v1/query`: a data request in, a governed answer or a problem document out.

Headers on every answer, a refusal too: `Accordant-Entry`, `Accordant-Outcome`, `Accordant-Checkpoint` (the newest
signed checkpoint, base64).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request

from governance.errors import (
    AccordantError,
    InputWrong,
    NotAuthentic,
    Replayed,
    RequestInvalid,
    TooMany,
)
from governance.gateway import Refusal, Released
from governance.model.access import Decision
from governance.web.api.encode import ARROW, encoder, negotiate
from governance.web.api.log import checkpoint_header
from governance.web.problems import problem, status_of
from governance.web.services import Services

__all__ = ["blueprint", "refusal_problem"]

# The outcomes that the header may name (interfaces, HTTP); the log's own words are finer.
_OUTCOMES = {"replay": "invalid", "bad-signature": "invalid"}


def refusal_problem(services: Services, refusal: Refusal) -> Response:
    """The problem document of a refusal (interfaces, Refusals)."""
    error = refusal.error
    _count(services, refusal.outcome, error.reason, refusal.decision)
    status, title = status_of(error)
    outcome = _OUTCOMES.get(refusal.outcome, refusal.outcome)
    extra: dict[str, Any] = {
        "outcome": outcome,
        "clauses": [c.shown() for c in refusal.clauses],
        "nearest": refusal.nearest.offered() if refusal.nearest else None,
        "entry": refusal.entry,
    }
    if isinstance(error, InputWrong) and error.field:
        extra["field"] = error.field
    headers = {"Accordant-Outcome": outcome} | checkpoint_header(services)
    if refusal.entry is not None:
        headers["Accordant-Entry"] = str(refusal.entry)
    return problem(status, title=title, detail=error.detail, reason=error.reason, extra=extra, headers=headers)


def _outcome_of(error: AccordantError) -> str:
    if isinstance(error, TooMany):
        return "deny"
    return "invalid" if isinstance(error, InputWrong | NotAuthentic | Replayed) else "unavailable"


def _count(services: Services, outcome: str, reason: str, decision: Decision | None) -> None:
    """For the monitor: by the first clause that was cited; a reason is one of our own codes, never a caller's word."""
    clause = f"{decision.cites[0].mou}:{decision.cites[0].clause}" if decision and decision.cites else "none"
    services.metrics.data_requests.labels(outcome, reason, clause).inc()


class _Closing:
    """An iterator of bytes that closes its account when it ends, and lets the next request in."""

    def __init__(self, chunks: Iterator[bytes], released: Released, done: threading.Semaphore) -> None:
        self._chunks, self._released, self._done, self._open = chunks, released, done, True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Whatever ends the answer: the end of the rows, a client that went away, an error in a source."""
        if self._open:
            self._open = False
            try:
                closer = getattr(self._chunks, "close", None)
                if closer is not None:
                    closer()
                self._released.abandon()
            finally:
                self._done.release()


def blueprint(services: Services) -> Blueprint:
    """`/v1/query`."""
    pages = Blueprint("query", __name__)
    in_flight = threading.BoundedSemaphore(services.settings.requests_in_flight)

    @pages.post("/v1/query")
    def query() -> Response:
        """A data request (interfaces, HTTP)."""
        if not in_flight.acquire(blocking=False):
            busy = TooMany("too many requests are in flight; try again in a moment", reason="busy")
            return refusal_problem(services, Refusal("deny", busy))
        try:
            response = _answer()
        except BaseException:
            in_flight.release()
            raise
        if not isinstance(response.response, _Closing):
            in_flight.release()
        return response

    def _answer() -> Response:
        try:
            call = services.authenticator.data_call(request)
        except AccordantError as error:
            return refusal_problem(services, Refusal(_outcome_of(error), error))
        media_type = negotiate(request.headers.get("Accept", ""))
        if media_type is None:
            wrong = RequestInvalid("an answer is JSON, CSV or an Arrow stream", reason="not-acceptable", field="Accept")
            return refusal_problem(services, services.gateway.refuse(call, wrong))
        outcome = services.gateway.query(replace(call, columnar=media_type == ARROW))
        if isinstance(outcome, Refusal):
            return refusal_problem(services, outcome)
        return _released(outcome, media_type)

    def _released(released: Released, media_type: str) -> Response:
        _count(services, "permit", "permitted", released.decision)
        tail = {"protection": released.answer.protection, "receipt": {"entry": released.entry}}
        encode = encoder(media_type, schema=released.answer.schema, tail=tail)
        response = Response(content_type=media_type)
        response.response = _Closing(released.stream(encode), released, in_flight)
        response.headers["Accordant-Entry"] = str(released.entry)
        response.headers["Accordant-Outcome"] = "permit"
        response.headers["Accordant-Protection"] = json.dumps(released.answer.protection, ensure_ascii=True)
        response.headers["Cache-Control"] = "no-store"
        response.headers.update(checkpoint_header(services))
        return response

    return pages
