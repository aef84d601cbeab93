"""An export's bodies: those that the caller may see, as lines, and an entry that says who took them.

The entry comes first: what can't be logged doesn't happen. The lines end with one that says so, since whoever reads a
stream that broke off must know it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from audit import Draft, Tampered
from audit.export import body_line
from governance.errors import AccordantError
from governance.ports import Journal

__all__ = ["Export", "Exports"]


@dataclass(frozen=True, slots=True)
class Export:
    """One export: its entry, the checkpoint that it is of, and the lines of `bodies.jsonl`, then `{"end": size}`."""

    entry: int
    size: int
    checkpoint: bytes
    lines: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Exports:
    """Opens bodies in bulk, for a caller of whom it is known who it is."""

    journal: Journal

    def take(self, *, party: str, administrator: bool) -> Export:
        """Records the export, and only then opens anything. The export holds its own entry."""
        body = {"party": party, "bodies": "all" if administrator else "own"}
        made = self.journal.append([Draft("export", body, (party,), {"party": party}, use="content")])
        head = self.journal.head()
        lines = self._lines(head.size, party=party, administrator=administrator)
        return Export(made[0].seq, head.size, head.checkpoint, lines)

    def _lines(self, size: int, *, party: str, administrator: bool) -> Iterator[bytes]:
        try:
            for entry in self.journal.entries(until=size - 1):
                if entry.erased is None and (administrator or party in entry.readers):
                    yield body_line(entry.seq, entry.salt, entry.body_bytes)
        except Tampered as error:
            yield _line({"fault": f"the log is not whole: {error}"})
        except AccordantError as error:
            yield _line({"fault": error.detail})
        else:
            yield _line({"end": size})


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
