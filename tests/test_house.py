"""The house's style, as far as a machine can hold it: size, docstrings, `__all__`, and what has no place here."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("governance", "audit", "connectors")
LINES = 400
TEXT = {".py", ".rego", ".yaml", ".yml", ".toml", ".md", ".json", ".html", ".css", ".js", ".svg", ".lock", ".txt", ""}

# hosts of package registries (pip, go and npm ask the one they are set up for), and places on one machine only
OUT_OF_PLACE = {
    "a registry's host": r"(pypi|pythonhosted|npmjs|maven)[.][oca]|(proxy|sum)[.]golang|crates[.]io|deb[.]debian",
    "an index of pip's": r"^--(index|extra-index|find-links|trusted-host)",
    "a path of one machine": r"(?<![\w.-])/(w[o]rk|r[o]ot)/[\w.]",
}


def files() -> list[Path]:
    """The project's own files: those that git tracks or would."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in sorted(listed.split("\0")) if name and (path := ROOT / name).is_file()]


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_files_are_small() -> None:
    """No source file has more than 400 lines."""
    sources = [path for path in files() if path.suffix in {".py", ".rego", ".html", ".css", ".js"}]
    long = {named(path): count for path in sources if (count := len(path.read_text().splitlines())) > LINES}
    assert {} == long


def test_every_module_states_its_rule() -> None:
    """A module begins with a docstring."""
    assert [] == [named(path) for path in modules() if not ast.get_docstring(ast.parse(path.read_text()))]


def test_every_folder_of_modules_is_a_package() -> None:
    """A folder without `__init__.py` escapes the import contracts; one of tests can't have a namesake elsewhere."""
    folders = {path.parent for path in [*modules(), *(ROOT / "tests").rglob("*.py")]}
    assert [] == sorted(named(folder) for folder in folders if not (folder / "__init__.py").exists())


def public(tree: ast.Module) -> set[str]:
    """Functions and classes that a module defines at its top, without an underscore in front.

    A command of a group in the same module (`@audit.command()`) is offered by its group.
    """
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    grouped = re.compile(r"(?!click\.)\w+\.(command|group)\(")
    return {
        node.name
        for node in defined
        if not node.name.startswith("_") and not any(grouped.match(ast.unparse(d)) for d in node.decorator_list)
    }


@pytest.mark.parametrize("path", modules(), ids=named)
def test_all_is_what_a_module_offers(path: Path) -> None:
    """`__all__` names what exists, and leaves out nothing public."""
    name = named(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    module = importlib.import_module(name)
    offered = getattr(module, "__all__", [])
    assert [] == [word for word in offered if not hasattr(module, word)]
    assert len(set(offered)) == len(offered)
    assert set() == public(ast.parse(path.read_text())) - set(offered)


def test_every_policy_has_its_tests_beside_it() -> None:
    """`x.rego` has an `x_test.rego`, and says what it is for before it says it in Rego."""
    policies = [path for path in (ROOT / "policies").rglob("*.rego") if not path.name.endswith("_test.rego")]
    assert [] == [named(path) for path in policies if not path.with_name(f"{path.stem}_test.rego").exists()]
    assert [] == [named(path) for path in policies if not path.read_text().startswith("# METADATA\n")]


def test_nothing_is_out_of_place() -> None:
    """No file names a package registry's host or a path that exists on one machine only."""
    found = [
        f"{named(path)}:{number}: {what}: {line.strip()[:80]}"
        for path in files()
        if path.suffix in TEXT
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        for what, pattern in OUT_OF_PLACE.items()
        if re.search(pattern, line)
    ]
    assert [] == found


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("https://files.python" + "hosted.org/packages", "a registry's host"),
        ("--index-url https://example.org/simple", "an index of pip's"),
        ("see /ro" + "ot/.cache", "a path of one machine"),
    ],
)
def test_what_is_out_of_place_is_seen(line: str, what: str) -> None:
    """The check above can fail."""
    assert [what] == [name for name, pattern in OUT_OF_PLACE.items() if re.search(pattern, line)]


def test_nothing_is_patched() -> None:
    """Fakes implement the ports; no test reaches into a module to replace something."""
    patching = re.compile(r"mock[.]patch|from unittest import mock|monkeypatch[.]setattr")
    tests = [path for path in files() if named(path).startswith("tests/") and path.suffix == ".py"]
    assert [] == [named(path) for path in tests if patching.search(path.read_text()) and path != Path(__file__)]
