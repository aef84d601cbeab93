"""Sources that are gone, changed or slow: the whole request is refused, for figures over the rest would tell it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from governance.verification import verify_home
from tests.faults.homes import EVERYTHING, copied
from tests.faults.table import promised
from tests.simulator import World

COMPARE = {"dataset": "visits", "measures": [{"measure": "clients"}], "group_by": ["program"], "rows": "all",
           "view": "aggregate"}  # fmt: skip
_LIVE = """\
party: south
mou: small
dataset: visits
source: {table: visits}
columns: {client: client, program: program, grade: grade, days: days, done: done}
"""
# A view that counts for minutes before its one row is ruled out.
_SLOW = """
ALTER TABLE visits RENAME TO kept;
CREATE VIEW visits AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000000)
SELECT kept.* FROM kept WHERE (SELECT count(*) FROM n) > 0;
"""


def found(response: TestResponse) -> tuple[int, str]:
    """The status, and the reason of a refusal."""
    return response.status_code, response.json["reason"]


def last(world: World) -> tuple[str, str]:
    """What the log says about the last request."""
    *_, entry = world.services.journal.entries(kinds={"request"})
    return entry.body["outcome"], entry.body["reason"]


@pytest.mark.fault("A file of loaded rows is gone")
def test_a_file_that_is_gone(few: World, tmp_path: Path) -> None:
    """Put back, it is read again; nobody restarts anything."""
    world = copied(few, tmp_path)
    world.open()
    path = next((world.settings.data / "south").rglob("*.parquet"))
    path.rename(path.with_suffix(".away"))
    response = world.query(world.partners["dashboard"], COMPARE)
    assert promised("A file of loaded rows is gone") == [found(response)]
    assert ("unavailable", "source-file-missing") == last(world)
    assert 200 == world.query(world.partners["dashboard"], EVERYTHING).status_code  # south's rows are not in it
    path.with_suffix(".away").rename(path)
    assert 200 == world.query(world.partners["dashboard"], COMPARE).status_code
    world.close()


def live(few: World, folder: Path, seconds: str = "60") -> tuple[World, Path]:
    """One partner's rows lie in a database of its own."""
    world = copied(few, folder)
    toml = world.settings.home / "accordant.toml"
    toml.write_text(toml.read_text() + f"query_seconds = {seconds}\n")
    world.settings = type(world.settings)(**{
        name: getattr(world.settings, name) for name in world.settings.__dataclass_fields__
    } | {"query_seconds": float(seconds)})  # fmt: skip
    world.open()
    path = world.settings.data / "south" / "live.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE visits (client TEXT, program TEXT, grade INTEGER, days INTEGER, done BOOLEAN)")
        rows = [(str(n), ("reading", "maths", "art")[n % 3], 50, n, n % 2) for n in range(60)]
        database.executemany("INSERT INTO visits VALUES (?, ?, ?, ?, ?)", rows)
    database.close()
    told = {"mapping": _LIVE, "url": f"sqlite:///{path}"}
    world.told(world.partners["south"], "POST", "/v1/sources", told)
    return world, path


@pytest.mark.fault("A live source is gone")
def test_a_live_source_that_is_gone(few: World, tmp_path: Path) -> None:
    """Back again, it is asked again."""
    world, path = live(few, tmp_path)
    assert 200 == world.query(world.partners["dashboard"], COMPARE).status_code
    kept = path.read_bytes()
    path.write_bytes(b"no database" * 1000)
    assert promised("A live source is gone") == [found(world.query(world.partners["dashboard"], COMPARE))]
    assert ("unavailable", "source-unreachable") == last(world)
    path.write_bytes(kept)
    assert 200 == world.query(world.partners["dashboard"], COMPARE).status_code
    world.close()
    assert () == verify_home(world.settings).faults


@pytest.mark.fault("A live source is slow")
def test_a_live_source_that_is_slow(few: World, tmp_path: Path) -> None:
    """The setting `query_seconds` bounds it; the query is ended where it runs."""
    world, path = live(few, tmp_path, seconds="0.5")
    with sqlite3.connect(path) as database:
        database.executescript(_SLOW)
    database.close()
    assert promised("A live source is slow") == [found(world.query(world.partners["dashboard"], COMPARE))]
    assert ("unavailable", "source-timeout") == last(world)
    with sqlite3.connect(path) as database:
        database.executescript("DROP VIEW visits; ALTER TABLE kept RENAME TO visits;")
    database.close()
    assert 200 == world.query(world.partners["dashboard"], COMPARE).status_code
    world.close()
