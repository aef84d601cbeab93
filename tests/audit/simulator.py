"""A database whose every write can fail, or fail after it persisted: real SQLite, real PostgreSQL, faults in between.

A *point* is a statement that is not a SELECT, or a commit or rollback. `Switch` counts them, and at the points that it
was armed with raises the driver's own error before the real thing was done, or after. On SQLite the database itself
says what it was told to do, so that a test can see that no write is without a point.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import psycopg
from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url

from audit import KeyStore, WrappingKey
from audit.schema import prepare

__all__ = ["Mode", "Switch", "faulty", "keys_behind"]

Mode = Literal["before", "after"]


@dataclass
class Switch:
    """`armed` maps a point, counted from the last `arm`, to how it fails."""

    armed: dict[int, Mode] = field(default_factory=dict)
    count: int = 0
    error: type[Exception] = sqlite3.OperationalError
    points: list[str] = field(default_factory=list)  # what was done at each, in two or three words
    seen: list[str] = field(default_factory=list)  # what SQLite says that it did

    def arm(self, armed: dict[int, Mode]) -> None:
        self.armed, self.count = armed, 0
        self.points.clear()
        self.seen.clear()

    def trace(self, sql: str) -> None:
        if not sql.startswith("--") and not _reads(sql):  # a trigger's own words are part of its statement
            self.seen.append(_named(sql))

    def point(self, what: str, real: Callable[[], Any]) -> Any:
        self.count += 1
        self.points.append(_named(what))
        mode = self.armed.get(self.count)
        if mode == "before":
            raise self.error("the disk failed")
        result = real()
        if mode == "after":
            raise self.error("the disk failed after it had written")
        return result

    def statement(self, sql: Any, real: Callable[[], Any]) -> Any:
        return real() if _reads(str(sql)) else self.point(str(sql), real)


def _reads(sql: str) -> bool:
    return sql.lstrip().upper().startswith(("SELECT", "PRAGMA", "SHOW"))


def _named(sql: str) -> str:
    words = sql.split()
    return " ".join(words[: {"INSERT": 3, "UPDATE": 2, "DELETE": 3, "ROLLBACK": 2}.get(words[0].upper(), 1)])


class _SqliteCursor(sqlite3.Cursor):
    def execute(self, sql: str, *parameters: Any) -> Any:
        return self.connection.switch.statement(sql, lambda: super(_SqliteCursor, self).execute(sql, *parameters))

    def executemany(self, sql: str, *parameters: Any) -> Any:
        return self.connection.switch.statement(sql, lambda: super(_SqliteCursor, self).executemany(sql, *parameters))


class _Sqlite(sqlite3.Connection):
    def __init__(self, switch: Switch, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.switch = switch
        self.set_trace_callback(switch.trace)

    def cursor(self, *arguments: Any, **options: Any) -> Any:
        return super().cursor(_SqliteCursor)

    def commit(self) -> None:
        self.switch.point("COMMIT", super().commit)

    def rollback(self) -> None:
        if self.in_transaction:  # else it is a pool's, for safety
            self.switch.point("ROLLBACK", super().rollback)


class _PostgresqlCursor(psycopg.Cursor[Any]):
    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        return self.connection.switch.statement(
            query, lambda: super(_PostgresqlCursor, self).execute(query, *arguments, **options)
        )

    def executemany(self, query: Any, *arguments: Any, **options: Any) -> Any:
        return self.connection.switch.statement(
            query, lambda: super(_PostgresqlCursor, self).executemany(query, *arguments, **options)
        )


class _Postgresql(psycopg.Connection[Any]):
    switch: Switch

    def commit(self) -> None:
        self.switch.point("COMMIT", super().commit)

    def rollback(self) -> None:
        if self.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            self.switch.point("ROLLBACK", super().rollback)


def keys_behind(engine: Engine, switch: Switch) -> KeyStore:
    """The key store of the log in this database, its writes at the same switch."""
    if engine.dialect.name == "sqlite":
        address = f"sqlite:///{engine.url.database}.keys"
        engine = create_engine(address, connect_args={"factory": partial(_Sqlite, switch)})
    return KeyStore(engine, WrappingKey(b"w" * 32))


@contextmanager
def faulty(url: str) -> Iterator[tuple[Engine, Switch]]:
    """An engine for the log, and the switch of its faults."""
    parsed, switch = make_url(url), Switch()
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"factory": partial(_Sqlite, switch)})
    else:
        switch.error = psycopg.OperationalError
        host, name = str(parsed.query["host"]), parsed.database

        def connect() -> _Postgresql:
            connection = _Postgresql.connect(
                host=host, user=parsed.username, dbname=name, cursor_factory=_PostgresqlCursor
            )
            connection.switch = switch
            return connection

        engine = create_engine(url, creator=connect)
    prepare(engine)
    try:
        yield engine, switch
    finally:
        switch.arm({})
        engine.dispose()
