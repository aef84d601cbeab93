"""The repository does what its README says: its targets, its lock, the real parts that come by themselves."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import click
import psycopg
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from governance.cli import cli
from scripts import parts
from scripts.lock import wanted
from tests.conftest import missing
from tests.real_parts import Opa, PostgreSQL, start_postgresql

ROOT = Path(__file__).resolve().parents[1]
TARGETS = ("demo", "test", "test-slow", "bench", "lint", "format", "run", "help")
UNBOUNDED = {"tzdata"}  # the newest days of the world's time zones are always wanted


def pins() -> dict[str, str]:
    lock = (ROOT / "requirements.lock").read_text()
    return {canonicalize_name(name): pin for name, pin in re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE)}


@pytest.mark.parametrize("text", wanted())
def test_each_requirement_is_bounded_and_locked_within_its_bounds(text: str) -> None:
    """What `pyproject.toml` asks for is what `requirements.lock` brings (`make lock` after a change)."""
    requirement = Requirement(text)
    operators = {specifier.operator for specifier in requirement.specifier}
    assert ">=" in operators
    assert "<" in operators or requirement.name in UNBOUNDED
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_every_pin_has_hashes() -> None:
    """A part whose bytes have changed is not installed."""
    blocks = re.split(r"^(?=[\w.-]+==)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)[1:]
    assert [] == [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block]
    assert len(blocks) == len(pins()) > 30


@pytest.mark.parametrize("target", TARGETS)
def test_make_help_tells_every_target(target: str) -> None:
    """`make` and `make help` list what there is, and each target that is told exists."""
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^  make {target} +\w", told, re.MULTILINE)
    assert f"\n{target}: " in (ROOT / "Makefile").read_text()


def test_ci_runs_make_test_and_a_missing_part_is_an_error() -> None:
    """`.ci/run` can be executed, says `CI=true`, and ends with what `make test` ends with: pytest."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "export CI=true" in script.read_text()
    assert script.read_text().splitlines()[-1].startswith("exec make test")
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.partition("\ntest: ")[2].partition("\n\n")[0].splitlines()
    assert recipe[-1].startswith("\t$(PYTEST)")
    assert {"lint", "types", "contracts", "parts", "rego"} <= set(recipe[0].split("##")[0].split())


def test_the_licence_is_apache_2() -> None:
    """The text that `pyproject.toml` names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "Apache-2.0" == project["license"]
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()


def test_links_in_the_documents_lead_somewhere() -> None:
    """A relative link in a Markdown file names a file that exists."""
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{document.relative_to(ROOT)}: {target}"
        for document in documents
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert [] == dead


def told_commands() -> list[list[str]]:
    """Every `accordant …` line of the README's shell blocks, as words."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    parts = [part for line in lines for part in line.partition("#")[0].split("&&")]
    words = [[word for word in part.split() if not re.match(r"[A-Z_]+=", word)] for part in parts]
    return [line[1:] for line in words if line[:1] == ["accordant"]]


@pytest.mark.parametrize("words", told_commands(), ids=" ".join)
def test_each_command_in_the_readme_exists(words: list[str]) -> None:
    """The command and each of its options; what they do is tested elsewhere."""
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, words
        command, words = found, words[1:]
    options = {name for parameter in command.params for name in parameter.opts}
    assert set() == {word for word in words if word.startswith("-")} - options


def test_a_missing_part_is_skipped_loudly_on_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says what is missing."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="MISSING PART: opa"):
        missing("opa")


def test_a_missing_part_fails_under_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """A green run in CI has run everything."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="MISSING PART: opa"):
        missing("opa")


def fake_opa(folder: Path, version: str) -> None:
    folder.mkdir(parents=True)
    (folder / "opa").write_text(f"#!/bin/sh\necho 'Version: {version}'\n")
    (folder / "opa").chmod(0o755)


def test_opa_on_the_path_is_taken_when_it_is_the_pinned_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The PATH comes first, the cache second, and another version counts as none."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert None is parts.find_opa()
    fake_opa(tmp_path / "bin", "1.0.0")
    assert None is parts.find_opa()
    fake_opa(parts.opa_in_cache().parent, parts.OPA_VERSION)
    assert parts.opa_in_cache() == parts.find_opa()
    (tmp_path / "bin" / "opa").unlink()
    (tmp_path / "bin").rmdir()
    fake_opa(tmp_path / "bin", parts.OPA_VERSION)
    assert tmp_path / "bin" / "opa" == parts.find_opa()


def test_a_part_that_cannot_be_installed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a Go toolchain: what to do, a banner, and under CI an error."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin" if not Path("/usr/bin/go").exists() else "/bin-without-go")
    monkeypatch.delenv("CI", raising=False)
    assert 0 == parts.main(["opa"])
    told = capsys.readouterr().err
    assert f"put opa {parts.OPA_VERSION} on the PATH" in told
    assert "opa: MISSING" in told
    monkeypatch.setenv("CI", "true")
    assert 1 == parts.main(["opa"])


def test_opa_is_the_pinned_one_and_outside_of_the_checkout(opa_binary: Path) -> None:
    """The binary outlives the virtual environment."""
    assert parts.OPA_VERSION == parts.opa_version(opa_binary)
    assert ROOT not in opa_binary.resolve().parents


def test_an_opa_server_answers_hangs_and_is_gone(opa_server: str, opa_server_factory: Callable[..., Opa]) -> None:
    """What the tests of the adapter rely on."""
    mine = opa_server_factory()
    assert opa_server != mine.url
    mine.suspend()
    with pytest.raises(OSError, match="timed out"):
        urllib.request.urlopen(f"{mine.url}/health", timeout=0.5)
    mine.resume()
    with urllib.request.urlopen(f"{mine.url}/health", timeout=10) as answer:
        assert 200 == answer.status
    mine.stop()
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(f"{mine.url}/health", timeout=10)


def connected(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True)


def test_postgresql_is_durable_and_not_run_as_root(postgresql: PostgreSQL, postgresql_url: str) -> None:
    """As in production, but for its size; and every test finds its database empty."""
    with connected(postgresql_url) as connection:
        settings = [connection.execute(f"SHOW {name}").fetchone() for name in ("fsync", "synchronous_commit")]
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert [("on",), ("on",)] == settings
    assert (0,) == tables
    assert postgresql.process is not None
    assert 0 != Path(f"/proc/{postgresql.process.pid}").stat().st_uid


def test_a_cluster_survives_a_crash_and_leaves_nothing_behind(postgresql: PostgreSQL) -> None:
    """What was committed is there after the crash; when the cluster is removed, its folder and process are gone."""
    cluster = start_postgresql(postgresql.binaries)
    url = cluster.create()
    with connected(url) as connection:
        connection.execute("CREATE TABLE kept (x int)")
    cluster.crash()
    cluster.start()
    with connected(url) as connection:
        assert (0,) == connection.execute("SELECT count(*) FROM kept").fetchone()
    cluster.remove()
    assert not cluster.folder.exists()
    assert cluster.process is not None
    assert cluster.process.poll() is not None
