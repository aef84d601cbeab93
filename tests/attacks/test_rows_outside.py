"""Rows outside of the clause cannot be learnt of: whatever they are, every answer and every error is the same.

The same questions are asked twice, and between them the other partners' rows are exchanged for quite other ones. What
differs between the two sets of answers is what a question tells about rows that the asker may not see.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulator import Partner, World

HEADER = "client,program,grade,days,done\n"
OTHERS = {
    "empty": "",
    "one": "7,art,99,1,true\n",
    "many": "".join(f"{i},{('reading', 'maths', 'art')[i % 3]},{i % 100},{i % 50},{i % 2}\n" for i in range(90)),
    "odd": '"=1+1",art,0,9223372036854775807,true\n"\'; DROP TABLE x; --",art,100,-9223372036854775808,false\n',
}
OWN = {"dataset": "visits", "fields": ["client", "days"], "rows": "own", "view": "identified"}
GROUPS = {"dataset": "visits", "rows": "own", "view": "aggregate"}
MEASURES = [
    {"measure": "clients"}, {"measure": "count"}, {"measure": "count", "field": "days"},
    {"measure": "sum", "field": "days"}, {"measure": "mean", "field": "grade"}, {"measure": "rate", "field": "done"},
]  # fmt: skip
FILTERS: list[dict[str, Any]] = [
    {"field": "client", "op": "eq", "value": "7"},
    {"field": "client", "op": "ne", "value": "7"},
    {"field": "client", "op": "in", "value": ["7", "8", "x"]},
    {"field": "client", "op": "is_null"},
    {"field": "client", "op": "lt", "value": "7"},
    {"field": "org", "op": "eq", "value": "south"},
    {"field": "org", "op": "ne", "value": "north"},
    {"field": "days", "op": "ge", "value": 9223372036854775807},
    {"field": "days", "op": "between", "value": [-(2**53), 2**53 - 1]},
    {"field": "days", "op": "eq", "value": "many"},
    {"field": "days", "op": "in", "value": []},
    {"field": "grade", "op": "gt", "value": 98},
    {"field": "program", "op": "eq", "value": "chess"},
    {"field": "salary", "op": "eq", "value": 1},
    {"field": "client", "op": "eq", "value": "=1+1"},
    {"field": "client", "op": "eq", "value": "' OR 1 = 1 --"},
]
QUESTIONS: list[dict[str, Any]] = [
    *(OWN | {"filters": [f]} for f in FILTERS),
    *(OWN | {"order_by": order, "limit": limit} for order in (["days"], ["-days", "client"], ["-org"], ["x"])
      for limit in (1, 2, 1_000_000)),
    *(GROUPS | {"measures": MEASURES, "group_by": by} for by in ([], ["program"], ["client"], ["org"], ["days", "done"],
                                                                 ["client", "client"], ["x"])),
    *(GROUPS | {"measures": MEASURES, "filters": [f]} for f in FILTERS),
    *(GROUPS | {"measures": [m], "group_by": ["client"], "order_by": ["-client"], "limit": 3} for m in MEASURES),
    *(OWN | {"rows": rows, "filters": [f]} for rows in ("others", "all") for f in FILTERS),
    OWN | {"from": ["south"]},
    OWN | {"rows": "others", "from": ["south"], "view": "pseudonymised"},
    OWN | {"under": "3"},
    OWN | {"fields": ["client", "org", "program", "grade", "days", "done"]},
    {"dataset": "visits", "rows": "others", "view": "aggregate", "fields": ["client"]},
    {"dataset": "visits", "rows": "all", "view": "aggregate", "group_by": ["client"], "measures": MEASURES[:1]},
    {"dataset": "visits", "rows": "all", "view": "aggregate", "group_by": ["days"], "measures": MEASURES[:1]},
    {"dataset": "visits", "rows": "all", "view": "aggregate", "order_by": ["program"], "limit": 1,
     "group_by": ["program"]},
    *({"dataset": "visits", "rows": "all", "view": "aggregate", "filters": [f | {"field": "days"}]} for f in FILTERS),
]  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which north's rows stay as they are."""
    made = World.found(tmp_path_factory.mktemp("world")).agreed().filled(clients=33)
    object.__setattr__(made.services.authenticator._rates, "_rate", 100_000)
    yield made
    made.close()


def _answers(world: World, partner: Partner) -> list[tuple[int, Any]]:
    found = []
    for asked in QUESTIONS:
        response = world.query(partner, asked)
        document = response.json or {}
        found.append((response.status_code, {k: v for k, v in document.items() if k not in ("entry", "receipt")}))
    return found


def test_no_question_tells_of_rows_that_are_not_ones_own(world: World) -> None:
    """Filters, groups, sorts, limits, measures, wrong types, extreme values, refusals: equal, to the letter."""
    dashboard = world.partners["dashboard"]
    given = []
    for rows in OTHERS.values():
        for party in ("south", "east", "west"):
            world.load(party, HEADER + rows)
        given.append(_answers(world, dashboard))
    assert {200, 400, 403} == {status for status, _ in given[0]}
    for other in given[1:]:
        for asked, one, two in zip(QUESTIONS, given[0], other, strict=True):
            assert one == two, asked


def test_a_contributor_outside_from_changes_nothing(world: World) -> None:
    """Figures over three parties are the same whatever the fourth has."""
    hub = world.partners["hub"]
    asked = GROUPS | {"rows": "others", "from": ["north", "south", "east"], "group_by": ["program"]}
    asked |= {"measures": MEASURES[:2]}
    for party in ("south", "east"):
        world.load(party, HEADER + OTHERS["many"])
    given = []
    for rows in OTHERS.values():
        world.load("west", HEADER + rows)
        answer = world.query(hub, asked).json
        assert answer is not None
        given.append((answer["rows"], answer["protection"]))
    assert all(row[1] for row in given[0][0])
    assert [given[0]] * len(given) == given
