"""The register, kept in step with the log: whoever asks sees every entry that was durable before the question."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from audit import Entry, Tampered
from governance.errors import LogUnavailable
from governance.ports import Journal
from governance.register import FACT_KINDS, KINDS, Broken, EnrolledKey, Place, Register
from governance.signing.keys import PublicKey

__all__ = ["RegisterBook", "Unverified", "register_entries", "unknown"]

_UNKNOWN = dt.datetime.fromtimestamp(0, dt.UTC)

# What an entry that fails says of itself, unverified: its kind, its time, its body. For messages only.
Unverified = Callable[[int], tuple[str, dt.datetime | None, Mapping[str, Any]]]


def unknown(_: int) -> tuple[str, dt.datetime | None, Mapping[str, Any]]:
    """Nothing can be said of it."""
    return "", None, {}


def register_entries(journal: Journal, *, after: int = -1, claims: Unverified = unknown) -> Iterator[Entry | Broken]:
    """The entries that the register is made of. One that was tampered with comes as `Broken`; the rest go on."""
    until: int | None = None
    broken: Broken | None = None
    while True:
        try:
            for entry in journal.entries(kinds=KINDS, after=after, until=until):
                yield entry
                after = entry.seq
        except (Tampered, LogUnavailable) as error:
            cause = error if isinstance(error, Tampered) else error.__cause__
            if not isinstance(cause, Tampered) or cause.seq is None or cause.seq <= after:
                raise
            # What stands before it is read first: a journal may verify several entries before it gives one.
            until = cause.seq - 1
            broken = _broken(cause.seq, cause, claims)
            continue
        if broken is None:
            return
        yield broken
        after, until, broken = broken.place.seq, None, None


def _broken(seq: int, cause: Tampered, claims: Unverified) -> Broken:
    kind, time, said = claims(seq)
    return Broken(Place(seq, time or _UNKNOWN), kind, str(cause), said)


class RegisterBook:
    """Holds one frozen register at a time. Safe from any thread."""

    def __init__(
        self, journal: Journal, *, root: PublicKey, claims: Unverified = unknown, register: Register | None = None
    ) -> None:
        self._journal, self._root, self._claims = journal, root, claims
        self._lock = threading.Lock()
        self._register = register or Register.from_entries(self._entries(-1), root=root)

    def _entries(self, after: int) -> Iterator[Entry | Broken]:
        return register_entries(self._journal, after=after, claims=self._claims)

    def current(self) -> Register:
        """The register after the newest entry. Costs one look at the log's newest number where nothing happened."""
        newest = self._journal.last_of(KINDS)
        if self._register.seq >= newest:
            return self._register
        with self._lock:
            if self._register.seq < newest:
                self._register = self._register.extended(self._entries(self._register.seq))
            return self._register

    @property
    def folded(self) -> Register:
        """The register as it was last asked for, without a look at the log."""
        return self._register

    def reread(self) -> Register:
        """The register made anew from what the database holds now: what was changed behind our back counts at once."""
        with self._lock:
            self._register = Register.from_entries(self._entries(-1), root=self._root)
            return self._register

    def key(self, fingerprint: str) -> EnrolledKey | None:
        """A key as it stands now, for whoever verifies requests."""
        return self.current().key(fingerprint)

    def settled(self) -> int | None:
        """As `facts_version`; None while an entry that a decision may hang on is on its way."""
        return self._journal.settled(FACT_KINDS)

    def facts_version(self) -> int:
        """The number of the newest entry that a decision may hang on."""
        return self._journal.last_of(FACT_KINDS)
