"""From a place in the middle on: what lies before is taken as a checkpoint says it, and not looked at again.

The compact range of the first entries comes from the tiles. It is right where its root is the one in the checkpoint
that somebody kept; and where the root that follows from it and from all later leaves is the one that is signed now,
the log of today begins with that of then: that is the consistency proof, written out (RFC 6962 §2.1.2). The last leaf
before the place must be in that tree, for the next one hangs on it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator

from sqlalchemy import Engine, func, select

from audit.entry import Entry
from audit.errors import NotCanonical, ProofWrong, Tampered, mapped
from audit.leaf import Leaf
from audit.merkle import Range
from audit.place import filed_below
from audit.proof import check_inclusion
from audit.report import Faults
from audit.rows import checked_leaf, fetch
from audit.schema import LEAVES, TERMS
from audit.sealing import Sealing
from audit.tile_store import TileStore
from audit.tiles import Tile
from audit.tree import ReadTile, Tree
from audit.walk import Walk

__all__ = ["begin_behind", "begin_walk", "cut", "entries_back", "entries_before"]

_CHUNK = 200


def begin_walk(engine: Engine, walk: Walk, size: int, root: bytes | None, faults: Faults) -> None:
    """Has a walk over a database begin behind the first `size` entries. `root`: theirs, where it is known."""
    if size == 0:
        return
    with mapped(engine, "being verified"), engine.connect() as connection, connection.begin():
        leaf = connection.scalar(select(LEAVES.c.leaf).where(LEAVES.c.seq == size - 1))
    store = TileStore(engine)
    store.only_read()
    begin_behind(walk, size, root, leaf, (store.read, store.derived), faults)


def begin_behind(
    walk: Walk,
    size: int,
    root: bytes | None,
    leaf: bytes | None,
    ways: Collection[ReadTile],
    faults: Faults,
) -> None:
    """As `begin_walk`, from a leaf and tiles wherever they lie; of several ways to read tiles a later one is surer."""
    trouble: Exception | None = None
    for number, read in enumerate(ways):
        try:
            before = _range(size, leaf, read)
        except (Tampered, ProofWrong, NotCanonical, ValueError) as error:
            trouble = error
            continue
        if root is not None and before.root != root and number + 1 < len(ways):
            trouble = Tampered(None, "tile-differs", "the kept tiles do not make the root of the checkpoint")
            continue
        if trouble is not None:
            faults.add(None, "tile-differs", f"kept hashes of the first {size} entries are not theirs: {trouble}")
        walk.begin(leaf or b"", before)
        return
    faults.add(
        size - 1, "before-unknown", f"what lies before entry {size} can't be joined to what comes after: {trouble}"
    )
    walk.begin_blind(size)


def _range(size: int, leaf: bytes | None, read: ReadTile) -> Range:
    if leaf is None:
        raise Tampered(size - 1, "missing", f"entry {size - 1} is missing")
    checked_leaf(size - 1, leaf)
    tree = Tree(size, read)
    before = tree.range()
    proof = tree.inclusion(size - 1)
    check_inclusion(leaf_hash=Leaf.hash(leaf), index=size - 1, size=size, proof=proof, root=before.root)
    return before


def cut(read: Callable[[Tile], bytes | None]) -> ReadTile:
    """A way to read the tiles of an older, smaller tree where only fuller ones lie: their beginnings."""

    def beginning(tile: Tile) -> bytes:
        found = read(tile)
        if found is None:
            raise Tampered(None, "tile-missing", f"the file `{tile.path}`, or a fuller one, is missing")
        return found[: 32 * tile.width]

    return beginning


def entries_before(
    engine: Engine, kinds: Collection[str], sealing: Sealing, size: int | None = None
) -> Iterator[Entry]:
    """The entries of some kinds among the first `size`, or all, in order, found by the search's table.

    Each is held against its own leaf. Raises Tampered, LogUnavailable.
    """
    after = -1
    with mapped(engine, "being verified"), engine.connect() as connection, connection.begin():
        newest = connection.scalar(select(func.max(LEAVES.c.seq)))
        there = 0 if newest is None else newest + 1
        size = there if size is None else min(size, there)
        filed = filed_below(connection, size)
    while after < size - 1:
        with mapped(engine, "being verified"), engine.connect() as connection, connection.begin():
            wanted = select(TERMS.c.seq).where(TERMS.c.key == "kind", TERMS.c.value.in_(sorted(kinds)))
            wanted = wanted.where(TERMS.c.seq > after, TERMS.c.seq < filed).order_by(TERMS.c.seq).limit(_CHUNK)
            numbers = list(connection.scalars(wanted))
            if not numbers:
                numbers = list(range(max(filed, after + 1), min(max(filed, after + 1) + _CHUNK, size)))
            found = fetch(connection, numbers, sealing)
        yield from (entry for entry in found if entry.kind in kinds)
        if not numbers:
            return
        after = numbers[-1]


def entries_back(
    engine: Engine, kinds: Collection[str], sealing: Sealing, size: int, *, span: dt.timedelta, most: int
) -> list[Entry]:
    """The entries of some kinds among the last of the first `size`, as far back as `span`, at most about `most`.

    Raises Tampered, LogUnavailable.
    """
    found: list[Entry] = []
    with mapped(engine, "being verified"), engine.connect() as connection, connection.begin():
        newest = connection.scalar(select(func.max(LEAVES.c.seq)))
    behind, since = min(size, 0 if newest is None else newest + 1), None
    while behind > 0 and len(found) < most:
        first = max(0, behind - _CHUNK)
        with mapped(engine, "being verified"), engine.connect() as connection, connection.begin():
            some = fetch(connection, range(first, behind), sealing)
        since = some[-1].time - span if since is None else since
        found += [entry for entry in some if entry.kind in kinds and entry.time >= since]
        if some[0].time < since:
            break
        behind = first
    return found
