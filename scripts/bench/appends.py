"""A durable append to the log, encrypted and with its tree, beside a plain insert of the same bytes."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import create_engine

from audit import Draft, KeyStore, Log, WrappingKey
from audit.note import NoteSigner
from audit.schema import prepare
from scripts.bench.measure import Row, alternate, median, throughput

__all__ = ["BODY", "beside_an_insert"]

_ORIGIN = "bench.test/log"
_PART = "a durable append to the log, against a plain insert of the same bytes (SQLite, synchronous FULL)"
_CALLERS = 64
_MANY = 256
BODY = {"party": "northside", "purpose": "program-improvement", "outcome": "permit", "words": "x" * 2_000}


class _Plain:
    """What anybody would write: a table, an insert, a commit."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        for pragma in ("journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, leaf BLOB, salt BLOB, body BLOB)")

    def insert(self, row: tuple[bytes, bytes, bytes], times: int = 1) -> None:
        """So many rows in one commit."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO entries (leaf, salt, body) VALUES (?, ?, ?)", [row] * times)
            self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


def beside_an_insert(folder: Path, *, rounds: int = 300) -> list[Row]:
    """One caller, and 64 at once beside batches of 64."""
    engine = create_engine(f"sqlite:///{folder / 'log.db'}")
    prepare(engine)
    keys = KeyStore(create_engine(f"sqlite:///{folder / 'keys.db'}"), WrappingKey(secrets.token_bytes(32)))
    log = Log.create(engine, keys=keys, origin=_ORIGIN, signer=NoteSigner.generate(_ORIGIN))
    plain = _Plain(folder / "plain.db")
    draft = Draft("request", BODY, ("northside",), {"party": "northside", "outcome": "permit"}, use="content")
    entry = log.append([draft])[0]
    row = (entry.leaf, entry.salt, entry.body_bytes)
    try:
        taken = list(
            map(median, alternate(lambda _: log.append([draft]), lambda _: plain.insert(row), rounds=rounds, warm=20))
        )
        many = median([throughput([_times(lambda: log.append([draft]), 20)] * _CALLERS) for _ in range(3)])
        batches = median([throughput([_times(lambda: plain.insert(row, _CALLERS), 20)]) for _ in range(3)]) * _CALLERS
        large = list(
            map(
                median,
                alternate(lambda _: log.append([draft] * _MANY), lambda _: plain.insert(row, _MANY), rounds=20, warm=3),
            )
        )
    finally:
        log.close()
        keys.close()
        engine.dispose()
        plain.close()
    one = taken[0] / taken[1]
    return [
        Row(_PART, "one caller (p50)", f"{taken[0] * 1e6:,.0f} µs", f"{taken[1] * 1e6:,.0f} µs", one, "≤ 1.4 ×",
            one <= 1.4),
        Row(_PART, "64 callers against batches of 64", f"{many:,.0f}/s", f"{batches:,.0f}/s", many / batches, "≥ 0.2 ×",
            many / batches >= 0.2),
        Row(_PART, f"{_MANY} entries handed in at once", f"{_MANY / large[0]:,.0f}/s", f"{_MANY / large[1]:,.0f}/s",
            large[1] / large[0], "≥ 0.35 ×", large[1] / large[0] >= 0.35),
    ]  # fmt: skip


def _times(job: Callable[[], object], count: int) -> list[Callable[[], object]]:
    return [job] * count
