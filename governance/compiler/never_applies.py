"""Rules that nothing can reach: outside the document's days, without rows, or wholly under a prohibition.

All of these are allowed, and none lets more out than its author meant; they are warnings, with the reason. A permit is
*shadowed* when a prohibition that does not except it touches every request that it could cover (language, Touches).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from governance.compiler.resolve import above, fields_of, parties_of, warning, within
from governance.errors import Fault
from governance.model.clauses import Clause, Consent, Permit, Prohibit
from governance.model.mou import Mou

__all__ = ["NeverApplies"]

_LOWER = {
    "identified": frozenset({"identified", "pseudonymised", "aggregate"}),
    "pseudonymised": frozenset({"pseudonymised", "aggregate"}),
    "aggregate": frozenset({"aggregate"}),
}
_ALL_VIEWS = _LOWER["identified"]


@dataclass(frozen=True, slots=True)
class _Ban:
    """A prohibition, worked out once for all the permits that are held against it."""

    clause: Clause
    rule: Prohibit
    window: tuple[dt.date, dt.date]
    parties: frozenset[str]
    views: frozenset[str]
    purposes: frozenset[str] | None  # every purpose that touches it; None: any
    rows: dict[tuple[str, str], frozenset[str]]  # (dataset, party) to contributors


class NeverApplies:
    """Looks at each clause of one document."""

    def __init__(self, mou: Mou) -> None:
        self.mou = mou
        self.everyone = parties_of("everyone", mou)
        self.sources = {name: parties_of(dataset.contributors, mou) for name, dataset in mou.datasets.items()}
        self.below = {name: within(name, mou) for name in mou.purposes}
        self.bans = [self._ban(clause, clause.prohibit) for clause in mou.clauses if clause.prohibit is not None]

    def of(self, index: int, clause: Clause) -> Iterator[Fault]:
        """Why one clause can never apply, if it cannot."""
        mou, valid = self.mou, clause.valid
        first, last = _window(mou, clause)
        backwards = valid is not None and valid.from_ and valid.until and valid.from_ > valid.until
        if first > last and not backwards and mou.effective <= mou.expires:
            message = f"the clause can never apply: the document is in force from {mou.effective} to {mou.expires} only"
            yield warning(message, "clauses", index, "valid", code="never-applies")
        rule = clause.permit or clause.prohibit or clause.consent
        if rule is None:
            return
        base = ("clauses", index, clause.kind)
        yield from self._no_rows(rule, *base)
        if isinstance(rule, Permit):
            reason = self._shadow(clause, rule)
            if reason is not None:
                yield warning(reason, *base, code="shadowed")

    def _ban(self, clause: Clause, rule: Prohibit) -> _Ban:
        purposes = None
        if rule.purpose is not None:
            known = [name for name in rule.purpose if name in self.below]
            purposes = frozenset(p for n in known for p in (*above(n, self.mou), *self.below[n]))
        parties = parties_of(rule.to, self.mou)
        rows = {(data, p): self._contributors(rule, p, data) for data in self.sources for p in parties}
        views = frozenset(rule.view) if rule.view is not None else _ALL_VIEWS
        return _Ban(clause, rule, _window(self.mou, clause), parties, views, purposes, rows)

    def _contributors(self, rule: Permit | Prohibit | Consent, party: str, data: str) -> frozenset[str]:
        chosen = self.sources[data]
        if rule.rows == "own":
            chosen = chosen & {party}
        elif rule.rows == "others":
            chosen = chosen - {party}
        return chosen & parties_of(rule.from_, self.mou) if rule.from_ is not None else chosen

    def _no_rows(self, rule: Permit | Prohibit | Consent, *base: str | int) -> Iterator[Fault]:
        datasets = [rule.data] if rule.data is not None else list(self.sources)
        if any(data not in self.sources for data in datasets):
            return
        parties = parties_of(rule.to, self.mou)
        if not parties or any(self._contributors(rule, p, d) for p in parties for d in datasets):
            return
        if rule.from_ is not None and not parties_of(rule.from_, self.mou):
            return  # told where the unknown names stand
        if rule.rows == "own" and rule.from_ is None:
            message = "the clause can never apply: none of these parties contributes rows of its own"
        elif rule.from_ is not None:
            message = "the clause can never apply: the parties in `from` contribute none of these rows"
        else:
            message = "the clause can never apply: there are no such rows"
        yield warning(message, *base, "from" if rule.from_ is not None else "rows", code="never-applies")

    def _shadow(self, clause: Clause, permit: Permit) -> str | None:
        dataset = self.mou.datasets.get(permit.data)
        parties = parties_of(permit.to, self.mou)
        if dataset is None or not parties or any(p not in self.below for p in permit.purpose):
            return None
        first, last = _window(self.mou, clause)
        purposes = frozenset[str]().union(*(self.below[p] for p in permit.purpose))
        rows = {p: self._contributors(permit, p, permit.data) for p in parties}
        for ban in self.bans:
            if (
                ban.rule.data in {None, permit.data}
                and clause.id not in (ban.rule.except_ or ())
                and (ban.purposes is None or purposes <= ban.purposes)
                and parties <= ban.parties
                and _LOWER[permit.view] <= ban.views
                and ban.window[0] <= first <= last <= ban.window[1]
                and all(rows[p] <= ban.rows[permit.data, p] for p in parties)
            ):
                banned = fields_of(ban.rule.fields, dataset)
                if ban.rule.fields is None or banned == set(dataset.fields):
                    return f"the clause can never apply: clause `{ban.clause.id}` forbids everything that it permits"
                if fields_of(permit.fields, dataset) <= banned:
                    which = f"clause `{ban.clause.id}` forbids every field that this permits"
                    return f"{which}; only a bare count of clients is left"
        return None


def _window(mou: Mou, clause: Clause) -> tuple[dt.date, dt.date]:
    valid = clause.valid
    first = valid.from_ if valid is not None and valid.from_ is not None else mou.effective
    last = valid.until if valid is not None and valid.until is not None else mou.expires
    return max(first, mou.effective), min(last, mou.expires)
