"""A party's consents over HTTP."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from governance.errors import InputWrong
from governance.web.api.sources import steward, uploaded
from governance.web.services import Services

__all__ = ["blueprint"]


def blueprint(services: Services) -> Blueprint:
    """`/v1/consents`."""
    pages = Blueprint("consents", __name__)

    @pages.post("/v1/consents")
    def bring_in() -> tuple[Response, int]:
        """A consent file, CSV."""
        with uploaded(services) as (caller, content):
            made = services.consents.bring_in(bytes(content), party=caller.party, person=caller.person)
        return jsonify(made), 201

    @pages.get("/v1/consents")
    def listed() -> Response:
        """The caller's records, newest first; `subject` asks for one client's."""
        caller = steward(services.authenticate(request))
        subject = request.args.get("subject")
        if subject is not None and not subject.isprintable():
            raise InputWrong("holds a character that no subject has", field="subject")
        records = services.consents.listed(party=caller.party, subject=subject)
        return jsonify({"consents": [r.model_dump(mode="json", by_alias=True, exclude_none=True) for r in records]})

    return pages
