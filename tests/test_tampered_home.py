"""Somebody with full write access to the database and the files: what the next request says, and `audit verify`."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance.errors import AccordantError
from governance.verification import verify_home
from tests.simulator import World
from tests.test_gateway import OWN


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world in which a key was revoked, and a consent recorded."""
    made = World.found(tmp_path).agreed().filled(clients=33)
    made.told(
        made.partners["south"], "POST", "/v1/consents", body=b"subject,purpose,status\n1,improvement,given\n",
        content_type="text/csv",
    )  # fmt: skip
    made.revoke("dashboard")
    yield made
    with contextlib.suppress(AccordantError):
        made.close()


def _write(world: World, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(world.settings.home / "accordant.db")) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            database.execute(statement)
        database.commit()


def _codes(world: World) -> set[str]:
    return {fault.code for fault in verify_home(world.settings).faults}


def _last(world: World, kind: str) -> int:
    *_, last = world.services.journal.entries(kinds={kind})
    return int(last.seq)


def test_a_revocation_hidden_from_the_index_still_counts(world: World) -> None:
    """Which entries there are is known from the leaves, not from the search's table."""
    _write(world, f"DELETE FROM audit_terms WHERE seq = {_last(world, 'revocation')}")
    world.told(world.partners["north"], "GET", "/v1/mous")
    assert 401 == world.query(world.partners["dashboard"], OWN).status_code
    world.close()
    with contextlib.suppress(AccordantError):
        world.open()
        assert 401 == world.query(world.partners["dashboard"], OWN).status_code


def test_a_revocation_that_became_another_entry_stops_the_service(world: World) -> None:
    """Leaf and body rewritten so that they agree: the chain does not."""
    seq = _last(world, "revocation")
    _write(world, f"UPDATE audit_leaves SET leaf = replace(leaf, 'revocation', 'nothingness') WHERE seq = {seq}")
    world.close()
    with pytest.raises(AccordantError):
        world.open()
    assert _codes(world)


def test_a_consent_that_nobody_gave_is_found(world: World) -> None:
    """The table is held against the log's entries, both ways."""
    assert set() == _codes(world)
    _write(
        world,
        "INSERT INTO consents (contributor, subject, recipient, purpose, dataset, fields, status, evidence, entry) "
        "VALUES ('south', '7', '*', 'improvement', '*', '*', 'given', '', 0)",
    )
    assert {"consents-surplus"} == _codes(world)
    _write(world, "DELETE FROM consents WHERE subject = '7'", "UPDATE consents SET subject = '2'")
    assert {"consents-differ"} == _codes(world)


def test_rows_exchanged_under_a_running_server_are_not_served(world: World) -> None:
    """The file is looked at each time, and its digest made anew when it is another."""
    north = world.partners["north"]
    assert 200 == world.query(north, OWN).status_code
    path = next((world.settings.data / "north").rglob("*.parquet"))
    other = next((world.settings.data / "south").rglob("*.parquet"))
    path.write_bytes(other.read_bytes())
    response = world.query(north, OWN)
    assert (503, "source-changed") == (response.status_code, response.json["reason"])
    assert {"rows-changed"} == _codes(world)


def test_every_file_of_a_home_is_its_owners(world: World) -> None:
    """Database, keys and rows: nobody else on the machine reads them, wherever the home is moved to."""
    for path in world.settings.home.rglob("*"):
        assert 0 == path.stat().st_mode & 0o077 or path.suffix == ".pub", path


@pytest.mark.parametrize("value", ["CAST(x'fffe41' AS TEXT)", "'words'", "x'fffe'", "NULL", "7"])
@pytest.mark.parametrize("column", ["entry", "subject", "from", "until", "fields"])
def test_whatever_lies_in_the_consents_is_named(world: World, column: str, value: str) -> None:
    """Text that is not UTF-8, words for a number or a day: the entry whose consent the table does not hold."""
    entry = _last(world, "consent")
    if value == "NULL" and column in ("from", "until"):
        value = "'2026-02-30'"
    if value == "NULL":
        _write(world, "DELETE FROM consents")
    else:
        _write(world, f'UPDATE consents SET "{column}" = {value}')
    (fault,) = verify_home(world.settings).faults
    assert (entry, "consents-differ") == (fault.seq, fault.code)
    assert f"the table of consents does not hold what entry {entry} recorded" == fault.sentence


def test_a_leaf_that_is_no_text_is_named_by_any_number_of_processes(world: World) -> None:
    """SQLite gives text that is not UTF-8 to nobody who did not ask for it: here each process does."""
    _write(world, "UPDATE audit_leaves SET leaf = CAST(x'fffe41' AS TEXT) WHERE seq = 5")
    for jobs in (1, 2):
        first = verify_home(world.settings, jobs=jobs).faults[0]
        assert (5, "leaf-malformed") == (first.seq, first.code)


def test_a_version_of_the_tables_that_is_none_is_said(world: World) -> None:
    """Not that the database does not answer."""
    _write(world, "UPDATE accordant_schema SET version = 'words'")
    with pytest.raises(AccordantError, match="names no version but 'words'"):
        verify_home(world.settings)
