"""The opened bodies of an export against the leaves, line by line as the walk comes to them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.canonical import canonical
from audit.errors import NotCanonical
from audit.leaf import Leaf, body_hash
from audit.report import Faults

__all__ = ["Bodies"]

_Line = tuple[int, bytes, dict[str, Any]]


@dataclass(slots=True)
class Bodies:
    """Reads `bodies.jsonl` once, in the order of entries; a folder need not have one."""

    path: Path
    faults: Faults
    since: int = 0  # contents of entries before are passed over
    given: Sequence[bytes] | None = None  # some of the file's lines, in place of all
    opened: int = 0
    _lines: Iterator[_Line] = field(init=False)
    _next: _Line | None = None

    def __post_init__(self) -> None:
        self._lines = self._read()
        self._next = next(self._lines, None)

    def held(self, seq: int, leaf: bytes) -> None:
        """The body of this leaf, if the file opens it."""
        while self._next is not None and self._next[0] < seq:
            number = self._next[0]
            self.faults.add(number, "body-order", f"the content of entry {number} is not at its place, or stands twice")
            self._next = next(self._lines, None)
        if self._next is None or self._next[0] != seq:
            return
        _, salt, body = self._next
        self._next = next(self._lines, None)
        self.opened += 1
        try:
            data, _ = canonical(body)
        except NotCanonical:
            self.faults.add(seq, "body-malformed", f"the content of entry {seq} is not in its canonical form")
            return
        if body_hash(salt, data) != Leaf.from_bytes(leaf).body:
            message = f"the content of entry {seq} is not the one that was recorded"
            self.faults.add_body(seq, "body-changed", message, leaf, salt, data)

    def end(self, size: int) -> None:
        """Whatever is left opens no entry of this log."""
        while self._next is not None:
            number = self._next[0]
            where = f"there is a content for an entry {number}, and the log has {size} entries"
            if number < size:
                where = f"the content of entry {number} can't be held against its entry, or is not at its place"
            self.faults.add(number, "surplus-body", where)
            self._next = next(self._lines, None)

    def _read(self) -> Iterator[_Line]:
        if self.given is not None:
            yield from self._told(self.given)
        elif self.path.is_file():
            with self.path.open("rb") as file:
                yield from self._told(file)

    def _told(self, lines: Iterable[bytes]) -> Iterator[_Line]:
        for count, line in enumerate(lines, start=1):
            try:
                told = json.loads(line)
                found = (told["seq"], bytes.fromhex(told["salt"]), told["body"])
                if type(found[0]) is not int or found[0] < 0 or not isinstance(found[2], dict):
                    raise ValueError("not a content")
            except (ValueError, KeyError, TypeError, RecursionError):
                message = f"line {count} of `{self.path.name}` is not an entry's number, salt and content"
                self.faults.add(None, "bodies-malformed", message)
                continue
            if found[0] >= self.since:
                yield found
