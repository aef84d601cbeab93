"""Until when the record of disclosures has to be kept: an MOU's `accounting` period, and holds.

A disclosure under an MOU is accounted for until that period after its day. Which MOU that was stands in the
disclosure's own entry; where it does not, the longest period of any MOU counts. A hold has no end but its release.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from audit import Entry, Tampered
from audit.keys import handle_text
from audit.sealing import month_of
from governance.agreements import RegisterBook
from governance.errors import LogUnavailable
from governance.forgetting.orders import HOLD, RELEASE
from governance.model.period import Period, after, day_of, start_of
from governance.ports import Clock, Journal, Vault
from governance.register import Register

__all__ = ["Hold", "Kept", "Standing", "accounted", "periods_of"]

Periods = dict[str, list[tuple[Period, ZoneInfo]]]  # accounting periods and the MOUs' zones, by MOU

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """Why a client's record of disclosures may not be erased yet; without `until` it is not known when."""

    reason: str  # `accounting` or `hold`
    detail: str
    until: dt.datetime | None = None

    def to_body(self) -> dict[str, Any]:
        """As an entry has it."""
        return {"why": self.reason} | ({"until": _text(self.until)} if self.until else {})


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold that is on: the entry that says so, and on whose disclosures, by handle."""

    entry: int
    contributor: str
    client: str


def _text(instant: dt.datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Standing:
    """Looks at the log and the agreements. Safe from any thread."""

    journal: Journal
    clock: Clock
    book: RegisterBook
    vault: Vault

    def orders(self, kinds: Collection[str], *, after: int = -1) -> Iterator[Entry]:
        """The orders of these kinds, oldest first. Raises LogUnavailable where one was tampered with, or is gone."""
        try:
            for entry in self.journal.entries(kinds=kinds, after=after):
                if entry.erased is not None:
                    detail = f"the log is not whole: entry {entry.seq}, an order, can't have been erased"
                    raise LogUnavailable(detail, reason="log-tampered")
                yield entry
        except Tampered as error:
            raise LogUnavailable(f"the log is not whole: {error}", reason="log-tampered") from error

    def holds(self) -> dict[str, Hold]:
        """The holds that are on, by handle."""
        found: dict[str, Hold] = {}
        for entry in self.orders({HOLD, RELEASE}):
            client = str(entry.body["client"])
            if entry.kind == HOLD:
                found.setdefault(client, Hold(entry.seq, str(entry.body["whose"]), client))
            else:
                found.pop(client, None)
        return found

    def periods(self) -> Periods:
        """The accounting periods of every MOU that was ever signed, by its id."""
        return periods_of(self.book.current())

    def disclosures(self, holder: str, subject: str, *, since: dt.datetime | None = None) -> Iterator[Entry]:
        """The disclosures of a holder's client whose record is left, newest first."""
        before: int | None = None
        while True:
            some = self.journal.search(
                kind="disclosure", subject=(holder, subject), since=since, before=before, limit=_PAGE
            )
            yield from some
            if len(some) < _PAGE:
                return
            before = some[-1].seq

    def kept(self, holder: str, subject: str) -> Kept | None:
        """Why the record of a client's disclosures has to be kept; None: nothing asks for it."""
        keys = {key.use: key for key in self.vault.of_subject(subject, holder=holder)}
        if "disclosure" not in keys:
            return None
        mine = self.holds().get(handle_text(keys["disclosure"].id))
        if mine is not None:
            return Kept("hold", f"entry {mine.entry} holds the record of disclosures until it is released")
        return self._accounting(holder, subject)

    def _accounting(self, holder: str, subject: str) -> Kept | None:
        periods, now = self.periods(), self.clock.now()
        every = [pair for pairs in periods.values() for pair in pairs]
        if not every:
            return None
        longest = max(31 * period.months + period.days for period, _ in every)
        latest: tuple[dt.datetime, str] | None = None
        for entry in self.disclosures(holder, subject, since=now - dt.timedelta(days=longest + 2)):
            under = entry.body.get("under")
            mous = sorted({str(one["mou"]) for one in under}) if isinstance(under, list) and under else sorted(periods)
            for mou in mous:
                for period, zone in periods.get(mou, ()):
                    until = start_of(after(day_of(entry.time, zone), period), zone)
                    if until > now and (latest is None or until > latest[0]):
                        latest = until, mou
        if latest is None:
            return None
        until, mou = latest
        detail = f"`{mou}` asks for the record of disclosures to be kept, of this client until {_text(until)}"
        return Kept("accounting", detail, until)

    def months_held(self) -> set[str]:
        """The months with disclosures of clients that a hold is on."""
        held = self.vault.behind(list(self.holds()))
        return {month_of(e.time) for holder, subject in held.values() for e in self.disclosures(holder, subject)}

    def accounted(self, month: str) -> bool:
        """Whether no MOU asks any more for the record of that month's disclosures."""
        return accounted(self.periods(), month, self.clock.now())


def periods_of(register: Register) -> Periods:
    """The accounting periods of every MOU that was ever signed, by its id."""
    found: Periods = {}
    for life in register.lives().values():
        for mou in (v.mou for v in life.established if v.mou is not None):
            if mou.accounting is not None:
                found.setdefault(mou.id, []).append((mou.accounting, mou.zone))
    return found


def accounted(periods: Periods, month: str, now: dt.datetime) -> bool:
    """Whether none of the periods asks any more for the record of that month's disclosures."""
    year, number = map(int, month.split("-"))
    # A month of the log is one of UTC: its last instant may be the next day elsewhere.
    last = dt.date(year + number // 12, number % 12 + 1, 1) + dt.timedelta(days=1)
    return all(start_of(after(last, p), zone) <= now for pairs in periods.values() for p, zone in pairs)
