"""Small worlds for the log's tests: a clock that is told the time, drafts, and a key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine

from audit import Draft, Entry, KeyStore, Log, NoteSigner, WrappingKey
from audit.schema import prepare

ORIGIN = "gateway.example/log"
START = dt.datetime(2026, 11, 2, 12, 0, tzinfo=dt.UTC)


class TestClock:
    """Says what it is told, and steps on by a second each time."""

    __test__ = False

    def __init__(self, now: dt.datetime = START, step: dt.timedelta = dt.timedelta(seconds=1)) -> None:
        self.time = now
        self.step = step

    def now(self) -> dt.datetime:
        self.time += self.step
        return self.time


@contextmanager
def opened(url: str, **options: Any) -> Iterator[Engine]:
    """An engine that the log can use, disposed of in the end."""
    engine = create_engine(url, **options)
    prepare(engine)
    try:
        yield engine
    finally:
        engine.dispose()


def keys_of(engine: Engine, wrapping: bytes = b"w" * 32) -> KeyStore:
    """A key store for the log in this database: beside an SQLite file, in the same PostgreSQL database."""
    if engine.dialect.name == "sqlite":
        engine = create_engine(f"sqlite:///{engine.url.database}.keys")
    return KeyStore(engine, WrappingKey(wrapping))


def draft(number: int = 0, *, kind: str = "request", **index: str) -> Draft:
    """A draft that knows its number."""
    return Draft(kind, {"number": number}, ("aspire",), {"party": "aspire", **index})


def numbers(log: Log) -> list[int]:
    """What the drafts in the log say of themselves, in order."""
    return [entry.body["number"] for entry in log.entries()]


def said(entries: tuple[Entry, ...]) -> list[int]:
    return [entry.body["number"] for entry in entries]


def signer() -> NoteSigner:
    return NoteSigner.generate(ORIGIN)
