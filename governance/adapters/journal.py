"""The port `Journal` on the audit log: its errors become ours, each of them, and nothing else changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import audit
from audit import Details, Draft, Entry, Head, Log
from audit.scan import NOTHING, Looked, read
from audit.watched import Watched
from governance.adapters.log_errors import mapped
from governance.errors import LogUnavailable
from governance.ports import Within

__all__ = ["AuditJournal"]

# So many leaves are hashed in about a tenth of a second: below, nothing is kept and every start looks at all of them.
_WORTH = 16_384
_OFTEN = 50_000
_OTHERS = 0.25  # seconds between looks for what another process wrote


@mapped
def _looked_through(log: Log, kinds: Collection[str], since: Looked) -> Watched | None:
    return Watched(log, kinds, since=since) if kinds else None


class AuditJournal:
    """One open log. Safe from any thread.

    Entries of the `watched` kinds are what agreements, keys and sources follow from. Which they are is known from the
    leaves, looked through once here, and from what was appended since: whoever takes one away, from the table or from
    the index, or rewrites it, is found out when it is read. `since` is what an earlier start looked through; `keep` is
    given what a later one may begin with, now and then and by `keep_now`.
    """

    def __init__(
        self,
        log: Log,
        *,
        watched: Collection[str] = (),
        since: Looked = NOTHING,
        keep: Callable[[Looked], None] | None = None,
    ) -> None:
        self._log, self._watched = log, frozenset(watched)
        self._lock = threading.Lock()
        self._seen = _looked_through(log, self._watched, since)
        self._keep, self._kept = keep, self._seen.began if self._seen is not None else 0
        self._asked = 0.0
        self.keep_now()
        self._in_flight = 0  # appends of watched kinds that were handed in and not answered

    @mapped
    def append(self, drafts: Sequence[Draft], *, within: Within | None = None) -> tuple[Entry, ...]:
        """As the port promises."""
        moving = any(d.kind in self._watched for d in drafts)
        if not moving:
            return self._noted(self._log.append(drafts, within=within))
        with self._lock:
            self._in_flight += 1
        try:
            # Known before it is settled: nobody decides between the two.
            return self._noted(self._log.append(drafts, within=within))
        finally:
            with self._lock:
                self._in_flight -= 1

    def _noted(self, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        if self._seen is not None:
            self._seen.note(entries)
            if self._seen.size - self._kept >= _OFTEN:
                self.keep_now()
        return entries

    def keep_now(self) -> None:
        """Keeps what is known of the leaves by now, for a later start, where that would spare it anything."""
        if self._keep is not None and self._seen is not None and self._seen.size - self._kept >= _WORTH:
            looked = self._seen.looked()
            self._kept = looked.size
            self._keep(looked)

    def looked(self) -> Looked:
        """What is known of the leaves by now."""
        return self._seen.looked() if self._seen is not None else NOTHING

    @mapped
    def append_soon(self, drafts: Sequence[Draft]) -> None:
        """As the port promises."""
        self._log.append_soon(drafts).add_done_callback(self._came_soon)

    def _came_soon(self, future: Future[tuple[Entry, ...]]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._noted(future.result())

    def entries(
        self, *, kinds: Collection[str] | None = None, after: int = -1, until: int | None = None
    ) -> Iterator[Entry]:
        """As the port promises."""
        try:
            if kinds is not None and self._watched.issuperset(kinds):
                yield from self._known(kinds, after, until)
            else:
                yield from self._log.entries(kinds=kinds, after=after, until=until)
        except audit.Tampered:
            # Whoever folds entries must know which one was changed, and may go on behind it.
            raise
        except audit.LogError as error:
            raise LogUnavailable(str(error)) from error

    def _known(self, kinds: Collection[str], after: int, until: int | None) -> Iterator[Entry]:
        if self._seen is None:
            return
        try:
            known = self._seen.of(kinds, after=after, until=until)
        except audit.Tampered as error:
            # No entry of these kinds is to blame, but which there are is not known: nobody goes on behind it.
            raise LogUnavailable(f"the log is not whole: {error}", reason="log-tampered") from None
        for (number, said), entry in zip(known, read(self._log, [n for n, _ in known]), strict=True):
            if entry.leaf_hash != said.leaf_hash:
                raise audit.Tampered(number, "leaf-changed", f"entry {number} was changed after it was recorded")
            yield entry

    @mapped
    def entry(self, seq: int) -> Entry | None:
        """As the port promises."""
        return self._log.entry(seq)

    @mapped
    def details(self, entry: Entry) -> Details:
        """As the port promises."""
        return self._log.details(entry)

    @mapped
    def search(self, **filters: Any) -> Sequence[Entry]:
        """As the port promises."""
        return tuple(self._log.search(**filters))

    @mapped
    def last_of(self, kinds: Collection[str]) -> int:
        """As the port promises; of entries that another process wrote, a moment later."""
        self._others()
        return self._log.last_of(kinds)

    def _others(self) -> None:
        """Now and then asks for what another process wrote, and waits for nothing."""
        now = time.monotonic()
        if self._seen is None or now - self._asked < _OTHERS:
            return
        self._asked = now
        with suppress(audit.LogError):  # whoever appends or reads is told
            if self._seen.behind():
                # The sequencer catches up before it runs anything; there is nothing to run.
                self._log.submit((), within=lambda _connection, _entries: None)

    @mapped
    def refresh(self) -> None:
        """As the port promises."""
        self._log.refresh()

    @mapped
    def settled(self, kinds: Collection[str]) -> int | None:
        """As the port promises."""
        with self._lock:
            if self._in_flight:
                return None
        return self._log.last_of(kinds)

    @mapped
    def head(self) -> Head:
        """As the port promises."""
        return self._log.head()
