"""Writes `requirements.lock`: one exact version, with its hashes, for everything that `pyproject.toml` asks for.

`make lock` runs it (with `pip-tools`, in a virtual environment of its own); nobody edits the file. Dependencies, every
extra, the group `dev` and the build's own requirements are resolved together, so that what is tested is what is
installed. The file names no index: pip asks the one that the machine is set up for.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

__all__ = ["wanted"]

ROOT = Path(__file__).resolve().parents[1]
LOCK = "requirements.lock"
PIP_TOOLS = "pip-tools>=7.5,<8"
QUIET = ("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host")
HEADER = """\
# Every part that `make` installs, exact and with hashes; Python 3.11 and later, Linux and macOS.
# Written by `make lock` from pyproject.toml: change it there.
"""


def wanted() -> list[str]:
    """All requirements of `pyproject.toml`, with their bounds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    groups = project["dependency-groups"].values()
    parts = [project["project"]["dependencies"], project["build-system"]["requires"], *extras, *groups]
    return sorted({requirement for part in parts for requirement in part})


def main(words: list[str]) -> int:
    """Resolve anew; versions that still satisfy the bounds stay, unless `--upgrade` is said."""
    with tempfile.TemporaryDirectory() as folder:
        tools = Path(folder) / "tools"
        venv.create(tools, with_pip=True)
        subprocess.run([tools / "bin/pip", "install", "--quiet", PIP_TOOLS], check=True)
        source = Path(folder) / "requirements.in"
        source.write_text("\n".join(wanted()) + "\n")
        compile_ = [tools / "bin/pip-compile", "--generate-hashes", "--allow-unsafe", "--strip-extras", *QUIET]
        subprocess.run([*compile_, f"--output-file={LOCK}", *words, source], cwd=ROOT, check=True)
    lock = ROOT / LOCK
    lock.write_text(HEADER + lock.read_text().removeprefix(HEADER))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
