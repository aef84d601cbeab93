"""Every test that `docs/threat-model.md` names exists, and every attacker of tests/attacks is named there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", TEXT)
ATTACKERS = ("operator", "database owner", "partner", "two partners together", "stolen connector key", "host",
             "log-key thief")  # fmt: skip


def test_every_test_that_is_named_exists() -> None:
    """Path and name."""
    assert len(NAMED) > 30
    missing = []
    for path, name in NAMED:
        file = ROOT / path
        if not file.is_file() or (name and not re.search(rf"^\s*def {name}\(", file.read_text(), re.MULTILINE)):
            missing.append((path, name))
    assert [] == missing


def test_every_attacker_has_a_row() -> None:
    """What holds, what does not, and which test shows it: no cell is empty."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| **")]
    assert list(ATTACKERS) == [row.split("**")[1] for row in rows]
    assert all(all(cell.strip() for cell in row.strip("|").split("|")) for row in rows)
    assert all(row.count("`tests/") >= 2 for row in rows)


def test_every_file_of_attacks_is_named() -> None:
    """A new attacker has to be told of."""
    files = {f"tests/attacks/{p.name}" for p in (ROOT / "tests" / "attacks").glob("test_*.py")}
    assert set() == files - {path for path, _ in NAMED}
