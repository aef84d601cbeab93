"""The stored tiles against the entries: whoever writes into their table makes wrong proofs, and is named here.

Tiles are derived, so nothing is lost where they are wrong; `TileStore` makes them again once they are deleted. The
lowest level is held against the leaves as they are walked over (`audit.piece`), each level above it against the roots
of the one below, as these come; a tile of which the walk did not see the beginning is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, inspect, or_, select

from audit.piece import Piece
from audit.report import Faults
from audit.tile_store import TILES
from audit.tiles import WIDTH, Tile, root_of_full

__all__ = ["TileCheck", "kept_tiles", "tiles_there"]

_MOST = 20
_LEVELS = 64


def tiles_there(connection: Connection) -> bool:
    """Whether any were ever kept."""
    return bool(inspect(connection).has_table(TILES.name))


def kept_tiles(connection: Connection, first: int, behind: int, level: int = 0) -> dict[int, tuple[bytes, bytes]]:
    """Root and hashes of the kept tiles that lie wholly between these entries, by number."""
    span = WIDTH << 8 * level
    rows = select(TILES.c.number, TILES.c.root, TILES.c.hashes).where(
        TILES.c.level == level, TILES.c.number >= -(-first // span), TILES.c.number < behind // span
    )
    return {number: (bytes(root), bytes(hashes)) for number, root, hashes in connection.execute(rows)}


@dataclass(slots=True)
class TileCheck:
    """`take` each piece in order, then `end`. Holds 256 hashes of each level."""

    found: list[tuple[int, int]] = field(default_factory=list)  # level and number of tiles that differ
    _rows: list[list[bytes]] = field(default_factory=list)  # of each level above the lowest: a tile that is filling
    _next: list[int | None] = field(default_factory=list)  # the number of its next hash

    def take(self, piece: Piece, connection: Connection) -> None:
        """What a piece that is whole says of the lowest level, and what follows from it for those above."""
        self._differ(0, piece.differing)
        number = -(-piece.first // WIDTH)
        for at in range(0, len(piece.tiles), 32):
            self._above(1, number, piece.tiles[at : at + 32], connection)
            number += 1

    def end(self, connection: Connection, size: int, faults: Faults) -> None:
        """Says what was found, and which tiles belong to no entry."""
        for level, number in sorted(self.found)[:_MOST]:
            first, tile = number * WIDTH << 8 * level, Tile(level, number)
            faults.add(
                first, "tile-differs", f"the kept hashes of entries from {first} on are not theirs: `{tile.path}`"
            )
        for level, number in self._surplus(connection, size):
            plain = type(level) is type(number) is int and 0 <= level < _LEVELS  # SQLite keeps words there as well
            first = number * WIDTH << 8 * level if plain else number
            faults.add(None, "tile-surplus", f"a tile is kept for entries from {first} on, and the log ends at {size}")

    def _above(self, level: int, number: int, root: bytes, connection: Connection) -> None:
        while len(self._rows) < level:
            self._rows.append([])
            self._next.append(None)
        row = self._rows[level - 1]
        if number % WIDTH and self._next[level - 1] != number:
            row.clear()  # its beginning lies before what is looked at
            return
        if number % WIDTH == 0:
            row.clear()
        row.append(root)
        self._next[level - 1] = number + 1
        if len(row) < WIDTH:
            return
        tile, made = number // WIDTH, root_of_full(row)
        span = WIDTH << 8 * level
        kept = kept_tiles(connection, tile * span, (tile + 1) * span, level)
        if tile in kept and kept[tile] != (made, b"".join(row)):
            self._differ(level, (tile,))
        self._above(level + 1, tile, made, connection)

    def _differ(self, level: int, numbers: tuple[int, ...]) -> None:
        if len(self.found) < _MOST:
            self.found += [(level, number) for number in numbers]

    @staticmethod
    def _surplus(connection: Connection, size: int) -> Iterator[tuple[int, int]]:
        c = TILES.c
        for level in range(_LEVELS):
            behind = size >> 8 * (level + 1)
            rows = select(c.level, c.number).where(c.level == level, or_(c.number >= behind, c.number < 0))
            yield from ((one, number) for one, number in connection.execute(rows.order_by(c.number).limit(_MOST)))
            if behind == 0:
                break
        outside = or_(c.level < 0, c.level > level)
        rows = select(c.level, c.number).where(outside).order_by(c.level, c.number).limit(_MOST)
        yield from ((one, number) for one, number in connection.execute(rows))
