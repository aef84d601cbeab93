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

from governance.model.clauses import Clause, Duty, Permit
from governance.model.mou import Mou
from governance.model.period import Period, after, start_of

__all__ = [
    "NEVER",
    "concerns",
    "day_number",
    "document",
    "first_of",
    "first_of_next",
    "first_overdue",
    "life",
    "name",
    "reckoned",
    "tabled",
]

_MICROSECOND = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Before and after everything; still an integer that every reader of JSON keeps exactly.
NEVER = 2**53 - 1
_DAY = dt.timedelta(days=1)
# Eleven years of days fit into a table.
_MOST_DAYS = 4_000


def day_number(day: dt.date) -> int:
    """Days since the epoch."""
    return day.toordinal() - _EPOCH.toordinal()


def tabled(mou: Mou) -> bool:
    """Whether what acknowledgements move is listed for each day of its life."""
    return (mou.expires - mou.effective).days <= _MOST_DAYS


def _instant(moment: dt.datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - _EPOCH) // _MICROSECOND


def name(mou: Mou) -> str:
    """`benchmarking_v2`, what a document is called in paths and answers; the last `_v` begins the version."""
    return f"{mou.id}_v{mou.version}"


def concerns(clause: Clause, dataset: str) -> bool:
    """Whether a clause can matter to a request for the dataset: all duties do, whatever their data."""
    if clause.duty is not None:
        return True
    rule = clause.permit or clause.prohibit or clause.consent
    return rule is not None and rule.data in {None, dataset}


def reckoned(clause: Clause) -> bool:
    """An acknowledgement that is due by the calendar, not by a recorded fact (docs/decisions.md, R10)."""
    return clause.duty is not None and clause.duty.action == "acknowledge-purpose" and clause.duty.every is not None


def document(mou: Mou) -> dict[str, Any]:
    """`data.accordant.documents.<name>`: what only some requests need, or what Rego walks along."""
    duties = [c for c in mou.clauses if reckoned(c)]
    permits = {c.id: c.permit for c in mou.clauses if c.permit is not None}
    prohibitions = {c.id: c.prohibit for c in mou.clauses if c.prohibit is not None}
    return {
        "id": mou.id,
        **_tree(mou),
        "acknowledgements": {c.id: _acknowledgement(mou, c) for c in duties},
        "levels": {
            name: {f: _levels(found.type, found.levels) for f, found in dataset.fields.items()}
            for name, dataset in mou.datasets.items()
        },
        "exceptions": {i: list(p.except_) for i, p in prohibitions.items() if p.except_},
        "protect": {i: _protect(p) for i, p in permits.items()},
    }


def life(mou: Mou, mous: Sequence[Mou]) -> tuple[int, int, int, list[int]]:
    """Its first instant, the first after its last day, the first at which it is not in force for its days or a newer
    version's, and every instant that the days of its versions and clauses name. `mous` are all documents given.
    """
    start, end = first_of(mou.effective, mou.zone), first_of_next(mou.expires, mou.zone)
    starts = {m.version: first_of(m.effective, m.zone) for m in mous if m.id == mou.id}
    until = min([end, *(begun for number, begun in starts.items() if number > mou.version)])
    return start, end, until, sorted({start, end, *starts.values(), *_clause_moments(mou)} - {NEVER, -NEVER})


def first_overdue(mou: Mou, duty: Duty) -> int:
    """When an acknowledgement is overdue, reckoned from the effective day."""
    return _run_out(mou.effective, duty, mou.zone)


def _run_out(day: dt.date, duty: Duty, zone: ZoneInfo) -> int:
    assert duty.every is not None  # noqa: S101 -- `reckoned` chose it
    try:
        due = after(day, duty.every)
        return first_of_next(after(due, duty.grace) if duty.grace else due, zone)
    except (OverflowError, ValueError):  # later than the calendar goes
        return NEVER


def first_of(day: dt.date, zone: ZoneInfo) -> int:
    """The first instant of a day."""
    try:
        return _instant(start_of(day, zone))
    except OverflowError:
        return NEVER if day.year > 1970 else -NEVER


def first_of_next(day: dt.date, zone: ZoneInfo) -> int:
    """The first instant after a day."""
    return first_of(day + _DAY, zone) if day < dt.date.max else NEVER


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
    for node, parents in broader.items():
        for parent in parents:
            narrower.setdefault(parent, []).append(node)
    terms = _grouped((p.dpv, name) for name, p in mou.purposes.items() if p.dpv is not None)
    return {"broader": broader, "narrower": narrower, "terms": terms}


def _acknowledgement(mou: Mou, clause: Clause) -> dict[str, Any]:
    """For each day of the document's life: the instant at which it begins, and the one at which an acknowledgement on
    it has run out. A document that lives very long has no table; then it is reckoned, by the zone's offsets.
    """
    duty = clause.duty
    assert duty is not None  # noqa: S101 -- `reckoned` chose it
    short = tabled(mou)
    return {
        "every": _period(duty.every),
        "grace": _period(duty.grace),
        "offsets": [] if short else _offsets(mou),
        "table": _table(mou, duty) if short else [],
    }


def _table(mou: Mou, duty: Duty) -> list[list[int]]:
    count = (mou.expires - mou.effective).days + 1
    days = [mou.effective + number * _DAY for number in range(count)]
    return [[first_of(day, mou.zone), _run_out(day, duty, mou.zone)] for day in days]


def _period(period: Period | None) -> list[int]:
    return [period.months, period.days] if period else [0, 0]


def _offsets(mou: Mou) -> list[list[int]]:
    """The zone's spans `[from, until, offset]` over the document's days, found by asking each day and then halving."""
    utc = dt.datetime.combine(mou.effective, dt.time(0), tzinfo=dt.UTC)
    stop = dt.datetime.combine(mou.expires, dt.time(0), tzinfo=dt.UTC)
    at = _later(utc, -2)
    spans: list[list[int]] = [[-NEVER, NEVER, _offset(at, mou.zone)]]
    last = _later(stop, 3)
    while at < last:
        following = _later(at, 1)
        if _offset(following, mou.zone) != spans[-1][2]:
            change = _instant(_change(at, following, mou.zone))
            spans[-1][1] = change
            spans.append([change, NEVER, _offset(following, mou.zone)])
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
    return (offset or dt.timedelta(0)) // _MICROSECOND


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
