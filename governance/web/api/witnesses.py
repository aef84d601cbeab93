"""Witnesses over HTTP: an administrator has them asked now, and a partner that vouches brings its cosignature."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error

from flask import Blueprint, Response, jsonify, request

from governance.errors import InputWrong, Refused
from governance.web.api.sources import json_body
from governance.web.services import Services

__all__ = ["blueprint"]


def _bytes(document: dict[str, object], name: str) -> bytes:
    value = document.get(name)
    try:
        if not isinstance(value, str):
            raise ValueError
        return b64decode(value, validate=True)
    except (ValueError, Base64Error):
        raise InputWrong(f"`{name}` is not base64", reason="malformed", field=name) from None


def blueprint(services: Services) -> Blueprint:
    """`/v1/witnesses`, `/v1/witnesses/round` and `/v1/cosignatures`."""
    pages = Blueprint("witnesses", __name__)

    @pages.get("/v1/witnesses")
    def standing() -> Response:
        """The policy's witnesses, how far they cover the log, and who contradicts it."""
        services.authenticate(request)
        return jsonify(services.witnesses.standing())

    @pages.post("/v1/witnesses/round")
    def ask() -> Response:
        """An administrator has the newest checkpoint submitted to every witness, now."""
        caller = services.authenticate(request)
        if caller.use != "administrator":
            raise Refused("an administrator has witnesses asked; each minute they are asked anyway", reason="not-yours")
        return jsonify(services.witnesses.ask())

    @pages.post("/v1/cosignatures")
    def take() -> tuple[Response, int]:
        """A cosignature that a witness of the policy made by itself: a checkpoint and its line, each in base64."""
        content = services.authenticator.read_body(request)
        services.authenticate(request, body=content)
        document = json_body(content)
        return jsonify(services.witnesses.take(_bytes(document, "checkpoint"), _bytes(document, "line"))), 201

    return pages
