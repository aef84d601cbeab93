"""Bytes to a witness over HTTP, with the standard library alone: an auditor's install needs nothing more."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from audit.errors import WitnessRefused
from audit.witness import Answered

__all__ = ["post"]

_SECONDS = 10.0
_MOST = 64 * 1024


def post(url: str, body: bytes, *, seconds: float = _SECONDS) -> Answered:
    """One POST, which ends after `seconds` whatever the witness does; no redirection is followed.

    Raises WitnessRefused where nobody answers.
    """
    try:
        connection, target = _connection(url, seconds)
    except ValueError as error:
        raise WitnessRefused("unreachable", f"`{url}` is not an address of HTTP") from error
    # A witness that gives one byte now and then would never be over its time for a single read.
    limit = threading.Timer(seconds, _broken_off, [connection])
    limit.daemon = True
    limit.start()
    try:
        connection.request("POST", target, body, {"Content-Type": "text/plain"})
        answer = connection.getresponse()
        return Answered(answer.status, answer.headers.get("Content-Type", ""), answer.read(_MOST))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise WitnessRefused("unreachable", f"no witness answers at {url} ({type(error).__name__})") from error
    finally:
        limit.cancel()
        connection.close()


def _connection(url: str, seconds: float) -> tuple[http.client.HTTPConnection, str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(parts.scheme)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, parts.port, timeout=seconds), parts.path or "/"


def _broken_off(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)
