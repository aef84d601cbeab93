"""A party's rows: a load takes the place of the one before whole, or changes nothing; what is replaced is gone."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.enrolled import Enrolled, Loaded, enrolled_by
from tests.simulator import MAPPING, World

OWN = {"dataset": "visits", "fields": ["client", "grade"], "rows": "own", "view": "identified"}
HEAD = "client,program,grade,days,done\n"
OLD, NEW = HEAD + "quokka7731,reading,50,1,1\nb,art,60,2,0\n", HEAD + "b,art,61,2,0\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A small world in which everyone has rows, north two of them."""
    world = World.found(tmp_path)
    world.agreed()
    world.filled(clients=6)
    world.load("north", OLD)
    later(world)
    world.services.sources.sweep()
    yield world
    world.close()


def files(world: World) -> list[Path]:
    return sorted((world.settings.data / "north").rglob("*.parquet"))


def later(world: World) -> None:
    """As if whatever was replaced had been so for some minutes."""
    replaced = world.services.sources._superseded  # type: ignore[attr-defined]
    for path in replaced:
        replaced[path] -= 300.0


def rows(world: World) -> list[list[object]]:
    response = world.query(world.partners["dashboard"], OWN)
    assert 200 == response.status_code, response.get_data(as_text=True)
    return sorted((response.json or {})["rows"])


def mapped(world: World, text: str = MAPPING) -> dict[str, object]:
    body = {"mapping": text.format(party="north"), "url": None}
    told: dict[str, object] = world.told(world.partners["north"], "POST", "/v1/sources", body)
    return told


def brought(world: World, content: str) -> int:
    response = world.call(
        world.partners["north"], "POST", "/v1/sources/visits/rows", body=content.encode(), content_type="text/csv"
    )
    return response.status_code


def test_a_load_that_fails_changes_nothing(world: World) -> None:
    """Neither the mapping before it nor the fault in it takes away what was there."""
    before, kept = rows(world), files(world)
    assert MAPPING.format(party="north") == mapped(world)["waiting"]
    assert before == rows(world)  # the mapping waits, as where a command breaks off before it sends the rows
    assert 400 == brought(world, HEAD + "b,art,not-a-number,2,0\n")
    assert (before, kept) == (rows(world), files(world))
    world.close()
    world.open()
    assert before == rows(world)


def test_a_mapping_counts_with_its_rows(world: World) -> None:
    """From then on it is the one that is shown, and rows of the same bytes are another file by another mapping."""
    swapped = MAPPING.replace("grade: grade, days: days", "grade: days, days: grade")
    kept = files(world)
    assert MAPPING.format(party="north") == mapped(world, swapped)["mapping"]
    assert 201 == brought(world, OLD)
    assert [["b", 2], ["quokka7731", 1]] == rows(world)
    (made,) = [e for e in world.services.sources.enrolled("north") if e.dataset == "visits"]
    assert (swapped.format(party="north"), None) == (made.mapping_text, made.waiting)
    assert kept != files(world)


def test_replaced_rows_are_gone(world: World) -> None:
    """Whoever was taken out of them stands in no file any more."""
    (old,) = files(world)
    assert b"quokka7731" in old.read_bytes()
    world.load("north", NEW)
    (new,) = set(files(world)) - {old}
    assert 0 == world.services.sources.sweep()  # a request that had begun may read them yet
    later(world)
    assert 1 == world.services.sources.sweep()
    assert (False, False) == (old.exists(), b"quokka7731" in new.read_bytes())
    world.load("north", NEW)  # the same again is a load of its own, for which no other waits
    later(world)
    assert 1 == world.services.sources.sweep()
    assert ([["b", 61]], 1, False) == (rows(world), len(files(world)), new.exists())


def test_what_a_crash_left_is_swept(world: World) -> None:
    """After a restart, too; what no entry ever named stays, unless a load broke off in it, and so does what counts."""
    (old,) = files(world)
    world.load("north", NEW)
    strange, broken, fresh = (old.with_name(name) for name in ("strange.parquet", ".load-1.parquet", ".load-2.parquet"))
    for path in (strange, broken, fresh):
        path.write_bytes(old.read_bytes())
    os.utime(broken, (1, 1))
    world.close()
    world.open()
    assert 1 == world.services.sources.sweep()
    later(world)
    assert 1 == world.services.sources.sweep()
    assert [False, True, False, True] == [path.exists() for path in (old, strange, broken, fresh)]
    assert [["b", 61]] == rows(world)
    assert 0 == world.services.sources.sweep()


def test_rows_that_come_back_stay(world: World) -> None:
    """A file that is loaded a second time is no longer one that was replaced."""
    world.load("north", NEW)
    world.load("north", OLD)
    later(world)
    assert 2 == world.services.sources.sweep()
    assert [["b", 60], ["quokka7731", 50]] == rows(world)


def test_loads_at_two_gateways_share_no_file(world: World) -> None:
    """What one brings in again while the other replaces it is there when its entry stands."""
    other = copy.copy(world)
    other.open()
    other.load("north", NEW)
    world.load("north", OLD)
    for one in (world, other):
        one.services.journal.refresh()
        assert [["b", 60], ["quokka7731", 50]] == rows(one)
        later(one)
        one.services.sources.sweep()
        assert [["b", 60], ["quokka7731", 50]] == rows(one)
    other.close()


def test_a_live_table_counts_at_once() -> None:
    """It takes the place of rows; a mapping of files afterwards waits for its rows."""
    said = {"party": "north", "mou": "small", "dataset": "visits", "credentials": None}
    filed = enrolled_by(None, "source", 1, said | {"mapping": "a"})
    assert (None, "a", False) == (filed.waiting, filed.next_mapping, filed.answers)
    loaded = enrolled_by(filed, "load", 2, {"path": "p", "sha256": "s", "rows": 1, "warnings": []})
    assert Enrolled("north", "small", "visits", "a", 2, None, Loaded("p", "s", 1)) == loaded
    live = enrolled_by(loaded, "source", 3, said | {"mapping": "b", "credentials": "c"})
    assert Enrolled("north", "small", "visits", "b", 3, "c") == live
    again = enrolled_by(live, "source", 4, said | {"mapping": "d"})
    assert ("c", "b", "d", "d") == (again.credentials, again.mapping_text, again.waiting, again.next_mapping)
    elsewhere = enrolled_by(loaded, "source", 5, said | {"mapping": "e", "mou": "another"})
    assert Enrolled("north", "another", "visits", "e", 5) == elsewhere
