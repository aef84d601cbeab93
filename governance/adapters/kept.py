"""What a home found out before and need not find out again: files beside the database, under a key that is not in it.

Each is JSON behind an HMAC-SHA256 over its name and its bytes, under a key derived (HKDF, RFC 5869) from one of the
home's own. Whoever holds the database can't make one; whoever changes one is not believed, and what it held is found
out anew. So nothing here is ever needed, only quicker, and a file that can't be read or written is no error.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

__all__ = ["Kept"]


class Kept:
    """The folder of such files. Safe from any thread; the last that writes a file wins."""

    def __init__(self, folder: Path, *, secret: bytes) -> None:
        self._folder = folder
        self._key = HKDF(hashes.SHA256(), 32, salt=None, info=b"accordant kept v1").derive(secret)

    def get(self, name: str) -> Any:
        """What was put there under this very name; None where there is nothing to be believed."""
        try:
            mark, _, data = (self._folder / name).read_bytes().partition(b"\n")
            if not hmac.compare_digest(mark, self._mark(name, data)):
                return None
            return json.loads(data)
        except (OSError, ValueError, RecursionError):
            return None

    def put(self, name: str, value: Any) -> None:
        """Writes it, whole or not at all."""
        data = json.dumps(value, separators=(",", ":")).encode()
        path = self._folder / f"{name}.{secrets.token_hex(8)}"
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(self._mark(name, data) + b"\n" + data)
            path.replace(self._folder / name)
        except OSError:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _mark(self, name: str, data: bytes) -> bytes:
        return hmac.new(self._key, name.encode() + b"\n" + data, hashlib.sha256).hexdigest().encode()
