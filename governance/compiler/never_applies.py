"""Rules that nothing can reach: outside the document's days, without rows, or wholly under a prohibition.

All of these are allowed, and none lets more out than its author meant; they are warnings, with the reason. A permit is
*shadowed* when a prohibition that does not except it touches every request that it could cover (language, Touches).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from governance.compiler.resolve import above, fields_of, parties_of, warning, within
from governance.errors import Fault
from governance.model.clauses import Clause, Consent, Permit, Prohibit
from governance.model.mou import Mou

__all__ = ["never_applies"]

_LOWER = {
    "identified": {"identified", "pseudonymised", "aggregate"},
    "pseudonymised": {"pseudonymised", "aggregate"},
    "aggregate": {"aggregate"},
}


def never_applies(mou: Mou, index: int, clause: Clause) -> Iterator[Fault]:
    """Why one clause can never apply, if it cannot."""
    first, last = _window(mou, clause)
    valid = clause.valid
    backwards = valid is not None and valid.from_ and valid.until and valid.from_ > valid.until
    if first > last and not backwards and mou.effective <= mou.expires:
        message = f"the clause can never apply: the document is in force from {mou.effective} to {mou.expires} only"
        yield warning(message, "clauses", index, "valid", code="never-applies")
    rule = clause.permit or clause.prohibit or clause.consent
    if rule is None:
        return
    base = ("clauses", index, clause.kind)
    yield from _rows(mou, rule, *base)
    if isinstance(rule, Permit):
        for other in mou.clauses:
            if other.prohibit is not None and clause.id not in (other.prohibit.except_ or ()):
                reason = _shadow(mou, clause, rule, other, other.prohibit)
                if reason is not None:
                    yield warning(reason, *base, code="shadowed")
                    return


def _window(mou: Mou, clause: Clause) -> tuple[dt.date, dt.date]:
    valid = clause.valid
    first = valid.from_ if valid is not None and valid.from_ is not None else mou.effective
    last = valid.until if valid is not None and valid.until is not None else mou.expires
    return max(first, mou.effective), min(last, mou.expires)


def _contributors(mou: Mou, rule: Permit | Prohibit | Consent, party: str, data: str) -> frozenset[str]:
    every = parties_of(mou.datasets[data].contributors, mou)
    chosen = every
    if rule.rows == "own":
        chosen = every & {party}
    elif rule.rows == "others":
        chosen = every - {party}
    return chosen & parties_of(rule.from_, mou) if rule.from_ is not None else chosen


def _rows(mou: Mou, rule: Permit | Prohibit | Consent, *base: str | int) -> Iterator[Fault]:
    datasets = [rule.data] if rule.data is not None else list(mou.datasets)
    if any(data not in mou.datasets for data in datasets):
        return
    parties = parties_of(rule.to, mou)
    if not parties or any(_contributors(mou, rule, p, d) for p in parties for d in datasets):
        return
    if rule.from_ is not None and not parties_of(rule.from_, mou):
        return
    if rule.rows == "own" and rule.from_ is None:
        message = "the clause can never apply: none of these parties contributes rows of its own"
    elif rule.from_ is not None:
        message = "the clause can never apply: the parties in `from` contribute none of these rows"
    else:
        message = "the clause can never apply: there are no such rows"
    yield warning(message, *base, "from" if rule.from_ is not None else "rows", code="never-applies")


def _shadow(mou: Mou, clause: Clause, permit: Permit, other: Clause, ban: Prohibit) -> str | None:
    dataset = mou.datasets.get(permit.data)
    parties = parties_of(permit.to, mou)
    if dataset is None or not parties or any(p not in mou.purposes for p in (*permit.purpose, *(ban.purpose or ()))):
        return None
    first, last = _window(mou, clause)
    ban_first, ban_last = _window(mou, other)
    touched = (
        (ban.data is None or ban.data == permit.data)
        and parties <= parties_of(ban.to, mou)
        and (ban.view is None or _LOWER[permit.view] <= set(ban.view))
        and ban_first <= first <= last <= ban_last
        and all(_contributors(mou, permit, p, permit.data) <= _contributors(mou, ban, p, permit.data) for p in parties)
        and _purposes_touched(mou, permit, ban)
    )
    if not touched:
        return None
    if ban.fields is None or fields_of(ban.fields, dataset) == set(dataset.fields):
        return f"the clause can never apply: clause `{other.id}` forbids everything that it permits"
    if fields_of(permit.fields, dataset) <= fields_of(ban.fields, dataset):
        return f"clause `{other.id}` forbids every field that this permits; only a bare count of clients is left"
    return None


def _purposes_touched(mou: Mou, permit: Permit, ban: Prohibit) -> bool:
    if ban.purpose is None:
        return True
    banned = set(ban.purpose)
    related = {p for name in banned for p in above(name, mou)} | {p for name in banned for p in within(name, mou)}
    return all(within(purpose, mou) <= related for purpose in permit.purpose)
