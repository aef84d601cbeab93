"""The demo is the real thing: a server of its own, the commands that users have, every step as told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_the_demo_comes_out_as_told(tmp_path: Path) -> None:
    """Every step ends with the code that the story tells; then the demo ends with 0 and keeps its home."""
    ran = subprocess.run(
        [sys.executable, "-m", "governance.cli", "demo", "--home", str(tmp_path / "kept"), "--json"],
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert 0 == ran.returncode, ran.stderr
    steps = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(steps) > 60
    assert all(s["exit"] == s["expected"] for s in steps)
    assert {0, 1} == {s["exit"] for s in steps}
    assert (tmp_path / "kept" / "home" / "accordant.toml").is_file()


def test_a_demo_into_a_home_that_is_there_is_refused(tmp_path: Path) -> None:
    """One line, and nothing is touched."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "precious").write_text("kept")
    ran = subprocess.run(
        [sys.executable, "-m", "governance.cli", "demo", "--home", str(tmp_path)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode != 0
    assert "Traceback" not in ran.stderr
    assert "kept" == (tmp_path / "home" / "precious").read_text()
