"""`accordant restore`: what does not verify is refused, who was forgotten stays so, and databases may change."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from audit.memory import remember
from governance.adapters.store.database import open_database
from governance.backup import back_up, copy_keys
from governance.bootstrap import open_services
from governance.errors import InputWrong, Refused, Unavailable
from governance.log_key import rotate
from governance.restore import restore
from governance.settings import Settings, from_home
from governance.verification import verify_home
from governance.wrapping import open_keys
from tests.faults.homes import copied, living
from tests.restoring import entry, restored, seen, went_on
from tests.simulator import World
from tests.test_gateway import OWN


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    return living(tmp_path_factory.mktemp("restore"))


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A home to be lost."""
    return copied(made, tmp_path)


def _edited(settings: Settings, statement: str) -> None:
    database = open_database(settings.database_url)
    with database.begin() as connection:
        for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql(statement)
    database.dispose()


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE audit_bodies SET sealed = x'7b7d' WHERE seq = 3", "entry 3"),
        ("DELETE FROM audit_bodies WHERE seq = 4", "entry 4"),
    ],
)
def test_a_log_that_does_not_verify(world: World, tmp_path: Path, statement: str, named: str) -> None:
    """Is not restored, and the first bad entry is named."""
    _edited(world.settings, statement)
    back_up(world.settings, tmp_path / "b.tar")
    with pytest.raises(Refused, match=f"does not verify: {named}"):
        restored(world, tmp_path / "b.tar", tmp_path / "again")


def test_who_was_forgotten_stays_forgotten(world: World, tmp_path: Path) -> None:
    """A backup of before an erasure, restored with the keys of after: nobody comes back, and an entry says so."""
    world.open()
    consents = "subject,recipient,purpose,dataset,fields,status,from,until,evidence\n"
    consents += "".join(f"{n},south,service,visits,grade,given,2026-01-01,,a sheet\n" for n in range(3))
    answer = world.call(
        world.partners["north"], "POST", "/v1/consents", body=consents.encode(), content_type="text/csv"
    )
    assert answer.status_code < 300, answer.get_data(as_text=True)
    assert 200 == world.query(world.partners["dashboard"], OWN).status_code
    world.close()
    back_up(world.settings, tmp_path / "b.tar")
    shutil.copytree(world.settings.keys, tmp_path / "older")
    keys = open_keys(world.settings)
    ids = [key.id for key in keys.naming("1")]
    assert len(ids) == keys.destroy(ids) > 0
    keys.close()
    with pytest.raises(Refused, match="say --forgotten"):
        restored(world, tmp_path / "b.tar", tmp_path / "again")
    again = restored(world, tmp_path / "b.tar", tmp_path / "again", forgotten=True)
    said = entry(again.settings, "erasure")
    assert said["seq"] == entry(again.settings, "continuation")["seq"] + 1
    assert len(ids) == len(said["erased"]["keys"])
    assert () == verify_home(again.settings).faults
    # Keys of before would bring them back: that is what is found, and refused, where they are put in place.
    shutil.copy(tmp_path / "older" / "data-keys.db", again.settings.keys / "data-keys.db")
    assert {"key-returned"} == {f.code for f in verify_home(again.settings).faults}


def test_rows_that_were_changed(world: World, tmp_path: Path) -> None:
    """The files of rows are held against their entries as well."""
    path = next(world.settings.data.rglob("*.parquet"))
    path.write_bytes(path.read_bytes() + b" ")
    back_up(world.settings, tmp_path / "b.tar")
    with pytest.raises(Refused, match="rows-changed"):
        restored(world, tmp_path / "b.tar", tmp_path / "again")


def test_a_memory_of_another_history(world: World, tmp_path: Path) -> None:
    """The log's own key signed two histories: neither is put back as if nothing were wrong."""
    shutil.copytree(world.settings.home, tmp_path / "fork")
    fork = World.__new__(World)
    fork.__dict__.update(world.__dict__)
    fork.settings = from_home(tmp_path / "fork", {})
    remember(tmp_path / "checkpoints", went_on(fork, 2))
    went_on(world, 3)
    back_up(world.settings, tmp_path / "b.tar")
    with pytest.raises(Refused, match="history-differs"):
        restored(world, tmp_path / "b.tar", tmp_path / "again", remembered=[tmp_path / "checkpoints"])


def test_after_a_rotation(world: World, tmp_path: Path) -> None:
    """The whole chain of keys comes back, and the keys of before a rotation fit only the backups of before."""
    first = seen(world.settings)
    shutil.copytree(world.settings.keys, tmp_path / "old-keys")
    rotate(world.settings)
    back_up(world.settings, tmp_path / "b.tar")
    again = restored(world, tmp_path / "b.tar", tmp_path / "again")
    assert () == verify_home(again.settings, vkey=first.vkey, remembered=[first.note]).faults
    with pytest.raises(Refused, match="does not hold the key"):
        restore(tmp_path / "b.tar", tmp_path / "no", keys=tmp_path / "old-keys")


def test_an_older_version_of_the_tables(world: World, tmp_path: Path) -> None:
    """Is brought up to date on the way."""
    _edited(world.settings, "DROP TABLE accordant_schema")
    back_up(world.settings, tmp_path / "b.tar")
    again = restored(world, tmp_path / "b.tar", tmp_path / "again")
    open_services(again.settings, trial=True).close()
    _edited(world.settings, "ALTER TABLE audit_bodies RENAME COLUMN sealed TO body")
    back_up(world.settings, tmp_path / "c.tar")
    with pytest.raises(Unavailable, match="too old"):
        restored(world, tmp_path / "c.tar", tmp_path / "no")


@pytest.mark.postgresql
def test_between_databases(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """From PostgreSQL to SQLite, and from there into another PostgreSQL database, which must be empty."""
    url = request.getfixturevalue("postgresql_url")
    world = living(tmp_path, database_url=url)
    remember(tmp_path / "checkpoints", seen(world.settings))
    back_up(world.settings, tmp_path / "b.tar")
    memory: dict[str, Any] = {"remembered": [tmp_path / "checkpoints"], "newest": True}
    copy_keys(world.settings, tmp_path / "keys")
    memory |= {"keys": tmp_path / "keys"}
    there = restored(world, tmp_path / "b.tar", tmp_path / "there", **memory)
    assert there.settings.database_url.startswith("sqlite")
    assert () == verify_home(there.settings).faults
    with pytest.raises(InputWrong, match="restore into an empty one"):
        restored(world, tmp_path / "b.tar", tmp_path / "no", database_url=url, keys=tmp_path / "keys")
    cluster = request.getfixturevalue("postgresql")
    empty = cluster.create()
    back_up(there.settings, tmp_path / "c.tar")
    memory["keys"] = there.settings.keys
    back = restored(there, tmp_path / "c.tar", tmp_path / "back", database_url=empty, **memory)
    assert (empty, False) == (back.settings.database_url, (back.settings.home / "accordant.db").exists())
    back.open()
    assert 200 == back.query(back.partners["dashboard"], OWN).status_code
    back.told(back.partners["north"], "POST", "/v1/sessions", {})
    back.close()
    assert () == verify_home(back.settings).faults
    cluster.drop(empty)
