"""A party's sources over HTTP: mappings, and rows for those that are files."""

from __future__ import annotations

import hashlib
import json
import mmap
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from flask import Blueprint, Response, jsonify, request

from governance.errors import InputWrong, Refused, TooLarge, TooMany, Unavailable
from governance.query_body import speakable
from governance.signing.fields import check_sha256
from governance.web.authentic import Caller
from governance.web.services import Services

__all__ = ["blueprint", "json_body", "steward", "uploaded"]

_PIECE = 256 * 1024


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
def uploaded(services: Services) -> Iterator[tuple[Caller, memoryview]]:
    """A large body and the steward who signed it; it lies in a file without a name, which ends with the block.

    Who sends it is known, and that there is a place for it, before a byte is read; a body that is not the one signed
    for is thrown away. Raises NotAuthentic, Refused, TooMany, TooLarge, InputWrong; Unavailable where the disk is full.
    """
    most = services.settings.max_upload
    if request.content_length is None:
        raise InputWrong("the number of bytes is said beforehand", reason="length-missing", field="Content-Length")
    if request.content_length > most:
        raise TooLarge(f"at most {most} bytes are taken")
    caller, digest = services.authenticator.sender(request)
    steward(caller)
    if not services.uploads.acquire(blocking=False):
        raise TooMany("other uploads are under way; try again in a moment", reason="busy")
    try:
        services.settings.data.mkdir(exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=services.settings.data) as file:
            check_sha256(digest, _received(file, most))
            with _mapped(file) as content:
                yield caller, content
    finally:
        services.uploads.release()


def _received(file: IO[bytes], most: int) -> bytes:
    """Writes what arrives into a file; its SHA-256. Raises TooLarge; Unavailable where it cannot be written."""
    made, size = hashlib.sha256(), 0
    try:
        while piece := request.stream.read(_PIECE):
            made.update(piece)
            size += len(piece)
            if size > most:
                raise TooLarge(f"at most {most} bytes are taken")
            file.write(piece)
        file.flush()
    except OSError as error:
        detail = f"the upload cannot be kept ({(error.strerror or 'error').lower()})"
        raise Unavailable(detail, reason="upload-unwritable") from None
    return made.digest()


@contextmanager
def _mapped(file: IO[bytes]) -> Iterator[memoryview]:
    """A file's bytes, read from it as they are needed."""
    if not file.seek(0, 2):
        yield memoryview(b"")
        return
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as content:
        yield content


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
