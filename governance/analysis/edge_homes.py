"""Where a walk along a clause's edge starts: requests that the clause speaks of in every key, by one requester each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from governance.model.access import Acknowledged, Approved, Facts, Request
from governance.model.clauses import Clause, Consent, Permit, Prohibit
from governance.model.mou import Dataset, Mou
from governance.model.names import FieldClasses, Fields, Who
from governance.model.period import day_of, start_of

__all__ = ["DAY", "Home", "homes", "members", "speaks_of"]

DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Home:
    """A request's keys before any step, and the clause that it is near to."""

    mous: Sequence[Mou]
    mou: Mou
    clause: Clause
    value: dict[str, Any] = field(default_factory=dict)

    @property
    def rule(self) -> Permit | Prohibit | Consent:
        """The clause's selectors; a duty selects nothing, so it is met by anything."""
        return self.clause.permit or self.clause.prohibit or self.clause.consent or Prohibit()

    @property
    def dataset(self) -> Dataset:
        """The dataset asked for, as the clause's document defines it."""
        return self.mou.datasets[self.value["dataset"]]

    @property
    def contributors(self) -> list[str]:
        """Who contributes to it, nobody having withdrawn."""
        return members(self.mou, self.dataset.contributors)

    def asked(self, **changed: Any) -> tuple[Request, Facts]:
        """The request with some keys changed (None takes one away), its requester owing nothing and all approved."""
        keys = {("from" if key == "from_" else key): value for key, value in changed.items()}
        value = {key: part for key, part in (self.value | keys).items() if part is not None}
        request = Request.model_validate(value)
        return request, self.in_order(request)

    def in_order(self, request: Request) -> Facts:
        """The requester acknowledged on this very day whatever it has to, and every approval is there."""
        party = request.party
        acknowledged = [
            Acknowledged(mou=mou.id, clause=clause.id, party=party, on=day_of(request.at, mou.zone))
            for mou in self.mous
            for clause in mou.clauses
            if clause.duty is not None and clause.duty.every is not None
        ]
        approved = [
            Approved(party=party, mou=mou.id, under=clause.id)
            for mou in self.mous
            for clause in mou.clauses
            if clause.permit is not None and clause.permit.review is not None
        ]
        return Facts(acknowledged=tuple(acknowledged), approved=tuple(approved))


def members(mou: Mou, who: Who | None) -> list[str]:
    """Those that a `<who>` names, nobody having withdrawn; all of the parties where it is absent."""
    if who is None or who == "everyone":
        return [p.id for p in mou.parties]
    return [p.id for p in mou.parties if p.role in (who.roles or ()) or p.id in (who.parties or ())]


def speaks_of(dataset: Dataset, fields: Fields | None) -> list[str]:
    """The fields of a dataset that a clause speaks of."""
    if fields is None or fields == "all":
        return list(dataset.fields)
    if isinstance(fields, FieldClasses):
        return [name for name, one in dataset.fields.items() if one.class_ in fields.classes]
    return [name for name in dataset.fields if name in fields]


def homes(mous: Sequence[Mou], mou: Mou, clause: Clause) -> Iterator[Home]:
    """For each dataset that the clause speaks of: one requester that contributes to it, and one that does not."""
    bare = Home(mous, mou, clause)
    for dataset in [bare.rule.data] if bare.rule.data is not None else list(mou.datasets)[:3]:
        near = Home(mous, mou, clause, {"dataset": dataset, "at": _inside(mous, mou, clause)})
        asking = members(mou, clause.duty.of if clause.duty is not None else near.rule.to) or [mou.parties[0].id]
        inner = [party for party in asking if party in near.contributors]
        outer = [party for party in asking if party not in near.contributors]
        for party in [*inner[:1], *outer[:1]]:
            yield Home(mous, mou, clause, near.value | _keys(near, party))


def _keys(home: Home, party: str) -> dict[str, Any]:
    rule = home.rule
    view = rule.view if isinstance(rule.view, str) else rule.view[0] if rule.view else "aggregate"
    names = speaks_of(home.dataset, rule.fields) or list(home.dataset.fields)
    if rule.fields is None or not isinstance(rule, Permit):
        names = [_harmless(home)] if rule.fields is None else names[:1]
    elif view == "pseudonymised":
        names = [n for n in names if home.dataset.fields[n].class_ != "identifier"] or names
    keys = {"party": party, "fields": names[:200], "rows": rule.rows or "all", "view": view}
    if rule.from_ is not None:
        named = [p for p in members(home.mou, rule.from_) if p in home.contributors]
        keys["from"] = (named or home.contributors or [party])[:200]
    keys["purpose"] = rule.purpose[0] if rule.purpose else _permitted_purpose(home, party)
    return keys


def _harmless(home: Home) -> str:
    """A field that prohibitions speak of least: a plain one, where there is any."""
    fields = home.dataset.fields
    return next((name for name, one in fields.items() if one.class_ == "plain"), next(iter(fields)))


def _permitted_purpose(home: Home, party: str) -> str:
    """A purpose for which the requester may see something, so that what another clause does is seen."""
    for clause in home.mou.clauses:
        permit = clause.permit
        if permit is not None and permit.data == home.value["dataset"] and party in members(home.mou, permit.to):
            return permit.purpose[0]
    return next(iter(home.mou.purposes))


def _inside(mous: Sequence[Mou], mou: Mou, clause: Clause) -> dt.datetime:
    """An instant inside the document's days and the clause's, before a newer version begins, where there is one."""
    zone, valid = mou.zone, clause.valid
    starts, ends = [start_of(mou.effective, zone)], [start_of(mou.expires + DAY, zone)]
    newer = [m for m in mous if m.id == mou.id and m.version > mou.version]
    ends += [start_of(m.effective, m.zone) for m in newer]
    if valid is not None:
        starts += [start_of(valid.from_, zone)] if valid.from_ is not None else []
        ends += [start_of(valid.until + DAY, zone)] if valid.until is not None else []
    first, last = max(starts), min(ends)
    return (first + (last - first) / 2).replace(microsecond=0) if first < last else first
