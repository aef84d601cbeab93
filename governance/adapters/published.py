"""The port `Published` on the audit log: what everybody may read of it, and its errors as ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import audit
from audit import Entry, Log
from audit.published import Published
from audit.receipt import Receipt
from governance.errors import LogUnavailable

__all__ = ["PublishedLog"]

_R = TypeVar("_R")


class PublishedLog:
    """One open log. Safe from any thread."""

    def __init__(self, log: Log) -> None:
        self._published = Published(log)

    def checkpoint(self) -> bytes:
        """As the port promises; of the head on the disk, or a service that lags behind would seem to take back."""
        _mapped(self._published.caught_up)
        return _mapped(self._published.checkpoint)

    def vkeys(self) -> bytes:
        """As the port promises."""
        return _mapped(self._published.vkeys)

    def cosigned(self) -> bytes | None:
        """As the port promises."""
        return _mapped(self._published.cosigned)

    def file(self, path: str) -> bytes | None:
        """As the port promises."""
        return _mapped(lambda: self._published.file(path))

    def receipt(self, entry: Entry, *, under: bytes | None = None) -> Receipt:
        """As the port promises."""
        return _mapped(lambda: self._published.receipt(entry, under=under))


def _mapped(call: Callable[[], _R]) -> _R:
    try:
        return call()
    except audit.Tampered as error:
        raise LogUnavailable(f"the log is not whole: {error}", reason="log-tampered") from error
    except audit.LogError as error:
        raise LogUnavailable(str(error)) from error
