"""The wheel is whole: installed where there is no checkout, it finds its policies and templates."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.test_house import files

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout, and with the builder that the lock brings."""
    source = tmp_path_factory.mktemp("source")
    for path in files():
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", source / "dist", source]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True)
    return next((source / "dist").glob("accordant-*.whl"))


@pytest.fixture(scope="module")
def accordant(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, in a virtual environment that has the wheel, and the parts of ours that are not Accordant's."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    # a folder named in a .pth is searched, but the .pth files in it, our editable install's too, are not read
    (site / "parts.pth").write_text(sysconfig.get_path("purelib") + "\n")
    words = ["install", "--quiet", "--no-deps", "--no-index", "--no-warn-script-location", wheel]
    subprocess.run([python, "-m", "pip", *words], check=True, capture_output=True, cwd=folder)
    return folder / "bin" / "accordant"


def ran(accordant: Path, folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command in an empty place, with nothing of the checkout on any path."""
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "PYTHONSAFEPATH": "1",
        "LANG": os.environ.get("LANG", "C.UTF-8"),
    }
    return subprocess.run([accordant, *words], cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_the_wheel_holds_packages_policies_templates_types_and_licence(wheel: Path) -> None:
    """Everything that belongs to it, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    folders = ("governance/", "audit/", "connectors/", "policies/", "mou_templates/")
    ours = [path.relative_to(ROOT).as_posix() for path in files()]
    assert [] == [name for name in ours if name.startswith(folders) and name not in names]
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert [] == [name for name in names if not name.startswith((*folders, "accordant-"))]


def test_the_installed_package_is_the_wheels(accordant: Path, tmp_path: Path) -> None:
    """The test below would prove nothing if the checkout were imported."""
    python = accordant.with_name("python")
    said = subprocess.run(
        [python, "-P", "-c", "import governance; print(governance.__file__)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert accordant.parents[1] in Path(said.strip()).parents


def test_an_mou_is_made_checked_and_compiled_outside_of_the_checkout(accordant: Path, tmp_path: Path) -> None:
    """`mou new` finds the template, `mou compile` the hand-written policies."""
    made = ran(accordant, tmp_path, "mou", "new", "benchmarking", "-o", "partners.mou.yaml", "--no-ask")
    assert 0 == made.returncode, made.stderr
    assert 0 == ran(accordant, tmp_path, "mou", "check", "partners.mou.yaml").returncode
    compiled = ran(accordant, tmp_path, "mou", "compile", "partners.mou.yaml", "-o", "bundle")
    assert 0 == compiled.returncode, compiled.stderr
    assert (tmp_path / "bundle" / ".manifest").is_file()
    library = {path.relative_to(ROOT / "policies") for path in (ROOT / "policies").rglob("*.rego")}
    assert {path for path in library if not path.name.endswith("_test.rego")} <= {
        path.relative_to(tmp_path / "bundle") for path in (tmp_path / "bundle").rglob("*.rego")
    }
