"""The stored tiles against the entries: whoever writes into their table makes wrong proofs, and is named here.

Tiles are derived, so nothing is lost where they are wrong; `TileStore` makes them again once they are deleted. The
lowest level is hashed from the leaves again; each level above it, from the roots of the one below.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Engine

from audit.note import Checkpoint, signatures_of
from audit.report import Fault, Report
from audit.tile_store import TileStore
from audit.tiles import WIDTH, Tile, hashes_in, root_of_full

__all__ = ["verify_tiles"]

_MOST = 20


def verify_tiles(engine: Engine, report: Report) -> list[Fault]:
    """What is wrong with the tiles that are kept, of a log whose entries `report` found whole; else nothing."""
    if not report.ok or report.checkpoint is None:
        return []
    text, _ = signatures_of(report.checkpoint)
    size = Checkpoint.from_text(text).size
    found = []
    for fault in _faults(TileStore(engine), size):
        found.append(fault)
        if len(found) == _MOST:
            break
    return found


def _faults(store: TileStore, size: int) -> Iterator[Fault]:
    roots: dict[int, bytes] = {}  # of the level below
    above: dict[int, bytes] = {}
    last = 0
    for level, number, root, hashes in store.kept():
        if level != last:
            roots, above, last = above, {}, level
        first = number * WIDTH << 8 * level
        tile = Tile(level, number) if 0 <= level < 64 and number >= 0 else None
        if tile is None or tile.needs > size:
            yield Fault(None, "tile-surplus", f"a tile is kept for entries from {first} on, and the log ends at {size}")
            continue
        if level == 0:
            right = hashes == store.derived(tile)
        else:
            below = range(number * WIDTH, (number + 1) * WIDTH)
            right = hashes == (
                b"".join(roots[n] for n in below) if all(n in roots for n in below) else store.derived(tile)
            )
        made = root_of_full(hashes_in(hashes)) if right else b""
        if right and made == root:
            above[number] = root
        else:
            yield Fault(
                first, "tile-differs", f"the kept hashes of entries from {first} on are not theirs: `{tile.path}`"
            )
