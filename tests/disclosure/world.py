"""A small collaborative for the tests: one dataset, five contributors, and a source over plain lists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from governance.disclosure.aggregate import Together
from governance.disclosure.answer import Answer, answer
from governance.disclosure.govern import govern
from governance.disclosure.indicators import IndicatorAsked, expand
from governance.disclosure.query import (
    Condition,
    IsNull,
    NotEquals,
    SourceQuery,
    Test,
    require_genuine,
)
from governance.model.access import ClauseRef, ConsentNeed, Decision, Obligations, Protection, Request
from governance.model.levels import matches
from governance.model.mou import Mou

__all__ = [
    "NONE",
    "PARTIES",
    "SECRET",
    "Consents",
    "MemorySource",
    "Row",
    "aggregate",
    "ask",
    "field_names",
    "mou",
    "permit",
    "request",
    "row_strategy",
    "table_of",
    "world_strategy",
]

PARTIES = ("ash", "birch", "cedar", "dogwood", "elm")
SECRET = b"a secret of thirty-two bytes, yes"
NONE = Protection(kind="none")
Row = dict[str, Any]

_FIELDS: dict[str, Any] = {
    "client": {"class": "identifier", "type": "string", "title": "client number"},
    "name": {"class": "identifier", "type": "string", "title": "name"},
    "org": {"class": "plain", "type": "string", "title": "organisation"},
    "program": {"class": "plain", "type": "string", "title": "programme", "levels": ["early", "adult"]},
    "language": {
        "class": "quasi-identifier",
        "type": "string",
        "title": "language",
        "levels": ["English", "Polish", "other"],
    },
    "days": {"class": "plain", "type": "integer", "title": "days", "levels": ["under 10", "10-19", "20 and more"]},
    "done": {"class": "plain", "type": "boolean", "title": "completed"},
    "grade": {"class": "sensitive", "type": "integer", "title": "grade", "levels": ["0-59", "60-100"]},
    "fee": {"class": "plain", "type": "number", "title": "fee"},
    "born": {"class": "quasi-identifier", "type": "date", "title": "date of birth"},
    "seen": {"class": "plain", "type": "datetime", "title": "last seen"},
    "quarter": {"class": "plain", "type": "quarter", "title": "quarter"},
}


def field_names() -> tuple[str, ...]:
    """Every field of the dataset."""
    return tuple(_FIELDS)


def mou(*, subjects: str = "separate", indicators: Mapping[str, Any] | None = None) -> Mou:
    """The document. Its clauses don't matter here: the tests make the decisions."""
    return Mou.model_validate(
        {
            "accordant": 1,
            "id": "trees",
            "version": 1,
            "title": "Trees",
            "timezone": "UTC",
            "effective": "2026-01-01",
            "expires": "2029-12-31",
            "parties": [{"id": p, "name": p.title(), "role": "partner"} for p in PARTIES]
            + [{"id": "forest", "name": "The forest", "role": "convener"}],
            "signing": {"required": "everyone"},
            "purposes": {"learning": {"title": "learning"}},
            "datasets": {
                "visits": {
                    "title": "visits",
                    "subject": "client",
                    "subjects": subjects,
                    "contributor": "org",
                    "contributors": {"roles": ["partner"]},
                    "fields": _FIELDS,
                }
            },
            "indicators": dict(indicators or {}),
            "clauses": [
                {
                    "id": "1",
                    "title": "All",
                    "permit": {
                        "to": "everyone",
                        "data": "visits",
                        "rows": "all",
                        "fields": "all",
                        "view": "identified",
                        "purpose": ["learning"],
                    },
                    "text": "All.",
                }
            ],
        }
    )


def aggregate(minimum: int = 3, parties: int = 1, dominance: float = 0.8) -> Protection:
    """Protection of figures, small enough for small worlds."""
    return Protection(kind="aggregate", minimum_cell=minimum, other_parties=parties, dominance=dominance)


def request(**keys: Any) -> Request:
    """A request by `ash`, unless said otherwise."""
    known = {
        "party": "ash",
        "dataset": "visits",
        "rows": "all",
        "view": "aggregate",
        "purpose": "learning",
        "at": "2026-11-02T12:00:00Z",
    }
    return Request.model_validate(known | keys)


def permit(
    request: Request,
    protection: Protection,
    *,
    contributors: Sequence[str] = PARTIES,
    consent: Sequence[str] = (),
) -> Decision:
    """The permit that an engine would give."""
    clause = ClauseRef(mou="trees", version=1, clause="1")
    needs = (ConsentNeed(clause=clause, contributors=tuple(consent)),) if consent else ()
    return Decision(
        outcome="permit",
        reason="permitted",
        cites=(clause,),
        obligations=Obligations(
            view=request.view,
            contributors=tuple(sorted(contributors)),
            fields=request.all_fields,
            protection=protection,
            consent=needs,
        ),
    )


@dataclass(frozen=True)
class Consents:
    """Who consents, by contributor."""

    given: Mapping[str, Sequence[str]]

    def active(self, contributor: str) -> pa.Table:
        """As the port says."""
        return pa.table({"subject": pa.array(self.given.get(contributor, []), pa.string())})


class MemorySource:
    """A source over a list, with its own plain-Python reading of a source query."""

    def __init__(self, owner: str, rows: Sequence[Row]) -> None:
        self.owner = owner
        self.rows = rows
        self.opened = 0

    def fetch(self, query: SourceQuery) -> Iterator[pa.RecordBatch]:
        """As the port says."""
        require_genuine(query)
        self.opened += 1
        rows = [dict(r) | {query.contributor_field: self.owner} for r in self.rows]
        rows = [r for r in rows if r[query.subject_field] is not None and all(_holds(c, r) for c in query.where)]
        consenting = query.consenting()
        if consenting is not None:
            allowed = set(consenting.column("subject").to_pylist())
            rows = [r for r in rows if str(r[query.subject_field]) in allowed]
        records = _rows(query, rows) if query.kind == "rows" else _groups(query, rows)
        for start in range(0, len(records), query.batch_rows):
            part = records[start : start + query.batch_rows]
            arrays = [pa.array([r[i] for r in part], f.type) for i, f in enumerate(query.schema)]
            yield pa.RecordBatch.from_arrays(arrays, schema=query.schema)


def _test(test: Test, value: Any) -> bool:
    if isinstance(test, IsNull):
        return (value is None) == test.expected
    if isinstance(test, NotEquals):
        return value is not None and value != test.value
    return matches(test, value)


def _holds(condition: Condition, row: Row) -> bool:
    return any(_test(t, row[condition.field]) for t in condition.tests) != condition.negate


def _rows(query: SourceQuery, rows: list[Row]) -> list[tuple[Any, ...]]:
    for name, descending in reversed(query.order_by):
        present = sorted((r for r in rows if r[name] is not None), key=lambda r: r[name], reverse=descending)
        rows = present + [r for r in rows if r[name] is None]
    made = [(*(r[c] for c in query.columns), str(r[query.subject_field])) for r in rows]
    return made if query.limit is None else made[: query.limit]


def _groups(query: SourceQuery, rows: list[Row]) -> list[tuple[Any, ...]]:
    groups: dict[tuple[Any, ...], list[Row]] = {} if query.keys or query.per_subject else {(): []}
    for row in rows:
        key: list[Any] = []
        for k in query.keys:
            if k.bins is None:
                key.append(row[k.field])
            else:
                key.append(next((i for i, b in enumerate(k.bins) if matches(b, row[k.field])), None))
        if query.per_subject:
            key.append(str(row[query.subject_field]))
        groups.setdefault(tuple(key), []).append(row)
    made = []
    for key_, members in groups.items():
        values: list[Any] = list(key_)
        for tally in query.tallies:
            met = [r for r in members if all(_holds(c, r) for c in tally.where)]
            values += [len(met), len({r[query.subject_field] for r in met})]
            if tally.value is not None:
                some = [r[tally.value] for r in met if r[tally.value] is not None]
                values += [sum(some), sum(map(abs, some))]
        made.append(tuple(values))
    return made


def ask(
    sources: Mapping[str, Any],
    request: Request,
    protection: Protection,
    *,
    document: Mou | None = None,
    contributors: Sequence[str] | None = None,
    consent: Sequence[str] = (),
    consents: Consents | None = None,
    indicator: IndicatorAsked | None = None,
    together: Together | None = None,
    **limits: Any,
) -> Answer:
    """The answer to a request over sources, as the gateway makes it."""
    document = document or mou()
    if indicator is not None:
        request = expand(request, document, indicator)
    decision = permit(request, protection, contributors=contributors or tuple(sources), consent=consent)
    governed = govern(
        request=request,
        decision=decision,
        mou=document,
        pseudonym_key=SECRET,
        consents=consents,
        indicator=indicator,
        **limits,
    )
    return answer(governed, lambda query: sources[query.contributor].fetch(query), together)


def table_of(made: Answer) -> list[Row]:
    """All rows of an answer."""
    return pa.Table.from_batches([b.table for b in made.batches], schema=made.schema).to_pylist()


_INSTANT = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)


def row_strategy() -> st.SearchStrategy[Row]:
    """A row of one contributor: few values, so that groups and repeated subjects come about."""
    return st.fixed_dictionaries(
        {
            "client": st.sampled_from([f"c{i}" for i in range(12)]),
            "name": st.sampled_from(["Ann", "Bob", "Ćwik", 'O"Brien; --', None]),
            "program": st.sampled_from(["early", "early", "adult", "gone", None]),
            "language": st.sampled_from(["English", "English", "Polish", "Klingon", "other", None]),
            "days": st.sampled_from([0, 9, 10, 19, 20, 55, None]),
            "done": st.sampled_from([True, False, None]),
            "grade": st.sampled_from([0, 59, 60, 100, None]),
            "fee": st.sampled_from([0.0, 2.5, -1.25, 1000.0, None]),
            "born": st.sampled_from([dt.date(2000, 1, 1), dt.date(1999, 12, 31), None]),
            "seen": st.sampled_from([_INSTANT, _INSTANT + dt.timedelta(hours=1), None]),
            "quarter": st.sampled_from(["2026-Q3", "2026-Q4"]),
        }
    )


def world_strategy(*, most: int = 25) -> st.SearchStrategy[dict[str, list[Row]]]:
    """Rows of every contributor; some have none."""
    return st.fixed_dictionaries({p: st.lists(row_strategy(), max_size=most) for p in PARTIES[:4]})
