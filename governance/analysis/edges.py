"""A set of requests that walks along every clause's edge, on which all engines must agree before activation.

For each clause there are requests that it just speaks of, and for each of its keys requests one step off: each party
in and out, each field in and out, each purpose at, above, below and beside, each view, each set of rows, the instants
at and around each boundary, and the facts with and without. The set is generated, not exhaustive; the same documents
give the same set in the same order, and a clause at most `LIMIT` requests.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import Any

from governance.analysis.edge_homes import homes
from governance.analysis.edge_steps import dimensions
from governance.model.access import Facts, Request
from governance.model.clauses import Clause
from governance.model.mou import Mou

__all__ = ["LIMIT", "clause_edges", "edges"]

LIMIT = 150
Asked = tuple[Request, Facts]


def edges(mous: Sequence[Mou], *, limit: int = LIMIT) -> Iterator[Asked]:
    """Every request once, with what is taken to have happened; clause by clause, in the order of citations."""
    passed: set[str] = set()
    ordered = sorted(mous, key=lambda m: (m.effective, m.id, m.version))
    for mou in ordered:
        yield from _once(_outside(mou), passed, limit)
        for clause in mou.clauses:
            yield from _once(_around(ordered, mou, clause), passed, limit)


def clause_edges(mous: Sequence[Mou], mou: Mou, clause: Clause) -> Iterator[Asked]:
    """Those of one clause of one document."""
    yield from _once(_around(mous, mou, clause), set(), LIMIT)


def _around(mous: Sequence[Mou], mou: Mou, clause: Clause) -> Iterator[Asked]:
    return _in_turn([dimension(home) for home in homes(mous, mou, clause) for dimension in dimensions(home)])


def _in_turn(walks: Sequence[Iterator[Asked]]) -> Iterator[Asked]:
    """One of each in turn, so that where the limit cuts, it cuts the longest walks."""
    return (asked for asked in chain.from_iterable(zip_longest(*walks)) if asked is not None)


def _once(asked: Iterator[Asked], passed: set[str], limit: int) -> Iterator[Asked]:
    count = 0
    for request, facts in asked:
        key = request.model_dump_json() + facts.model_dump_json()
        if key in passed:
            continue
        passed.add(key)
        yield request, facts
        count += 1
        if count == limit:
            return


def _outside(mou: Mou) -> Iterator[Asked]:
    """Requests that no document can speak about, one for each reason."""
    dataset, definition = next(iter(mou.datasets.items()))
    value: dict[str, Any] = {
        "party": mou.parties[0].id,
        "dataset": dataset,
        "fields": [next(iter(definition.fields))],
        "rows": "all",
        "view": "aggregate",
        "purpose": next(iter(mou.purposes)),
        "at": dt.datetime.combine(mou.effective, dt.time(12), tzinfo=mou.zone),
    }
    wrongs: tuple[dict[str, Any], ...] = (
        {"party": "no-such-party"},
        {"dataset": "no-such-dataset"},
        {"fields": []},
        {"view": "identified", "measures": [{"measure": "clients"}]},
        {"fields": ["no_such_field"]},
        {"purpose": "no-such-purpose"},
        {"from": []},
        {"from": ["no-such-party"]},
        {"mou": "no-such-mou"},
        {"under": "no-such-clause"},
    )
    for wrong in wrongs:
        yield Request.model_validate(value | wrong), Facts()
