"""`accordant doctor`: each part is broken once, and the doctor finds it and says how to mend it."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from governance.cli import cli
from governance.diagnosis.sources import reach
from governance.errors import InputWrong, SourceUnavailable
from governance.home import init, locked, secret
from governance.settings import Settings, from_home
from tests.faults.homes import living
from tests.real_parts import Opa
from tests.serving import free_port


@pytest.fixture(scope="module")
def agreed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home in which all is well: agreed, filled, its administrator's key put away."""
    settings = living(tmp_path_factory.mktemp("doctor")).settings
    (settings.keys / "administrator.pem").unlink()
    return settings


@pytest.fixture
def home(agreed: Settings, tmp_path: Path) -> Settings:
    """A copy of it, to be broken, on a port that is free."""
    shutil.copytree(agreed.home, tmp_path / "home")
    path = tmp_path / "home" / "accordant.toml"
    path.write_text(path.read_text().replace("127.0.0.1:8484", f"127.0.0.1:{free_port()}"))
    return from_home(tmp_path / "home", {})


def looked(home: Path, **environ: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and every part."""
    ran = CliRunner().invoke(
        cli, ["doctor", "--home", str(home), "--json"], env={k.upper(): v for k, v in environ.items()}
    )
    document = json.loads(ran.stdout)
    assert document["well"] == (ran.exit_code == 0)
    return ran.exit_code, document["parts"]


def wrong(home: Path, **environ: str) -> tuple[int, str, str, str]:
    """The exit code, and the one part that is not well."""
    code, parts = looked(home, **environ)
    [one] = [p for p in parts if p["state"] != "ok"]
    return code, one["part"], one["detail"], one["mend"]


def test_all_is_well(home: Settings) -> None:
    """Every part is named; nothing is changed."""
    before = {p: p.stat().st_mtime_ns for p in home.home.rglob("*") if p.is_file() and "accordant.db" not in p.name}
    code, parts = looked(home.home)
    assert (0, {"ok"}) == (code, {p["state"] for p in parts})
    names = ["settings", "keys", "disk", "process", "database", "log", "clock", "sources", "files", "engine"]
    assert names == [p["part"] for p in parts]
    after = {p: p.stat().st_mtime_ns for p in home.home.rglob("*") if p.is_file() and "accordant.db" not in p.name}
    assert before == after


def test_for_people(home: Settings) -> None:
    """A line a part, and below what is wrong what to do."""
    (home.keys / "log.key").chmod(0o644)
    ran = CliRunner().invoke(cli, ["doctor", "--home", str(home.home)])
    assert 1 == ran.exit_code
    assert "✗ keys      others on this machine may read keys/log.key\n            → chmod 600 " in ran.stdout
    assert "1 wrong, 0 to know about" in ran.stderr


def test_no_home(tmp_path: Path) -> None:
    """That is wrong input."""
    ran = CliRunner().invoke(cli, ["doctor", "--home", str(tmp_path)])
    assert "no home at" in str(ran.exception)


def test_settings(home: Settings) -> None:
    """The setting is named."""
    code, part, detail, _ = wrong(home.home, accordant_threads="many")
    assert (1, "settings") == (code, part)
    assert "`threads`" in detail


@pytest.mark.parametrize("name", ["log.key", "bundle.key", "sources.key", "pseudonym.key", "administrator.pub"])
def test_a_key_that_is_not_one(home: Settings, name: str) -> None:
    """Each by its file; what hangs on it is told as well."""
    (home.keys / name).write_text("rubbish")
    code, parts = looked(home.home)
    found = [p for p in parts if p["part"] == "keys" and p["state"] == "wrong"]
    assert 1 == code
    assert [True] == [f"keys/{name}: " in p["detail"] for p in found]
    assert "backup of keys/" in found[0]["mend"]


def test_modes(home: Settings) -> None:
    """What is secret is nobody else's to read."""
    home.data.chmod(0o755)
    code, part, detail, mend = wrong(home.home)
    assert (1, "keys", f"chmod 700 {home.data}") == (code, part, mend)
    assert "data" in detail


def test_the_administrators_key_in_the_home(tmp_path: Path) -> None:
    """Works, and should not stay."""
    made = init(tmp_path / "home", origin="http://accordant.test", listen=f"127.0.0.1:{free_port()}")
    code, part, _, mend = wrong(made.home)
    assert (0, "keys") == (code, part)
    assert "administrator's own machine" in mend


def test_no_database(home: Settings) -> None:
    """Nothing else is asked of it, and none is made."""
    (home.home / "accordant.db").unlink()
    code, part, _, mend = wrong(home.home)
    assert (3, "database") == (code, part)
    assert "backup" in mend
    assert not (home.home / "accordant.db").exists()


def test_a_database_that_does_not_answer(home: Settings) -> None:
    """The address is told without its password."""
    url = f"postgresql+psycopg://accordant:secret@127.0.0.1:{free_port()}/accordant"
    code, part, detail, mend = wrong(home.home, accordant_database_url=url)
    assert (3, "database") == (code, part)
    assert "secret" not in detail
    assert "start the database" in mend


def test_a_database_that_is_locked(home: Settings) -> None:
    """By another program."""
    with closing(sqlite3.connect(home.home / "accordant.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        code, part, detail, _ = wrong(home.home)
    assert (3, "database") == (code, part)
    assert "cannot be written" in detail


def _table(home: Settings) -> None:
    with closing(sqlite3.connect(home.home / "accordant.db")) as database:
        database.execute("DROP TABLE nonces")


def test_a_database_without_a_table(home: Settings) -> None:
    """The table is named."""
    _table(home)
    code, part, detail, _ = wrong(home.home)
    assert (1, "database", "tables are missing: nonces") == (code, part, detail)


@pytest.mark.parametrize(
    ("statement", "said", "mend"),
    [
        ("DELETE FROM audit_head", "no log", "restore the backup"),
        ("UPDATE audit_head SET size = size - 1", "head", "audit verify"),
        ("UPDATE audit_head SET checkpoint = x'00'", "checkpoint", "log.key"),
    ],
    ids=["no head", "another size", "no checkpoint"],
)
def test_the_log(home: Settings, statement: str, said: str, mend: str) -> None:
    """A head that is not there, or that nobody signed."""
    with closing(sqlite3.connect(home.home / "accordant.db", isolation_level=None)) as database:
        database.execute(statement)
    code, part, detail, told = wrong(home.home)
    assert (1, "log") == (code, part)
    assert said in detail
    assert mend in told


def test_an_entry_that_a_start_would_refuse(home: Settings) -> None:
    """What was changed among the newest entries is named, as `serve` names it."""
    with closing(sqlite3.connect(home.home / "accordant.db", isolation_level=None)) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        (seq,) = database.execute("SELECT max(seq) - 1 FROM audit_leaves").fetchone()
        database.execute("UPDATE audit_bodies SET sealed = zeroblob(80) WHERE seq = ?", (seq,))
    code, part, detail, told = wrong(home.home)
    assert (1, "log", True) == (code, part, f"entry {seq}" in detail)
    assert "audit verify" in told


def test_another_logs_key(home: Settings, tmp_path: Path) -> None:
    """The head is held against the log's own key."""
    other = init(tmp_path / "other", origin="http://accordant.test", listen="127.0.0.1:1")
    shutil.copy(other.keys / "log.key", home.keys / "log.key")
    code, part, _, mend = wrong(home.home)
    assert (1, "log") == (code, part)
    assert "keys/log.key" in mend


def test_a_disk_that_is_nearly_full(home: Settings) -> None:
    """By the setting that says how little is too little."""
    code, part, _, mend = wrong(home.home, accordant_free_bytes=str(2**62))
    assert (1, "disk") == (code, part)
    assert "`free_bytes`" in mend


def test_a_clock_behind_the_log(home: Settings) -> None:
    """The log's newest entry is from the future."""
    import datetime as dt

    from governance.diagnosis import diagnose

    class Behind:
        def now(self) -> dt.datetime:
            return dt.datetime.now(dt.UTC) - dt.timedelta(days=2)

    [found] = [f for f in diagnose(home, clock=Behind()) if f.state != "ok"]
    assert ("clock", "wrong") == (found.part, found.state)


def test_an_opa_server_that_is_away(home: Settings) -> None:
    """Where it was looked for."""
    url = f"http://127.0.0.1:{free_port()}"
    code, part, detail, mend = wrong(home.home, accordant_opa_url=url)
    assert (3, "engine") == (code, part)
    assert "engine-unreachable" in detail
    assert url in mend


@pytest.mark.opa
def test_an_opa_server_with_other_policies(home: Settings, opa_server_factory: Callable[..., Opa]) -> None:
    """It answers; the service will tell it."""
    server = opa_server_factory()
    code, part, detail, mend = wrong(home.home, accordant_opa_url=server.url)
    server.stop()
    assert (0, "engine") == (code, part)
    assert "another revision" in detail
    assert "start the service" in mend


def test_sources(home: Settings) -> None:
    """Rows that are gone, and rows that are others."""
    gone, changed = (next((home.data / party).rglob("*.parquet")) for party in ("south", "east"))
    gone.unlink()
    changed.write_bytes(b"other rows")
    code, parts = looked(home.home)
    found = [p["detail"] for p in parts if p["part"] == "sources" and p["state"] == "wrong"]
    assert 1 == code
    assert [
        "`south`'s visits: the rows that were loaded are not there",
        "`east`'s visits: the rows are not those that were loaded",
    ] == found


def test_a_live_source_that_is_away(agreed: Settings) -> None:
    """It is reached for, where the operator allows its host."""
    url = f"postgresql+psycopg://south:secret@127.0.0.1:{free_port()}/rows"
    mapping = "party: south\nmou: small\ndataset: visits\nsource: {table: visits}\ncolumns: {client: client}\n"
    body = {"mapping": mapping, "credentials": Fernet(secret(agreed, "sources.key")).encrypt(url.encode()).decode()}
    with pytest.raises(SourceUnavailable):
        reach(from_home(agreed.home, {"ACCORDANT_SOURCE_HOSTS": "127.0.0.1"}), body)
    with pytest.raises(InputWrong, match="source_hosts"):
        reach(agreed, body)


def test_files_that_nobody_needs(home: Settings) -> None:
    """Older rows, and what an upload left that broke off."""
    old = home.data / "north" / "visits" / "old.parquet"
    old.write_bytes(b"old")
    code, part, detail, mend = wrong(home.home)
    assert (0, "files", "1 files of rows are used by nothing any more", f"rm {old}") == (code, part, detail, mend)


def test_a_process_that_hangs(home: Settings) -> None:
    """The home is held, and nobody answers."""
    with locked(home):
        code, part, detail, _ = wrong(home.home)
    assert (1, "process", "a process holds the home and does not answer") == (code, part, detail)


def test_another_program_at_the_address(home: Settings) -> None:
    """The service could not listen."""
    with socket.create_server(("127.0.0.1", int(home.listen.rpartition(":")[2]))):
        code, part, _, mend = wrong(home.home)
    assert (1, "process") == (code, part)
    assert "`listen`" in mend
