"""The table of faults in docs/operations.md and these tests are one list."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.faults.table import ROWS


def marked() -> set[str]:
    """The rows that tests in this folder are marked with."""
    found = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
                found.add(ast.literal_eval(node.args[0]))
    return found


def test_each_row_has_a_test_and_each_test_a_row() -> None:
    """A promise that nobody tries is none."""
    assert sorted(ROWS) == sorted(marked())


def test_each_row_is_told_whole() -> None:
    """What the caller gets, what the log says, how the service comes back."""
    assert [] == [name for name, cells in ROWS.items() if not all(cells)]
