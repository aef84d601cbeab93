"""`accordant restore`: a home that serves again, and a log that is never put back to what it was before."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audit import NoteSigner
from audit.errors import Forked
from audit.memory import Remembered, compared, remember
from governance.backup import back_up
from governance.cli import cli
from governance.errors import InputWrong, Refused
from governance.home import note_signer
from governance.restore import restore
from governance.settings import from_home
from governance.verification import verify_home
from tests.faults.homes import copied, living
from tests.restoring import confirmed, entry, restored, seen, went_on
from tests.serving import free_port, process
from tests.simulator import World
from tests.test_gateway import OWN
from tests.web.console.visitor import Visitor


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    return living(tmp_path_factory.mktemp("restore"))


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A home to be lost."""
    return copied(made, tmp_path)


def numbered(world: World) -> str:
    """The log's name without what chance put behind it."""
    name = re.fullmatch(r"(.*)-[0-9a-f]{10}", world.settings.log_origin)
    assert name is not None
    return name[1]


def test_an_older_backup(world: World, tmp_path: Path) -> None:
    """Opens a new origin, whose first entry names the old head and what is missing; the old signatures count on."""
    old = note_signer(world.settings)
    backup = back_up(world.settings, tmp_path / "b.tar")
    size = backup.manifest.checkpoint.size
    lost = went_on(world)
    remember(tmp_path / "checkpoints", lost)
    again = restored(world, tmp_path / "b.tar", tmp_path / "again", remembered=[tmp_path / "checkpoints"])

    new = note_signer(again.settings)
    assert f"{old.name}/2" == numbered(again)
    assert new.name == again.settings.log_origin
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


def test_the_policy_names_the_log_as_it_goes_on(world: World, tmp_path: Path) -> None:
    """Its witnesses and its quorum stay."""
    path, old = world.settings.home / "witnesses.policy", note_signer(world.settings).vkey
    path.write_text(f"log {old}\nquorum none\n")
    back_up(world.settings, tmp_path / "b.tar")
    again = restored(world, tmp_path / "b.tar", tmp_path / "again")
    new = note_signer(again.settings).vkey
    assert f"log {new}\nquorum none\n" == (again.settings.home / "witnesses.policy").read_text()
    assert old != new


def test_when_nobody_remembers(world: World, tmp_path: Path) -> None:
    """It may be older: a new origin says that nobody knows what is missing; a second restore says it of the first."""
    back_up(world.settings, tmp_path / "b.tar")
    first = restored(world, tmp_path / "b.tar", tmp_path / "first")
    assert None is entry(first.settings, "continuation")["missing"]["until"]
    back_up(first.settings, tmp_path / "c.tar")
    second = restored(first, tmp_path / "c.tar", tmp_path / "second", origin=None)
    assert "accordant.test/log/3" == numbered(second)
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
    assert "accordant.test/log/2" == numbered(again)


def test_a_name_that_was_used_before(world: World, tmp_path: Path) -> None:
    """A backup that is restored twice has two continuations: the second one is not given the first one's name."""
    back_up(world.settings, tmp_path / "b.tar")
    first = restored(world, tmp_path / "b.tar", tmp_path / "first")
    remember(tmp_path / "checkpoints", seen(first.settings))
    second = restored(world, tmp_path / "b.tar", tmp_path / "second", remembered=[tmp_path / "checkpoints"])
    assert ("accordant.test/log/2", "accordant.test/log/3") == (numbered(first), numbered(second))


def test_two_restores_that_know_nothing_of_each_other(world: World, tmp_path: Path) -> None:
    """Go on under two names: no two histories bear one."""
    back_up(world.settings, tmp_path / "b.tar")
    first, second = (restored(world, tmp_path / "b.tar", tmp_path / name) for name in ("first", "second"))
    assert "accordant.test/log/2" == numbered(first) == numbered(second)
    assert first.settings.log_origin != second.settings.log_origin


def test_what_a_killed_restore_left_is_taken_away(world: World, tmp_path: Path) -> None:
    """And said, by the next restore and before it by the doctor; while somebody works in it, nobody touches it."""
    back_up(world.settings, tmp_path / "b.tar")
    left = tmp_path / ".again.restore-x1"
    (left / "keys").mkdir(parents=True)
    (left / "keys" / "log.key").write_text("secret")
    other = tmp_path / ".else.restore-x1"
    other.mkdir()
    words = ("restore", tmp_path / "b.tar", tmp_path / "again", "--keys", world.settings.keys)
    held = os.open(left, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    busy = ran(*words)
    assert ("restore-running", True) == (getattr(busy.exception, "reason", None), left.exists())
    os.close(held)
    made = ran(*words)
    assert 0 == made.exit_code, made.output
    assert f"taken away: `{left}`" in made.stderr
    assert (False, True) == (left.exists(), other.exists())
    left.mkdir()
    told = json.loads(ran("doctor", "--home", tmp_path / "again", "--json").stdout)["parts"]
    [found] = [p for p in told if p["part"] == "files"]
    assert ("warning", True, True) == (found["state"], str(left) in found["detail"], "rm -r" in found["mend"])


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
    # Carried to another machine: beside these keys lies no memory of the home's own.
    keys = shutil.copytree(world.settings.keys, tmp_path / "carried" / "keys")
    again = restored(world, tmp_path / "b.tar", tmp_path / "again", keys=keys, remembered=[tmp_path / "checkpoints"])
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


def ran(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_by_the_commands(world: World, tmp_path: Path) -> None:
    """As an operator types them, with a server and the administrator's key."""
    assert 0 == ran("backup", tmp_path / "b.tar", "--home", world.settings.home).exit_code
    made = ran("restore", tmp_path / "b.tar", tmp_path / "again", "--keys", world.settings.keys)
    assert 0 == made.exit_code, made.output
    assert "entries that came after the backup, and are lost: nobody knows how many" in made.stderr
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
