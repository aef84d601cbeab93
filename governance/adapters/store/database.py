"""One engine for the state and the log: SQLite (WAL, synchronous FULL) or PostgreSQL, and the state's own tables."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, MetaData, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from audit.schema import prepare
from governance.errors import LogUnavailable

__all__ = ["METADATA", "make_tables", "open_database"]

METADATA = MetaData()


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
        engine = create_engine(url, pool_pre_ping=parsed.get_backend_name() != "sqlite")
        prepare(engine)
    except (SQLAlchemyError, ImportError) as error:
        raise LogUnavailable(
            f"the database cannot be opened ({type(error).__name__})", reason="database-unavailable"
        ) from None
    return engine


def make_tables(engine: Engine) -> None:
    """Creates the state's tables where they are missing."""
    METADATA.create_all(engine)
