"""Any database that SQLAlchemy speaks to: a table or view of a party's own, read as it is now.

Rows stream through a server-side cursor where the driver has one. Nothing is ever committed: the transaction ends in a
rollback, and on PostgreSQL it is read-only as well unless subjects with a consent have to be brought along in a
temporary table. A query that takes too long is ended by the database; where PostgreSQL is not heard of any more, as
behind a network that lost it, the connection is given up here a second later. Messages name the field or the column
that the mapping knows, never the address, a statement or a row.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from connectors.sources.deadlines import limited
from connectors.sources.kinds import Kind, fits, kind_of_sql
from connectors.sources.mapping import Mapping
from connectors.sources.statement import Bound, column_of, statement
from governance.disclosure.query import SourceQuery, require_genuine
from governance.errors import SourceUnavailable
from governance.model.names import FieldType

__all__ = ["SqlSource"]

_CONSENTS = "accordant_consenting_subjects"
_CHUNK = 10_000
# A host that is gone without a word is noticed while nobody speaks, and when nothing that was said arrives.
_NOT_FOR_EVER: dict[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_CANCELLED = "57014"  # PostgreSQL: query_canceled

# Rows are objects here, and larger than as columns: a batch holds no more, whatever is asked for.
_MOST_AT_ONCE = 10_000


class SqlSource:
    """One party's table. Safe from several threads: each query has a connection of its own."""

    def __init__(self, *, mapping: Mapping, url: str | None = None, seconds: float = 10.0) -> None:
        address = url or mapping.source.url
        if address is None or mapping.source.table is None:
            raise SourceUnavailable("the mapping names no table, or the source has no address", reason="source-not-sql")
        self.owner = mapping.party
        self._mapping = mapping
        self._seconds = seconds
        try:
            parsed = sa.make_url(address)
            options: dict[str, Any] = {}
            if parsed.get_backend_name() == "postgresql":
                options["connect_args"] = {"connect_timeout": max(2, math.ceil(seconds))} | _NOT_FOR_EVER
            self._engine = sa.create_engine(parsed, pool_pre_ping=True, hide_parameters=True, **options)
            ping = self._engine.dialect.do_ping

            def heard(driver: Any) -> bool:
                with _heard(driver, seconds):
                    return ping(driver)

            self._engine.dialect.do_ping = heard  # type: ignore[method-assign, assignment]
        except (ArgumentError, NoSuchModuleError, ImportError, ValueError, TypeError):
            raise SourceUnavailable(
                "the address is not a database's that can be spoken to", reason="source-address"
            ) from None
        self._table: sa.Table | None = None

    def __repr__(self) -> str:
        return f"SqlSource(owner={self.owner!r}, dataset={self._mapping.dataset!r})"

    def close(self) -> None:
        """Closes the connections that wait in the pool."""
        self._engine.dispose()

    def columns(self) -> dict[str, str]:
        """The columns that are there, with their types in the database's words. Raises SourceUnavailable."""
        return {str(c.name): str(c.type) for c in self._reflected().columns}

    def distinct(self, column: str, limit: int) -> list[Any]:
        """Up to `limit` distinct values of a column, absent ones aside. Raises SourceUnavailable."""
        name = self._reflected().columns[column]
        return [row[0] for row in self._asked(sa.select(name).distinct().where(name.is_not(None)).limit(limit))]

    def absent(self, column: str) -> int:
        """In how many rows the column has no value. Raises SourceUnavailable."""
        table = self._reflected()
        made = sa.select(sa.func.count()).select_from(table).where(table.columns[column].is_(None))
        return int(self._asked(made)[0][0])

    def _asked(self, select: sa.Select[Any]) -> list[Any]:
        connection: sa.Connection | None = None
        name = self._engine.dialect.name
        try:
            connection = self._engine.connect()
            # A look has its time as a query has: a view that never ends must not hold the request that opens it.
            with _heard(connection.connection.dbapi_connection, self._seconds):
                _prepare(connection, name, self._seconds, read_only=True)
                return list(connection.execute(select).all())
        except (SQLAlchemyError, OSError, ValueError, TypeError) as error:
            if _ended(error):
                detail = f"a look at the source took longer than {self._seconds:g} s"
                raise SourceUnavailable(detail, reason="source-timeout") from None
            raise SourceUnavailable("the database of the source does not answer", reason="source-unreachable") from None
        finally:
            if connection is not None:
                _let_go(connection, name, None, self._seconds)

    def kind(self, column: str) -> Kind:
        """What kind of values a column holds."""
        return kind_of_sql(self._reflected().columns[column].type)

    def _reflected(self) -> sa.Table:
        if self._table is None:
            place = self._mapping.source
            try:
                with (
                    self._engine.connect() as connection,
                    _heard(connection.connection.dbapi_connection, self._seconds),
                ):
                    self._table = sa.Table(
                        place.table or "",
                        sa.MetaData(),
                        schema=place.db_schema,
                        autoload_with=connection,
                        resolve_fks=False,
                    )
            except NoSuchTableError:
                raise SourceUnavailable(f"the database has no table `{place.table}`", reason="table-missing") from None
            except (SQLAlchemyError, OSError):
                raise SourceUnavailable(
                    "the database of the source does not answer", reason="source-unreachable"
                ) from None
        return self._table

    def fetch(self, query: SourceQuery) -> Iterator[pa.RecordBatch]:
        """Rows or groups, batch by batch. Raises SourceUnavailable."""
        require_genuine(query)
        if query.contributor != self.owner or query.dataset != self._mapping.dataset:
            raise SourceUnavailable("the source belongs to another party or dataset", reason="source-mismatch")
        table = self._reflected()
        bound = self._bound(query, table)
        consenting = query.consenting()
        return self._run(query, bound, consenting)

    def _bound(self, query: SourceQuery, table: sa.Table) -> Bound:
        columns: dict[str, sa.ColumnElement[Any]] = {}
        aware = set()
        for field, name in self._mapping.columns.items():
            type_ = query.types.get(field)
            if type_ is None:
                continue  # a column for a field that the MOU does not have: not reachable
            there = table.columns.get(name)
            if there is None:
                raise SourceUnavailable(f"the table has no column `{name}`", reason="column-missing")
            kind = kind_of_sql(there.type)
            if not fits(kind, type_):
                raise SourceUnavailable(
                    f"the column `{name}` does not fit the type `{type_}`", reason="column-wrong-type"
                )
            if kind == "aware":
                aware.add(field)
            columns[field] = column_of(name, type_, cast=_needs_cast(there.type, type_), aware=kind == "aware")
        place = self._mapping.source
        source = sa.table(
            sa.sql.quoted_name(place.table or "", True),
            schema=None if place.db_schema is None else sa.sql.quoted_name(place.db_schema, True),
        )
        binary = "C" if self._engine.dialect.name == "postgresql" else None
        return Bound(source, columns, self.owner, frozenset(aware), binary)

    def _run(self, query: SourceQuery, bound: Bound, consenting: pa.Table | None) -> Iterator[pa.RecordBatch]:
        deadline = time.monotonic() + query.seconds
        name = self._engine.dialect.name
        connection: sa.Connection | None = None
        result: sa.CursorResult[Any] | None = None
        waits = contextlib.ExitStack()
        try:
            connection = self._engine.connect()
            waits.enter_context(_heard(connection.connection.dbapi_connection, query.seconds))
            _prepare(connection, name, query.seconds, read_only=consenting is None)
            consents = None if consenting is None else _bring(connection, name, consenting)
            made = statement(query, bound, consents)
            at_once = min(query.batch_rows, _MOST_AT_ONCE)
            result = connection.execution_options(stream_results=True, max_row_buffer=at_once).execute(made)
            schema, readers = query.schema, _readers(query.schema)
            for rows in result.partitions(at_once):
                if time.monotonic() > deadline:
                    raise _slow(query)
                columns = zip(*rows, strict=True)
                arrays = [
                    pa.array([read(v) for v in column], f.type)
                    for column, read, f in zip(columns, readers, schema, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        except DBAPIError as error:
            if _ended(error) or time.monotonic() > deadline:
                raise _slow(query) from None
            raise SourceUnavailable("the database of the source does not answer", reason="source-unreachable") from None
        except (SQLAlchemyError, OSError):
            raise SourceUnavailable("the database of the source does not answer", reason="source-unreachable") from None
        except (pa.ArrowException, ValueError, TypeError, OverflowError):
            raise SourceUnavailable(
                "a value of the source is not of its column's type", reason="value-wrong-type"
            ) from None
        finally:
            waits.close()
            if connection is not None:
                _let_go(connection, name, result, query.seconds)


def _ended(error: Exception) -> bool:
    """Whether the database ended the query because its time was over."""
    cause = getattr(error, "orig", None)
    return getattr(cause, "sqlstate", None) == _CANCELLED or "interrupted" in str(cause)


def _slow(query: SourceQuery) -> SourceUnavailable:
    return SourceUnavailable(f"the query took longer than {query.seconds:g} s", reason="source-timeout")


def _prepare(connection: sa.Connection, name: str, seconds: float, *, read_only: bool) -> None:
    if name == "postgresql":
        if read_only:
            connection.execute(sa.text("SET TRANSACTION READ ONLY"))
        milliseconds = max(1, int(seconds * 1000))
        connection.execute(sa.text("SELECT set_config('statement_timeout', :ms, true)"), {"ms": str(milliseconds)})
    elif name == "sqlite":
        end = time.monotonic() + seconds
        driver: Any = connection.connection.dbapi_connection
        driver.set_progress_handler(lambda: int(time.monotonic() > end), 100_000)
        connection.execute(sa.text("PRAGMA temp_store = MEMORY"))


@contextlib.contextmanager
def _heard(driver: Any, seconds: float) -> Iterator[None]:
    """Whoever waits in the block for PostgreSQL waits no longer than it has, and a second."""

    def give_up() -> None:
        # A copy of the descriptor: the connection's own stays the driver's, which sees that the other side ended.
        with socket.socket(fileno=os.dup(driver.fileno())) as end:
            end.shutdown(socket.SHUT_RDWR)

    if not hasattr(driver, "fileno"):
        yield
        return
    with limited(seconds + 1, give_up):
        yield


def _let_go(connection: sa.Connection, name: str, result: sa.CursorResult[Any] | None, seconds: float) -> None:
    """Rolls back; a connection on which that fails, and that could keep the temporary table, is thrown away."""
    try:
        with _heard(connection.connection.dbapi_connection, seconds):
            _rolled_back(connection, name, result)
    except SQLAlchemyError:
        connection.invalidate()
    finally:
        connection.close()


def _rolled_back(connection: sa.Connection, name: str, result: sa.CursorResult[Any] | None) -> None:
    if result is not None:
        result.close()
    driver: Any = connection.connection.dbapi_connection
    connection.rollback()
    if name == "sqlite":
        driver.set_progress_handler(None, 0)
        connection.execute(sa.text(f"DROP TABLE IF EXISTS temp.{_CONSENTS}"))
        connection.rollback()


def _bring(connection: sa.Connection, name: str, consenting: pa.Table) -> sa.FromClause:
    """The subjects with a consent, in a temporary table that the rollback, or `_let_go`, removes."""
    table: sa.FromClause
    table = made = sa.Table(
        _CONSENTS,
        sa.MetaData(),
        sa.Column("subject", sa.Text()),
        prefixes=["TEMPORARY"],
    )
    made.create(connection)
    batches = consenting.select(["subject"]).to_batches(max_chunksize=_CHUNK)
    if name == "postgresql" and connection.dialect.driver == "psycopg":
        driver: Any = connection.connection.dbapi_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY pg_temp.{_CONSENTS} (subject) FROM STDIN") as copy:
            for batch in batches:
                for subject in batch.column(0).to_pylist():
                    copy.write_row((subject,))
        return table
    for batch in batches:
        if batch.num_rows:
            connection.execute(sa.insert(made), [{"subject": s} for s in batch.column(0).to_pylist()])
    return table


def _needs_cast(there: sa.types.TypeEngine[Any], type_: FieldType) -> bool:
    kind = kind_of_sql(there)
    if type_ in ("string", "quarter"):
        return kind != "text" or isinstance(there, sa.Enum)
    if type_ == "number":
        return not isinstance(there, sa.Float)
    return type_ == "integer" and not isinstance(there, sa.Integer)


def _readers(schema: pa.Schema) -> list[Callable[[Any], Any]]:
    return [_reader(f.type) for f in schema]


def _same(value: Any) -> Any:
    return value


def _reader(type_: pa.DataType) -> Callable[[Any], Any]:
    if pa.types.is_integer(type_):
        return _whole
    if pa.types.is_floating(type_):
        return lambda v: None if v is None else float(v)
    if pa.types.is_timestamp(type_):
        return _instant
    return _same


def _whole(value: Any) -> int | None:
    if value is None:
        return None
    if value != int(value):
        raise ValueError("a fraction in a column of whole numbers")
    return int(value)


def _instant(value: Any) -> dt.datetime | None:
    if value is None:
        return None
    if not isinstance(value, dt.datetime):
        raise TypeError("not an instant")
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
