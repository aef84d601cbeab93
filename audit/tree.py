"""The Merkle tree over a log's leaves, read from tiles: no proof looks at more than two tiles of each level.

`Tree` needs only a way to read tiles, so the same code proves from a database, from an exported folder and over HTTP.
Tiles are not trusted: whoever hands on a proof checks it against a signed root first (`proof.check_inclusion`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from audit.errors import Tampered
from audit.merkle import Range
from audit.proof import consistency, inclusion, root_of
from audit.tiles import WIDTH, Tile, hashes_in, root_of_full

__all__ = ["ReadTile", "Tree"]

ReadTile = Callable[[Tile], bytes]


@dataclass(slots=True)
class Tree:
    """The tree of the first `size` leaves. Keeps the tiles it has read; for one thread, and one question or few."""

    size: int
    read: ReadTile
    peaks: Range | None = None  # the compact range, where it is known: the right edge then needs no tile
    _tiles: dict[tuple[int, int], list[bytes]] = field(default_factory=dict)
    _peaks: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.peaks is None:
            return
        if self.peaks.size != self.size:
            raise ValueError(f"the compact range of {self.peaks.size} leaves is not that of {self.size}")
        for (first, behind), peak in zip(self.peaks.spans(), self.peaks.peaks, strict=True):
            level = (behind - first).bit_length() - 1
            self._peaks[level, first >> level] = peak

    def node(self, level: int, index: int) -> bytes:
        """The root over the leaves `index * 2**level` to `(index + 1) * 2**level - 1`, all of them in the tree."""
        peak = self._peaks.get((level, index))
        if peak is not None:
            return peak
        height, rest = divmod(level, 8)
        first = index << rest
        hashes = self._hashes(height, first // WIDTH)
        within = hashes[first % WIDTH : first % WIDTH + (1 << rest)]
        if len(within) != 1 << rest:
            raise ValueError(f"a tree of {self.size} leaves has no full subtree {index} of level {level}")
        return root_of_full(within)

    def _hashes(self, level: int, index: int) -> list[bytes]:
        found = self._tiles.get((level, index))
        if found is None:
            tile = Tile(level, index).at(self.size)
            if tile is None:
                raise ValueError(f"a tree of {self.size} leaves has no tile {index} of level {level}")
            found = hashes_in(self.read(tile))
            if len(found) != tile.width:
                raise Tampered(None, "tile-differs", f"the tile `{tile.path}` holds {len(found)} hashes")
            self._tiles[level, index] = found
        return found

    @property
    def root(self) -> bytes:
        """The Merkle tree hash, from tiles."""
        return root_of(self.node, 0, self.size)

    def range(self) -> Range:
        """The compact range, from tiles."""
        spans = Range(self.size, (bytes(32),) * self.size.bit_count()).spans()
        levels = [(behind - first).bit_length() - 1 for first, behind in spans]
        return Range(
            self.size, tuple(self.node(level, first >> level) for level, (first, _) in zip(levels, spans, strict=True))
        )

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """The proof that leaf `index` is in this tree."""
        return inclusion(self.node, index=index, size=self.size)

    def consistency(self, old: int) -> tuple[bytes, ...]:
        """The proof that this tree begins with the tree of `old` leaves."""
        return consistency(self.node, old=old, size=self.size)
