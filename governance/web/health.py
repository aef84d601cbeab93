"""`/healthz`, `/readyz` and `/metrics`, and the refusal of what comes while the service stops.

`/healthz` says that the process answers. `/readyz` asks every part that a release needs, and names the one that fails
with the reason that a request would be refused with; never an address, a path or a message of the part's own. It is
asked at most once a second, whoever asks how often. `/metrics` is for the addresses in the setting `metrics_from`, and
for nobody who comes through a proxy: clauses and counts are the partners' business.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify, request

from governance.errors import Refused, Unavailable
from governance.web.life import Life

if TYPE_CHECKING:
    from governance.web.metrics import Metrics
    from governance.web.services import Services

__all__ = ["OPEN_WHILE_STOPPING", "Readiness", "blueprint"]

OPEN_WHILE_STOPPING = frozenset({"/healthz", "/readyz", "/metrics"})
_KEPT_SECONDS = 1.0
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


class Readiness:
    """The state of each part, asked at most once a second. Safe from any thread."""

    def __init__(self, ask: Callable[[], Mapping[str, str]], life: Life, *, kept: float = _KEPT_SECONDS) -> None:
        self._ask, self._life, self._kept = ask, life, kept
        self._lock = threading.Lock()
        self._asked: tuple[float, dict[str, str]] | None = None

    def parts(self) -> dict[str, str]:
        """`ok`, or the reason why not."""
        # While another one asks, and a part takes its time, what was found before is told.
        if self._lock.acquire(blocking=self._asked is None):
            try:
                if self._asked is None or time.monotonic() - self._asked[0] > self._kept:
                    found = dict(self._ask())
                    self._asked = (time.monotonic(), found)
            finally:
                self._lock.release()
        found = self._asked[1] if self._asked is not None else {}
        return found | {"life": "stopping" if self._life.stopping else "ok"}


def blueprint(services: Services, *, life: Life, readiness: Readiness, metrics: Metrics) -> Blueprint:
    """The three pages."""
    pages = Blueprint("health", __name__)
    allowed = frozenset(name.strip() for name in services.settings.metrics_from.split(",") if name.strip())

    @pages.before_app_request
    def _stopped() -> None:
        if life.stopping and request.path not in OPEN_WHILE_STOPPING:
            raise Unavailable("the service is stopping; ask again in a moment", reason="stopping")

    @pages.get("/healthz")
    def healthz() -> Response:
        """The process answers."""
        return jsonify({"status": "up"})

    @pages.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Every part that a release needs, and how it is."""
        parts = readiness.parts()
        ready = all(state == "ok" for state in parts.values())
        return jsonify({"status": "ready" if ready else "not ready", "parts": parts}), 200 if ready else 503

    @pages.get("/metrics")
    def shown() -> Response:
        """Counts and times for a monitor, in Prometheus' text format."""
        if request.remote_addr not in allowed or any(name in request.headers for name in _FORWARDED):
            raise Refused("metrics are for the addresses that the settings name", reason="not-for-you")
        return Response(metrics.text(), content_type=metrics.content_type)

    return pages
