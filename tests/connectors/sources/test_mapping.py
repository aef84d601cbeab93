"""Mapping files: read, proposed, checked against a source. Every fault names the column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from connectors.sources import Mapping, SqlSource, TabularSource, check, propose, read, to_yaml
from governance.errors import DocumentWrong
from tests.connectors.sources.engines import COLUMNS, mapping, parquet_source
from tests.disclosure.test_rows import row
from tests.disclosure.world import mou

DATASET = mou().datasets["visits"]
WHOLE = """\
party: ash
mou: trees
dataset: visits
source:
  files: [ash.csv]
columns:
  client: Client No
  name: name
"""


def test_a_file_is_read_and_written() -> None:
    """What is written is read again, comments and all."""
    made = read(WHOLE.encode())
    assert ("ash", ("ash.csv",), "Client No") == (made.party, made.source.files, made.columns["client"])
    text = to_yaml(made, comments={"name": "please check"})
    assert "# please check" in text
    assert made == read(text.encode())


@pytest.mark.parametrize(
    ("data", "line", "part"),
    [
        (b"\xff", 0, "not text in UTF-8"),
        (b"party: [", 1, ""),
        (b"- a", 1, "a set of keys"),
        (b"", 1, "a set of keys"),
        (WHOLE.replace("party: ash", "party: ash\nparty: birch").encode(), 2, "duplicate key"),
        (WHOLE.replace("mou: trees", "mou: &a trees").encode(), 0, "anchors"),
        (WHOLE.replace("dataset: visits", "dataset: Visits!").encode(), 3, "`dataset`"),
        (WHOLE.replace("dataset: visits\n", "").encode(), 0, "`dataset`: field required"),
        (WHOLE.replace("name: name", "name: ''").encode(), 8, "`columns.name`"),
        (WHOLE.replace("name: name", "name: 5").encode(), 8, "`columns.name`"),
        (WHOLE.replace("files: [ash.csv]", "table: t\n  files: [x]").encode(), 4, "not both"),
        (WHOLE.replace("files: [ash.csv]", "{}").encode(), 4, "not both"),
        (WHOLE.replace("files: [ash.csv]", "files: [ash.csv]\n  url: sqlite://").encode(), 4, "belong to a `table`"),
        ((WHOLE + "extra: 1\n").encode(), 9, "`extra`"),
        (b"x: " + b"[" * 100_000, 0, "brackets"),
        (b"x: " + b"[" * 2_000, 0, ""),
        (b"a" * 200_001, 0, "larger than"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(data: bytes, line: int, part: str) -> None:
    """Every fault at once, never a traceback."""
    with pytest.raises(DocumentWrong) as caught:
        read(data)
    fault = caught.value.faults[0]
    assert part in fault.message
    if line:
        assert line == fault.line


def test_columns_are_proposed_by_name_and_title() -> None:
    """By name first, then by title; none is given twice, and none is forced."""
    found = propose(["ClientNumber", "Program", "Date of Birth", "Completed", "lang", "Notes", "GRADE"], DATASET)
    assert "ClientNumber" == found["client"]
    assert "Program" == found["program"]
    assert "Date of Birth" == found["born"]
    assert "Completed" == found["done"]
    assert "GRADE" == found["grade"]
    assert found["fee"] is None
    assert "org" not in found
    given = [c for c in found.values() if c is not None]
    assert len(given) == len(set(given))


def test_a_mapping_that_fits_has_no_fault(tmp_path: Path) -> None:
    """Values in levels, quarters that are quarters."""
    rows = [row("1", program="early", language="Klingon", days=5, quarter="2026-Q3", done=True, grade=70)]
    source = parquet_source(tmp_path, "ash", rows)
    assert () == check(mapping("ash", {"files": ["x"]}), DATASET, source)
    source.close()


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    """Missing and mistyped columns are errors; values in no level and rows without a subject are warnings."""
    path = tmp_path / "rows.parquet"
    table = pa.table(
        {
            "Client": ["1", None],
            "name": ["a", "b"],
            "program": ["early", "gone"],
            "language": ["English", "x"],
            "days": ["1", "2"],
            "done": [True, False],
            "grade": [50, 400],
            "fee": [1, 2],
            "born": ["2000-01-01", "x"],
            "seen": pa.array([0, 1], pa.timestamp("s")),
            "quarter": ["2026-Q3", "Q3 2026"],
            "org": ["ash", "birch"],
        }
    )
    pq.write_table(table, path)
    columns = {name: name for name in COLUMNS if name != "client"} | {"client": "client", "org": "org"}
    source = TabularSource(mapping=mapping("ash", {"files": [path.name]}, columns), files=[path])
    faults = check(mapping("ash", {"files": [path.name]}, columns), DATASET, source)
    found = {(f.level, f.code, f.path[-1]) for f in faults}
    assert {
        ("error", "column-missing", "client"),
        ("error", "column-wrong-type", "days"),
        ("error", "column-wrong-type", "born"),
        ("error", "value-wrong-type", "quarter"),
        ("warning", "value-in-no-level", "program"),
        ("warning", "value-in-no-level", "grade"),
        ("warning", "other-contributor", "org"),
    } == found
    missing = next(f for f in faults if f.code == "column-missing")
    assert ("the source has no column `client`", "`Client`") == (missing.message, missing.expected)
    fixed = columns | {"client": "Client"}
    again = check(mapping("ash", {"files": [path.name]}, fixed), DATASET, source)
    assert ("warning", "subject-missing", "client") in {(f.level, f.code, f.path[-1]) for f in again}
    source.close()


def test_fields_without_a_column_and_columns_without_a_field_are_told() -> None:
    """The contributor needs no column: it is the owner."""
    made = mapping("ash", {"files": ["x"]}, {"client": "c", "shoe": "s"})
    faults = made.faults(DATASET)
    assert ("unknown-field", ("columns", "shoe")) == (faults[0].code, faults[0].path)
    unmapped = {f.message.split("`")[1] for f in faults if f.code == "field-not-mapped"}
    assert set(DATASET.fields) - {"client", "org"} == unmapped


def test_a_live_table_is_checked_too(tmp_path: Path) -> None:
    """A column that names another contributor is a warning there."""
    url = f"sqlite:///{tmp_path}/rows.db"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (c TEXT, o TEXT, d DATE)"))
        connection.execute(sa.text("INSERT INTO t VALUES ('1', 'birch', '2000-01-01')"))
    engine.dispose()
    made: Mapping = mapping("ash", {"table": "t"}, {"client": "c", "org": "o", "born": "d", "days": "d"})
    source = SqlSource(mapping=made, url=url)
    found: set[Any] = {(f.level, f.code) for f in check(made, DATASET, source)} - {("error", "field-not-mapped")}
    assert {("warning", "other-contributor"), ("error", "column-wrong-type")} == found
    source.close()
