"""Every part that a release needs, asked once each: what `/readyz` tells. Part of `bootstrap`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from governance.errors import AccordantError, LogUnavailable
from governance.ports import Journal

__all__ = ["asker", "require_newest", "require_room"]


def require_newest(journal: Journal) -> None:
    """The newest entry, from the disk and held against its leaf: memory would still have the head without them."""
    size = journal.head().size
    if size and journal.entry(size - 1) is None:
        raise LogUnavailable("the newest entry is not there", reason="log-tampered")


def require_room(folder: Path, least: int) -> None:
    """Bytes that are free where the home is. Raises LogUnavailable."""
    free = shutil.disk_usage(folder).free
    if free < least:
        raise LogUnavailable(f"{free} bytes are free, {least} are wanted", reason="disk-full")


def asker(parts: dict[str, Callable[[], object]]) -> Callable[[], dict[str, str]]:
    """Asks each part: `ok`, or the reason that it raised; whatever else it raises, it does not work."""

    def ask() -> dict[str, str]:
        found = {}
        for name, part in parts.items():
            try:
                part()
                found[name] = "ok"
            except AccordantError as error:
                found[name] = error.reason
            except Exception:
                found[name] = "error"
        return found

    return ask
