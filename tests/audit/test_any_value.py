"""Somebody writes anything into any column of any table: verification names it, and never just fails."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from audit.errors import KeysUnavailable
from tests.audit.tamper_scene import Scene, built

NOT_UTF_8, WORDS, BYTES = "CAST(x'fffe41' AS TEXT)", "'words'", "x'fffe'"
# Nobody reads them to verify: what lies under whose key is found by what opens.
UNREAD = {("audit_named", "key"), ("audit_named", "seq")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return built(tmp_path_factory.mktemp("values") / "log")


def columns(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = [t for (t,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return [
            (table, str(row[1]))
            for table in tables
            if not table.startswith("sqlite_") and connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]
            for row in connection.execute(f'PRAGMA table_info("{table}")')
        ]


def written(path: Path, table: str, column: str, value: str) -> bool:
    """Whether SQLite takes the value there, in one row."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        keys = [f'"{r[1]}"' for r in connection.execute(f'PRAGMA table_info("{table}")') if r[5]]
        first = f'({",".join(keys)}) = (SELECT {",".join(keys)} FROM "{table}" ORDER BY 1 LIMIT 1)'
        try:
            connection.execute(f'UPDATE "{table}" SET "{column}" = {value} WHERE {first}')
        except sqlite3.IntegrityError:
            return False
        connection.commit()
        return True


@pytest.mark.parametrize("value", [NOT_UTF_8, WORDS, BYTES])
def test_whatever_lies_in_a_column_is_named(whole: Scene, tmp_path: Path, value: str) -> None:
    """Text that is not UTF-8, words for a number, bytes for text: a fault that can be printed, of an entry or none."""
    tried = 0
    for table, column in columns(whole.folder / "log.db"):
        scene = whole.copy(tmp_path / f"{table}-{column}")
        if not written(scene.folder / "log.db", table, column, value):
            continue
        tried += 1
        faults = scene.verified(policy=scene.policy)
        assert bool(faults) != ((table, column) in UNREAD), (table, column)
        for fault in faults:
            assert fault.message.encode("utf-8"), (table, column)
            assert fault.seq is None or type(fault.seq) is int
    assert tried >= 20


@pytest.mark.parametrize("value", [NOT_UTF_8, WORDS])
def test_whatever_lies_among_the_keys_is_named(whole: Scene, tmp_path: Path, value: str) -> None:
    """A key's row that says anything is a key that does not open, or is not there."""
    for table, column in columns(whole.folder / "log.db.keys"):
        scene = whole.copy(tmp_path / f"{table}-{column}")
        if not written(scene.folder / "log.db.keys", table, column, value):
            continue
        try:
            found = [fault.message for fault in scene.verified()]
        except KeysUnavailable as error:
            found = [str(error)]
        assert found, (table, column)
