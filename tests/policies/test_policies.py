"""`opa check --strict`, `opa fmt --diff` and `opa test` find nothing in what is written by hand."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from governance.compiler.bundle import library

ROOT = Path(__file__).resolve().parents[2]
POLICIES = ROOT / "policies"


def ran(*words: object) -> str:
    """What OPA prints; it must succeed."""
    done = subprocess.run([str(w) for w in words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr), done.stdout + done.stderr
    return done.stdout


@pytest.mark.opa
def test_check_strict(opa_binary: Path) -> None:
    """Nothing is unused, nothing shadows, every type fits."""
    assert "" == ran(opa_binary, "check", "--strict", POLICIES)


@pytest.mark.opa
def test_format(opa_binary: Path) -> None:
    """The form is OPA's own."""
    assert "" == ran(opa_binary, "fmt", "--list", POLICIES)


@pytest.mark.opa
def test_tests(opa_binary: Path) -> None:
    """Every package has its tests, and they pass."""
    said = ran(opa_binary, "test", POLICIES)
    assert re.fullmatch(r"PASS: (\d+)/\1\n", said), said


def test_every_package_is_shipped() -> None:
    """The list of the library is the folder: a package that is forgotten there would be missing from every bundle."""
    found = {p.relative_to(POLICIES).as_posix() for p in POLICIES.rglob("*.rego") if not p.name.endswith("_test.rego")}
    assert found == set(library())


def test_directory_is_package_and_tests_stand_beside() -> None:
    """`accordant/days/days.rego` is `package accordant.days`, and `days_test.rego` is beside it."""
    for name, source in library().items():
        folder = Path(name).parent
        assert f"package {'.'.join(folder.parts)}" in source.decode().splitlines()
        assert (POLICIES / folder / f"{folder.name}_test.rego").is_file()


def test_one_entrypoint() -> None:
    """Outsiders ask one rule."""
    assert 1 == sum(source.decode().count("# entrypoint: true") for source in library().values())


def test_every_public_rule_is_described() -> None:
    """A rule without a leading underscore has metadata above its first definition."""
    for name, source in library().items():
        seen: set[str] = set()
        lines = source.decode().splitlines()
        for before, line in zip(["", *lines], lines, strict=False):
            rule = re.match(r"(?:default )?([a-z]\w*)(?=[ (\[])", line)
            if rule and rule[1] not in {"package", "import", "else", "default"} and rule[1] not in seen:
                seen.add(rule[1])
                assert before.startswith("#"), f"{name}: `{rule[1]}` is not described"
