"""The same rows in every engine: Parquet and CSV files under DuckDB, SQLite, PostgreSQL."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from connectors.sources import Mapping, SqlSource, TabularSource
from governance.disclosure.query import arrow_type
from tests.disclosure.world import Row, mou

__all__ = ["COLUMNS", "csv_source", "mapping", "parquet_source", "sql_source"]

# Names that a careless statement would break on.
COLUMNS = {
    "client": "Client No",
    "name": 'na"me',
    "program": "select",
    "language": "language; DROP TABLE x",
    "days": "days",
    "done": "DONE",
    "grade": "grade'",
    "fee": "fee",
    "born": "born",
    "seen": "seen",
    "quarter": "quarter",
}
_SQL: dict[str, Any] = {
    "string": sa.Text(),
    "quarter": sa.String(7),
    "integer": sa.Integer(),
    "number": sa.Double(),
    "boolean": sa.Boolean(),
    "date": sa.Date(),
    "datetime": sa.DateTime(timezone=True),
}


def _types() -> dict[str, Any]:
    return {name: field.type for name, field in mou().datasets["visits"].fields.items() if name != "org"}


def mapping(party: str, source: dict[str, Any], columns: dict[str, str] | None = None) -> Mapping:
    """A mapping of the whole dataset."""
    return Mapping.model_validate(
        {"party": party, "mou": "trees", "dataset": "visits", "source": source, "columns": columns or COLUMNS}
    )


def parquet_source(folder: Path, party: str, rows: Sequence[Row]) -> TabularSource:
    """Rows in a Parquet file."""
    path = folder / f"{party} it's.parquet"
    arrays = {COLUMNS[f]: pa.array([r[f] for r in rows], arrow_type(t)) for f, t in _types().items()}
    pq.write_table(pa.table(arrays), path)
    return TabularSource(mapping=mapping(party, {"files": [path.name]}), files=[path], threads=1)


def csv_source(folder: Path, party: str, rows: Sequence[Row]) -> TabularSource:
    """Rows in a CSV file."""
    path = folder / f"{party}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([COLUMNS[f] for f in _types()])
        for row in rows:
            writer.writerow(["" if row[f] is None else row[f] for f in _types()])
    return TabularSource(mapping=mapping(party, {"files": [path.name]}), files=[path], threads=1)


def sql_source(url: str, party: str, rows: Sequence[Row], *, table: str | None = None) -> SqlSource:
    """Rows in a table of a database, made anew."""
    name = table or f"rows of {party}"
    engine = sa.create_engine(url)
    metadata = sa.MetaData()
    there = sa.Table(name, metadata, *(sa.Column(COLUMNS[f], _SQL[t]) for f, t in _types().items()))
    with engine.begin() as connection:
        if url.startswith("sqlite"):
            connection.exec_driver_sql("PRAGMA synchronous = OFF")
        there.drop(connection, checkfirst=True)
        there.create(connection)
        if rows:
            connection.execute(there.insert(), [{COLUMNS[f]: r[f] for f in _types()} for r in rows])
    engine.dispose()
    return SqlSource(mapping=mapping(party, {"table": name}), url=url)
