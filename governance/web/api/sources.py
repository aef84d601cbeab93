"""A party's sources over HTTP: mappings, and rows for those that are files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, Response, jsonify, request

from governance.errors import InputWrong, Refused, TooLarge, TooMany
from governance.query_body import speakable
from governance.web.authentic import Caller
from governance.web.services import Services

__all__ = ["blueprint", "json_body", "steward", "uploaded"]


def steward(caller: Caller) -> Caller:
    """A party's own people may bring data in; a connector's key may only ask. Raises Refused."""
    if caller.use not in ("signatory", "steward"):
        raise Refused(f"a key enrolled as `{caller.use}` may not do this", reason="not-a-steward")
    return caller


def json_body(content: bytes) -> dict[str, object]:
    """The JSON object that was sent. Raises InputWrong."""
    try:
        document = json.loads(content)
        speakable(document)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InputWrong("the body is not a JSON object", reason="malformed", field="body")
    return document


@contextmanager
def uploaded(services: Services) -> Iterator[tuple[Caller, bytes]]:
    """A large body and the steward who signed it. So many at once, since each is held in memory whole.

    Raises TooMany before a byte is read, and whatever is wrong with the body or its signature.
    """
    services.authenticator.expect_known(request)
    most = services.settings.max_upload
    if request.content_length is None:
        raise InputWrong("the number of bytes is said beforehand", reason="length-missing", field="Content-Length")
    if request.content_length > most:
        raise TooLarge(f"at most {most} bytes are taken")
    if not services.uploads.acquire(blocking=False):
        raise TooMany("other uploads are under way; try again in a moment", reason="busy")
    try:
        content = request.stream.read(most + 1)
        yield steward(services.authenticator.caller(request, body=content)), content
    finally:
        services.uploads.release()


def blueprint(services: Services) -> Blueprint:
    """`/v1/sources` and `/v1/sources/{dataset}/rows`."""
    pages = Blueprint("sources", __name__)

    @pages.get("/v1/sources")
    def enrolled() -> Response:
        """The caller's sources; an administrator sees all."""
        caller = services.authenticate(request)
        party = None if caller.use == "administrator" else caller.party
        return jsonify({"sources": [e.shown() for e in services.sources.enrolled(party)]})

    @pages.post("/v1/sources")
    def enrol() -> tuple[Response, int]:
        """A mapping (YAML text), and for a live table the database's address."""
        content = services.authenticator.read_body(request)
        caller = steward(services.authenticate(request, body=content))
        document = json_body(content)
        mapping, url = document.get("mapping"), document.get("url")
        if not isinstance(mapping, str) or not isinstance(url, str | None):
            raise InputWrong("`mapping` is the text of a mapping file", reason="malformed", field="mapping")
        made = services.sources.enrol(party=caller.party, mapping=mapping.encode(), url=url)
        return jsonify(made.shown()), 201

    @pages.post("/v1/sources/<dataset>/rows")
    def load(dataset: str) -> tuple[Response, int]:
        """Rows, as CSV or Parquet, in place of those that were there."""
        with uploaded(services) as (caller, content):
            made = services.sources.load(
                party=caller.party, dataset=dataset, content=content, media_type=request.mimetype
            )
        warnings = list(made.loaded.warnings) if made.loaded else []
        return jsonify(made.shown() | {"warnings": warnings}), 201

    return pages
