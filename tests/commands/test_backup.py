"""`accordant backup`: of a running home, whole, without its keys; and whoever changes a byte of it is found out."""

from __future__ import annotations

import io
import json
import sqlite3
import tarfile
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from audit import Draft
from governance.archive import read_archive
from governance.backup import back_up
from governance.cli import cli
from governance.errors import AccordantError, Conflict, InputWrong, Refused
from governance.settings import Settings
from tests.faults.homes import copied, living
from tests.simulator import World


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> World:
    return living(tmp_path_factory.mktemp("backup"))


@pytest.fixture
def home(made: World, tmp_path: Path) -> Settings:
    return copied(made, tmp_path).settings


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def world(request: pytest.FixtureRequest, made: World, tmp_path: Path) -> World:
    """A home on each database."""
    if request.param == "sqlite":
        return copied(made, tmp_path)
    return living(tmp_path, database_url=request.getfixturevalue("postgresql_url"))


def ran(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as database:
        found: int = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return found


def test_of_a_home_that_is_written_to(world: World, tmp_path: Path) -> None:
    """Database, leaves and head agree, while entries go on being made; a file that only its owner reads."""
    world.open()
    going = threading.Event()

    def append() -> None:
        number = 0
        while not going.is_set():
            number += 1
            world.services.journal.append([Draft("search", {"number": number})])

    writer = threading.Thread(target=append)
    writer.start()
    try:
        found = [back_up(world.settings, tmp_path / f"{n}.tar") for n in range(4)]
    finally:
        going.set()
        writer.join()
        world.close()
    for one in found:
        manifest = read_archive(one.path, into=tmp_path / one.path.stem)
        assert manifest == one.manifest
        assert 0o600 == one.path.stat().st_mode & 0o777
        copy = tmp_path / one.path.stem / "accordant.db"
        assert manifest.checkpoint.size == rows(copy, "audit_leaves") == rows(copy, "audit_bodies")
    sizes = [one.manifest.checkpoint.size for one in found]
    assert sorted(sizes) == sizes
    assert sizes[0] < sizes[-1]


def test_what_it_holds(world: World, tmp_path: Path) -> None:
    """All that a home needs but its keys: nothing of them, and nothing encrypted under them that was not before."""
    if world.settings.database_url.startswith("sqlite"):
        with closing(sqlite3.connect(world.settings.home / "accordant.db")) as database:
            database.execute("CREATE TABLE accordant_data_keys_wrapped (secret BLOB)")
            database.execute("INSERT INTO accordant_data_keys_wrapped VALUES ('a wrapped key of a subject')")
            database.commit()
    (world.settings.keys / "data-keys.db").write_bytes(b"the store of the data keys")
    (world.settings.keys / "wrapping.key").write_bytes(b"the key that wraps them")
    found = ran("backup", tmp_path / "b.tar", "--home", world.settings.home, "--json")
    told = json.loads(found.stdout)
    held = members(tmp_path / "b.tar")
    files = [n for n in held if n.startswith("data/")]
    assert len(files) == 4
    assert {
        "accordant.db",
        "accordant.toml",
        "checkpoints",
        "keys/administrator.pub",
        "manifest.json",
        "manifest.note",
    } == held.keys() - set(files)
    assert told["members"] == len(held) - 2
    everything = b"".join(held.values())
    for path in world.settings.keys.iterdir():
        if path.suffix != ".pub":
            secret = path.read_bytes()
            assert secret not in everything
            assert secret.splitlines()[len(secret.splitlines()) // 2] not in everything
    assert b"a wrapped key" not in everything
    assert b"database_url = " not in held["accordant.toml"].replace(
        b'# database_url = "postgresql+psycopg://accordant@', b""
    )
    (tmp_path / "copy.db").write_bytes(held["accordant.db"])
    assert (
        0 == rows(tmp_path / "copy.db", "console_sessions")
        if world.settings.database_url.startswith("sqlite")
        else True
    )


def test_in_words(home: Settings, tmp_path: Path) -> None:
    """One line: what it did, and where the keys are that it left out."""
    found = ran("backup", tmp_path / "b.tar", "--home", home.home)
    assert "" == found.stdout
    assert 1 == len(found.stderr.splitlines())
    assert f"without the secret keys, which lie in {home.keys} and are kept apart" in found.stderr
    checked = ran("backup", "--check", tmp_path / "b.tar")
    assert (0, "whole: ") == (checked.exit_code, checked.stdout[:7])
    assert [] == [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_it_overwrites_nothing(home: Settings, tmp_path: Path) -> None:
    """Unless it is told to; what was there stays whole until then, and nothing is left over where it fails."""
    target = tmp_path / "b.tar"
    target.write_text("something of mine")
    with pytest.raises(Conflict):
        back_up(home, target)
    assert "something of mine" == target.read_text()
    (home.home / "accordant.db").rename(home.home / "away.db")
    with pytest.raises(AccordantError):
        back_up(home, target, force=True)
    assert "something of mine" == target.read_text()
    assert {"b.tar", "home"} == {p.name for p in tmp_path.iterdir()}
    (home.home / "away.db").rename(home.home / "accordant.db")
    back_up(home, target, force=True)
    assert read_archive(target).checkpoint.size > 30


def _rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    held = members(path)
    change(held)
    with tarfile.open(path, "w") as tar:
        for name, data in held.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def _settings(held: dict[str, bytes]) -> None:
    held["accordant.toml"] = held["accordant.toml"].replace(b"SHA256", b"SHA255")


def _manifest(held: dict[str, bytes]) -> None:
    """With the digest in the manifest made to fit: only the log's key could sign that."""
    import hashlib

    before = hashlib.sha256(held["accordant.toml"]).hexdigest().encode()
    held["accordant.toml"] += b" "
    after = hashlib.sha256(held["accordant.toml"]).hexdigest().encode()
    said = json.loads(held["manifest.json"].replace(before, after))
    said["members"]["accordant.toml"]["size"] += 1
    held["manifest.json"] = json.dumps(said).encode()


def _taken(held: dict[str, bytes]) -> None:
    del held["keys/administrator.pub"]


def _added(held: dict[str, bytes]) -> None:
    held["keys/log.key"] = b"mine"


def _outside(held: dict[str, bytes]) -> None:
    held["../outside"] = b"mine"


def _unsigned(held: dict[str, bytes]) -> None:
    del held["manifest.note"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_settings, "`accordant.toml` is not the file that the manifest names"),
        (_manifest, "its manifest was changed after the log's key had signed it"),
        (_taken, "`keys/administrator.pub` is missing"),
        (_added, "`keys/log.key` is not in its manifest"),
        (_outside, "`../outside` is not a plain file of a home"),
        (_unsigned, "it holds no `manifest.note`"),
    ],
)
def test_a_backup_that_was_changed(
    home: Settings, tmp_path: Path, change: Callable[[dict[str, bytes]], None], named: str
) -> None:
    """Is refused, and what is wrong with it is named."""
    back_up(home, tmp_path / "b.tar")
    _rewritten(tmp_path / "b.tar", change)
    with pytest.raises(Refused, match="does not verify") as raised:
        read_archive(tmp_path / "b.tar", into=tmp_path / "into")
    assert named in raised.value.detail
    assert not (tmp_path / "outside").exists()


def test_a_backup_that_broke_off(home: Settings, tmp_path: Path) -> None:
    """Wherever it was cut."""
    back_up(home, tmp_path / "b.tar")
    data = (tmp_path / "b.tar").read_bytes()
    for part in (len(data) // 3, len(data) // 2, len(data) - 12_000):
        (tmp_path / "cut.tar").write_bytes(data[:part])
        with pytest.raises(Refused, match="does not verify"):
            read_archive(tmp_path / "cut.tar")


def test_what_is_no_backup(home: Settings, tmp_path: Path) -> None:
    """Is wrong input; so is another log's key."""
    (tmp_path / "b.tar").write_text("words" * 1000)
    with pytest.raises(InputWrong, match="no backup"):
        read_archive(tmp_path / "b.tar")
    with pytest.raises(InputWrong):
        read_archive(tmp_path / "nowhere.tar")
    back_up(home, tmp_path / "c.tar")
    with pytest.raises(Refused, match="another key"):
        read_archive(tmp_path / "c.tar", vkey="x/log+9ea61b5a+AYEIZGrbHTzmPLiM6WhLWmdfSUkPxPHrjkIUw1Y0OgpN")


def test_what_would_swell_is_refused_unread(tmp_path: Path) -> None:
    """A sparse member, whose megabytes stand in no byte of the file; and what is no manifest at all."""
    swelling = tarfile.TarInfo("accordant.db")
    swelling.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.size": "314572800"}
    swelling.pax_headers |= {"GNU.sparse.map": "0,0", "GNU.sparse.name": "accordant.db"}
    with tarfile.open(tmp_path / "b.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(swelling, io.BytesIO(b""))
    (tmp_path / "into").mkdir()
    with pytest.raises(Refused, match="is not a plain file"):
        read_archive(tmp_path / "b.tar", into=tmp_path / "into")
    assert [] == list((tmp_path / "into").iterdir())
    deep = b"[" * 100_000
    with tarfile.open(tmp_path / "d.tar", "w") as tar:
        for name in ("manifest.json", "manifest.note"):
            info = tarfile.TarInfo(name)
            info.size = len(deep)
            tar.addfile(info, io.BytesIO(deep))
    with pytest.raises(Refused):
        read_archive(tmp_path / "d.tar")
