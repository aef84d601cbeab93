"""A clock that stands, and a log in memory that somebody with full write access to the database may change."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from audit import Draft, Entry, Tampered
from audit.entry import Prepared, filing
from audit.leaf import Leaf
from governance.errors import LogUnavailable
from governance.ports import Within

__all__ = ["START", "Clock", "MemoryLog"]

START = dt.datetime(2026, 9, 10, 15, 0, tzinfo=dt.UTC)


class Clock:
    """Stands until it is moved."""

    def __init__(self, start: dt.datetime = START) -> None:
        self.time = start

    def now(self) -> dt.datetime:
        """The instant; each look is a microsecond later, as entries' times are."""
        self.time += dt.timedelta(microseconds=1)
        return self.time

    def pass_(self, **parts: float) -> None:
        """Time passes: `days=1`, `hours=2`."""
        self.time += dt.timedelta(**parts)


class MemoryLog:
    """The port `Journal` in memory, with a switch that breaks it and doors for whoever tampers."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.rows: list[Entry] = []
        self.spoilt: set[int] = set()
        self.broken = False

    def append(self, drafts: Sequence[Draft], *, within: Within | None = None) -> tuple[Entry, ...]:
        """As the port promises."""
        if self.broken:
            raise LogUnavailable("the log does not answer")
        made = tuple(self._entry(d, len(self.rows) + i) for i, d in enumerate(drafts))
        if within is not None:
            within(None, made)
        self.rows += made
        return made

    def _entry(self, draft: Draft, seq: int) -> Entry:
        prepared = Prepared.of(draft)
        prev = self.rows[-1].leaf_hash if self.rows else bytes(32)
        leaf = Leaf(seq, draft.kind, self.clock.now(), prev, prepared.body_hash).to_bytes()
        return self._stored(seq, leaf, prepared.salt, prepared.body_bytes)

    @staticmethod
    def _stored(seq: int, leaf: bytes, salt: bytes, body: bytes) -> Entry:
        said, value = Leaf.from_bytes(leaf), json.loads(body)
        return Entry(seq, said.kind, said.time, leaf, Leaf.hash(leaf), salt, value, body, filing(value)[0])

    def append_soon(self, drafts: Sequence[Draft]) -> None:
        """As the port promises."""
        self.append(drafts)

    def entries(
        self, *, kinds: Collection[str] | None = None, after: int = -1, until: int | None = None
    ) -> Iterator[Entry]:
        """As the port promises; all are verified before the first is given, as the real log does in its pages."""
        last = len(self.rows) - 1 if until is None else until
        found = [e for e in self.rows[after + 1 : last + 1] if kinds is None or e.kind in kinds]
        for entry in found:
            if entry.seq in self.spoilt:
                detail = f"the content of entry {entry.seq} was changed after it was recorded"
                raise LogUnavailable(detail) from Tampered(entry.seq, "body-changed", detail)
        yield from found

    def entry(self, seq: int) -> Entry | None:
        """As the port promises."""
        return self.rows[seq] if 0 <= seq < len(self.rows) else None

    def search(self, **filters: Any) -> Sequence[Entry]:
        """By kind and words of the index, newest first."""
        limit, since = filters.pop("limit", 100), filters.pop("since", None)
        kind = filters.pop("kind", None)
        found = []
        for entry in reversed(self.rows):
            index = filing(entry.body)[1]
            if (kind in (None, entry.kind)) and all(v in index.get(k, []) for k, v in filters.items()):
                found.append(entry)
        return [e for e in found if since is None or e.time >= since][:limit]

    def last_of(self, kinds: Collection[str]) -> int:
        """As the port promises."""
        return max((e.seq for e in self.rows if e.kind in kinds), default=-1)

    def refresh(self) -> None:
        """Nobody else writes here."""

    def head(self) -> Any:
        """Nothing here asks for it."""
        raise NotImplementedError

    # Whoever has full write access to the database

    def rewrite(self, seq: int, change: Callable[[dict[str, Any]], None]) -> None:
        """Changes a body consistently: salt, hash and every later leaf are made anew."""
        body = json.loads(self.rows[seq].body_bytes)
        change(body)
        self._relink(seq, body)

    def _relink(self, seq: int, body: dict[str, Any]) -> None:
        rows, self.rows = self.rows[seq:], self.rows[:seq]
        for row in rows:
            filed = json.loads(row.body_bytes) if row.seq != seq else body
            filed.pop("filing", None)
            prepared = Prepared.of(Draft(row.kind, filed, row.readers))
            prev = self.rows[-1].leaf_hash if self.rows else bytes(32)
            leaf = Leaf(row.seq, row.kind, row.time, prev, prepared.body_hash).to_bytes()
            self.rows.append(self._stored(row.seq, leaf, prepared.salt, prepared.body_bytes))

    def spoil(self, seq: int) -> None:
        """Changes a body and nothing else: reading it raises."""
        self.spoilt.add(seq)
