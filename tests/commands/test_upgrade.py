"""`accordant upgrade`: the tables' version, and that no program serves another one than its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, text

from governance.adapters.store.database import open_database
from governance.adapters.store.version import VERSION, stored_version
from governance.archive import read_archive
from governance.bootstrap import open_services
from governance.cli import cli
from governance.errors import AccordantError, HomeInUse, Unavailable
from governance.home import init, locked
from governance.settings import Settings
from governance.upgrade import upgrade
from governance.verification import verify_home


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None
    made = init(tmp_path / "home", origin="http://accordant.test", listen="127.0.0.1:8484", database_url=url)
    assert VERSION == version(made)
    return made


def told(settings: Settings, *statements: str) -> None:
    database = open_database(settings.database_url)
    with database.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    database.dispose()


def version(settings: Settings) -> int | None:
    database = open_database(settings.database_url)
    try:
        return stored_version(database)
    finally:
        database.dispose()


def refused(settings: Settings) -> Unavailable:
    """What a start says, and that every other door says the same."""
    with pytest.raises(Unavailable) as raised:
        open_services(settings, trial=True)
    with pytest.raises(Unavailable) as again:
        verify_home(settings)
    assert raised.value.reason == again.value.reason
    assert "\n" not in raised.value.detail
    ran = CliRunner().invoke(cli, ["doctor", "--home", str(settings.home), "--json"])
    [finding] = [p for p in json.loads(ran.stdout)["parts"] if p["part"] == "database"]
    assert ("wrong", raised.value.detail) == (finding["state"], finding["detail"])
    return raised.value


def test_an_older_home(home: Settings, tmp_path: Path) -> None:
    """Is not served, but for an upgrade; that makes a backup first, and a second one has nothing to do."""
    told(home, "DROP TABLE accordant_schema")
    said = refused(home)
    assert "schema-older" == said.reason
    assert f"accordant upgrade --home {home.home}" in said.detail
    ran = CliRunner().invoke(cli, ["upgrade", "--home", str(home.home), "--json"])
    done = json.loads(ran.stdout)
    assert (0, VERSION) == (done["from"], done["to"])
    assert 0 == read_archive(Path(done["backup"])).schema
    assert home.home == Path(done["backup"]).parent
    open_services(home, trial=True).close()
    ran = CliRunner().invoke(cli, ["upgrade", "--home", str(home.home), "--json"])
    assert {"from": VERSION, "to": VERSION, "backup": None} == json.loads(ran.stdout)
    assert 1 == len(list(home.home.glob("*.tar")))


def test_a_newer_home(home: Settings) -> None:
    """Is for a newer program, and no upgrade goes back."""
    told(home, "UPDATE accordant_schema SET version = 99")
    assert "schema-newer" == refused(home).reason
    with pytest.raises(Unavailable, match="install a newer one"):
        upgrade(home, backup=None)
    assert 99 == version(home)


def test_a_home_that_is_too_old(home: Settings) -> None:
    """Is told so, with the table; nothing is changed, and nothing crashes."""
    told(home, "DROP TABLE accordant_schema", "ALTER TABLE audit_bodies RENAME COLUMN sealed TO body")
    said = refused(home)
    assert "schema-too-old" == said.reason
    assert "`audit_bodies`" in said.detail
    with pytest.raises(Unavailable, match="too old"):
        upgrade(home, backup=None)
    assert 0 == version(home)


def test_a_step_that_fails_changes_nothing(home: Settings) -> None:
    """All steps are one transaction, on both databases."""

    def first(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE of_the_first (x INTEGER)"))

    def second(connection: Connection) -> None:
        raise Unavailable("no", reason="no")

    with pytest.raises(Unavailable):
        upgrade(home, backup=None, target=VERSION + 2, steps={VERSION: first, VERSION + 1: second})
    assert VERSION == version(home)
    told(home, "CREATE TABLE of_the_first (x INTEGER)")  # it is not there
    told(home, "DROP TABLE of_the_first")
    done = upgrade(home, backup=None, target=VERSION + 2, steps={VERSION: first, VERSION + 1: lambda _: None})
    assert (VERSION, VERSION + 2) == (done.before, done.after)
    assert VERSION + 2 == version(home)
    assert () == verify_after(home)


def verify_after(home: Settings) -> tuple[object, ...]:
    """The log, once this program is told that the version is its own."""
    told(home, f"UPDATE accordant_schema SET version = {VERSION}")
    return verify_home(home).faults


def test_not_while_it_is_served(home: Settings) -> None:
    """The home's lock is taken for an upgrade."""
    told(home, "DROP TABLE accordant_schema")
    with locked(home), pytest.raises(HomeInUse, match="serves the home"):
        upgrade(home, backup=None)


def test_a_backup_that_fails(home: Settings, tmp_path: Path) -> None:
    """Leaves the home as it was."""
    told(home, "DROP TABLE accordant_schema")
    with pytest.raises(AccordantError):
        upgrade(home, backup=tmp_path / "nowhere" / "b.tar")
    assert 0 == version(home)
