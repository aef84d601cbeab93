"""The log over HTTP: its checkpoint for everybody, receipts and the access history for those who may see them."""

from __future__ import annotations

from base64 import b64encode

from flask import Blueprint, Response, jsonify, request

from governance.errors import InputWrong, LogUnavailable, NotFound, Refused
from governance.history import FILTERS, shown
from governance.web.authentic import Caller
from governance.web.services import Services

__all__ = ["blueprint", "checkpoint_header"]


def checkpoint_header(services: Services) -> dict[str, str]:
    """`Accordant-Checkpoint`, the newest signed checkpoint in base64; nothing while the log does not answer."""
    try:
        note = services.journal.head().checkpoint
    except LogUnavailable:
        return {}
    return {"Accordant-Checkpoint": b64encode(note).decode("ascii")}


def _reader(caller: Caller) -> Caller:
    """A connector's key may only ask: the history holds consents and ids of its party's clients."""
    if caller.use == "connector":
        raise Refused("a connector's key reads receipts of its own requests, and no history", reason="not-a-reader")
    return caller


def _number(name: str, default: int | None) -> int | None:
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise InputWrong(f"`{text}` is not a whole number", field=name)
    return int(text)


def blueprint(services: Services) -> Blueprint:
    """`/log/checkpoint`, `/v1/receipts/{entry}`, `/v1/entries` and `/v1/entries/{seq}`."""
    pages = Blueprint("log", __name__)

    @pages.get("/log/checkpoint")
    def checkpoint() -> Response:
        """The newest checkpoint (C2SP tlog-checkpoint, a signed note)."""
        return Response(services.journal.head().checkpoint, content_type="text/plain; charset=utf-8")

    @pages.get("/log/vkey")
    def vkey() -> Response:
        """The log's verifier key (C2SP signed-note). Hold it against what you were told by another way."""
        return Response(services.vkey + "\n", content_type="text/plain; charset=utf-8")

    @pages.get("/v1/receipts/<int:entry>")
    def receipt(entry: int) -> Response:
        """The entry, the opening of its body, and a checkpoint that covers it."""
        caller = services.authenticate(request)
        administrator = caller.use == "administrator"
        found = services.history.receipt(entry, party=caller.party, administrator=administrator)
        if caller.use == "connector" and (found["body"].get("declaration") or {}).get("keyid") != caller.fingerprint:
            raise NotFound(f"no entry {entry} of this connector's requests", reason="no-entry", field="entry")
        return jsonify(found)

    @pages.get("/v1/entries")
    def search() -> Response:
        """The access history, newest first. Searching it is an entry of its own."""
        caller = _reader(services.authenticate(request))
        wanted = {k: v for k, v in request.args.items() if k not in ("limit", "before")}
        found = services.history.search(
            party=caller.party,
            administrator=caller.use == "administrator",
            wanted=wanted,
            limit=_number("limit", 100) or 100,
            before=_number("before", None),
        )
        return jsonify({"entries": [shown(e) for e in found], "searchable": list(FILTERS)})

    @pages.get("/v1/entries/<int:seq>")
    def entry(seq: int) -> Response:
        """One entry."""
        caller = _reader(services.authenticate(request))
        return jsonify(
            shown(services.history.entry(seq, party=caller.party, administrator=caller.use == "administrator"))
        )

    return pages
