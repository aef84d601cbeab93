"""A party's consents over HTTP."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from governance.errors import InputWrong, TooLarge
from governance.web.api.sources import steward
from governance.web.services import Services

__all__ = ["blueprint"]


def blueprint(services: Services) -> Blueprint:
    """`/v1/consents`."""
    pages = Blueprint("consents", __name__)

    @pages.post("/v1/consents")
    def bring_in() -> tuple[Response, int]:
        """A consent file, CSV."""
        services.authenticator.expect_known(request)
        most = services.settings.max_upload
        if request.content_length is None:
            raise InputWrong("the number of bytes is said beforehand", reason="length-missing", field="Content-Length")
        if request.content_length > most:
            raise TooLarge(f"at most {most} bytes are taken")
        content = request.stream.read(most + 1)
        caller = steward(services.authenticator.caller(request, body=content))
        return jsonify(services.consents.bring_in(content, party=caller.party, person=caller.person)), 201

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
