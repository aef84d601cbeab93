"""One engine for the state and the log: SQLite (WAL, synchronous FULL) or PostgreSQL, and the state's own tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Engine, MetaData, create_engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from audit.errors import vendor_errors
from audit.schema import prepare
from governance.errors import LogUnavailable

__all__ = ["METADATA", "database_file", "make_tables", "missing_tables", "open_database", "require_writable"]

METADATA = MetaData()
_PATIENCE: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


def open_database(url: str) -> Engine:
    """The engine of a database address. Raises LogUnavailable where the database does not answer."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        folder = Path(parsed.database).parent
        if not folder.is_dir():
            raise LogUnavailable(f"the database's folder `{folder}` is not there", reason="database-missing")
        # SQLite gives its files beside it (-wal, -shm) the database's own mode.
        Path(parsed.database).touch(mode=0o600)
    try:
        options: dict[str, Any] = {"hide_parameters": True}  # what was written never stands in an error's text
        if parsed.get_backend_name() == "postgresql":
            # A server that was restarted is met with new connections, and one that is gone is not waited for.
            patience = {name: value for name, value in _PATIENCE.items() if name not in parsed.query}
            options |= {"pool_pre_ping": True, "connect_args": patience}
        engine = create_engine(url, **options)
        prepare(engine)
    except (SQLAlchemyError, ImportError) as error:
        raise LogUnavailable(
            f"the database cannot be opened ({type(error).__name__})", reason="database-unavailable"
        ) from None
    return engine


def database_file(url: str) -> Path | None:
    """The file of an SQLite database; None where it is a server's."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def make_tables(engine: Engine) -> None:
    """Creates the state's tables where they are missing."""
    METADATA.create_all(engine)


def missing_tables(engine: Engine) -> tuple[str, ...]:
    """The state's tables that are not there. Raises LogUnavailable."""
    try:
        there = set(inspect(engine).get_table_names())
    except vendor_errors(engine) as error:
        raise LogUnavailable(f"the database cannot be read ({type(error).__name__})") from None
    return tuple(sorted(set(METADATA.tables) - there))


def require_writable(engine: Engine, *, seconds: float = 2.0) -> None:
    """Tries a write and takes it back; nothing is waited for longer than that. Raises LogUnavailable."""
    sqlite = engine.dialect.name == "sqlite"
    try:
        with engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection:
            patience = f"PRAGMA busy_timeout={int(seconds * 1000)}"
            if sqlite:
                connection.connection.cursor().execute(patience)
            try:
                transaction = connection.begin()
                if not sqlite:
                    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
                connection.exec_driver_sql("CREATE TABLE accordant_probe (x INTEGER)")
                transaction.rollback()
            finally:
                if sqlite:
                    connection.connection.cursor().execute("PRAGMA busy_timeout=10000")
    except vendor_errors(engine) as error:
        raise LogUnavailable(
            f"the database cannot be written ({type(error).__name__})", reason="database-unwritable"
        ) from None
