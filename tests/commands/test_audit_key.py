"""`accordant audit rotate-log-key`: at a home that nobody serves, and whatever a crash leaves in between."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from audit import NoteSigner
from audit.cosignature import Cosigner
from audit.memory import Remembered, remember
from audit.policy_file import with_witness
from audit.rotation import rotated
from connectors.client import Client
from governance.adapters.store.database import open_database
from governance.bootstrap import open_services
from governance.cli import cli
from governance.errors import HomeInUse
from governance.home import init, locked, note_signer
from governance.log_key import NEXT, rotate, signs
from governance.settings import Settings
from governance.verification import verify_home
from governance.wrapping import open_keys
from tests.faults.homes import living
from tests.serving import serving


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else None
    return init(tmp_path / "home", origin="http://accordant.test", listen="127.0.0.1:8484", database_url=url)


def test_it_serves_again(home: Settings) -> None:
    """With the new key; the old one is nowhere in the home, and verification follows from it."""
    first, before = note_signer(home), (home.keys / "log.key").read_bytes()
    ran = CliRunner().invoke(cli, ["audit", "rotate-log-key", "--home", str(home.home), "--json"])
    done = json.loads(ran.stdout)
    assert (first.vkey, note_signer(home).vkey) == (done["old"], done["new"])
    assert 0o600 == (home.keys / "log.key").stat().st_mode & 0o777
    for path in home.home.rglob("*"):
        assert not path.is_file() or before.splitlines()[1] not in path.read_bytes()
    services = open_services(home)
    assert note_signer(home).vkey == services.vkey
    services.close()
    rotate(home)
    for vkey in (None, done["old"], done["new"]):
        assert () == verify_home(home, vkey=vkey).faults


def policy_of(home: Settings) -> bytes:
    """A policy that asks for one witness, as the command writes it."""
    cosigner = Cosigner("w", Ed25519PrivateKey.generate()).verifier.vkey
    return with_witness(b"", name="w", vkey=cosigner, url=None, log_vkey=note_signer(home).vkey, quorum=0)


def test_the_policy_names_the_log_by_its_new_key(home: Settings) -> None:
    """After a rotation, and after one that a crash broke off once the log knew; nothing else of it changes."""
    path, old = home.home / "witnesses.policy", note_signer(home)
    path.write_bytes(policy_of(home))
    before = path.read_bytes()
    done = rotate(home)
    assert before.replace(old.vkey.encode(), done.new.encode()) == path.read_bytes()
    assert 0o600 == path.stat().st_mode & 0o777
    turned(home, note_signer(home), new := NoteSigner.generate(home.log_origin))
    (home.keys / NEXT).write_bytes(new.to_pem())
    (home.keys / NEXT).chmod(0o600)
    open_services(home).close()
    assert before.replace(old.vkey.encode(), new.vkey.encode()) in path.read_bytes()
    ran = CliRunner().invoke(cli, ["audit", "verify", "--home", str(home.home), "--json"])
    assert [] == json.loads(ran.stdout)["faults"]


def test_a_policy_that_can_t_be_read_stays(home: Settings) -> None:
    """Whoever goes by it says so."""
    path = home.home / "witnesses.policy"
    path.write_bytes(b"witness \xff")
    rotate(home)
    assert b"witness \xff" == path.read_bytes()


def test_not_while_it_is_served(home: Settings) -> None:
    """The home's lock is taken, and nothing is changed."""
    before = (home.keys / "log.key").read_bytes()
    with locked(home), pytest.raises(HomeInUse, match="serves the home"):
        rotate(home)
    assert before == (home.keys / "log.key").read_bytes()
    assert not (home.keys / NEXT).exists()


def database(home: Settings) -> Engine:
    return open_database(home.database_url)


def turned(home: Settings, old: NoteSigner, new: NoteSigner) -> None:
    """What a rotation does to the log."""
    engine, keys = database(home), open_keys(home)
    rotated(engine, old=old, new=new, keys=keys)
    keys.close()
    engine.dispose()


def doctor(home: Settings) -> dict[str, str]:
    ran = CliRunner().invoke(cli, ["doctor", "--home", str(home.home), "--json"])
    return {p["detail"]: p["state"] for p in json.loads(ran.stdout)["parts"]}


BROKEN_OFF = "a rotation of the log's key was broken off"


@pytest.mark.parametrize("content", ["whole", "half"])
def test_a_crash_before_the_log_knows(home: Settings, content: str) -> None:
    """The new key was on the disk, whole or in part: the next start forgets it and goes on with the old one."""
    key = note_signer(home)
    data = NoteSigner.generate(home.log_origin).to_pem()
    (home.keys / NEXT).write_bytes(data if content == "whole" else data[:40])
    (home.keys / NEXT).chmod(0o600)
    assert "warning" == doctor(home)[BROKEN_OFF]
    assert key.vkey == signs(home).vkey
    assert () == verify_home(home).faults
    services = open_services(home)
    services.close()
    assert (key.vkey, False) == (services.vkey, (home.keys / NEXT).exists())
    assert () == verify_home(home).faults


def test_a_crash_once_the_log_knows(home: Settings) -> None:
    """The log has the entry, the files not: everybody follows the head, and the next start puts the key in place."""
    old, new = note_signer(home), NoteSigner.generate(home.log_origin)
    (home.keys / NEXT).write_bytes(new.to_pem())
    (home.keys / NEXT).chmod(0o600)
    turned(home, old, new)
    told = doctor(home)
    assert "warning" == told[BROKEN_OFF]
    assert "wrong" not in [state for detail, state in told.items() if "log" in detail]
    assert new.vkey == signs(home).vkey
    assert () == verify_home(home).faults
    services = open_services(home)
    services.close()
    assert (new.vkey, False) == (services.vkey, (home.keys / NEXT).exists())
    assert new.vkey == note_signer(home).vkey
    assert () == verify_home(home, vkey=old.vkey).faults


def test_a_rotation_after_one_that_broke_off(home: Settings) -> None:
    """Ends the first one first."""
    old, new = note_signer(home), NoteSigner.generate(home.log_origin)
    (home.keys / NEXT).write_bytes(new.to_pem())
    turned(home, old, new)
    done = rotate(home)
    assert (new.vkey, 2) == (done.old, done.entry)
    assert () == verify_home(home, vkey=old.vkey).faults


def test_partners_follow(tmp_path: Path) -> None:
    """Over HTTP: what was remembered under the first key leads to the second, and an export says how."""
    world = living(tmp_path)
    key = tmp_path / "north.pem"
    key.write_bytes(world.partners["north"].key.to_pem())
    key.chmod(0o600)
    memory, lone, first = tmp_path / "checkpoints", tmp_path / "lone", tmp_path / "first.vkey"
    first.write_text(note_signer(world.settings).vkey)
    with serving(world.settings) as server:
        url = f"http://127.0.0.1:{server.port}"
        seen = Client(url).read("/log/checkpoint")
        assert b"" == Client(url).read("/log/vkeys")
    remember(memory, Remembered(seen, first.read_text()))
    lone.write_bytes(seen)
    rotate(world.settings)
    with serving(world.settings) as server:
        url = f"http://127.0.0.1:{server.port}"
        run = CliRunner()
        at = ["--server", url, "--key", str(key)]
        for words in (
            ["compare", str(lone), "--memory", str(memory), *at],
            ["remember", "--memory", str(memory), *at],
            ["remember", "--memory", str(memory), "--vkey", str(first), *at],
        ):
            ran = run.invoke(cli, ["audit", *words, "--json"])
            assert 0 == ran.exit_code, ran.output
            assert json.loads(ran.stdout)["consistent"]
