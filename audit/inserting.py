"""The rows of a batch: leaves, bodies, what is said of single subjects, and the words of searches.

Many rows stand in one statement. On SQLite each statement is a turn of the interpreter's lock, so rows go in by the
hundred, then by fewer; the sizes are few, and the driver keeps what it has compiled. PostgreSQL gets the columns of a
batch as arrays, in one round trip a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection

from audit.entry import Entry, Prepared
from audit.rows import place_of
from audit.schema import run
from audit.sealing import Sealing

__all__ = ["insert_content", "insert_leaves", "insert_terms"]

_SIZES = (128, 32, 8, 1)


class _Into(NamedTuple):
    table: str
    columns: str
    kinds: tuple[str, ...]  # PostgreSQL's names of the columns' types


_LEAVES = _Into("audit_leaves", "seq, leaf", ("int8", "bytea"))
_BODIES = _Into("audit_bodies", "seq, keys, sealed", ("int8", "bytea", "bytea"))
_PARTS = _Into("audit_parts", "seq, number, keys, sealed", ("int8", "int8", "bytea", "bytea"))
_NAMED = _Into("audit_named", "key, seq", ("bytea", "int8"))
_TERMS = _Into("audit_terms", "seq, key, value", ("int8", "text", "text"))


@lru_cache
def _values(into: _Into, size: int) -> str:
    row = f"({', '.join('?' * len(into.kinds))})"
    return f"INSERT INTO {into.table} ({into.columns}) VALUES {', '.join([row] * size)}"  # noqa: S608 - words of our own


@lru_cache
def _arrays(into: _Into) -> str:
    arrays = ", ".join(f"%b::{kind}[]" for kind in into.kinds)
    return f"INSERT INTO {into.table} ({into.columns}) SELECT * FROM unnest({arrays})"  # noqa: S608 - as above


def _insert(connection: Connection, into: _Into, rows: list[tuple[Any, ...]]) -> None:
    if connection.dialect.name != "sqlite":
        if rows:
            run(connection, _arrays(into), tuple(map(list, zip(*rows, strict=True))))
        return
    first = 0
    for size in _SIZES:
        while len(rows) - first >= size:
            run(connection, _values(into, size), tuple(chain.from_iterable(rows[first : first + size])))
            first += size


def insert_leaves(connection: Connection, entries: Sequence[Entry]) -> None:
    """The leaves of consecutive entries."""
    _insert(connection, _LEAVES, [(entry.seq, entry.leaf) for entry in entries])


def insert_terms(connection: Connection, rows: list[tuple[int, str, str]]) -> None:
    """Rows of the search's table: number, key, value."""
    _insert(connection, _TERMS, rows)


def insert_content(connection: Connection, entries: Sequence[tuple[Prepared, Entry]], sealing: Sealing) -> None:
    """What stands beside the leaves, encrypted. Raises KeysUnavailable."""
    bodies: list[tuple[Any, ...]] = []
    parts: list[tuple[Any, ...]] = []
    named: list[tuple[Any, ...]] = []
    for draft, entry in entries:
        plain, place = draft.salt + draft.body_bytes, place_of(entry.seq, entry.leaf_hash)
        keys, sealed = sealing.seal(
            plain, use=draft.use, holder=draft.holder, time=entry.time, named=draft.named, place=place
        )
        bodies.append((entry.seq, keys, sealed))
        for key in draft.named:
            named.append((key.id, entry.seq))
        for number, part in enumerate(draft.parts):
            keys, sealed = sealing.seal_with((part.key,), part.plain, place + number.to_bytes(4, "big"))
            parts.append((entry.seq, number, keys, sealed))
    _insert(connection, _BODIES, bodies)
    _insert(connection, _PARTS, parts)
    _insert(connection, _NAMED, named)
