"""Which entries of some kinds a log holds, known from its leaves: at the start, and as they come.

What this process appends it notes; what others appended meanwhile is looked at, leaf by leaf, when it is asked for. So
whoever takes an entry away, from the table or from the index, or rewrites it, is found out when it is read.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence

from sqlalchemy import select

from audit.entry import Entry
from audit.errors import LogUnavailable, mapped
from audit.log import Log
from audit.merkle import Range
from audit.scan import NOTHING, Looked, Seen, scan
from audit.schema import HEAD

__all__ = ["Watched"]

_FOLDED = 4096
_WAITING = 1000


class Watched:
    """Safe from any thread."""

    def __init__(self, log: Log, kinds: Collection[str], *, since: Looked = NOTHING) -> None:
        self._log, self._kinds = log, frozenset(kinds)
        self._lock = threading.Lock()
        looked = scan(log, self._kinds, since=since)
        self.began = looked.began  # the first leaf that was hashed at the start
        self._tree: Range = looked.tree
        self._last = looked.last
        self._seen = dict(looked.seen)
        self._hashes: list[bytes] = []  # of leaves behind the tree, not put into it yet
        self._waiting: dict[int, list[bytes]] = {}  # of leaves further behind: others are on their way

    def note(self, entries: Sequence[Entry]) -> None:
        """Consecutive entries that this process has appended."""
        if not entries:
            return
        with self._lock:
            self._seen.update((e.seq, Seen(e.kind, e.leaf_hash)) for e in entries if e.kind in self._kinds)
            if entries[0].seq < self._size:
                return  # looked at already
            if len(self._waiting) >= _WAITING:
                self._waiting.clear()  # they are looked at when they are asked for
            self._waiting[entries[0].seq] = [e.leaf_hash for e in entries]
            while (hashes := self._waiting.pop(self._size, None)) is not None:
                self._hashes += hashes
                self._last = hashes[-1]
            if len(self._hashes) >= _FOLDED:
                self._fold()

    def of(self, kinds: Collection[str], *, after: int = -1, until: int | None = None) -> list[tuple[int, Seen]]:
        """The entries of some of the kinds, behind `after` up to and including `until`, in order.

        Raises Tampered, LogUnavailable.
        """
        with self._lock:
            if self._size < self._log.head().size:
                self._take(scan(self._log, self._kinds, since=self._looked(), again=False))
            found = [
                (n, s) for n, s in self._seen.items() if s.kind in kinds and n > after and (until is None or n <= until)
            ]
        return sorted(found, key=lambda pair: pair[0])

    def behind(self) -> bool:
        """Whether the database holds entries that this process does not know of yet. Raises LogUnavailable."""
        with mapped(self._log.engine, "reading"), self._log.engine.connect() as connection, connection.begin():
            size = connection.scalar(select(HEAD.c.size))
        if size is not None and type(size) is not int:  # a file that was put in another's place under the service
            raise LogUnavailable("the log's head can't be read")
        return size is not None and size > self._log.head().size

    def looked(self) -> Looked:
        """What is known by now, for a later start."""
        with self._lock:
            return self._looked()

    @property
    def size(self) -> int:
        """How many leaves were looked through."""
        return self._size

    @property
    def _size(self) -> int:
        return self._tree.size + len(self._hashes)

    def _fold(self) -> None:
        self._tree, self._hashes = self._tree.extended(self._hashes), []

    def _looked(self) -> Looked:
        self._fold()
        size = self._tree.size
        return Looked(self._tree, self._last, {n: s for n, s in self._seen.items() if n < size})

    def _take(self, looked: Looked) -> None:
        self._tree, self._last = looked.tree, looked.last
        self._seen |= looked.seen
        self._waiting = {n: hashes for n, hashes in self._waiting.items() if n > looked.size}
