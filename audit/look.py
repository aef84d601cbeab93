"""A look at a log that somebody else may be writing: nothing is opened for writing, nothing is filed or moved.

It says what a start would meet first: whether there is a log, whether its head is signed by the key expected and
agrees with the last leaf. The whole is proved by `audit.verify`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Engine, inspect, select

from audit.entry import Entry
from audit.errors import LogMissing, Tampered, mapped
from audit.head import Head, check_head, read_head
from audit.leaf import FIRST, Leaf
from audit.note import NoteVerifier
from audit.rows import fetch
from audit.schema import HEAD, LEAVES, METADATA

__all__ = ["entries_of", "head_of", "missing_tables"]

_CHUNK = 200


def missing_tables(engine: Engine) -> tuple[str, ...]:
    """The log's tables that are not there. Raises LogUnavailable."""
    with mapped(engine, "being looked at"):
        there = set(inspect(engine).get_table_names())
    return tuple(sorted(set(METADATA.tables) - there))


def head_of(engine: Engine, *, origin: str, verifier: NoteVerifier) -> Head:
    """The head, held against its checkpoint and the last leaf.

    Raises LogMissing, WrongCheckpoint, Tampered, LogUnavailable.
    """
    with mapped(engine, "being looked at"), engine.connect() as connection, connection.begin():
        if not inspect(connection).has_table(HEAD.name):
            raise LogMissing("the database holds no log")
        head = read_head(connection)
        if head is None:
            raise LogMissing("the database holds no log")
        check_head(head, origin=origin, verifier=verifier)
        last = connection.scalar(select(LEAVES.c.leaf).where(LEAVES.c.seq == head.size - 1))
        if (FIRST if last is None else Leaf.hash(last)) != head.last:
            raise Tampered(head.size - 1, "leaf-changed", f"entry {head.size - 1} was changed after it was recorded")
        return head


def entries_of(engine: Engine, kinds: Collection[str]) -> Iterator[Entry]:
    """The entries of these kinds in order, found by the leaves themselves. Raises Tampered, LogUnavailable."""
    marks = [f'"kind":"{kind}"'.encode() for kind in kinds]
    leaves = select(LEAVES.c.seq, LEAVES.c.leaf).order_by(LEAVES.c.seq)
    with mapped(engine, "being looked at"), engine.connect() as connection, connection.begin():
        rows = connection.execution_options(yield_per=5_000).execute(leaves)
        numbers = [row.seq for row in rows if any(mark in row.leaf for mark in marks)]
    for start in range(0, len(numbers), _CHUNK):
        with mapped(engine, "being looked at"), engine.connect() as connection, connection.begin():
            found = fetch(connection, numbers[start : start + _CHUNK])
        yield from (entry for entry in found if entry.kind in kinds)
