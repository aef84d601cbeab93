"""Bringing files in: all rows or none, every fault with its line and column."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.sources import LoadReport, TabularSource, load
from governance.errors import DocumentWrong
from tests.connectors.sources.engines import mapping
from tests.disclosure.world import NONE, ask, field_names, mou, request, table_of

DATASET = mou().datasets["visits"]
COLUMNS = {name: name for name in field_names() if name != "org"}
HEADER = ",".join(COLUMNS)
GOOD = "1,Ann,early,English,5,yes,70,1.5,2000-01-31,2026-09-01T12:00:00Z,2026-Q3"
EMPTY = "2,,,,,,,,,,"


def loaded(tmp_path: Path, text: str | bytes, *, name: str = "rows.csv", columns: Any = None) -> LoadReport:
    """Loads a file's text."""
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    made = mapping("ash", {"files": [name]}, columns or COLUMNS)
    return load(path, mapping=made, dataset=DATASET, target=tmp_path / "store" / "visits.parquet")


def test_rows_come_in_typed(tmp_path: Path) -> None:
    """Each value in its field's type, empty as absent; the file serves at once."""
    report = loaded(tmp_path, f"{HEADER}\n{GOOD}\n\n{EMPTY}\n")
    assert (2, 2, ()) == (report.rows, report.subjects, report.warnings)
    source = TabularSource(mapping=report.mapping, files=[tmp_path / "store" / "visits.parquet"])
    asked = request(rows="own", view="identified", fields=list(field_names()), order_by=["client"])
    first, second = table_of(ask({"ash": source}, asked, NONE))
    assert {
        "client": "1",
        "name": "Ann",
        "org": "ash",
        "program": "early",
        "language": "English",
        "days": 5,
        "done": True,
        "grade": 70,
        "fee": 1.5,
        "born": dt.date(2000, 1, 31),
        "seen": dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC),
        "quarter": "2026-Q3",
    } == {k: v.astimezone(dt.UTC) if isinstance(v, dt.datetime) else v for k, v in first.items()}
    assert {"client": "2", "org": "ash"} == {k: v for k, v in second.items() if v is not None}
    late = request(
        rows="own",
        view="identified",
        fields=["client"],
        filters=[{"field": "seen", "op": "le", "value": "2026-09-01T14:00:00+02:00"}],
    )
    assert [{"client": "1"}] == table_of(ask({"ash": source}, late, NONE))
    source.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("days", "five"),
        ("days", "5.5"),
        ("days", "1_000"),
        ("days", "99999999999999999999"),
        ("done", "maybe"),
        ("grade", "70%"),
        ("fee", "nan"),
        ("fee", "inf"),
        ("fee", "1_0.5"),
        ("born", "31/01/2000"),
        ("born", "2000-02-30"),
        ("seen", "yesterday"),
        ("quarter", "2026Q3"),
        ("name", "a\x00b"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_with_its_place(tmp_path: Path, column: str, value: str) -> None:
    """Line and column of the file, what stands there, what was expected; nothing is written."""
    values = dict(zip(COLUMNS, GOOD.split(","), strict=True)) | {column: value}
    text = f"{HEADER}\n{GOOD}\n{','.join(values.values())}\n"
    with pytest.raises(DocumentWrong) as caught:
        loaded(tmp_path, text)
    fault = caught.value.faults[0]
    assert (3, list(COLUMNS).index(column) + 1) == (fault.line, fault.column)
    assert f"`{column}`" in fault.message
    assert fault.expected
    assert [] == list((tmp_path / "store").iterdir())


def test_a_row_that_names_another_contributor_stops_the_load(tmp_path: Path) -> None:
    """With its line, whether the column is mapped or only named as the contributor's; the party's own id passes."""
    text = f"{HEADER},org\n{GOOD},ash\n{EMPTY},\n3{GOOD[1:]},birch\n"
    for columns in (COLUMNS, COLUMNS | {"org": "org"}):
        with pytest.raises(DocumentWrong) as caught:
            loaded(tmp_path, text, columns=columns)
        fault = caught.value.faults[0]
        assert ("other-contributor", 4) == (fault.code, fault.line)
        assert ("the row names the contributor `birch`", "`ash`") == (fault.message, fault.expected)
    assert 2 == loaded(tmp_path, text.rsplit("3", 1)[0].rsplit("\n3", 1)[0] + "\n").rows


def test_a_row_without_a_subject_is_told(tmp_path: Path) -> None:
    """It could be neither consented to nor accounted for."""
    with pytest.raises(DocumentWrong) as caught:
        loaded(tmp_path, f"{HEADER}\n ,{GOOD[2:]}\n")
    assert ("subject-missing", 2, 1) == (
        caught.value.faults[0].code,
        caught.value.faults[0].line,
        caught.value.faults[0].column,
    )


def test_the_old_rows_stand_where_the_new_ones_are_wrong(tmp_path: Path) -> None:
    """All of a file or nothing of it, and no half-written file is left."""
    loaded(tmp_path, f"{HEADER}\n{GOOD}\n")
    before = (tmp_path / "store" / "visits.parquet").read_bytes()
    with pytest.raises(DocumentWrong):
        loaded(tmp_path, f"{HEADER}\n{GOOD}\n{GOOD.replace('70', 'x')}\n")
    assert before == (tmp_path / "store" / "visits.parquet").read_bytes()
    assert ["visits.parquet"] == [p.name for p in (tmp_path / "store").iterdir()]


def test_blanks_around_a_value_do_not_count(tmp_path: Path) -> None:
    """The client ` 1 ` is the client `1`, as consents know it."""
    assert 1 == loaded(tmp_path, f"{HEADER}\n{GOOD}\n 1 {GOOD[1:]}\n").subjects


def test_lines_are_counted_through_quoted_breaks(tmp_path: Path) -> None:
    """A value over two lines moves the lines after it."""
    text = f'{HEADER}\n1,"An\nn"{GOOD[5:]}\n{GOOD.replace("70", "x")}\n'
    with pytest.raises(DocumentWrong) as caught:
        loaded(tmp_path, text)
    assert 4 == caught.value.faults[0].line


def test_many_faults_are_cut_off(tmp_path: Path) -> None:
    """The first hundred, and that there are more."""
    with pytest.raises(DocumentWrong) as caught:
        loaded(tmp_path, HEADER + "\n" + f"{GOOD.replace('70', 'x')}\n" * 500)
    assert 101 == len(caught.value.faults)
    assert "more faults follow" in caught.value.faults[-1].message


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "empty", 0),
        ("\n", "empty", 0),
        (f"{HEADER},name\n", "column-twice", 1),
        (HEADER.replace("name", "nom") + "\n", "column-missing", 1),
        (f"{HEADER}\n{GOOD}\n1,2\n", "wrong-width", 3),
        (f'{HEADER}\n{GOOD}\n"open', "not-csv", 3),
        (HEADER.encode() + b"\n\xff\xfe", "not-utf8", 2),
    ],
)
def test_a_file_that_is_no_table_is_told(tmp_path: Path, text: str | bytes, code: str, line: int) -> None:
    """By what is wrong with it, where."""
    with pytest.raises(DocumentWrong) as caught:
        loaded(tmp_path, text)
    fault = caught.value.faults[0]
    assert (code, line) == (fault.code, fault.line) or (code == "not-utf8" and fault.code == code)


def test_parquet_comes_in_too(tmp_path: Path) -> None:
    """Numbers of clients become text, also where a tool made them floats; a fraction does not."""
    columns = {"client": "id", **{n: n for n in COLUMNS if n != "client"}}
    blank = {n: pa.nulls(2, pa.string()) for n in columns.values()}
    path = tmp_path / "rows.parquet"

    def attempt(ids: list[Any]) -> LoadReport:
        pq.write_table(pa.table(blank | {"id": ids, "days": [1.0, 2.0], "done": [True, False]}), path)
        made = mapping("ash", {"files": [path.name]}, columns)
        return load(path, mapping=made, dataset=DATASET, target=tmp_path / "store" / "visits.parquet")

    assert 2 == attempt([11391.0, 28400.0]).subjects
    stored = pq.read_table(tmp_path / "store" / "visits.parquet")
    assert ["11391", "28400"] == stored["client"].to_pylist()
    assert [1, 2] == stored["days"].to_pylist()
    with pytest.raises(DocumentWrong) as caught:
        attempt([1.0, 2.5])
    assert 2 == caught.value.faults[0].line
    for wrong in (dt.date(2026, 1, 1), b"1", [1]):
        with pytest.raises(DocumentWrong) as caught:
            attempt([wrong, wrong])
        assert ("value-wrong-type", 1) == (caught.value.faults[0].code, caught.value.faults[0].line)
    path.write_bytes(b"nothing")
    with pytest.raises(DocumentWrong, match="not a Parquet file"):
        load(path, mapping=mapping("ash", {"files": ["x"]}, columns), dataset=DATASET, target=tmp_path / "x.parquet")


def test_values_in_no_level_are_a_warning(tmp_path: Path) -> None:
    """They come in, and stand in no cell; the first line is told."""
    report = loaded(tmp_path, f"{HEADER}\n{GOOD}\n{GOOD.replace('early', 'gone')}\n{GOOD.replace('early', 'gone')}\n")
    (warning,) = report.warnings
    assert ("value-in-no-level", 3, "warning") == (warning.code, warning.line, warning.level)
    assert "2 rows hold values of `program`" in warning.message
