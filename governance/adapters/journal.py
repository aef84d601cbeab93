"""The port `Journal` on the audit log: its errors become ours, each of them, and nothing else changes."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, ParamSpec, TypeVar

import audit
from audit import Draft, Entry, Head, Log
from audit.scan import Seen, scan
from governance.errors import LogUnavailable
from governance.ports import Within

__all__ = ["AuditJournal"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def _mapped(function: Callable[_P, _R]) -> Callable[_P, _R]:
    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except audit.Tampered as error:
            raise LogUnavailable(f"the log is not whole: {error}", reason="log-tampered") from error
        except audit.LogError as error:
            raise LogUnavailable(str(error)) from error

    return call


@_mapped
def _scanned(log: Log, kinds: Collection[str]) -> dict[int, Seen]:
    return dict(scan(log, kinds)) if kinds else {}


class AuditJournal:
    """One open log. Safe from any thread.

    Entries of the `watched` kinds are what agreements, keys and sources follow from. Which they are is known from the
    leaves, looked through once here, and from what was appended since: whoever takes one away, from the table or from
    the index, or rewrites it, is found out when it is read.
    """

    def __init__(self, log: Log, *, watched: Collection[str] = ()) -> None:
        self._log, self._watched = log, frozenset(watched)
        self._lock = threading.Lock()
        self._seen = _scanned(log, self._watched)
        self._in_flight = 0  # appends of watched kinds that were handed in and not answered

    @_mapped
    def append(self, drafts: Sequence[Draft], *, within: Within | None = None) -> tuple[Entry, ...]:
        """As the port promises."""
        moving = any(d.kind in self._watched for d in drafts)
        if not moving:
            return self._log.append(drafts, within=within)
        with self._lock:
            self._in_flight += 1
        try:
            entries = self._log.append(drafts, within=within)
        finally:
            with self._lock:
                self._in_flight -= 1
        watched = {e.seq: Seen(e.kind, e.leaf_hash) for e in entries if e.kind in self._watched}
        if watched:
            with self._lock:
                self._seen.update(watched)
        return entries

    @_mapped
    def append_soon(self, drafts: Sequence[Draft]) -> None:
        """As the port promises."""
        self._log.append_soon(drafts)

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
        with self._lock:
            seen = [(n, s) for n, s in self._seen.items() if s.kind in kinds and n > after]
        for number, said in sorted(seen, key=lambda pair: pair[0]):
            if until is not None and number > until:
                return
            entry = self._log.entry(number)
            if entry is None:
                raise audit.Tampered(number, "missing", f"entry {number} is missing")
            if entry.leaf_hash != said.leaf_hash:
                raise audit.Tampered(number, "leaf-changed", f"entry {number} was changed after it was recorded")
            yield entry

    @_mapped
    def entry(self, seq: int) -> Entry | None:
        """As the port promises."""
        return self._log.entry(seq)

    @_mapped
    def search(self, **filters: Any) -> Sequence[Entry]:
        """As the port promises."""
        return tuple(self._log.search(**filters))

    @_mapped
    def last_of(self, kinds: Collection[str]) -> int:
        """As the port promises."""
        return self._log.last_of(kinds)

    @_mapped
    def settled(self, kinds: Collection[str]) -> int | None:
        """As the port promises."""
        with self._lock:
            if self._in_flight:
                return None
        return self._log.last_of(kinds)

    @_mapped
    def head(self) -> Head:
        """As the port promises."""
        return self._log.head()
