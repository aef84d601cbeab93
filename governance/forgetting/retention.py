"""Retention: the content of whole months that are older than the settings ask for is forgotten.

A party's key of the month is destroyed, the bodies under it are deleted, and an entry with the basis `retention` says
so; leaves stay, and so does what the service's state follows from. The record of disclosures waits besides for every
MOU's accounting period and for holds. Of several processes one does it: the transaction of the entry decides.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audit import Draft, Entry
from audit.erasure import ERASURE, Erased
from audit.sealing import month_of
from governance.forgetting.standing import Standing
from governance.ports import Clock, Journal, Vault

__all__ = ["BASIS", "Retention"]

BASIS = "retention"
_RUNS = 50_000  # an entry; there may be as many as bodies


class _Done(Exception):
    """Another process did it."""


@dataclass(frozen=True, slots=True)
class Retention:
    """For the days of the settings; 0 is for ever. Safe from any thread."""

    journal: Journal
    clock: Clock
    vault: Vault
    standing: Standing
    days: int = 0
    disclosure_days: int = 0

    def run(self) -> dict[str, Any]:
        """Forgets what is due. Raises LogUnavailable."""
        self.journal.refresh()  # a hold at another gateway counts
        keys = self._due("content", self.days) + self._due("disclosure", self.disclosure_days)
        months = sorted({period for _, _, period in keys})
        if not keys:
            return {"entries": [], "months": [], "bodies": 0}
        ids = [key for key, _, _ in keys]
        erased = self.vault.under_months(ids)
        pieces = [
            Erased(erased.bodies[i : i + _RUNS], (), tuple(ids) if i + _RUNS >= len(erased.bodies) else ())
            for i in range(0, max(len(erased.bodies), 1), _RUNS)
        ]
        holders = tuple(sorted({holder for _, holder, _ in keys if holder}))
        index = {"party": holders} if holders else {}
        said = {"basis": BASIS, "by": {"service": BASIS}, "months": months}
        drafts = [Draft(ERASURE, said | {"erased": piece.to_body()}, holders, index) for piece in pieces]

        def within(connection: Any, made: Sequence[Entry]) -> None:
            if self.vault.erased_already(connection, ids):
                raise _Done
            for piece, entry in zip(pieces, made, strict=True):
                self.vault.erase(connection, piece, under=entry.seq)

        try:
            entries = self.journal.append(drafts, within=within)
        except _Done:
            return {"entries": [], "months": [], "bodies": 0}
        self.vault.destroy(ids, under=entries[-1].seq)
        bodies = sum(last - first + 1 for first, last in erased.bodies)
        return {"entries": [e.seq for e in entries], "months": months, "bodies": bodies}

    def _due(self, use: str, days: int) -> list[tuple[bytes, str, str]]:
        if days <= 0:
            return []
        # A month is over and older than that once its successor began so many days ago.
        before = month_of(self.clock.now() - dt.timedelta(days=days))
        found = list(self.vault.months(use, before=before))
        if use != "disclosure" or not found:
            return found
        held = self.standing.months_held()
        return [key for key in found if key[2] not in held and self.standing.accounted(key[2])]
