"""`POST /v1/sessions`: a one-time link into the console for the person whose key signed the call."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from governance.web.services import Services

__all__ = ["blueprint"]


def blueprint(services: Services) -> Blueprint:
    """`/v1/sessions`."""
    pages = Blueprint("sessions", __name__)

    @pages.post("/v1/sessions")
    def link() -> tuple[Response, int]:
        """A link that signs its holder in to the console once, within five minutes."""
        content = services.authenticator.read_body(request)
        caller = services.authenticate(request, body=content)
        secret, until = services.sessions.link(fingerprint=caller.fingerprint)
        origin = services.settings.origin.rstrip("/")
        answer = jsonify(
            {
                "link": f"{origin}/sign-in/{secret}",
                "good_until": until.isoformat().replace("+00:00", "Z"),
                "party": caller.party,
                "person": caller.person,
            }
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer, 201

    return pages
