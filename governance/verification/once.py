"""What was seen, by key, in little memory: the newest in a dictionary, the rest in a file that nobody can open.

SQLite deletes the file as soon as it has made it (an empty name is a database that is temporary and on disk).
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from dataclasses import dataclass, field

__all__ = ["Ledger", "short"]

_IN_MEMORY = 100_000


def short(*words: object) -> bytes:
    """A key of 16 bytes: nobody finds two of 128 bits alike."""
    return hashlib.sha256("\x00".join(str(word) for word in words).encode()).digest()[:16]


@dataclass(slots=True)
class Ledger:
    """Bytes by key. For one thread; `close` it."""

    most: int = _IN_MEMORY
    _new: dict[bytes, bytes] = field(default_factory=dict)
    _file: sqlite3.Connection | None = None

    def get(self, key: bytes) -> bytes | None:
        """What was put last, None where nothing was."""
        found = self._new.get(key)
        if found is None and self._file is not None:
            row = self._file.execute("SELECT value FROM seen WHERE key = ?", (key,)).fetchone()
            found = None if row is None else row[0]
        return found

    def put(self, key: bytes, value: bytes) -> None:
        """In place of what was there."""
        self._new[key] = value
        if len(self._new) < self.most:
            return
        if self._file is None:
            self._file = sqlite3.connect("", isolation_level=None)
            self._file.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
        self._file.execute("BEGIN")
        self._file.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", sorted(self._new.items()))
        self._file.execute("COMMIT")
        self._new.clear()

    def close(self) -> None:
        """The file is gone; twice does no harm."""
        with contextlib.suppress(sqlite3.Error):
            if self._file is not None:
                self._file.close()
