"""The exact way through a part of the log, entry by entry: what is wrong is said here, and only here.

The fast way (`audit.piece`) only tells that something is; whatever it tells, this goes through the same stored bytes
again, so a report hangs on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, select

from audit.entry import Term, terms
from audit.errors import Tampered, mapped
from audit.piece import Look
from audit.report import Faults
from audit.rows import stored, to_entry
from audit.schema import TERMS
from audit.walk import Walk

__all__ = ["Claims", "carefully"]

_CHUNK = 1000
_MOST_BYTES = 32 * 1024 * 1024

_Row = tuple[int, bytes, bytes | None, bytes | None]


@dataclass(frozen=True, slots=True)
class Claims:
    """A caller's own look at entries, in two halves, so that several processes share the work.

    `look` sees each entry of `kinds` (None: of all) by itself, in any process and any order, and hands back what
    `judge` needs, or None; it has to survive pickling, and so has what it gives. `judge` is given those in the log's
    order, in the caller's process, and says what is wrong as pairs of a code and a sentence.
    """

    look: Look
    judge: Callable[[int, Any], Iterable[tuple[str, str]] | None]
    kinds: frozenset[str] | None = None


def carefully(engine: Engine, first: int, behind: int, filed: int, walk: Walk, claims: Claims | None) -> None:
    """Entries `first` to `behind - 1`. `filed`: searches know all entries below it."""
    at: int | None = first
    while at is not None:
        with mapped(engine, "being verified"), engine.connect() as connection, connection.begin():
            read, at = _some(connection, at, behind)
            words = _words(connection, read, filed)
        for seq, leaf, salt, body in read:
            if walk.step(seq, leaf):
                expected = words.get(seq, set()) if seq < filed else None
                _content(seq, leaf, salt, body, expected, walk.faults, claims)


def _some(connection: Connection, first: int, behind: int) -> tuple[list[_Row], int | None]:
    """Some rows, no more than fit; the number to go on with, None at the end."""
    read: list[_Row] = []
    held = 0
    for row in stored(connection, first, behind, _CHUNK):
        read.append(row)
        held += len(row[3] or b"")
        if held > _MOST_BYTES or len(read) == _CHUNK:
            return read, row[0] + 1
    return read, None


def _words(connection: Connection, read: Sequence[_Row], filed: int) -> dict[int, set[Term]]:
    words: dict[int, set[Term]] = {}
    if read and read[0][0] < filed:
        rows = select(TERMS.c.seq, TERMS.c.key, TERMS.c.value)
        rows = rows.where(TERMS.c.seq >= read[0][0], TERMS.c.seq <= read[-1][0])
        for seq, key, value in connection.execute(rows):
            words.setdefault(seq, set()).add((key, value))
    return words


def _content(
    seq: int,
    leaf: bytes,
    salt: bytes | None,
    body: bytes | None,
    words: set[Term] | None,
    faults: Faults,
    claims: Claims | None,
) -> None:
    """The body against its leaf, the search's table against the body, and the caller's own look."""
    try:
        entry = to_entry(seq, leaf, salt, body)
    except Tampered as error:
        faults.add_body(seq, error.code, str(error), leaf, salt, body)
        return
    if words is not None and words != set(terms(entry.kind, entry.body)):
        faults.add(
            seq,
            "index-differs",
            f"entry {seq} is filed for searches under other words than its content says, so searches miss it or find "
            "it wrongly",
        )
    if claims is not None and (claims.kinds is None or entry.kind in claims.kinds):
        seen = claims.look(entry)
        if seen is not None:
            faults.add_all(seq, claims.judge(seq, seen) or ())
