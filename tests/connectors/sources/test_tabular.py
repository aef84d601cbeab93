"""Files under DuckDB: the engine sees the files that were named and nothing else of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.sources import TabularSource
from connectors.sources.tabular import locked
from governance.errors import SourceUnavailable
from tests.connectors.sources.engines import COLUMNS, csv_source, mapping, parquet_source
from tests.disclosure.test_rows import row
from tests.disclosure.world import NONE, MemorySource, aggregate, ask, request, table_of

OWN: dict[str, Any] = {"rows": "own", "view": "identified"}


@pytest.fixture
def held(tmp_path: Path) -> Any:
    """A locked engine over one file, with a secret file beside it."""
    pq.write_table(pa.table({"a": [1]}), tmp_path / "mine.parquet")
    pq.write_table(pa.table({"a": [2]}), tmp_path / "secret.parquet")
    (tmp_path / "secret.csv").write_text("a\n2\n")
    connection = locked([tmp_path / "mine.parquet"])
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_parquet('{0}/secret.parquet')",
        "SELECT * FROM '{0}/secret.parquet'",
        "SELECT * FROM read_csv('{0}/secret.csv')",
        "SELECT * FROM read_text('{0}/secret.csv')",
        "SELECT * FROM read_blob('/etc/passwd')",
        "SELECT * FROM glob('{0}/*')",
        "ATTACH '{0}/new.db' AS other",
        "COPY (SELECT 1) TO '{0}/out.csv'",
        "EXPORT DATABASE '{0}/out'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/']",
        "SET memory_limit = '100GB'",
        "RESET lock_configuration",
        "SELECT * FROM read_parquet('http://127.0.0.1:1/x.parquet')",
    ],
)
def test_the_engine_is_locked(held: duckdb.DuckDBPyConnection, tmp_path: Path, statement: str) -> None:
    """No other file, no database, no extension, no setting, no network; nothing is written."""
    before = sorted(tmp_path.iterdir())
    with pytest.raises(duckdb.Error):
        held.execute(statement.format(tmp_path)).fetchall()
    with pytest.raises(duckdb.Error):
        held.cursor().execute(statement.format(tmp_path)).fetchall()
    assert before == sorted(tmp_path.iterdir())


def test_csv_files_answer_as_lists_do(tmp_path: Path) -> None:
    """A CSV file without a load: types are the engine's guess, and fit."""
    rows = [
        row(f"c{i}", name="x", program="early", days=i, done=bool(i % 2), grade=70, fee=i / 2, quarter="2026-Q3")
        for i in range(30)
    ]
    asked = request(rows="own", group_by=["days", "done"], measures=[{"measure": "sum", "field": "fee"}])
    real = csv_source(tmp_path, "ash", rows)
    columns = {k: v for k, v in COLUMNS.items() if k not in ("born", "seen", "language")}
    narrow = TabularSource(mapping=mapping("ash", {"files": ["ash.csv"]}, columns), files=[tmp_path / "ash.csv"])
    assert table_of(ask({"ash": MemorySource("ash", rows)}, asked, NONE)) == table_of(ask({"ash": narrow}, asked, NONE))
    real.close()
    narrow.close()


def test_several_files_are_one_source(tmp_path: Path) -> None:
    """Columns are joined by name, whatever their order."""
    pq.write_table(pa.table({"c": ["1", "2"], "n": ["a", "b"]}), tmp_path / "one.parquet")
    pq.write_table(pa.table({"n": ["c"], "c": ["3"]}), tmp_path / "two.parquet")
    files = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    source = TabularSource(
        mapping=mapping("ash", {"files": [f.name for f in files]}, {"client": "c", "name": "n"}), files=files
    )
    made = table_of(ask({"ash": source}, request(**OWN, fields=["client", "name"], order_by=["client"]), NONE))
    assert [("1", "a"), ("2", "b"), ("3", "c")] == [tuple(r.values()) for r in made]
    source.close()


@pytest.mark.parametrize(
    ("columns", "fields", "reason", "words"),
    [
        ({"client": "c", "name": "gone"}, ["name"], "column-missing", "`gone`"),
        ({"client": "c", "days": "n"}, ["days"], "column-wrong-type", "`n`"),
        ({"client": "c"}, ["name"], "field-not-mapped", "`name`"),
    ],
)
def test_a_column_that_does_not_serve_is_named(
    tmp_path: Path, columns: dict[str, str], fields: list[str], reason: str, words: str
) -> None:
    """The error names the column or the field, never a path."""
    path = tmp_path / "one.parquet"
    pq.write_table(pa.table({"c": ["1"], "n": ["a"]}), path)
    source = TabularSource(mapping=mapping("ash", {"files": [path.name]}, columns), files=[path])
    with pytest.raises(SourceUnavailable, match=words) as caught:
        ask({"ash": source}, request(**OWN, fields=fields), NONE)
    assert reason == caught.value.reason
    assert str(tmp_path) not in caught.value.detail
    source.close()


def test_a_file_that_is_missing_or_broken_is_unavailable(tmp_path: Path) -> None:
    """Without a path in the message."""
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"not parquet")
    for path, reason in ((broken, "source-unreadable"), (tmp_path / "none.parquet", "source-file-missing")):
        with pytest.raises(SourceUnavailable) as caught:
            TabularSource(mapping=mapping("ash", {"files": [path.name]}), files=[path])
        assert reason == caught.value.reason
        assert str(tmp_path) not in caught.value.detail


def test_a_query_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """The engine is interrupted, and the source serves the next query."""
    path = tmp_path / "big.parquet"
    made = duckdb.sql("SELECT (i % 1000000)::VARCHAR AS c, i::VARCHAR AS n FROM range(4000000) r(i)")
    made.write_parquet(str(path))
    source = TabularSource(
        mapping=mapping("ash", {"files": [path.name]}, {"client": "c", "name": "n"}), files=[path], threads=1
    )
    asked = request(rows="own", group_by=["name"], measures=[{"measure": "clients"}])
    with pytest.raises(SourceUnavailable) as caught:
        ask({"ash": source}, asked, NONE, seconds=0.05)
    assert "source-timeout" == caught.value.reason
    count = request(rows="own", measures=[{"measure": "count"}])
    assert [4_000_000] == [r["count"] for r in table_of(ask({"ash": source}, count, NONE))]
    source.close()


@pytest.mark.slow
def test_a_million_rows_stream_with_flat_memory(tmp_path: Path) -> None:
    """What the engine and we hold at once does not grow with the rows."""
    path = tmp_path / "big.parquet"
    duckdb.sql("SELECT i::VARCHAR AS c, repeat('x', 200) || i AS n FROM range(1000000) r(i)").write_parquet(str(path))
    source = TabularSource(
        mapping=mapping("ash", {"files": [path.name]}, {"client": "c", "name": "n"}), files=[path], threads=1
    )
    made = ask({"ash": source}, request(**OWN, fields=["client", "name"]), NONE)
    before, most, rows = pa.total_allocated_bytes(), 0, 0
    for batch in made.batches:
        rows += batch.table.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert 1_000_000 == rows
    assert most < 64_000_000
    source.close()


def test_values_never_become_statements(tmp_path: Path) -> None:
    """Column names, values and levels that look like SQL are names and values."""
    hostile = "'; DROP VIEW rows_of_the_party; --"
    rows = [row("1", name=hostile, language="English"), row("2", name="x", language="Polish")]
    source = parquet_source(tmp_path, "ash", rows)
    filters = [{"field": "name", "op": "eq", "value": hostile}]
    asked = request(**OWN, fields=["name"], filters=filters)
    assert [{"name": hostile}] == table_of(ask({"ash": source}, asked, NONE))
    figures = request(group_by=["language"])
    assert 3 == len(table_of(ask({"ash": source}, figures, aggregate())))
    source.close()
