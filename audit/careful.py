"""The exact way through a part of the log, entry by entry: what is wrong is said here, and only here.

The fast way (`audit.piece`) only tells that something is; whatever it tells, this goes through the same stored bytes
again, so a report hangs on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, select

from audit.entry import Entry, Term, terms
from audit.errors import KeysUnavailable, Tampered, mapped
from audit.forgotten import Forgotten
from audit.piece import GONE, Look
from audit.rows import Stored, erased_entry, opened, stored, to_entry
from audit.schema import TERMS
from audit.sealing import Lost
from audit.walk import Walk

__all__ = ["Claims", "carefully"]

_CHUNK = 1000
_MOST_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Claims:
    """A caller's own look at entries, in two halves, so that several processes share the work.

    `look` sees each entry of `kinds` (None: of all) by itself, in any process and any order, and hands back what
    `judge` needs, or None. An entry whose content is gone comes without one, its `erased` not None. It has to survive
    pickling, and so has what it gives. `judge` is given those in the log's order, in the caller's process, and says
    what is wrong as pairs of a code and a sentence.
    """

    look: Look
    judge: Callable[[int, Any], Iterable[tuple[str, str]] | None]
    kinds: frozenset[str] | None = None


def carefully(
    engine: Engine,
    first: int,
    behind: int,
    filed: int,
    walk: Walk,
    forgotten: Forgotten,
    claims: Claims | None,
) -> None:
    """Entries `first` to `behind - 1`. `filed`: searches know all entries below it."""
    at: int | None = first
    while at is not None:
        seen: list[tuple[int, Any]] = []
        with mapped(engine, "being verified"), engine.connect() as connection, connection.begin():
            read, at = _some(connection, at, behind)
            words = _words(connection, read, filed)
            for row in read:
                if walk.step(row.seq, row.leaf):
                    expected = words.get(row.seq, set()) if row.seq < filed else None
                    _content(connection, row, expected, forgotten, claims, seen)
        for seq, one in seen if claims is not None else ():
            walk.faults.add_all(seq, claims.judge(seq, one) or ())  # type: ignore[union-attr]


def _some(connection: Connection, first: int, behind: int) -> tuple[list[Stored], int | None]:
    """Some rows, no more than fit; the number to go on with, None at the end."""
    read: list[Stored] = []
    held = 0
    with closing(stored(connection, first, behind, _CHUNK)) as rows:
        for row in rows:
            read.append(row)
            held += len(row.sealed or b"")
            if held > _MOST_BYTES or len(read) == _CHUNK:
                return read, row.seq + 1
    return read, None


def _words(connection: Connection, read: Sequence[Stored], filed: int) -> dict[int, set[Term]]:
    words: dict[int, set[Term]] = {}
    if read and read[0].seq < filed:
        rows = select(TERMS.c.seq, TERMS.c.key, TERMS.c.value)
        rows = rows.where(TERMS.c.seq >= read[0].seq, TERMS.c.seq <= read[-1].seq)
        for seq, key, value in connection.execute(rows):
            words.setdefault(seq, set()).add((key, value))
    return words


def _content(
    connection: Connection,
    row: Stored,
    words: set[Term] | None,
    forgotten: Forgotten,
    claims: Claims | None,
    seen: list[tuple[int, Any]],
) -> None:
    """The body against its leaf, the search's table against the body, and the caller's own look."""
    seq, faults = row.seq, forgotten.faults
    try:
        entry = _opened(row, forgotten)
    except KeysUnavailable as error:
        faults.add(seq, "key-changed", f"the key to the content of entry {seq} can't be used: {error}")
        return
    if entry is None:
        return
    if entry.erased is None:
        parts = forgotten.look(connection, entry)
        entry = entry._replace(parts=parts) if parts else entry
        if words is not None and words != set(terms(entry.kind, entry.body)):
            faults.add(
                seq,
                "index-differs",
                f"entry {seq} is filed for searches under other words than its content says, so searches miss it or "
                "find it wrongly",
            )
    if claims is not None and (claims.kinds is None or entry.kind in claims.kinds):
        one = claims.look(entry)
        if one is not None:
            seen.append((seq, one))


def _opened(row: Stored, forgotten: Forgotten) -> Entry | None:
    """The entry; without content where that is gone; None where it is wrong, which was told. Raises KeysUnavailable."""
    salt = body = None
    try:
        content = opened(row, forgotten.sealing)
        if content is None:
            forgotten.missing(row.seq)
            return erased_entry(row.seq, row.leaf, GONE)
        salt, body = content
        return to_entry(row.seq, row.leaf, salt, body)
    except Lost as lost:
        forgotten.lost(row.seq, lost.keys)
        return erased_entry(row.seq, row.leaf, GONE)
    except Tampered as error:
        if body is None and error.code == "body-changed":
            forgotten.stray(row, error)
        else:
            forgotten.faults.add_body(row.seq, error.code, str(error), row.leaf, salt, body)
        return None
