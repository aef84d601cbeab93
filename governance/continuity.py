"""Whether the log is still the one that others remember, and vouched for recently enough; read from memory.

A **contradiction** (a witness, the home's own memory or a partner's file holds a checkpoint that the head does not
extend) makes the service read-only: nothing is released, signed or taken in. What is read is still recorded, for an
unwatched look would be worse than an entry too many. It is never cleared by itself, but by who settles it in the home.

**X-Road's rule**: where the policy asks for a quorum of witnesses and there are entries that no checkpoint with a
quorum covers, the oldest of them may wait for so many seconds; then no data is released until a quorum has cosigned.
An idle log is never stale. Whoever keeps the watch may hang or die: then the time counts from its last look.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from audit import Draft, Entry
from governance.errors import LogUnavailable
from governance.model.contradiction import Contradiction
from governance.ports import Clock, Journal, Within

__all__ = ["READ_ONLY_KINDS", "Continuity", "Coverage", "GuardedJournal"]

# What is recorded about reading, and about who knocked: it goes on.
READ_ONLY_KINDS = frozenset({"search", "export", "evidence", "sign-in", "sign-out", "not-authentic"})


@dataclass(frozen=True, slots=True)
class Coverage:
    """`size` entries are covered by a quorum; `since`: the oldest uncovered one's time, or when all was covered."""

    size: int
    since: dt.datetime


class Continuity:
    """Safe from any thread; one that watches writes, everybody reads."""

    def __init__(self, *, size: Callable[[], int], clock: Clock, seconds: float) -> None:
        self._size, self._clock, self._seconds = size, clock, seconds
        self._lock = threading.Lock()
        self._found: tuple[Contradiction, ...] = ()
        self.coverage: Coverage | None = None  # None: no quorum is asked for
        self.fault: str | None = None  # why nobody can be asked: an unreadable policy

    @property
    def contradictions(self) -> tuple[Contradiction, ...]:
        """Those that nobody has settled."""
        return self._found

    def contradicted(self, found: Contradiction) -> bool:
        """From now on nothing is released. Whether it was not known yet."""
        with self._lock:
            new = not any((c.by, c.code) == (found.by, found.code) for c in self._found)
            if new:
                self._found = (*self._found, found)
        return new

    def settled(self, found: Contradiction) -> None:
        """An administrator has settled this one; others stand."""
        with self._lock:
            self._found = tuple(c for c in self._found if c != found)

    def waiting_seconds(self) -> float:
        """How long the oldest entry that no quorum covers has waited; 0 where there is none."""
        coverage = self.coverage
        if coverage is None or self._size() <= coverage.size:
            return 0.0
        return max(0.0, (self._clock.now() - coverage.since).total_seconds())

    def require_whole(self) -> None:
        """Raises LogUnavailable (`log-contradicted`), naming who remembers what."""
        if self._found:
            more = f" (and {len(self._found) - 1} more)" if len(self._found) > 1 else ""
            detail = (
                f"{self._found[0].sentence}{more}; nothing is released or taken in until an administrator has acted"
            )
            raise LogUnavailable(detail, reason="log-contradicted")

    def require_fresh(self) -> None:
        """Raises LogUnavailable (`checkpoint-stale`), saying since when."""
        coverage, waited = self.coverage, self.waiting_seconds()
        if coverage is not None and waited > self._seconds:
            since = coverage.since.isoformat(timespec="seconds").replace("+00:00", "Z")
            detail = f"since {since} no checkpoint with enough cosignatures covers what was recorded"
            detail += f" (entries from {coverage.size} on); nothing is released until witnesses have cosigned"
            raise LogUnavailable(detail, reason="checkpoint-stale")

    def require(self) -> None:
        """Both."""
        self.require_whole()
        self.require_fresh()

    def probe(self) -> None:
        """For whoever asks how the service is. Raises LogUnavailable."""
        self.require()
        if self.fault is not None:
            raise LogUnavailable(self.fault, reason="policy-unreadable")


class GuardedJournal:
    """The port `Journal`, which takes nothing but accounts of reading while the log is contradicted."""

    def __init__(self, journal: Journal, continuity: Continuity) -> None:
        self._journal, self._continuity = journal, continuity

    def append(self, drafts: Sequence[Draft], *, within: Within | None = None) -> tuple[Entry, ...]:
        """As the port promises."""
        if self._continuity.contradictions and not all(d.kind in READ_ONLY_KINDS for d in drafts):
            self._continuity.require_whole()
        return self._journal.append(drafts, within=within)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)
