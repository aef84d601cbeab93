"""Parquet and CSV files, read by DuckDB: locked to the files that were named, one thread's cursor a query.

Before the first query the engine is told which files it may open and loses every other way to the outside: no other
path, no ATTACH, no extension, no setting (`lock_configuration`). Memory and threads are bounded.
"""

from __future__ import annotations

import contextlib
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from connectors.sources.deadlines import limited
from connectors.sources.kinds import Kind, fits, kind_of_duckdb
from connectors.sources.mapping import Mapping
from connectors.sources.statement import Bound, column_of, statement
from governance.disclosure.query import SourceQuery, require_genuine
from governance.errors import SourceUnavailable
from governance.model.names import FieldType

__all__ = ["TabularSource", "asked", "compiled", "described", "few", "locked", "unreadable"]

# DuckDB speaks PostgreSQL's SQL; its values are bound as $1, $2, …
_DIALECT = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_VIEW = "rows_of_the_party"
_MOST_STATEMENTS = 256


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _reader(path: Path) -> str:
    quoted = _quoted(path)
    if path.suffix.lower() in (".csv", ".tsv", ".txt"):
        return f"SELECT * FROM read_csv({quoted}, header = true, sample_size = -1)"  # noqa: S608 - quoted
    return f"SELECT * FROM read_parquet({quoted})"  # noqa: S608 - quoted


def _marked(paths: Sequence[Path], mark: str) -> str:
    listed = ", ".join(map(_quoted, paths))
    # The same columns in each: whoever differs in them is refused before.
    return f"SELECT * FROM read_parquet([{listed}], filename = '{mark}', hive_partitioning = false)"  # noqa: S608


def locked(
    files: Sequence[Path], *, memory: str = "1GB", threads: int = 2, mark: str | None = None
) -> duckdb.DuckDBPyConnection:
    """A DuckDB that sees one view over these files and nothing else of the machine.

    `mark`: a name of ours for one more column, the path of the Parquet file in which a row lies.
    """
    missing = [p for p in files if not p.is_file()]
    if missing or not files:
        raise SourceUnavailable("a file of the source is not there", reason="source-file-missing")
    paths = [p.resolve() for p in files]
    try:
        connection = duckdb.connect(
            ":memory:", config={"threads": threads, "memory_limit": memory, "allow_unsigned_extensions": "false"}
        )
        connection.execute("SET temp_directory = ''")
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET autoload_known_extensions = false")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET parquet_metadata_cache = true")
        view = _marked(paths, mark) if mark else " UNION ALL BY NAME ".join(_reader(p) for p in paths)
        connection.execute(f'CREATE VIEW "{_VIEW}" AS {view}')
        connection.execute("SET allowed_paths = " + "[" + ", ".join(map(_quoted, paths)) + "]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except duckdb.Error:
        raise SourceUnavailable("the files of the source cannot be read", reason="source-unreadable") from None
    return connection


def described(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The columns of the view and their types, as DuckDB names them."""
    return {str(name): str(kind) for name, kind, *_ in connection.execute(f'DESCRIBE "{_VIEW}"').fetchall()}


class TabularSource:
    """One party's files. Safe from several threads: each query has a cursor of its own."""

    def __init__(self, *, mapping: Mapping, files: Sequence[Path], memory: str = "1GB", threads: int = 2) -> None:
        self.owner = mapping.party
        self.dataset = mapping.dataset
        self.files = tuple(p.resolve() for p in files)
        self._mapping = mapping
        self._lock = threading.Lock()
        self._statements: dict[str, tuple[str, list[Any]]] = {}
        self._connection = locked(files, memory=memory, threads=threads)
        self._kinds = described(self._connection)
        # The engine is closed with its source, at the latest before the interpreter goes.
        self._finalizer = weakref.finalize(self, self._connection.close)

    def __repr__(self) -> str:
        return f"TabularSource(owner={self.owner!r}, dataset={self.dataset!r})"

    def close(self) -> None:
        """Lets go of the engine."""
        self._finalizer()

    def columns(self) -> dict[str, str]:
        """The columns that are there, with their types in the engine's words."""
        return dict(self._kinds)

    def fields(self) -> dict[str, str]:
        """Which column a field is read from."""
        return dict(self._mapping.columns)

    def distinct(self, column: str, limit: int) -> list[Any]:
        """Up to `limit` distinct values of a column, absent ones aside. Raises SourceUnavailable."""
        name: sa.ColumnClause[Any] = sa.column(sa.sql.quoted_name(column, True))
        return [row[0] for row in self._asked(sa.select(name).distinct().where(name.is_not(None)).limit(limit))]

    def absent(self, column: str) -> int:
        """In how many rows the column has no value. Raises SourceUnavailable."""
        name: sa.ColumnClause[Any] = sa.column(sa.sql.quoted_name(column, True))
        return int(self._asked(sa.select(sa.func.count()).where(name.is_(None)))[0][0])

    def _asked(self, select: sa.Select[Any]) -> list[Any]:
        text, values = compiled(select.select_from(sa.table(_VIEW)))
        try:
            with self._lock:
                cursor = self._connection.cursor()
            with cursor:
                return list(cursor.execute(text, values).fetchall())
        except duckdb.Error:
            raise SourceUnavailable("the files of the source cannot be read", reason="source-unreadable") from None

    def kind(self, column: str) -> Kind:
        """What kind of values a column holds."""
        return kind_of_duckdb(self._kinds[column])

    def fetch(self, query: SourceQuery) -> Iterator[pa.RecordBatch]:
        """Rows or groups, batch by batch. Raises SourceUnavailable."""
        require_genuine(query)
        if query.contributor != self.owner or query.dataset != self.dataset:
            raise SourceUnavailable("the source belongs to another party or dataset", reason="source-mismatch")
        consenting = query.consenting()
        text, values = self._statement(query, consenting=consenting is not None)
        return self._run(query, text, values, consenting)

    def bound(self, query: SourceQuery) -> Bound:
        """The view with the mapped columns that the query's dataset has. Raises SourceUnavailable."""
        columns, aware = {}, set()
        for field, column in self._mapping.columns.items():
            type_ = query.types.get(field)
            if type_ is None:
                continue  # a column for a field that the MOU does not have: not reachable
            there = self._kinds.get(column)
            if there is None:
                raise SourceUnavailable(f"the source has no column `{column}`", reason="column-missing")
            kind = kind_of_duckdb(there)
            if not fits(kind, type_):
                raise SourceUnavailable(
                    f"the column `{column}` does not fit the type `{type_}`", reason="column-wrong-type"
                )
            if kind == "aware":
                aware.add(field)
            columns[field] = column_of(column, type_, cast=_needs_cast(kind, there, type_), aware=kind == "aware")
        return Bound(sa.table(_VIEW), columns, self.owner, frozenset(aware))

    def _statement(self, query: SourceQuery, *, consenting: bool) -> tuple[str, list[Any]]:
        """The statement and its values; the same question is put into SQL once."""
        key = f"{consenting} {asked(query)}"
        found = self._statements.get(key)
        if found is None:
            bound = self.bound(query)
            consents = sa.table("consenting_subjects", sa.column("subject", sa.Text())) if consenting else None
            found = compiled(statement(query, bound, consents))
            if len(self._statements) >= _MOST_STATEMENTS:
                self._statements.clear()
            self._statements[key] = found
        return found

    def _run(
        self, query: SourceQuery, text: str, values: list[Any], consenting: pa.Table | None
    ) -> Iterator[pa.RecordBatch]:
        with self._lock:
            cursor = self._connection.cursor()
        try:
            with unreadable(query.seconds):
                if consenting is not None:
                    cursor.register("consenting_subjects", consenting)
                batches = (_counted if few(query) else _streamed)(cursor, query, text, values)
                left = query.seconds
                while True:
                    # What the reader does with a batch (and records of it) holds no file, and counts for nothing here.
                    began = time.monotonic()
                    with limited(left, cursor.interrupt):
                        batch = next(batches, None)
                    left = max(left - (time.monotonic() - began), 0.0)
                    if batch is None:
                        return
                    yield batch
        finally:
            cursor.close()


@contextlib.contextmanager
def unreadable(seconds: float) -> Iterator[None]:
    """The engine's errors as SourceUnavailable."""
    try:
        yield
    except duckdb.InterruptException:
        raise SourceUnavailable(f"the query took longer than {seconds:g} s", reason="source-timeout") from None
    except (duckdb.Error, pa.ArrowException):
        raise SourceUnavailable("the files of the source cannot be read", reason="source-unreadable") from None


def asked(query: SourceQuery) -> str:
    """What a query asks, whoever its contributor is: by `repr`, for which 1, 1.0 and True are three values."""
    return repr((query.kind, query.contributor_field, query.subject_field, query.columns, query.where,
                 query.order_by, query.limit, query.keys, query.tallies, query.per_subject,
                 sorted(query.types.items())))  # fmt: skip


def few(query: SourceQuery) -> bool:
    """Numbers of bins and tallies are few, and cheaper as they are than as Arrow."""
    return query.kind == "groups" and all(key.bins is not None for key in query.keys)


def _streamed(
    cursor: duckdb.DuckDBPyConnection, query: SourceQuery, text: str, values: list[Any]
) -> Iterator[pa.RecordBatch]:
    schema = query.schema
    # A relation streams; the result of `execute` would be copied whole.
    for batch in cursor.sql(text, params=values).to_arrow_reader(query.batch_rows):
        for start in range(0, batch.num_rows, query.batch_rows):
            yield _conformed(batch.slice(start, query.batch_rows), schema)


def _counted(
    cursor: duckdb.DuckDBPyConnection, query: SourceQuery, text: str, values: list[Any]
) -> Iterator[pa.RecordBatch]:
    schema = query.schema
    cursor.execute(text, values)
    while rows := cursor.fetchmany(query.batch_rows):
        arrays = [pa.array(column, f.type) for column, f in zip(zip(*rows, strict=True), schema, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _needs_cast(kind: str, there: str, type_: FieldType) -> bool:
    if type_ in ("string", "quarter"):
        return kind != "text" or there != "VARCHAR"
    if type_ == "number":
        return there != "DOUBLE"
    if type_ == "integer":
        return there not in ("BIGINT", "INTEGER", "SMALLINT", "TINYINT")
    return False


def compiled(select: sa.Select[Any]) -> tuple[str, list[Any]]:
    """The statement in DuckDB's words, and its values in their order."""
    made = select.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    names = made.positiontup or []
    return str(made), [made.params[name] for name in names]


def _conformed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    # What has its type already is left alone: the first cast of a process makes all of `pyarrow.compute`.
    arrays = [c if c.type == f.type else c.cast(f.type) for c, f in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
