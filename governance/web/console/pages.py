"""All pages as one blueprint, behind the door: the host, the session, the token against forged posts, the headers."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from governance.errors import AccordantError, InputWrong, Unavailable
from governance.web.console import data, entry, history, mous, overview, picture, sign_in, waiting, words
from governance.web.console.door import Door, configure
from governance.web.problems import http_problem, status_of
from governance.web.services import Services

__all__ = ["blueprint"]

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; "
        "base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",  # a one-time link is an address
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


# An entry's page recomputes its proof: our own files, from here, and what the log serves; still nothing inline.
_SCRIPTED = {"console.entry": "; script-src 'self'; connect-src 'self'"}


def blueprint(app: Flask, services: Services) -> Blueprint:
    """The pages, for an application that is configured for them here."""
    configure(app, services)
    pages = Blueprint(
        "console", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
    )
    door, csrf = Door(services), CSRFProtect(app)

    _guard(pages, services, door, csrf)
    _tell(pages)
    _elsewhere(app, services, door)
    for part in (sign_in, overview, mous, history, entry, picture, waiting, data):
        part.add(pages, services, door)
    return pages


def _guard(pages: Blueprint, services: Services, door: Door, csrf: CSRFProtect) -> None:
    """What holds for every page."""

    @pages.before_request
    def _enter() -> AnyResponse | None:
        if request.endpoint == "console.static":
            return None
        door.host()
        if request.method == "POST":
            request.max_content_length = services.settings.max_body
            door.same_site()
            try:
                csrf.protect()
            except CSRFError:
                if request.endpoint == "console.enter":
                    # A link that was used has taken its form's token with it: what is told is that it was used.
                    door.invited(str((request.view_args or {}).get("link")))
                raise
        return None

    @pages.after_request
    def _headers(response: Response) -> Response:
        response.headers.update(_HEADERS)
        if response.status_code == 200:
            response.headers["Content-Security-Policy"] += _SCRIPTED.get(request.endpoint or "", "")
        if services.settings.origin.startswith("https://"):
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint not in ("console.static", "console.favicon"):
            response.headers["Cache-Control"] = "no-store"
        return response

    @pages.context_processor
    def _around() -> dict[str, Any]:
        return _context(services, door)

    @pages.get("/favicon.ico")
    def favicon() -> AnyResponse:
        """Where the mark is, for what a browser shows that is no page of ours and names none."""
        return redirect(url_for("console.static", filename="mark.svg"), 301)


def _context(services: Services, door: Door) -> dict[str, Any]:
    """What stands around every page."""
    try:
        head = services.journal.head()
    except Unavailable:
        head = None
    return {
        "head": head,
        "who": door.known(),
        "words": words,
        "names": door.names(),
        "standing": services.witnesses.standing(),
        "stale": _stale(services),
        "log_origin": services.settings.log_origin,
    }


def _elsewhere(app: Flask, services: Services, door: Door) -> None:
    """A person who asks for an address that nothing has is told by a page; a program, by a problem document."""

    @app.errorhandler(404)
    def _nothing(error: HTTPException) -> Response:
        first = request.accept_mimetypes.best_match(("application/problem+json", "application/json", "text/html"))
        machine = request.path.startswith(("/v1/", "/log/"))
        if machine or first != "text/html" or request.method not in ("GET", "HEAD") or not door.asked_here():
            return http_problem(error)
        detail = "there is no page at this address; what there is, the overview leads to"
        page = render_template(
            "problem.html", title="not found", detail=detail, reason="no-page", **_context(services, door)
        )
        response = make_response(page, 404)
        response.headers.update(_HEADERS)
        response.headers["Cache-Control"] = "no-store"
        return response


def _stale(services: Services) -> str | None:
    try:
        services.continuity.require_fresh()
    except Unavailable as error:
        return error.detail
    return None


def _tell(pages: Blueprint) -> None:
    """Errors as pages."""
    log = structlog.get_logger("accordant.console")

    def refused(status: int, title: str, detail: str, reason: str) -> Response:
        response = make_response(render_template("problem.html", title=title, detail=detail, reason=reason), status)
        if status in (429, 503):
            response.headers["Retry-After"] = "5"
        return response

    @pages.errorhandler(AccordantError)
    def _ours(error: AccordantError) -> AnyResponse:
        if error.reason == "signed-out":
            return redirect(url_for("console.sign_in"), 303)
        status, title = status_of(error)
        detail = f"{error.field}: {error.detail}" if isinstance(error, InputWrong) and error.field else error.detail
        return refused(status, title, detail, error.reason)

    @pages.errorhandler(CSRFError)
    def _forged(_error: CSRFError) -> Response:
        detail = "this form was not sent from a page of this console, or lay too long; go back, reload and try again"
        return refused(400, "the form is not ours", detail, "csrf")

    @pages.errorhandler(HTTPException)
    def _known(error: HTTPException) -> Response:
        return refused(error.code or 400, error.name.lower(), error.description or error.name, "http")

    @pages.errorhandler(Exception)
    def _unforeseen(error: Exception) -> Response:
        log.error("unforeseen", kind=type(error).__name__, exc_info=error)
        return refused(500, "error", "something unforeseen went wrong; it was noted", "error")
