"""The log over HTTP for everybody, as C2SP tlog-tiles: checkpoint, tiles of hashes, bundles of entries, the key.

Byte for byte what an export holds. Leaves hold no personal data; bodies are not here.
"""

from __future__ import annotations

from flask import Blueprint, Response

from governance.errors import NotFound
from governance.web.services import Services

__all__ = ["blueprint"]

_TEXT = "text/plain; charset=utf-8"
# A full tile never changes; a partial one may be gone once it is full, and a checkpoint is old within a second.
_FOR_EVER = "public, max-age=31536000, immutable"
_SHORT = "public, max-age=2"


def blueprint(services: Services) -> Blueprint:
    """`/log/checkpoint`, `/log/cosigned`, `/log/vkey`, `/log/vkeys` and `/log/tile/...`."""
    pages = Blueprint("published", __name__)

    @pages.get("/log/checkpoint")
    def checkpoint() -> Response:
        """The newest checkpoint (C2SP tlog-checkpoint, a signed note)."""
        response = Response(services.published.checkpoint(), content_type=_TEXT)
        response.headers["Cache-Control"] = _SHORT
        return response

    @pages.get("/log/cosigned")
    def cosigned() -> Response:
        """The newest checkpoint that a witness cosigned, with the cosignatures (C2SP tlog-cosignature)."""
        found = services.published.cosigned()
        if found is None:
            raise NotFound("no witness has cosigned this log yet", reason="no-cosignature")
        response = Response(found, content_type=_TEXT)
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

    @pages.get("/log/vkeys")
    def vkeys() -> Response:
        """How the log came to its key: each entry in which one key signed the next, opened, a line each; else empty."""
        response = Response(services.published.vkeys(), content_type=_TEXT)
        response.headers["Cache-Control"] = _SHORT
        return response

    return pages
