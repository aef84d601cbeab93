"""`accordant restore`: a home that serves again, and a log that is never put back to what it was before."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from audit import Draft, NoteSigner
from audit.errors import Forked
from audit.look import entries_of
from audit.memory import Remembered, compared, remember
from governance.adapters.store.database import open_database
from governance.backup import back_up, copy_keys
from governance.bootstrap import open_services
from governance.cli import cli
from governance.errors import InputWrong, Refused, Unavailable
from governance.home import note_signer
from governance.log_key import rotate
from governance.restore import restore
from governance.settings import Settings, from_home
from governance.signing.statement import Resumption
from governance.verification import verify_home
from governance.wrapping import open_keys
from tests.faults.homes import copied, living
from tests.serving import free_port, process
from tests.simulator import Partner, World
from tests.test_gateway import OWN
from tests.web.console.visitor import Visitor


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    return living(tmp_path_factory.mktemp("restore"))


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A home to be lost."""
    return copied(made, tmp_path)


def restored(world: World, archive: Path, folder: Path, **options: Any) -> World:
    """The same people, at the home that was restored."""
    done = restore(archive, folder, **({"keys": world.settings.keys} | options))
    other = World.__new__(World)
    other.__dict__.update(world.__dict__)
    other.settings = done.settings
    return other


def seen(settings: Settings) -> Remembered:
    """The newest checkpoint, as a partner remembers it."""
    services = open_services(settings, trial=True)
    try:
        return Remembered(services.journal.head().checkpoint, services.vkey)
    finally:
        services.close()


def went_on(world: World, count: int = 3) -> Remembered:
    """Entries behind a backup."""
    world.open()
    for number in range(count):
        world.services.journal.append([Draft("search", {"number": number})])
    world.close()
    return seen(world.settings)


def entry(settings: Settings, kind: str) -> dict[str, Any]:
    database, keys = open_database(settings.database_url), open_keys(settings)
    try:
        [found] = entries_of(database, {kind}, keys=keys)
        return found.body | {"seq": found.seq}
    finally:
        keys.close()
        database.dispose()


def confirmed(world: World, partner: Partner, continuation: str) -> int:
    """What somebody who says that everybody was asked is answered."""
    now = world.services.clock.now().replace(microsecond=0)
    said = Resumption(time=now, continuation=continuation, reason="everybody was asked", nonce="n" * 22)
    return world.call(partner, "POST", "/v1/resumption", world.statement(partner, said)).status_code


def test_an_older_backup(world: World, tmp_path: Path) -> None:
    """Opens a new origin, whose first entry names the old head and what is missing; the old signatures count on."""
    old = note_signer(world.settings)
    backup = back_up(world.settings, tmp_path / "b.tar")
    size = backup.manifest.checkpoint.size
    lost = went_on(world)
    remember(tmp_path / "checkpoints", lost)
    again = restored(world, tmp_path / "b.tar", tmp_path / "again", remembered=[tmp_path / "checkpoints"])

    new = note_signer(again.settings)
    assert (f"{old.name}/2", new.name) == (again.settings.log_origin, again.settings.log_origin)
    said = entry(again.settings, "continuation")
    assert (size, old.name, old.vkey, new.vkey) == (said["seq"], said["origin"], said["old"], said["new"])
    assert backup.manifest.note.decode() == said["checkpoint"]
    missing = {"from": size, "until": lost.checkpoint.size - 1, "checkpoint": lost.note.decode()}
    assert missing == said["missing"]

    for vkey in (None, old.vkey, new.vkey):
        assert () == verify_home(again.settings, vkey=vkey, remembered=[backup.manifest.note, lost.note]).faults
    assert old.vkey.encode() not in (again.settings.keys / "log.key").read_bytes()
    for path, mode in ((again.settings.home, 0o700), (again.settings.keys / "log.key", 0o600)):
        assert mode == path.stat().st_mode & 0o777

    # The MOUs are in force by the old signatures; nothing leaves before an administrator has asked around.
    again.open()
    assert ["in force"] == [m["state"] for m in again.told(again.administrator, "GET", "/v1/mous")["mous"]]
    answer = again.query(again.partners["dashboard"], OWN)
    assert (503, "restore-unconfirmed") == (answer.status_code, answer.json["reason"])
    waits = again.told(again.partners["north"], "GET", "/v1/resumption")["waits"]
    assert (size, missing) == (waits["entry"], waits["missing"])
    for who, problem in (("north", 403), ("administrator", 400)):
        partner = again.administrator if who == "administrator" else again.partners[who]
        hash_ = "0" * 64 if who == "administrator" else waits["continuation"]
        assert problem == confirmed(again, partner, hash_)
    assert 503 == again.query(again.partners["dashboard"], OWN).status_code
    assert 201 == confirmed(again, again.administrator, waits["continuation"])
    assert 200 == again.query(again.partners["dashboard"], OWN).status_code
    assert again.told(again.partners["north"], "GET", "/v1/resumption")["waits"] is None
    assert 409 == confirmed(again, again.administrator, waits["continuation"])
    again.close()
    assert () == verify_home(again.settings).faults
    again.open()
    assert 200 == again.query(again.partners["dashboard"], OWN).status_code
    again.close()


def test_when_nobody_remembers(world: World, tmp_path: Path) -> None:
    """It may be older: a new origin says that nobody knows what is missing; a second restore says it of the first."""
    back_up(world.settings, tmp_path / "b.tar")
    first = restored(world, tmp_path / "b.tar", tmp_path / "first")
    assert None is entry(first.settings, "continuation")["missing"]["until"]
    back_up(first.settings, tmp_path / "c.tar")
    second = restored(first, tmp_path / "c.tar", tmp_path / "second", origin=None)
    assert "accordant.test/log/3" == second.settings.log_origin
    assert () == verify_home(second.settings, vkey=note_signer(world.settings).vkey).faults
    found = CliRunner().invoke(cli, ["doctor", "--home", str(second.settings.home), "--json"])
    parts = {p["part"]: p for p in json.loads(found.stdout)["parts"]}
    assert ("wrong", True) == (parts["restore"]["state"], "audit resume" in parts["restore"]["mend"])


def test_the_newest_state(world: World, tmp_path: Path) -> None:
    """By the operator's word and a remembered checkpoint of its very size and root: the log goes on, and releases."""
    back_up(world.settings, tmp_path / "b.tar")
    remember(tmp_path / "checkpoints", seen(world.settings))
    memory = {"remembered": [tmp_path / "checkpoints"], "newest": True}
    again = restored(world, tmp_path / "b.tar", tmp_path / "again", **memory)
    assert note_signer(world.settings).vkey == note_signer(again.settings).vkey
    again.open()
    assert 200 == again.query(again.partners["dashboard"], OWN).status_code
    again.close()
    assert () == verify_home(again.settings).faults


def test_it_was_not_the_newest(world: World, tmp_path: Path) -> None:
    """Somebody remembers more, or nobody exactly this: then the operator's word does not do."""
    back_up(world.settings, tmp_path / "b.tar")
    early, lost = seen(world.settings), went_on(world)
    for name, one in (("early", early), ("lost", lost)):
        remember(tmp_path / name, one)
    for names in ([], ["lost"], ["early", "lost"]):
        paths = [tmp_path / name for name in names]
        with pytest.raises(Refused, match="nobody remembers the log as one of exactly"):
            restored(world, tmp_path / "b.tar", tmp_path / "again", remembered=paths, newest=True)
    # A memory may be as old as the backup: it alone proves nothing.
    again = restored(world, tmp_path / "b.tar", tmp_path / "again", remembered=[tmp_path / "early"])
    assert "accordant.test/log/2" == again.settings.log_origin


def test_a_name_that_was_used_before(world: World, tmp_path: Path) -> None:
    """A backup that is restored twice has two continuations: the second one is not given the first one's name."""
    back_up(world.settings, tmp_path / "b.tar")
    first = restored(world, tmp_path / "b.tar", tmp_path / "first")
    remember(tmp_path / "checkpoints", seen(first.settings))
    second = restored(world, tmp_path / "b.tar", tmp_path / "second", remembered=[tmp_path / "checkpoints"])
    assert ("accordant.test/log/2", "accordant.test/log/3") == (first.settings.log_origin, second.settings.log_origin)


def test_a_memory_beside_the_keys(world: World, tmp_path: Path) -> None:
    """Is asked, too: what the lost home itself remembered."""
    back_up(world.settings, tmp_path / "b.tar")
    lost = went_on(world)
    remember(world.settings.home / "checkpoints", lost)
    again = restored(world, tmp_path / "b.tar", tmp_path / "again")
    assert lost.checkpoint.size - 1 == entry(again.settings, "continuation")["missing"]["until"]


def test_partners_hear_of_it(world: World, tmp_path: Path) -> None:
    """Whoever remembers less than the backup holds sees the same log; whoever remembers more is told, or alarmed."""
    early = seen(world.settings)
    back_up(world.settings, tmp_path / "b.tar")
    lost = went_on(world)
    more = went_on(world)
    remember(tmp_path / "checkpoints", lost)
    again = restored(world, tmp_path / "b.tar", tmp_path / "again", remembered=[tmp_path / "checkpoints"])
    again.open()
    shown = Remembered(again.services.journal.head().checkpoint, again.services.vkey)
    published = again.services.published

    def compare(kept: Remembered) -> bool:
        return compared(kept, shown, lambda tile: published.file(tile.path) or b"", vkeys=published.vkeys())

    assert (True, False) == (compare(early), compare(lost))
    with pytest.raises(Forked, match="were lost"):
        compare(more)
    again.close()
    assert ["entries-lost"] == [f.code for f in verify_home(again.settings, remembered=[more.note]).faults]


def test_nothing_is_overwritten(world: World, tmp_path: Path) -> None:
    """A folder with anything in it is left alone; what fails leaves nothing behind."""
    back_up(world.settings, tmp_path / "b.tar")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine").write_text("x")
    with pytest.raises(InputWrong, match="not an empty folder"):
        restore(tmp_path / "b.tar", tmp_path / "there", keys=world.settings.keys)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "log.key").write_bytes(NoteSigner.generate("accordant.test/log").to_pem())
    with pytest.raises(Refused, match="does not hold the key of the backup's log"):
        restore(tmp_path / "b.tar", tmp_path / "new", keys=tmp_path / "other")
    with pytest.raises(InputWrong, match="another origin"):
        restore(tmp_path / "b.tar", tmp_path / "new", keys=world.settings.keys, origin=world.settings.log_origin)
    assert {"b.tar", "there", "other", "home"} == {p.name for p in tmp_path.iterdir()}


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
        ("DELETE FROM consents", ""),
    ],
)
def test_a_log_that_does_not_verify(world: World, tmp_path: Path, statement: str, named: str) -> None:
    """Is not restored, and the first bad entry is named."""
    _edited(world.settings, statement)
    back_up(world.settings, tmp_path / "b.tar")
    if not named:  # there is no consent in this world: nothing is wrong
        restored(world, tmp_path / "b.tar", tmp_path / "again")
        return
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


def ran(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_by_the_commands(world: World, tmp_path: Path) -> None:
    """As an operator types them, with a server and the administrator's key."""
    assert 0 == ran("backup", tmp_path / "b.tar", "--home", world.settings.home).exit_code
    made = ran("restore", tmp_path / "b.tar", tmp_path / "again", "--keys", world.settings.keys)
    assert 0 == made.exit_code, made.output
    assert "how many entries came after: nobody said" in made.stderr
    assert "accordant audit resume" in made.stderr
    again = from_home(tmp_path / "again", {})
    key = tmp_path / "administrator.pem"
    key.write_bytes(world.administrator.key.to_pem())
    key.chmod(0o600)
    port = free_port()
    command = [sys.executable, "-m", "governance.cli", "serve", "--home", str(again.home)]
    origin = f"http://127.0.0.1:{port}"
    environ = {"ACCORDANT_ORIGIN": origin, "ACCORDANT_LISTEN": f"127.0.0.1:{port}"}
    with process(command, port=port, log=again.home / "server.log", environ=environ):
        at = ("--server", origin, "--key", key)
        words = ("audit", "resume", "--reason", "everybody was asked", "--json", *at)
        assert "nobody is there to ask" in str(ran(*words).exception)
        done = ran(*words, "--yes")
        assert 0 == done.exit_code, done.output
        assert "what was lost nobody here knows" in done.stderr
        assert "no restore waits" in str(ran(*words, "--yes").exception)
    assert () == verify_home(again).faults


def test_the_console_says_so(world: World, tmp_path: Path) -> None:
    """To everybody who signs in, and to an administrator what to do; until it is confirmed."""
    back_up(world.settings, tmp_path / "b.tar")
    again = restored(world, tmp_path / "b.tar", tmp_path / "again")
    again.open()
    told = "Restored from a backup: no data is released"
    north = Visitor.signed_in(again, again.partners["north"])
    administrator = Visitor.signed_in(again, again.administrator)
    page = north.get("/").get_data(as_text=True)
    assert (True, False) == (told in page, "audit resume" in page)
    assert "audit resume" in administrator.get("/").get_data(as_text=True)
    waits = again.told(again.partners["north"], "GET", "/v1/resumption")["waits"]
    assert 201 == confirmed(again, again.administrator, waits["continuation"])
    assert told not in north.get("/").get_data(as_text=True)
    again.close()
