"""A look at a log that somebody else may be writing: nothing is opened for writing, nothing is filed or moved.

It says what a start would meet first: whether there is a log, whether its head is signed by the key expected and
agrees with the last leaf, and whether the newest entries are whole. The whole is proved by `audit.verify`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator

from sqlalchemy import Engine, inspect, select

from audit.entry import Entry
from audit.errors import mapped
from audit.head import Head, verified_head
from audit.keys import KeyStore
from audit.note import NoteVerifier
from audit.place import caught_up, filed_below
from audit.rows import checked_leaf, fetch
from audit.schema import LEAVES, METADATA, snapshot
from audit.sealing import Sealing

__all__ = ["entries_of", "head_of", "missing_tables", "recorded_at"]

_CHUNK = 200


def missing_tables(engine: Engine) -> tuple[str, ...]:
    """The log's tables that are not there. Raises LogUnavailable."""
    with mapped(engine, "being looked at"):
        there = set(inspect(engine).get_table_names())
    return tuple(sorted(set(METADATA.tables) - there))


def head_of(engine: Engine, *, origin: str, verifier: NoteVerifier, keys: KeyStore) -> Head:
    """The head, as a start verifies it, with the newest entries that a start reads.

    Raises LogMissing, WrongCheckpoint, Tampered, LogUnavailable.
    """
    with mapped(engine, "being looked at"), snapshot(engine) as connection, connection.begin():
        head = verified_head(connection, origin=origin, verifier=verifier)
        caught_up(connection, head, since=filed_below(connection, head.size), sealing=Sealing(keys))
        return head


def recorded_at(engine: Engine, seq: int) -> dt.datetime | None:
    """When an entry was recorded, by its leaf; None where there is none. Raises Tampered, LogUnavailable."""
    with mapped(engine, "being looked at"), engine.connect() as connection, connection.begin():
        leaf = connection.scalar(select(LEAVES.c.leaf).where(LEAVES.c.seq == seq))
    return None if leaf is None else checked_leaf(seq, bytes(leaf)).time


def entries_of(engine: Engine, kinds: Collection[str], *, keys: KeyStore) -> Iterator[Entry]:
    """The entries of these kinds in order, found by the leaves themselves. Raises Tampered, LogUnavailable."""
    sealing = Sealing(keys)
    marks = [f'"kind":"{kind}"'.encode() for kind in kinds]
    leaves = select(LEAVES.c.seq, LEAVES.c.leaf).order_by(LEAVES.c.seq)
    with mapped(engine, "being looked at"), engine.connect() as connection, connection.begin():
        rows = connection.execution_options(yield_per=5_000).execute(leaves)
        numbers = [row.seq for row in rows if any(mark in row.leaf for mark in marks)]
    for start in range(0, len(numbers), _CHUNK):
        with mapped(engine, "being looked at"), engine.connect() as connection, connection.begin():
            found = fetch(connection, numbers[start : start + _CHUNK], sealing)
        yield from (entry for entry in found if entry.kind in kinds)
