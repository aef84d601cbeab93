"""Two worlds, or two questions, that differ by one client: what the difference tells.

Within one answer nothing is told that rests on fewer clients than the clause asks for. Between several answers it is:
levels put together and taken apart again are not yet held back (complementary suppression), and each answer says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulator import World

HEADER = "client,program,grade,days,done\n"
ASKED = {"dataset": "visits", "rows": "all", "view": "aggregate", "group_by": ["program"]}
COUNTS = [{"measure": "clients"}, {"measure": "count"}, {"measure": "count", "field": "days"}]


def _rows(count: int, program: str, *, without: int = 0, begin: int = 0) -> str:
    """Clients of a programme, the first of them without days."""
    return "".join(
        f"{begin + i},{program},70,{'' if i < without else i % 9},{'true' if i % 2 else 'false'}\n"
        for i in range(count)
    )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World.found(tmp_path_factory.mktemp("world")).agreed()
    yield made
    made.close()


def _asked(world: World, asked: dict[str, Any]) -> dict[str, list[Any]]:
    """The hub's figures by programme."""
    answer = world.query(world.partners["hub"], ASKED | asked).json
    assert answer is not None
    return {row[0]: row[1:] for row in answer["rows"]}


def _loaded(world: World, **rows: str) -> None:
    for party in ("north", "south", "east", "west"):
        world.load(party, HEADER + rows.get(party, ""))


def test_one_client_more_in_a_small_cell_changes_nothing(world: World) -> None:
    """Nobody, one, and ten clients are one and the same answer; the eleventh shows."""
    given = []
    for most in (0, 1, 4):
        reading = {p: _rows(30, "reading") for p in ("north", "south", "east", "west")}
        art = {p: _rows(min(most, 4 if p == "north" else 3), "art", begin=100) for p in ("north", "south", "east")}
        _loaded(world, **{p: reading[p] + art.get(p, "") for p in reading})
        given.append(_asked(world, {"measures": COUNTS}))
    assert [given[0]] * 3 == given
    assert [120, 120, 120, False] == given[0]["reading"]
    _loaded(world, **{p: _rows(4, "art") for p in ("north", "south", "east")})
    assert [12, 12, 12, False] == _asked(world, {"measures": COUNTS})["art"]


@pytest.mark.parametrize("without", [1, 10])
def test_those_without_a_value_are_not_told_by_a_count_of_those_with_one(world: World, without: int) -> None:
    """`count` less `count` of a field would be a figure that rests on too few; the eleventh shows again."""
    _loaded(world, north=_rows(30, "reading", without=without), south=_rows(30, "reading"), east=_rows(30, "reading"))
    clients, count, of_days, suppressed = _asked(world, {"measures": COUNTS})["reading"]
    assert (90, 90, None, True) == (clients, count, of_days, suppressed)
    _loaded(world, north=_rows(30, "reading", without=11), south=_rows(30, "reading"), east=_rows(30, "reading"))
    assert [90, 90, 79, False] == _asked(world, {"measures": COUNTS})["reading"]


def test_a_sum_and_a_mean_together_are_a_count(world: World) -> None:
    """So they are held back like one; a mean alone tells no number of clients."""
    _loaded(world, north=_rows(30, "reading", without=1), south=_rows(30, "reading"), east=_rows(30, "reading"))
    both = [{"measure": "sum", "field": "days"}, {"measure": "mean", "field": "days"}]
    assert [None, None, True] == _asked(world, {"measures": both})["reading"]
    assert _asked(world, {"measures": both[1:]})["reading"][0] is not None


def test_ones_own_clients_taken_away_leave_no_small_rest(world: World) -> None:
    """North knows its own: what is left without them has to be enough by itself, those without a value as well."""
    _loaded(
        world,
        north=_rows(30, "reading", without=30),
        south=_rows(30, "reading", without=1),
        east=_rows(30, "reading"),
        west=_rows(30, "reading"),
    )
    answer = world.query(world.partners["north"], ASKED | {"measures": COUNTS}).json
    assert answer is not None
    assert ["reading", 120, 120, None, True] == answer["rows"][0]


@pytest.mark.parametrize(
    "asked",
    [
        {"filters": [{"field": "client", "op": "ne", "value": "7"}]},
        {"filters": [{"field": "days", "op": "ge", "value": 3}]},
        {"filters": [{"field": "program", "op": "ne", "value": "art"}]},
        {"filters": [{"field": "done", "op": "is_null"}]},
        {"group_by": ["program", "done", "grade"]},
        {"group_by": ["program", "done"], "filters": [{"field": "grade", "op": "eq", "value": "0-59"}]},
        {"order_by": ["program"]},
        {"limit": 1},
    ],
)
def test_no_tracker_can_be_asked(world: World, asked: dict[str, Any]) -> None:
    """Only declared levels, at most two dimensions, no order and no limit: a question cannot leave one client out."""
    response = world.query(world.partners["hub"], ASKED | {"measures": COUNTS[:1]} | asked)
    assert response.status_code in (400, 403), response.json


def test_what_is_not_held_back_yet_is_said_in_the_answer(world: World) -> None:
    """Levels together less one of them is still open: an answer does not pretend otherwise."""
    answer = world.query(world.partners["hub"], ASKED | {"measures": COUNTS[:1]}).json
    assert answer is not None
    assert any("follow from several answers" in words for words in answer["protection"]["not_yet"])
