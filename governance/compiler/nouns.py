"""What a document names, as data beside its rules: parties, purposes, fields, days as instants.

The rules (`to_rego`) say what is permitted; whom and what they mean is looked up here and worked out in Rego: roles,
trees of purposes, contributors. Days become instants, microseconds since 1970-01-01T00:00:00Z, at compile time; for the
days on which somebody acknowledges, known only later, the zone's offsets over the document's life are listed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from governance.model.clauses import Clause, Permit
from governance.model.mou import Dataset, Mou
from governance.model.period import Period, after, start_of

__all__ = ["MICROSECOND", "concerns", "document", "instant", "reckoned", "version"]

MICROSECOND = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Before and after everything; still an integer that every reader of JSON keeps exactly.
_NEVER = 2**53 - 1
_DAY = dt.timedelta(days=1)


def instant(moment: dt.datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - _EPOCH) // MICROSECOND


def version(mou: Mou) -> str:
    """`v2`, the name of a version in paths."""
    return f"v{mou.version}"


def concerns(clause: Clause, dataset: str) -> bool:
    """Whether a clause can matter to a request for the dataset: all duties do, whatever their data."""
    if clause.duty is not None:
        return True
    rule = clause.permit or clause.prohibit or clause.consent
    return rule is not None and rule.data in {None, dataset}


def reckoned(clause: Clause) -> bool:
    """An acknowledgement that is due by the calendar, not by a recorded fact (docs/decisions.md, R10)."""
    return clause.duty is not None and clause.duty.action == "acknowledge-purpose" and clause.duty.every is not None


def document(mou: Mou, mous: Sequence[Mou]) -> dict[str, Any]:
    """`data.accordant.documents.<mou>.<version>`. `mous` are all documents given: a newer version replaces an older."""
    start, end = first_of(mou.effective, mou.zone), first_of_next(mou.expires, mou.zone)
    newer = [first_of(m.effective, m.zone) for m in mous if m.id == mou.id and m.version > mou.version]
    duties = [c for c in mou.clauses if reckoned(c)]
    return {
        "id": mou.id,
        "start": start,
        "end": end,
        "until": min([end, *newer]),
        "ends": mou.withdrawal.ends if mou.withdrawal else "party",
        "first_day": mou.effective.isoformat(),
        "last_day": mou.expires.isoformat(),
        "roles": {p.id: p.role for p in mou.parties},
        "parties": sorted({p.id for p in mou.parties}),
        "members": _grouped((p.role, p.id) for p in mou.parties),
        "purposes": _tree(mou),
        "acknowledgements": {c.id: _acknowledgement(mou, c) for c in duties},
        "offsets": _offsets(mou) if duties else [],
        "moments": sorted({start, end, *newer, *_clause_moments(mou)} - {_NEVER}),
        "datasets": {name: _dataset(mou, name, dataset) for name, dataset in mou.datasets.items()},
    }


def first_of(day: dt.date, zone: ZoneInfo) -> int:
    """The first instant of a day."""
    try:
        return instant(start_of(day, zone))
    except OverflowError:
        return _NEVER if day.year > 1970 else -_NEVER


def first_of_next(day: dt.date, zone: ZoneInfo) -> int:
    """The first instant after a day."""
    return first_of(day + _DAY, zone) if day < dt.date.max else _NEVER


def _clause_moments(mou: Mou) -> list[int]:
    days = [c.valid for c in mou.clauses if c.valid is not None]
    starts = [first_of(v.from_, mou.zone) for v in days if v.from_ is not None]
    return starts + [first_of_next(v.until, mou.zone) for v in days if v.until is not None]


def _grouped(pairs: Any) -> dict[str, list[str]]:
    groups: dict[str, set[str]] = {}
    for key, member in pairs:
        groups.setdefault(key, set()).add(member)
    return {key: sorted(members) for key, members in sorted(groups.items())}


def _tree(mou: Mou) -> dict[str, Any]:
    broader = {name: [p.broader] if p.broader is not None else [] for name, p in mou.purposes.items()}
    narrower: dict[str, list[str]] = {name: [] for name in mou.purposes}
    for name, parents in broader.items():
        for parent in parents:
            narrower.setdefault(parent, []).append(name)
    terms = _grouped((p.dpv, name) for name, p in mou.purposes.items() if p.dpv is not None)
    return {"broader": broader, "narrower": narrower, "terms": terms}


def _acknowledgement(mou: Mou, clause: Clause) -> dict[str, Any]:
    duty = clause.duty
    assert duty is not None and duty.every is not None  # noqa: S101 -- `reckoned` chose it
    try:
        overdue = after(mou.effective, duty.every)
        overdue = (after(overdue, duty.grace) if duty.grace else overdue) + _DAY
        first = first_of(overdue, mou.zone)
    except (OverflowError, ValueError):  # later than the calendar goes
        first = _NEVER
    return {"every": _period(duty.every), "grace": _period(duty.grace), "first_overdue": first}


def _period(period: Period | None) -> list[int]:
    return [period.months, period.days] if period else [0, 0]


def _offsets(mou: Mou) -> list[list[int]]:
    """The zone's spans `[from, until, offset]` over the document's days, found by asking each day and then halving."""
    utc = dt.datetime.combine(mou.effective, dt.time(0), tzinfo=dt.UTC)
    stop = dt.datetime.combine(mou.expires, dt.time(0), tzinfo=dt.UTC)
    at = _later(utc, -2)
    spans: list[list[int]] = [[-_NEVER, _NEVER, _offset(at, mou.zone)]]
    last = _later(stop, 3)
    while at < last:
        following = _later(at, 1)
        if _offset(following, mou.zone) != spans[-1][2]:
            change = instant(_change(at, following, mou.zone))
            spans[-1][1] = change
            spans.append([change, _NEVER, _offset(following, mou.zone)])
        if following == at:
            break
        at = following
    return spans


def _later(moment: dt.datetime, days: int) -> dt.datetime:
    try:
        return moment + days * _DAY
    except OverflowError:
        return moment


def _offset(moment: dt.datetime, zone: ZoneInfo) -> int:
    try:
        offset = moment.astimezone(zone).utcoffset()
    except OverflowError:
        offset = dt.timedelta(0)
    return (offset or dt.timedelta(0)) // MICROSECOND


def _change(before: dt.datetime, after_: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """The first second of the new offset."""
    old = _offset(before, zone)
    while after_ - before > dt.timedelta(seconds=1):
        middle = (before + (after_ - before) / 2).replace(microsecond=0)
        if _offset(middle, zone) == old:
            before = middle
        else:
            after_ = middle
    return after_


def _dataset(mou: Mou, name: str, dataset: Dataset) -> dict[str, Any]:
    clauses = [c for c in mou.clauses if concerns(c, name)]
    return {
        "fields": list(dataset.fields),
        "of_class": _grouped((f.class_, field) for field, f in dataset.fields.items()),
        "levels": {field: _levels(f.type, f.levels) for field, f in dataset.fields.items()},
        "clauses": [c.id for c in clauses],
        "duties": [c.id for c in clauses if c.duty],
        "prohibitions": [c.id for c in clauses if c.prohibit],
        "exceptions": {c.id: list(c.prohibit.except_) for c in clauses if c.prohibit and c.prohibit.except_},
        "permits": [c.id for c in clauses if c.permit],
        "protect": {c.id: _protect(c.permit) for c in clauses if c.permit},
        "consents": [c.id for c in clauses if c.consent],
    }


def _levels(type_: str, levels: tuple[Any, ...] | None) -> list[Any]:
    return [*(levels or ()), *((True, False) if type_ == "boolean" else ())]


def _protect(permit: Permit) -> Mapping[str, Any]:
    protect = permit.protect
    review = "none" if permit.review is None else "contributors" if permit.review == "contributors" else "somebody"
    return {
        "view": permit.view,
        "review": review,
        "minimum_cell": protect.minimum_cell if protect else None,
        "other_parties": protect.other_parties if protect else None,
        "dominance": protect.dominance if protect else None,
        "k": protect.k if protect else None,
    }
