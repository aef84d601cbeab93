"""An export on the disk, made without a server, for the tests that check one."""

from __future__ import annotations

from pathlib import Path

from audit import Log
from audit.export import body_line, written
from audit.published import Published

__all__ = ["export_of"]


def export_of(log: Log, folder: Path, *, bodies: bool = True) -> Path:
    """The folder, as `accordant audit export` writes it."""
    published = Published(log)

    def read(path: str) -> bytes:
        found = published.file(path)
        assert found is not None, path
        return found

    lines = [body_line(e.seq, e.salt, e.body_bytes) for e in log.entries()] if bodies else []
    vkey = log.verifier.vkey
    written(folder, checkpoint=published.checkpoint(), vkey=vkey, vkeys=published.vkeys(), read=read, bodies=lines)
    return folder
