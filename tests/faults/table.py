"""The table of faults in docs/operations.md, as the tests read it: what is promised there is what they expect."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["ROWS", "promised"]

ROOT = Path(__file__).resolve().parents[2]
_TITLE = "| What happens | What the caller gets | What the log says | How the service comes back |"


def _rows() -> dict[str, tuple[str, str, str]]:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    found = {}
    for line in text.partition(_TITLE)[2].strip().splitlines()[1:]:
        if not line.startswith("|"):
            break
        name, caller, log, back = (cell.strip() for cell in line.strip("| ").split(" | "))
        found[name] = (caller, log, back)
    return found


ROWS = _rows()


def promised(row: str) -> list[tuple[int, str]]:
    """The statuses with their reason codes that a row promises the caller, in order."""
    return [(int(status), reason) for status, reason in re.findall(r"(\d{3}) `([a-z-]+)`", ROWS[row][0])]
