"""The log over HTTP for those who may see its entries: receipts, exports and the access history."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from flask import Blueprint, Response, jsonify, request

from audit import Details, Entry
from audit.receipt import Receipt
from governance.errors import InputWrong, LogUnavailable, NotFound, Refused
from governance.history import FILTERS, shown
from governance.web.authentic import Caller
from governance.web.services import Services

__all__ = ["blueprint", "checkpoint_header", "receipt_shown"]


def checkpoint_header(services: Services) -> dict[str, str]:
    """`Accordant-Checkpoint`, the newest signed checkpoint in base64; nothing while the log does not answer."""
    try:
        note = services.journal.head().checkpoint
    except LogUnavailable:
        return {}
    return {"Accordant-Checkpoint": b64encode(note).decode("ascii")}


def receipt_shown(found: Entry, made: Receipt, details: Details | None = None) -> dict[str, Any]:
    """A receipt as JSON: the entry, the opening of its body, a checkpoint, and the proof that it covers the entry."""
    proof = [b64encode(digest).decode() for digest in made.proof]
    return shown(found, details) | {"checkpoint": b64encode(made.checkpoint).decode(), "proof": proof}


_TEXT = "text/plain; charset=utf-8"


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
    """`/v1/receipts/{entry}`, `/v1/exports`, `/v1/entries` and `/v1/entries/{seq}`."""
    pages = Blueprint("log", __name__)

    @pages.get("/v1/receipts/<int:entry>")
    def receipt(entry: int) -> Response:
        """The entry, the opening of its body, and the proof that a checkpoint covers it.

        As JSON, or, where `text/plain` is asked for, as a C2SP tlog-proof.
        """
        caller = services.authenticate(request)
        administrator = caller.use == "administrator"
        found = services.history.entry(entry, party=caller.party, administrator=administrator)
        if caller.use == "connector" and (found.body.get("declaration") or {}).get("keyid") != caller.fingerprint:
            raise NotFound(f"no entry {entry} of this connector's requests", reason="no-entry", field="entry")
        made = services.published.receipt(found)
        wanted = request.accept_mimetypes.best_match(("application/json", "text/plain"), default="application/json")
        if wanted == "text/plain":
            return Response(made.to_text(), content_type=_TEXT)
        return jsonify(receipt_shown(found, made, services.history.details(found)))

    @pages.post("/v1/exports")
    def export() -> Response:
        """The bodies that the caller may see, a line each (`{"seq","salt","body"}`), and `{"end"}` after the last.

        The export is an entry of its own. `Accordant-Checkpoint` is the checkpoint that it is of.
        """
        caller = _reader(services.authenticate(request))
        made = services.exports.take(party=caller.party, administrator=caller.use == "administrator")
        response = Response(made.lines, content_type="application/x-ndjson")
        response.headers["Accordant-Entry"] = str(made.entry)
        response.headers["Accordant-Checkpoint"] = b64encode(made.checkpoint).decode()
        return response

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
        found = services.history.entry(seq, party=caller.party, administrator=caller.use == "administrator")
        return jsonify(shown(found, services.history.details(found)))

    return pages
