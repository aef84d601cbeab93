"""A database as it stands in one moment, as one SQLite file; and such a file poured into an empty database.

SQLite is copied by `VACUUM INTO`: a read transaction of its own, beside whoever writes, and without the free pages, so
that what was erased is in no copy. PostgreSQL's tables are read in one REPEATABLE READ transaction, so the file is the
same whatever the database was, and pours into either. Left out: the console's sessions, which nobody shall find open
again; the tiles of a PostgreSQL log, which are derived; and every table of the data keys, which no copy may hold.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, create_engine, func, insert, inspect, select

from audit.cosigned import COSIGNATURES
from audit.errors import vendor_errors
from audit.keys import DATA_KEYS
from audit.schema import METADATA as LOG
from audit.tile_store import TILES
from governance.adapters.store.consents import CONSENTS
from governance.adapters.store.database import METADATA
from governance.adapters.store.nonces import NONCES
from governance.adapters.store.sessions import SESSIONS
from governance.adapters.store.version import SCHEMA
from governance.errors import InputWrong, LogUnavailable

__all__ = ["copied", "keys_copied", "keys_poured", "poured", "sqlite_file"]

_ROWS = 1000
_STEPS = 100_000  # instructions of SQLite's between two looks at how far it is

Progress = Callable[[int, int], None]


def _errors(engine: Engine) -> tuple[type[Exception], ...]:
    """What either side may throw."""
    return (sqlite3.Error, *vendor_errors(engine))


def _tables() -> tuple[Table, ...]:
    """Everything of ours that a copy holds, whatever it refers to first."""
    ours = {table.name: table for table in METADATA.sorted_tables}
    ours |= {table.name: table for table in (CONSENTS, NONCES, SCHEMA)}
    ours.pop(SESSIONS.name, None)
    return (*LOG.sorted_tables, COSIGNATURES, *ours.values())


def sqlite_file(engine: Engine) -> Path | None:
    """The file of an SQLite database, None for another one."""
    name = engine.url.database if engine.dialect.name == "sqlite" else None
    return Path(name) if name else None


def copied(engine: Engine, target: Path, *, progress: Progress | None = None) -> tuple[str, ...]:
    """Writes the file `target`, which must not be there; the names of tables that are not ours and were left out.

    Raises LogUnavailable where the database does not answer, or the file cannot be written.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    source = sqlite_file(engine)
    try:
        if source is not None:
            _vacuumed(source, target, progress)
            return ()
        return _read(engine, target, progress)
    except _errors(engine) as error:
        raise LogUnavailable(f"the database cannot be copied ({type(error).__name__})", reason="copy-failed") from None


def keys_copied(engine: Engine, target: Path) -> None:
    """Writes the key store into the new file `target`, as it stands in one moment. Raises LogUnavailable."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    source = sqlite_file(engine)
    try:
        if source is not None:
            _into(source, target, None)
            return
        with _plain(target) as copy, copy.begin(), engine.connect() as connection, connection.begin():
            _moved(connection, copy, [DATA_KEYS], None)
    except _errors(engine) as error:
        raise LogUnavailable(f"the key store cannot be copied ({type(error).__name__})", reason="copy-failed") from None


def keys_poured(source: Path, engine: Engine) -> None:
    """Fills the empty key store of a database from a copy. Raises InputWrong where there is one already."""
    try:
        with _plain(source) as copy, engine.connect() as connection, connection.begin():
            if inspect(connection).has_table(DATA_KEYS.name):
                detail = f"the database holds `{DATA_KEYS.name}` already; restore into an empty one"
                raise InputWrong(detail, reason="database-exists", field="--database-url")
            _moved(copy, connection, [DATA_KEYS], None)
    except _errors(engine) as error:
        raise LogUnavailable(f"the key store cannot be filled ({type(error).__name__})", reason="copy-failed") from None


def _vacuumed(source: Path, target: Path, progress: Progress | None) -> None:
    _into(source, target, progress)
    with closing(sqlite3.connect(target, isolation_level=None)) as database:
        database.execute("PRAGMA secure_delete=ON")
        names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for name in names:
            if name.startswith(DATA_KEYS.name):
                database.execute(f'DROP TABLE "{name}"')
        if SESSIONS.name in names:
            database.execute(f"DELETE FROM {SESSIONS.name}")  # noqa: S608 - the table's own name


def _into(source: Path, target: Path, progress: Progress | None) -> None:
    with closing(sqlite3.connect(source, isolation_level=None, timeout=10)) as database:
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        size = pages * database.execute("PRAGMA page_size").fetchone()[0]

        def tell() -> int:
            if progress is not None:
                progress(min(target.stat().st_size, size), size)
            return 0

        database.set_progress_handler(tell, _STEPS)
        database.execute("VACUUM INTO ?", (str(target),))


def _read(engine: Engine, target: Path, progress: Progress | None) -> tuple[str, ...]:
    reader = engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with _plain(target) as copy, copy.begin(), reader as connection, connection.begin():
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        there = set(inspect(connection).get_table_names())
        _moved(connection, copy, tuple(table for table in _tables() if table.name in there), progress)
    ours = {table.name for table in (*_tables(), SESSIONS, TILES)}
    return tuple(sorted(name for name in there - ours if not name.startswith(DATA_KEYS.name)))


@contextmanager
def _plain(path: Path) -> Iterator[Connection]:
    """A connection to an SQLite file of one's own: no other reads it yet, so it need not be durable step by step."""
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _moved(source: Connection, target: Connection, tables: Iterable[Table], progress: Progress | None) -> None:
    for table in tables:
        # What was made by an older program may lack a column of today's: then only the columns that are there.
        there = {column["name"] for column in inspect(source).get_columns(table.name)}
        columns = [column for column in table.columns if column.name in there]
        total = source.scalar(select(func.count()).select_from(table)) or 0
        table.create(target, checkfirst=True)
        done = 0
        rows = source.execution_options(stream_results=True).execute(select(*columns).order_by(*table.primary_key))
        for some in rows.partitions(_ROWS):
            target.execute(insert(table), [dict(row._mapping) for row in some])
            done += len(some)
            if progress is not None and total:
                progress(done, total)


def poured(source: Path, engine: Engine, *, progress: Progress | None = None) -> None:
    """Fills an empty database from a copy, in one transaction. Raises InputWrong where it is not empty."""
    try:
        with _plain(source) as copy, engine.connect() as connection, connection.begin():
            there = set(inspect(connection).get_table_names())
            taken = sorted(there & {table.name for table in (*_tables(), SESSIONS, TILES)})
            if taken:
                detail = f"the database holds `{taken[0]}` already; restore into an empty one"
                raise InputWrong(detail, reason="database-exists", field="--database-url")
            known = set(inspect(copy).get_table_names())
            tables = tuple(table for table in _tables() if table.name in known)
            _moved(copy, connection, tables, progress)
            SESSIONS.create(connection, checkfirst=True)
            if connection.dialect.name == "postgresql" and CONSENTS in tables:
                # Rows came with their numbers; the next one gets the number behind them.
                connection.exec_driver_sql(
                    "SELECT setval(pg_get_serial_sequence('consents', 'id'), max(id)) FROM consents HAVING max(id) > 0"
                )
    except _errors(engine) as error:
        raise LogUnavailable(f"the database cannot be filled ({type(error).__name__})", reason="copy-failed") from None
