"""Forgetting over HTTP: orders to erase a client, holds, retention, and a client's accounting of disclosures.

A client's id travels in bodies alone, never in an address, which proxies write into their logs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from governance.agreements.caller import need_administrator
from governance.errors import InputWrong
from governance.query_body import speakable
from governance.register.reading import decoded
from governance.web.api.sources import json_body
from governance.web.authentic import Caller
from governance.web.services import Services

__all__ = ["blueprint"]

_ORDER = ("statement", "jws", "subject", "salt")


def _texts(content: bytes, wanted: tuple[str, ...], optional: tuple[str, ...] = ()) -> Mapping[str, str]:
    """The JSON object of a body, whose members are text: these, and no others."""
    document = json_body(content)
    speakable(document)
    for name in document:
        if name not in wanted + optional:
            raise InputWrong(f"`{name}` is not known", field=name)
    for name in wanted:
        if name not in document:
            raise InputWrong(f"`{name}` is missing", field=name)
    texts = {name: value for name, value in document.items() if isinstance(value, str)}
    for name in document:
        if name not in texts and not (name in optional and document[name] is None):
            raise InputWrong(f"`{name}` is not text", field=name)
    return texts


def _bytes(document: Mapping[str, str], name: str) -> bytes:
    try:
        return decoded(document[name])
    except ValueError:
        raise InputWrong(f"`{name}` is not base64url without padding", field=name) from None


def blueprint(services: Services) -> Blueprint:
    """`/v1/erasures`, `/v1/holds`, `/v1/holds/release`, `/v1/retention` and `/v1/disclosures`."""
    pages = Blueprint("forgetting", __name__)
    forgetting = services.forgetting

    def signed() -> tuple[Caller, bytes]:
        content = services.authenticator.read_body(request)
        return services.authenticate(request, body=content), content

    def ordered(use_case: Callable[..., dict[str, Any]]) -> tuple[Response, int]:
        caller, content = signed()
        asked = _texts(content, _ORDER)
        made = use_case(
            caller,
            statement=_bytes(asked, "statement"),
            jws=asked["jws"],
            subject=asked["subject"],
            salt=_bytes(asked, "salt"),
        )
        return jsonify(made), 201

    @pages.post("/v1/erasures")
    def erase() -> tuple[Response, int]:
        """Forgets a client: destroys its keys and what lies under them, and records that.

        Refused with 409 while the record of disclosures has to be kept, unless the order says to keep it.
        """
        return ordered(forgetting.erase)

    @pages.post("/v1/holds")
    def hold() -> tuple[Response, int]:
        """Holds the record of a client's disclosures."""
        return ordered(forgetting.hold)

    @pages.post("/v1/holds/release")
    def release() -> tuple[Response, int]:
        """Releases a hold."""
        return ordered(forgetting.release)

    @pages.post("/v1/retention")
    def retain() -> Response:
        """An administrator has what is due by age, and by earlier orders, erased now."""
        caller, _ = signed()
        need_administrator(caller)
        orders = forgetting.carry_on()
        done = services.retention.run()
        cleaned = services.forgetting.vault.clean() if orders or done["entries"] or forgetting.vault.unclean() else True
        return jsonify(done | {"orders": orders, "cleaned": cleaned})

    @pages.post("/v1/disclosures")
    def disclosures() -> Response:
        """Who saw a client's data: when, to whom, for which purpose, under which clause. Itself recorded."""
        caller, content = signed()
        asked = _texts(content, ("subject",), ("contributor",))
        return jsonify(services.accounts.of(caller, subject=asked["subject"], contributor=asked.get("contributor")))

    return pages
