"""The port `Published` on the audit log: what everybody may read of it, and its errors as ours."""

from __future__ import annotations

from audit import Entry, Log
from audit.published import Published
from audit.receipt import Receipt
from governance.adapters.log_errors import called

__all__ = ["PublishedLog"]


class PublishedLog:
    """One open log. Safe from any thread."""

    def __init__(self, log: Log) -> None:
        self._published = Published(log)

    def checkpoint(self) -> bytes:
        """As the port promises; of the head on the disk, or a service that lags behind would seem to take back."""
        called(self._published.caught_up)
        return called(self._published.checkpoint)

    def vkeys(self) -> bytes:
        """As the port promises."""
        return called(self._published.vkeys)

    def cosigned(self) -> bytes | None:
        """As the port promises."""
        return called(self._published.cosigned)

    def file(self, path: str) -> bytes | None:
        """As the port promises."""
        return called(lambda: self._published.file(path))

    def receipt(self, entry: Entry, *, under: bytes | None = None) -> Receipt:
        """As the port promises."""
        return called(lambda: self._published.receipt(entry, under=under))
