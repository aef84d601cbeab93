"""Bytes to a witness over HTTP, with the standard library alone: an auditor's install needs nothing more."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from audit.errors import WitnessRefused
from audit.witness import Answered

__all__ = ["post"]

_SECONDS = 10
_MOST = 64 * 1024


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A witness is where the policy says."""

    def redirect_request(self, *_: object) -> None:
        return None


def post(url: str, body: bytes) -> Answered:
    """One POST; no redirection is followed. Raises WitnessRefused where nobody answers."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise WitnessRefused("unreachable", f"`{url}` is not an address of HTTP")
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "text/plain"}, method="POST")  # noqa: S310
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=_SECONDS) as answer:
            return Answered(answer.status, answer.headers.get("Content-Type", ""), answer.read(_MOST))
    except urllib.error.HTTPError as error:
        with error:
            return Answered(error.code, error.headers.get("Content-Type", ""), error.read(_MOST))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise WitnessRefused("unreachable", f"no witness answers at {url} ({type(error).__name__})") from error
