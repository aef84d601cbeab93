"""The Flask application, made from services: nothing happens at import, and no state but what `Services` holds."""

from __future__ import annotations

import time
import uuid
from importlib import metadata

import structlog
from flask import Flask, Response, g, jsonify, request

from governance.web import problems
from governance.web.api import agreements, consents, log, published, query, sources
from governance.web.openapi import describe
from governance.web.services import Services

__all__ = ["create_app"]


def create_app(services: Services) -> Flask:
    """An application that serves these services."""
    app = Flask("accordant", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # Flask's provider is typed as its abstract base
    problems.install(app)
    for part in (agreements, consents, log, published, query, sources):
        app.register_blueprint(part.blueprint(services))
    events = structlog.get_logger("accordant.web")

    @app.before_request
    def _start() -> None:
        g.started, g.request_id = time.perf_counter(), uuid.uuid4().hex

    @app.after_request
    def _end(response: Response) -> Response:
        # One event a request: never a row, a filter's value or a secret, so never the query string or the body.
        events.info(
            "request",
            id=g.get("request_id"),
            method=request.method,
            route=str(request.url_rule or "none"),
            status=response.status_code,
            entry=response.headers.get("Accordant-Entry"),
            outcome=response.headers.get("Accordant-Outcome"),
            ms=round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 2),
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        return response

    @app.get("/healthz")
    def healthz() -> Response:
        """The process answers."""
        return jsonify({"status": "up"})

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Every part that a release needs, and how it is."""
        parts = services.ready()
        ready = all(state == "ok" for state in parts.values())
        return jsonify({"status": "ready" if ready else "not ready", "parts": parts}), 200 if ready else 503

    @app.get("/openapi.json")
    def openapi() -> Response:
        """This description."""
        return jsonify(describe(app, origin=services.settings.origin, version=metadata.version("accordant")))

    return app
