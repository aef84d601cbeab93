"""The Flask application, made from services: nothing happens at import, and no state but what `Services` holds."""

from __future__ import annotations

import time
import uuid
from importlib import metadata

import structlog
from flask import Flask, Response, g, jsonify, request

from governance.web import console, health, problems
from governance.web.api import agreements, consents, forgetting, log, published, query, sessions, sources, witnesses
from governance.web.api.log import checkpoint_header
from governance.web.life import Life
from governance.web.openapi import describe
from governance.web.services import Services

__all__ = ["create_app"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def create_app(services: Services, *, life: Life | None = None) -> Flask:
    """An application that serves these services; `life` is told when to stop."""
    life, metrics = life or Life(), services.metrics
    readiness = health.Readiness(services.ready, life)
    metrics.watch(
        journal=services.journal, clock=services.clock, life=life, parts=readiness.parts, continuity=services.continuity
    )
    app = Flask("accordant", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's provider is typed as its abstract base
    problems.install(app)
    for part in (agreements, consents, forgetting, log, published, query, sessions, sources, witnesses):
        app.register_blueprint(part.blueprint(services))
    app.register_blueprint(health.blueprint(services, life=life, readiness=readiness, metrics=metrics))
    app.register_blueprint(console.blueprint(app, services))
    events = structlog.get_logger("accordant.web")

    @app.before_request
    def _start() -> None:
        g.started, g.request_id = time.perf_counter(), uuid.uuid4().hex

    @app.after_request
    def _end(response: Response) -> Response:
        # One event a request: never a row, a filter's value or a secret, so never the query string or the body.
        method = request.method if request.method in _METHODS else "other"
        route, seconds = str(request.url_rule or "none"), time.perf_counter() - g.get("started", time.perf_counter())
        events.info(
            "request",
            id=g.get("request_id"),
            method=method,
            route=route,
            status=response.status_code,
            entry=response.headers.get("Accordant-Entry"),
            outcome=response.headers.get("Accordant-Outcome"),
            reason=g.get("reason"),
            ms=round(seconds * 1000, 2),
        )
        metrics.http_requests.labels(route, method, str(response.status_code)).inc()
        metrics.request_seconds.labels(route).observe(seconds)
        response.headers["Accordant-Request"] = g.get("request_id", "")
        response.headers["X-Content-Type-Options"] = "nosniff"
        if "Accordant-Checkpoint" not in response.headers:
            response.headers.update(checkpoint_header(services))
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        return response

    @app.get("/openapi.json")
    def openapi() -> Response:
        """This description."""
        return jsonify(describe(app, origin=services.settings.origin, version=metadata.version("accordant")))

    return app
