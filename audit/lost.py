"""What an older copy of a log holds, and the key store does not open any more: it was erased after the copy was made.

The copy knows nothing of the erasure; the keys do, by not being there. So its content is forgotten again: the rows go,
and whoever restores the copy records an erasure of what is named here. That keys are missing because an older copy of
the *store* was taken looks the same: only a person can tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from audit.details import handles_in
from audit.erasure import Erased, runs
from audit.errors import Tampered
from audit.keys import HANDLE, handle_id
from audit.rows import Stored, opened, stored, to_entry
from audit.schema import BODIES, ERASED_KEYS, PARTS
from audit.sealing import Lost, Sealing

__all__ = ["lost_since"]

_CHUNK = 1000


def lost_since(connection: Connection, size: int, sealing: Sealing) -> Erased:
    """Every key that the first `size` entries name and that is neither in the store nor said to be erased."""
    named: set[bytes] = set()
    for table in (BODIES, PARTS):
        for ids in connection.scalars(select(table.c["keys"]).distinct()):
            named.update(_split(bytes(ids)))
    for row in _rows(connection, size):
        named.update(_handles(row, sealing))
    known = {bytes(key) for key in connection.scalars(select(ERASED_KEYS.c.key))}
    wanted = sorted(named - known)
    lost = set(wanted) - set(sealing.keys.present(wanted))
    if not lost:
        return Erased()
    bodies = [seq for seq, ids in connection.execute(select(BODIES.c.seq, BODIES.c["keys"])) if _any(ids, lost)]
    every = connection.execute(select(PARTS.c.seq, PARTS.c.number, PARTS.c["keys"]))
    parts = [(seq, number) for seq, number, ids in every if _any(ids, lost)]
    return Erased(runs(sorted(bodies)), tuple(sorted(parts)), tuple(sorted(lost)))


def _split(ids: bytes) -> list[bytes]:
    return [ids[i : i + HANDLE] for i in range(0, len(ids), HANDLE)]


def _any(ids: bytes, lost: set[bytes]) -> bool:
    return not lost.isdisjoint(_split(bytes(ids)))


def _rows(connection: Connection, size: int) -> Iterator[Stored]:
    for first in range(0, size, _CHUNK):
        yield from list(stored(connection, first, min(first + _CHUNK, size), _CHUNK))


def _handles(row: Stored, sealing: Sealing) -> list[bytes]:
    """The clients that a body names; what is wrong with the body itself, verification says."""
    try:
        content = opened(row, sealing)
        return [handle_id(h) for h in handles_in(to_entry(row.seq, row.leaf, *content).body)] if content else []
    except (Lost, Tampered, ValueError):
        return []
