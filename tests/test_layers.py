"""The layers of the design hold, and every contract that says so can fail."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import picture

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("governance", "audit", "connectors")
PURE = ("compiler", "signing", "disclosure", "analysis", "model")

# one forbidden import for each contract of pyproject.toml: (file, module)
VIOLATIONS = {
    "layers": ("governance/model/period.py", "governance.compiler"),
    "audit-alone": ("audit/__init__.py", "governance.errors"),
    "pure": ("governance/signing/__init__.py", "sqlalchemy"),
    "adapters": ("governance/adapters/__init__.py", "governance.compiler"),
    "sources": ("connectors/sources/__init__.py", "governance.disclosure"),
    "client": ("connectors/planted.py", "governance.compiler"),
    "connectors-outside": ("governance/ports.py", "connectors"),
    "flask-at-the-edge": ("governance/adapters/__init__.py", "flask"),
    "engines-at-the-edge": ("governance/commands/__init__.py", "opa_client"),
    "http-at-the-edge": ("governance/commands/__init__.py", "requests"),
    "databases-at-the-edge": ("governance/commands/__init__.py", "sqlalchemy"),
}

# what a pure module does not import: the outside world, the clock, chance
IMPURE_MODULES = {"glob", "http", "os", "pathlib", "random", "secrets", "shutil", "socket", "sqlite3", "subprocess"}
IMPURE_MODULES |= {"tempfile", "time", "urllib", "uuid"}
IMPURE_CALLS = {
    "open",
    "input",
    "print",
    "now",
    "utcnow",
    "today",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
}


def checked(folder: Path) -> subprocess.CompletedProcess[str]:
    """`lint-imports` on the packages in a folder."""
    words = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo", "--config", "pyproject.toml"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def outcomes(output: str) -> dict[str, str]:
    """Each contract's name with KEPT or BROKEN."""
    found = {}
    for line in output.splitlines():
        for word in ("KEPT", "BROKEN"):
            name, said, _ = line.partition(f" {word}")
            if said:
                found[name] = word
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages and the contracts in a folder of their own."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_contracts_are_kept() -> None:
    """No import of the packages goes against the layers."""
    result = checked(ROOT)
    assert {contract["name"]: "KEPT" for contract in picture.contracts()} == outcomes(result.stdout), result.stdout
    assert 0 == result.returncode


def test_every_contract_breaks_on_a_planted_violation(copy: Path) -> None:
    """A contract that can't fail would hold nothing: one import that each forbids is planted in a copy."""
    assert {contract["id"] for contract in picture.contracts()} == set(VIOLATIONS)
    for file, module in VIOLATIONS.values():
        with (copy / file).open("a") as out:
            out.write(f"\n\nimport {module}\n")
    result = checked(copy)
    assert {contract["name"]: "BROKEN" for contract in picture.contracts()} == outcomes(result.stdout), result.stdout
    assert 1 == result.returncode


def test_a_module_without_a_place_in_the_layers_is_found(copy: Path) -> None:
    """Whoever adds a module to `governance` has to say which layer it belongs to."""
    (copy / "governance" / "utils.py").write_text("")
    result = checked(copy)
    assert "BROKEN" == outcomes(result.stdout)["dependencies point inward"]
    assert "utils" in result.stdout


def impurities(source: str) -> list[str]:
    """The imports and calls by which a module would reach the outside world, the clock or chance."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        found += [name for name in names if name.split(".")[0] in IMPURE_MODULES]
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            found += [f"{name}()"] if name in IMPURE_CALLS else []
    return found


@pytest.mark.parametrize(
    "path",
    [p for pure in PURE for p in sorted((ROOT / "governance" / pure).rglob("*.py"))],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_pure_modules_reach_for_nothing(path: Path) -> None:
    """No file, network, clock or chance in the packages that say they are pure."""
    assert [] == impurities(path.read_text())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os.path", ["os.path"]),
        ("from time import monotonic", ["time"]),
        ("import datetime as dt\ndt.datetime.now(dt.UTC)", ["now()"]),
        ("def f():\n    return open('x')", ["open()"]),
        ("from . import time", []),
    ],
)
def test_an_impurity_is_seen(source: str, expected: list[str]) -> None:
    """The check above can fail."""
    assert expected == impurities(source)


def test_the_readme_shows_the_layers() -> None:
    """The picture in the README is the one that the contracts draw (`python -m scripts.picture` writes it anew)."""
    assert picture.picture() == picture.drawn((ROOT / "README.md").read_text())


def test_each_package_says_what_it_may_not_do() -> None:
    """The first lines of every package are a docstring."""
    without = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("__init__.py"))
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert [] == without
