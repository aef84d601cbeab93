"""The log over HTTP: its checkpoint for everybody, receipts and the access history for those who may see them."""

from __future__ import annotations

from base64 import b64encode

from flask import Blueprint, Response, jsonify, request

from governance.errors import InputWrong, NotFound, Refused
from governance.history import FILTERS, shown
from governance.web.authentic import Caller
from governance.web.services import Services

__all__ = ["blueprint"]

_TEXT = "text/plain; charset=utf-8"
# A full tile never changes; a partial one may be gone once it is full, and a checkpoint is old within a second.
_FOR_EVER = "public, max-age=31536000, immutable"
_SHORT = "public, max-age=2"


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
    """`/log/...`, `/v1/receipts/{entry}`, `/v1/exports`, `/v1/entries` and `/v1/entries/{seq}`."""
    pages = Blueprint("log", __name__)

    @pages.get("/log/checkpoint")
    def checkpoint() -> Response:
        """The newest checkpoint (C2SP tlog-checkpoint, a signed note)."""
        response = Response(services.published.checkpoint(), content_type=_TEXT)
        response.headers["Cache-Control"] = _SHORT
        return response

    @pages.get("/log/tile/<path:name>")
    def tile(name: str) -> Response:
        """A tile of hashes, or a bundle of entries (C2SP tlog-tiles). Leaves hold no personal data."""
        found = services.published.file(f"tile/{name}")
        if found is None:
            raise NotFound(f"the log has no tile `{name}`", reason="no-tile", field="name")
        response = Response(found, content_type="application/octet-stream")
        response.headers["Cache-Control"] = _SHORT if ".p/" in name else _FOR_EVER
        return response

    @pages.get("/log/vkey")
    def vkey() -> Response:
        """The log's verifier key (C2SP signed-note). Hold it against what you were told by another way."""
        return Response(services.vkey + "\n", content_type=_TEXT)

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
        proof = [b64encode(digest).decode() for digest in made.proof]
        return jsonify(shown(found) | {"checkpoint": b64encode(made.checkpoint).decode(), "proof": proof})

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
        return jsonify(
            shown(services.history.entry(seq, party=caller.party, administrator=caller.use == "administrator"))
        )

    return pages
