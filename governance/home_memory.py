"""What a home remembers of its log outside the database, and what partners handed in: part of `bootstrap`.

`checkpoints` holds the newest head that this home saw, and the newest that a quorum of witnesses cosigned; each is put
there only once it was proved to extend what stood there before. Files in `remembered/` are partners' own memories, or
one checkpoint each, for whoever wants them held against the log at every start.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import audit
from audit.memory import Remembered, recalled, replaced
from audit.note import NoteVerifier, signatures_of
from governance.errors import InputWrong
from governance.settings import Settings

__all__ = ["ALARMS", "MEMORY", "PARTNERS", "POLICY", "HomeMemory", "text_of"]

POLICY, MEMORY, ALARMS, PARTNERS = "witnesses.policy", "checkpoints", "alarms.jsonl", "remembered"


def text_of(note: bytes) -> str:
    """A checkpoint's text, whoever signed it; empty where there is none."""
    try:
        return signatures_of(note)[0]
    except audit.NoteWrong:
        return ""


class HomeMemory:
    """One home's; for one thread at a time."""

    def __init__(self, settings: Settings, verifier: NoteVerifier) -> None:
        self._home, self._verifier = settings.home, verifier

    def own(self) -> tuple[Remembered, ...]:
        """What this home saw of this log. Raises InputWrong."""
        return self._read(self._home / MEMORY)

    def handed_in(self) -> Iterator[tuple[str, Remembered]]:
        """What partners remember, with the file's name. Raises InputWrong."""
        folder = self._home / PARTNERS
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.is_file() and not path.name.startswith("."):
                for one in self._read(path):
                    yield f"{PARTNERS}/{path.name}", one

    def save(self, seen: tuple[Remembered, ...]) -> None:
        """In place of what stood there; on the disk once it returns. Raises OSError."""
        replaced(self._home / MEMORY, seen)

    def _read(self, path: Path) -> tuple[Remembered, ...]:
        """Checkpoints of this log's origin, their signatures verified."""
        try:
            found = recalled(path, vkey=self._verifier.vkey)
            return tuple(one for one in found if one.checkpoint.origin == self._verifier.name)
        except audit.LogError as error:
            detail = f"`{path}` should hold what was seen of the log, and can't be read: {error}"
            raise InputWrong(detail, reason="memory-unreadable") from None
