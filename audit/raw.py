"""Stored rows as the driver gives them, for who reads all of them: whatever lies there, nothing looked at.

`contents` is the one place that knows how a body lies in the database. `words` has the search's table by entry, each
entry's words in two texts; the separator is no character of any word that the log writes, and the number of words is
given beside, so that no other rows make the same two texts. SQLite lets text stand as bytes and joins both alike, so
that those rows are found apart: bytes come behind every text in the index (SQLite, Datatypes §4.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from audit.schema import plain

__all__ = ["BETWEEN", "Words", "contents", "not_text", "words"]

BETWEEN = "\x1f"

_CONTENTS = (
    "SELECT l.seq, l.leaf, b.keys, b.sealed FROM audit_leaves l LEFT JOIN audit_bodies b ON b.seq = l.seq "
    "WHERE l.seq >= ? AND l.seq < ? ORDER BY l.seq"
)
_JOINED = (
    "SELECT seq, count(*), group_concat(key, char(31)), group_concat(value, char(31)) FROM audit_terms "
    "WHERE seq >= ? AND seq < ? GROUP BY seq"
)
_WORDS = "SELECT seq, key, value FROM audit_terms WHERE seq >= ? AND seq < ? ORDER BY seq"
_SOME = 100

# An entry, the number of its words, their keys, their values.
Words = tuple[int, int, str, str]


def _rows(connection: Connection, statement: str, first: int, behind: int) -> Any:
    if connection.dialect.name == "sqlite":
        cursor: Any = connection.connection.cursor()
        cursor.execute(statement, (first, behind))
        return cursor
    streamed = connection.execution_options(stream_results=True, yield_per=_SOME)
    return streamed.exec_driver_sql(plain(connection, statement), (first, behind))


@contextmanager
def contents(connection: Connection, first: int, behind: int) -> Iterator[Iterable[tuple[int, Any, Any, Any]]]:
    """Entries in order: number, leaf, ids of keys and ciphertext; few of them in memory at a time."""
    with closing(_rows(connection, _CONTENTS, first, behind)) as rows:
        yield rows


@contextmanager
def words(connection: Connection, first: int, behind: int) -> Iterator[Iterator[Words]]:
    """What searches know of entries, in order; the words of one sorted, as texts are compared."""
    joined = connection.dialect.name == "sqlite"
    with closing(_rows(connection, _JOINED if joined else _WORDS, first, behind)) as rows:
        yield iter(rows) if joined else _by_entry(rows)


def _by_entry(rows: Iterable[tuple[int, str, str]]) -> Iterator[Words]:
    for seq, terms in groupby(rows, key=lambda row: row[0]):
        found = sorted((key, value) for _, key, value in terms)
        yield seq, len(found), BETWEEN.join(k for k, _ in found), BETWEEN.join(v for _, v in found)


def not_text(connection: Connection, most: int) -> list[int]:
    """Entries of which a word is stored as bytes, at most so many."""
    if connection.dialect.name != "sqlite":
        return []

    def numbers(condition: str, *values: bytes) -> Iterator[int]:
        statement = f"SELECT DISTINCT seq FROM audit_terms WHERE {condition} LIMIT {most}"  # noqa: S608 - ours
        # Where it is no number either, no entry is meant: the search's table is held against all of them anyhow.
        return (seq for (seq,) in connection.exec_driver_sql(statement, values) if type(seq) is int)

    found = set(numbers("key >= x''"))
    key: bytes | None = b""
    while True:
        # As bytes to and fro: a key that is not UTF-8 is no text for the driver.
        next_key = "SELECT CAST(min(key) AS BLOB) FROM audit_terms WHERE key > CAST(? AS TEXT) AND key < x''"
        key = connection.exec_driver_sql(next_key, (key,)).scalar()
        if key is None or len(found) >= most:
            return sorted(found)[:most]
        found.update(numbers("key = CAST(? AS TEXT) AND value >= x''", key))
