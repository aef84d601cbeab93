"""The steps off a clause: for each of a request's keys, requests that differ in it alone, or in it and one more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from governance.analysis.edge_homes import DAY, Home, members, speaks_of
from governance.model.access import Acknowledged, Facts, Overdue, Request, Withdrawn
from governance.model.clauses import Duty
from governance.model.mou import Mou
from governance.model.period import after, start_of

__all__ = ["dimensions"]

Asked = tuple[Request, Facts]
MOST = 24  # of a dimension's members, evenly spread
VIEWS = ("identified", "pseudonymised", "aggregate")
ROWS = ("own", "others", "all")
TICK = dt.timedelta(microseconds=1)


def _spread(items: Sequence[Any], most: int = MOST) -> list[Any]:
    """At most so many, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def _parties(home: Home) -> Iterator[Asked]:
    """Each party of any document asks; first those of this one."""
    known = dict.fromkeys([p.id for mou in (home.mou, *home.mous) for p in mou.parties])
    for party in _spread(list(known)):
        yield home.asked(party=party)
        if home.clause.duty is not None:
            for at in _overdue_instants(home):
                request, facts = home.asked(party=party, at=at, rows="others", from_=None)
                yield request, facts.model_copy(update={"acknowledged": ()})


def _rows(home: Home) -> Iterator[Asked]:
    """Each set of rows, from everybody, from one, from all that the clause names, and from one more."""
    yield from (home.asked(rows=rows) for rows in ROWS)
    yield from (home.asked(rows=rows, from_=None) for rows in ROWS)
    yield from (home.asked(rows=home.value["rows"], from_=[one]) for one in _spread(home.contributors))
    named = home.value.get("from")
    if named is not None:
        outside = [p for p in home.contributors if p not in named]
        yield from (home.asked(from_=[*named[:199], one]) for one in _spread(outside))
        yield from (home.asked(rows="all", from_=[one]) for one in _spread(home.contributors))


def _fields(home: Home) -> Iterator[Asked]:
    """Each field alone, each one more than the clause's, the clause's less each, and none but the measure `clients`."""
    inside = home.value["fields"]
    yield home.asked(fields=[], measures=[{"measure": "clients"}], view="aggregate")
    yield from (home.asked(fields=[one]) for one in _spread(list(home.dataset.fields)))
    outside = [name for name in home.dataset.fields if name not in inside]
    yield from (home.asked(fields=[*inside, one][-200:]) for one in _spread(outside))
    yield home.asked(fields=list(home.dataset.fields)[:200])
    spoken = speaks_of(home.dataset, home.rule.fields)
    yield from (home.asked(fields=[n for n in spoken if n != one] or None) for one in _spread(spoken) if spoken[1:])


def _own_fields(home: Home) -> Iterator[Asked]:
    """The requester's own rows, field by field, under this very clause."""
    if home.value["party"] in home.contributors and home.value["rows"] != "own":
        for one in _spread(list(home.dataset.fields)):
            yield home.asked(rows="own", from_=None, fields=[one])
            yield home.asked(rows="own", from_=None, fields=[one], under=home.clause.id)


def _views(home: Home) -> Iterator[Asked]:
    """Each view, of what the clause speaks of and of one field; measures need the last."""
    yield from (home.asked(view=view) for view in VIEWS)
    yield from (home.asked(view=view, rows=rows, from_=None) for view in VIEWS for rows in ROWS)
    yield from (home.asked(view=view, fields=[home.value["fields"][0]]) for view in VIEWS)
    one = home.value["fields"][0]
    yield home.asked(view="aggregate", fields=[], group_by=[one], measures=[{"measure": "count"}])


def _purposes(home: Home) -> Iterator[Asked]:
    """Each purpose of every tree, by its id and by its term."""
    trees = [mou.purposes for mou in (home.mou, *home.mous)]
    names = dict.fromkeys(name for tree in trees for name in tree)
    terms = dict.fromkeys(node.dpv for tree in trees for node in tree.values() if node.dpv is not None)
    yield from (home.asked(purpose=purpose) for purpose in [*_spread(list(names)), *_spread(list(terms), 8)])


def _instants(home: Home) -> Iterator[Asked]:
    """Just before, at and just after each boundary of the document, of the clause and of other versions."""
    for moment in _boundaries(home.mou, home):
        yield from (home.asked(at=at) for at in (moment - TICK, moment, moment + TICK))


def _boundaries(mou: Mou, home: Home) -> Iterator[dt.datetime]:
    yield start_of(mou.effective, mou.zone)
    yield start_of(mou.expires + DAY, mou.zone)
    valid = home.clause.valid
    if valid is not None and valid.from_ is not None:
        yield start_of(valid.from_, mou.zone)
    if valid is not None and valid.until is not None:
        yield start_of(valid.until + DAY, mou.zone)
    others = [m for m in home.mous if m.id == mou.id and m.version != mou.version]
    yield from (start_of(m.effective, m.zone) for m in others)


def _named(home: Home) -> Iterator[Asked]:
    """The MOU, the clause, or both relied on; and the next clause."""
    ids = [c.id for c in home.mou.clauses]
    following = ids[(ids.index(home.clause.id) + 1) % len(ids)]
    yield home.asked(mou=home.mou.id)
    yield home.asked(under=home.clause.id)
    yield home.asked(mou=home.mou.id, under=home.clause.id)
    yield home.asked(under=following)
    yield from (home.asked(mou=other) for other in _spread(sorted({m.id for m in home.mous} - {home.mou.id}), 4))


def _facts(home: Home) -> Iterator[Asked]:
    """Without approvals, without acknowledgements, with recorded delays, and with withdrawals about the instant."""
    request, facts = home.asked()
    yield request, facts.model_copy(update={"approved": ()})
    yield request, facts.model_copy(update={"acknowledged": ()})
    duties = [c.id for c in home.mou.clauses if c.duty is not None]
    overdue = tuple(Overdue(mou=home.mou.id, clause=one, party=request.party) for one in duties)
    yield request, facts.model_copy(update={"overdue": overdue})
    others = [p for p in home.contributors if p != request.party]
    for party in dict.fromkeys([request.party, *others[:1], *others[-1:], home.mou.parties[-1].id]):
        for moment in (request.at, request.at + TICK):
            gone = (Withdrawn(mou=home.mou.id, party=party, at=moment),)
            yield request, facts.model_copy(update={"withdrawn": gone})
    own, own_facts = home.asked(rows="own", from_=None)
    yield own, own_facts.model_copy(update={"approved": ()})


def _levels(home: Home) -> Iterator[Asked]:
    """Filters on declared levels, on others, and by other operators."""
    if home.value["view"] != "aggregate":
        return
    for name in home.value["fields"]:
        field = home.dataset.fields[name]
        levels = [True, False] if field.type == "boolean" else list(field.levels or ())
        if not levels:
            continue
        for op, value in (
            ("eq", levels[0]),
            ("eq", "no such level"),
            ("eq", str(levels[0]).lower() if field.type == "boolean" else 7),
            ("in", levels[:200]),
            ("in", [levels[-1], "no such level"]),
            ("ge", levels[0]),
        ):
            yield home.asked(filters=[{"field": name, "op": op, "value": value}])
        yield home.asked(rows="own", from_=None, filters=[{"field": name, "op": "eq", "value": "no such level"}])


def _duty(home: Home) -> Iterator[Asked]:
    """A duty not done, done on a day, done just too late, about each instant at which that counts."""
    duty = home.clause.duty
    if duty is None:
        return
    party, mou, id_ = home.value["party"], home.mou, home.clause.id
    recorded = (Overdue(mou=mou.id, clause=id_, party=party),)
    for rows in ROWS:
        request, facts = home.asked(rows=rows, from_=None)
        yield request, facts.model_copy(update={"overdue": recorded})
        for at in _overdue_instants(home):
            request, facts = home.asked(rows=rows, from_=None, at=at)
            yield request, facts.model_copy(update={"acknowledged": ()})
    for moment in _boundaries(mou, home):
        for at in (moment - TICK, moment):
            request, facts = home.asked(rows="others", from_=None, at=at)
            yield request, facts.model_copy(update={"acknowledged": (), "overdue": recorded})
    for done_on in _done_on(mou) if duty.every is not None else ():
        done = (Acknowledged(mou=mou.id, clause=id_, party=party, on=done_on),)
        for moment in (*_days_begin(mou, _runs_out(done_on, duty)), start_of(done_on, mou.zone)):
            for at in (moment - TICK, moment):
                request, facts = home.asked(rows="others", from_=None, at=at)
                yield request, facts.model_copy(update={"acknowledged": done})


def _done_on(mou: Mou) -> Iterator[dt.date]:
    """Days of months of different lengths, a month's last day, and a leap day where there is one."""
    first = mou.effective
    yield from (first + 10 * DAY, first + 40 * DAY, dt.date(first.year + 1, 1, 31))
    leap = dt.date(first.year - first.year % 4 + 4, 2, 28) + DAY
    if leap < mou.expires:
        yield leap


def _runs_out(day: dt.date, duty: Duty) -> dt.date | None:
    """The first day on which a duty reckoned from that day is overdue; None beyond the calendar."""
    try:
        for period in (duty.every, duty.grace):
            day = after(day, period) if period is not None else day
        return day + DAY
    except (OverflowError, ValueError):
        return None


def _days_begin(mou: Mou, *days: dt.date | None) -> Iterator[dt.datetime]:
    yield from (start_of(day, mou.zone) for day in days if day is not None)


def _overdue_instants(home: Home) -> Iterator[dt.datetime]:
    """About the first instant at which a duty never done is overdue, and the same without the grace."""
    duty, mou = home.clause.duty, home.mou
    if duty is None or duty.every is None:
        return
    graceless = duty.model_copy(update={"grace": None})
    for moment in _days_begin(mou, _runs_out(mou.effective, duty), _runs_out(mou.effective, graceless)):
        yield from (moment - TICK, moment)


def _members_too(home: Home) -> Iterator[Asked]:
    """Everybody whom the clause names asks for what it speaks of, of each other one alone."""
    asking = members(home.mou, home.rule.to)
    for party in _spread(asking, 4):
        others = [p for p in home.contributors if p != party]
        yield from (home.asked(party=party, rows="others", from_=[one]) for one in _spread(others, 3))


Dimension = Callable[[Home], Iterator[Asked]]
_OF_SELECTORS: tuple[Dimension, ...] = (
    _parties,
    _rows,
    _fields,
    _own_fields,
    _views,
    _purposes,
    _instants,
    _named,
    _facts,
    _levels,
    _members_too,
)
_OF_DUTIES: tuple[Dimension, ...] = (_duty, _parties, _rows, _instants, _facts)


def dimensions(home: Home) -> tuple[Dimension, ...]:
    """Along which keys the clause's edge runs: a duty's along days and parties, any other's along its selectors."""
    return _OF_SELECTORS if home.clause.duty is None else _OF_DUTIES
