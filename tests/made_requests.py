"""Requests and facts made from a `random.Random` for given documents, for `tests.strategies`.

A request starts as one that a clause speaks of in every key, and is then moved a step off it: another party, one field
too many, a purpose one level up or down, a view one step, another `from`, an instant just over an edge. Facts lie near
the edges too. A few requests are invalid.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from governance.model.access import Acknowledged, Approved, Facts, Overdue, Request, Withdrawn
from governance.model.clauses import Clause, Consent, Permit, Prohibit
from governance.model.mou import Mou
from governance.model.names import FieldClasses, Who
from governance.model.period import after, start_of
from tests.made_documents import DATASETS, DPV, FIELDS, LEVELS, PARTIES, PURPOSES, ROWS, VIEWS, chance, some

__all__ = ["boundaries", "made_facts", "made_request"]

STEPS = tuple(dt.timedelta(microseconds=us) for us in (0, 0, 0, 1, -1, 1_000_000, -1_000_000, 3_600_000_000))
DAY = dt.timedelta(days=1)


def boundaries(mous: Sequence[Mou]) -> list[dt.datetime]:
    """The instants at which days of the documents start and end, and duties become overdue."""
    found: set[dt.datetime] = set()
    for document in mous:
        days = [document.effective, document.expires + DAY]
        for clause in document.clauses:
            if clause.valid is not None:
                days += [clause.valid.from_] if clause.valid.from_ else []
                days += [clause.valid.until + DAY] if clause.valid.until else []
            if clause.duty is not None and clause.duty.every is not None:
                due = after(document.effective, clause.duty.every)
                days.append((after(due, clause.duty.grace) if clause.duty.grace else due) + DAY)
        found.update(start_of(day, document.zone) for day in days)
    return sorted(found)


def _members(document: Mou, who: Who | None) -> list[str]:
    if who is None or who == "everyone":
        return [p.id for p in document.parties]
    return [p.id for p in document.parties if p.role in (who.roles or ()) or p.id in (who.parties or ())]


def _instant(random: Random, document: Mou, clause: Clause | None) -> dt.datetime:
    """Inside the document's and the clause's days where they meet, often at the very edge."""
    first, last = document.effective, document.expires
    if clause is not None and clause.valid is not None:
        first, last = max(first, clause.valid.from_ or first), min(last, clause.valid.until or last)
    if first > last:
        first, last = last, first
    edge = random.randrange(6)
    if edge == 0:
        return start_of(first, document.zone)
    if edge == 1:
        return start_of(last + DAY, document.zone) - dt.timedelta(microseconds=1)
    day = first + random.randint(0, (last - first).days) * DAY
    return start_of(day, document.zone) + dt.timedelta(hours=random.randint(0, 23))


def _on(random: Random, document: Mou, clause: Clause) -> dict[str, Any]:
    """A request that the clause speaks of in every key, as far as it names any."""
    rule: Permit | Prohibit | Consent | None = clause.permit or clause.prohibit or clause.consent
    speaks: Any = rule or Prohibit()
    data = speaks.data or random.choice(list(document.datasets))
    dataset = document.datasets[data]
    contributors = _members(document, dataset.contributors)
    rows = speaks.rows or random.choice(ROWS)
    asking = _members(document, speaks.to) or [p.id for p in document.parties]
    owners = [p for p in asking if p in contributors]
    names = list(dataset.fields)
    if isinstance(speaks.fields, FieldClasses):
        names = [n for n in names if dataset.fields[n].class_ in speaks.fields.classes] or names
    elif isinstance(speaks.fields, tuple):
        names = [n for n in names if n in speaks.fields] or names
    views = (speaks.view,) if isinstance(speaks.view, str) else speaks.view or VIEWS
    value: dict[str, Any] = {
        "party": random.choice(owners if rows == "own" and owners else asking),
        "dataset": data,
        "rows": rows,
        "fields": some(random, names, most=3),
        "view": random.choice(views),
        "purpose": random.choice(speaks.purpose or list(document.purposes)),
        "at": _instant(random, document, clause),
    }
    if speaks.from_ is not None:
        value["from"] = some(random, [p for p in _members(document, speaks.from_) if p in contributors] or contributors)
    if value["view"] == "aggregate" and chance(random, 3):
        value["measures"] = [{"measure": "clients"}]
        value["fields"] = some(random, names, least=0, most=2)
    return value


# Each moves a request one step; they are given the world, the document aimed at, and the request's parts.
Step = Callable[[Random, Sequence[Mou], Mou, dict[str, Any]], None]


def _known(document: Mou, value: dict[str, Any]) -> list[str]:
    return list(document.datasets[value["dataset"]].fields) if value["dataset"] in document.datasets else list(FIELDS)


def _party(random: Random, mous: Sequence[Mou], document: Mou, value: dict[str, Any]) -> None:
    value["party"] = random.choice([*[p.id for p in document.parties] * 3, *PARTIES, "stranger"])


def _field(random: Random, mous: Sequence[Mou], document: Mou, value: dict[str, Any]) -> None:
    field = random.choice(_known(document, value) * 3 + ["salary"] + list(FIELDS))
    value["fields"] = list(dict.fromkeys([*value["fields"], field]))


def _purpose(random: Random, mous: Sequence[Mou], document: Mou, value: dict[str, Any]) -> None:
    tree = document.purposes
    node = tree.get(value["purpose"])
    below = [name for name, other in tree.items() if other.broader == value["purpose"]]
    above = [node.broader] if node is not None and node.broader is not None else []
    same = [node.dpv] if node is not None and node.dpv is not None else []
    other = random.choice([*PURPOSES, *PURPOSES, *DPV, 'no "such` {{purpose}}'])
    value["purpose"] = random.choice([*below, *above, *same, other])


def _view(random: Random, mous: Sequence[Mou], document: Mou, value: dict[str, Any]) -> None:
    value["view"] = random.choice(VIEWS)
    if value["view"] != "aggregate" and chance(random, 9):
        value.pop("measures", None)
        value["fields"] = value["fields"] or some(random, _known(document, value), most=2)


def _rows(random: Random, mous: Sequence[Mou], document: Mou, value: dict[str, Any]) -> None:
    value["rows"] = random.choice(ROWS)


def _from(random: Random, mous: Sequence[Mou], document: Mou, value: dict[str, Any]) -> None:
    names = [p.id for p in document.parties]
    if chance(random, 1):
        names = ["stranger", *PARTIES]
    value["from"] = some(random, names, most=3) if chance(random, 9) else []


def _at(random: Random, mous: Sequence[Mou], document: Mou, value: dict[str, Any]) -> None:
    value["at"] = random.choice(boundaries(mous)) + random.choice(STEPS)


def _named(random: Random, mous: Sequence[Mou], document: Mou, value: dict[str, Any]) -> None:
    if chance(random, 6):
        value["mou"] = random.choice([*[m.id for m in mous] * 4, *[document.id] * 4, "no-such"])
    if chance(random, 6):
        value["under"] = random.choice([c.id for m in mous for c in m.clauses] * 4 + ["no-such"])


def _filter(random: Random, mous: Sequence[Mou], document: Mou, value: dict[str, Any]) -> None:
    field = random.choice(value["fields"] or _known(document, value))
    defined = document.datasets[value["dataset"]].fields.get(field) if value["dataset"] in document.datasets else None
    levels = [*(list((defined.levels if defined else None) or ()) or [True, False]) * 6, *LEVELS, None, 1.0]
    op = random.choice(("eq", "eq", "in", "in", "in", "lt", "is_null"))
    filter_: dict[str, Any] = {"field": field, "op": op}
    if op != "is_null":
        filter_["value"] = random.choices(levels, k=random.randint(0, 2)) if op == "in" else random.choice(levels)
    value["filters"] = [*value.get("filters", ()), filter_]


def _query(random: Random, mous: Sequence[Mou], document: Mou, value: dict[str, Any]) -> None:
    known = _known(document, value)
    kind = random.randrange(4)
    if kind == 0:
        value["group_by"] = some(random, known, most=2)
    elif kind == 1:
        value["order_by"] = [random.choice(("", "-")) + random.choice(known)]
    elif kind == 2:
        value["measures"] = [{"measure": random.choice(("mean", "rate")), "field": random.choice(known)}]
    else:
        value["limit"] = 10


def _dataset(random: Random, mous: Sequence[Mou], document: Mou, value: dict[str, Any]) -> None:
    value["dataset"] = random.choice((*document.datasets, *DATASETS, "no-such"))


def _empty(random: Random, mous: Sequence[Mou], document: Mou, value: dict[str, Any]) -> None:
    value["fields"] = []


STEPS_OFF: tuple[Step, ...] = (
    _party, _field, _field, _field, _purpose, _purpose, _purpose, _view, _view, _rows, _rows, _from, _at, _at, _named,
    _filter, _filter, _query, _query, _dataset, _empty,
)  # fmt: skip


def made_request(random: Random, mous: Sequence[Mou]) -> Request:
    """A request that some clause speaks of, moved up to three steps off it."""
    document = random.choice(mous)
    clauses = [c for c in document.clauses if c.permit is not None] if chance(random, 6) else None
    value = _on(random, document, random.choice(clauses or document.clauses))
    for step in random.choices(STEPS_OFF, k=random.choice((0, 1, 1, 1, 2, 2, 3))):
        step(random, mous, document, value)
    return Request.model_validate(value)


def made_facts(random: Random, mous: Sequence[Mou], request: Request) -> Facts:
    """What has happened: acknowledgements near a due day, withdrawals near the instant, approvals, overdue duties."""
    acknowledged, approved, withdrawn, overdue = [], [], [], []
    for document in mous:
        for clause in document.clauses:
            here = {"mou": document.id, "clause": clause.id, "party": _someone(random, request)}
            if clause.duty is not None and chance(random, 7):
                acknowledged.append(Acknowledged(**here, on=_ack_day(random, document, clause, request)))
            if clause.duty is not None and chance(random, 2):
                overdue.append(Overdue(**here))
            if clause.permit is not None and chance(random, 4):
                approved.append(Approved(party=here["party"], mou=document.id, under=clause.id))
        if chance(random, 2):
            party = random.choice([p.id for p in document.parties])
            near = random.choice([request.at, *boundaries([document])]) + random.choice(STEPS)
            withdrawn.append(Withdrawn(mou=document.id, party=party, at=near))
    return Facts(
        acknowledged=tuple(acknowledged), approved=tuple(approved), withdrawn=tuple(withdrawn), overdue=tuple(overdue)
    )


def _someone(random: Random, request: Request) -> str:
    return request.party if chance(random, 9) else random.choice(PARTIES)


def _ack_day(random: Random, document: Mou, clause: Clause, request: Request) -> dt.date:
    """A day near the instant, near the effective day, or just so long ago that the duty becomes overdue about now."""
    here = request.at.astimezone(document.zone).date()
    days = [here, document.effective, here - 365 * DAY]
    if clause.duty is not None and clause.duty.every is not None:
        back = after(here, clause.duty.every) - here
        grace = after(here, clause.duty.grace) - here if clause.duty.grace else 0 * DAY
        days += [here - back - grace] * 3
    return random.choice(days) + random.randint(-2, 2) * DAY
