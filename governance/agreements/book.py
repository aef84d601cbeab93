"""The register, kept in step with the log: whoever asks for it sees every entry that was durable before the question."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator

from audit import Entry, Tampered
from governance.errors import LogUnavailable
from governance.ports import Journal
from governance.register import FACT_KINDS, KINDS, Broken, EnrolledKey, Place, Register
from governance.signing.keys import PublicKey

__all__ = ["RegisterBook", "register_entries"]

_UNKNOWN = dt.datetime.fromtimestamp(0, dt.UTC)


def register_entries(journal: Journal, *, after: int = -1) -> Iterator[Entry | Broken]:
    """The entries that the register is made of. One that was tampered with comes as `Broken`; the rest go on."""
    time = _UNKNOWN
    while True:
        try:
            for entry in journal.entries(kinds=KINDS, after=after):
                yield entry
                after, time = entry.seq, entry.time
        except Tampered as error:
            if error.seq is None or error.seq <= after:
                raise LogUnavailable(f"the log contradicts itself: {error}", reason="log-tampered") from None
            after = error.seq
            yield Broken(Place(error.seq, time), "", f"entry {error.seq} was changed in the database: {error}", {})
        else:
            return


class RegisterBook:
    """Holds one frozen register at a time. Safe from any thread."""

    def __init__(self, journal: Journal, *, root: PublicKey) -> None:
        self._journal, self._root = journal, root
        self._lock = threading.Lock()
        self._register = Register.from_entries(register_entries(journal), root=root)

    def current(self) -> Register:
        """The register after the newest entry. Costs one look at the log's newest number where nothing happened."""
        newest = self._journal.last_of(KINDS)
        if self._register.seq >= newest:
            return self._register
        with self._lock:
            if self._register.seq < newest:
                self._register = self._register.extended(register_entries(self._journal, after=self._register.seq))
            return self._register

    def reread(self) -> Register:
        """The register made anew from what the database holds now: what was changed behind our back counts at once."""
        with self._lock:
            self._register = Register.from_entries(register_entries(self._journal), root=self._root)
            return self._register

    def key(self, fingerprint: str) -> EnrolledKey | None:
        """A key as it stands now, for whoever verifies requests."""
        return self.current().key(fingerprint)

    def facts_version(self) -> int:
        """The number of the newest entry that a decision may hang on."""
        return self._journal.last_of(FACT_KINDS)
