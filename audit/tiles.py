"""Where the tree lies, as files (C2SP tlog-tiles): which there are, how they are called, what a bundle of entries is.

A tile of level L holds up to 256 hashes, each over 256**L leaves; 256 make it full, and its own root is then one hash
of the tile above. A bundle holds the leaves themselves, each behind its length (two bytes, the high one first).

    tile/0/x001/x234/067        full
    tile/1/000.p/17             partial: 17 hashes
    tile/entries/000.p/17       partial: 17 leaves
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit.errors import NotCanonical
from audit.merkle import node_hash

__all__ = ["ENTRIES", "WIDTH", "Tile", "bundle", "hashes_in", "leaves_in", "root_of_full", "tiles_of"]

WIDTH = 256
ENTRIES = -1  # the level of bundles
_HASH = 32
_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """A tile of hashes, or a bundle where the level is `ENTRIES`; `width` 256 is a full one."""

    level: int
    index: int
    width: int = WIDTH

    def __post_init__(self) -> None:
        if not (ENTRIES <= self.level < 64 and self.index >= 0 and 0 < self.width <= WIDTH):
            raise ValueError(f"no tile of level {self.level}, number {self.index} and width {self.width}")

    @property
    def path(self) -> str:
        """The name, below the log's own address."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        name = "/".join([*(f"x{g}" for g in groups[:-1]), groups[-1]])
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{name}" + ("" if self.width == WIDTH else f".p/{self.width}")

    @classmethod
    def from_path(cls, path: str) -> Tile | None:
        """The tile of that name; None where it is not the one way to write the name of a tile."""
        found = _PATH.fullmatch(path)
        if found is None or len(found[2]) > 30:
            return None
        level, index = found[1], int(found[2].replace("x", "").replace("/", ""))
        width = int(found[3]) if found[3] else WIDTH
        if width > WIDTH or (level != "entries" and int(level) > 63):
            return None
        tile = cls(ENTRIES if level == "entries" else int(level), index, width)
        return tile if tile.path == path else None

    @property
    def needs(self) -> int:
        """How many leaves a log must have, for this tile to be there."""
        return (self.index * WIDTH + self.width) << 8 * max(self.level, 0)

    def at(self, size: int) -> Tile | None:
        """The same tile as a tree of `size` leaves has it: full, partial, or not at all."""
        width = min((size >> 8 * max(self.level, 0)) - self.index * WIDTH, WIDTH)
        return Tile(self.level, self.index, width) if width > 0 else None


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile and bundle of a tree of `size` leaves, bundles first, in order."""
    for level in (ENTRIES, *range(64)):
        count = size >> 8 * max(level, 0)
        if count == 0:
            return
        for index in range(-(-count // WIDTH)):
            yield Tile(level, index, min(count - index * WIDTH, WIDTH))


def root_of_full(hashes: Sequence[bytes]) -> bytes:
    """The root over as many hashes as a power of two."""
    row = list(hashes)
    if not row or len(row) & (len(row) - 1):
        raise ValueError(f"{len(row)} is not a power of two")
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def hashes_in(data: bytes) -> list[bytes]:
    """The hashes of a tile's bytes. Raises NotCanonical where they are no whole number of them."""
    if len(data) % _HASH or len(data) > WIDTH * _HASH:
        raise NotCanonical(f"{len(data)} bytes are not the hashes of a tile")
    return [data[i : i + _HASH] for i in range(0, len(data), _HASH)]


def bundle(leaves: Sequence[bytes]) -> bytes:
    """Leaves as a bundle."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def leaves_in(data: bytes) -> list[bytes]:
    """The leaves of a bundle's bytes. Raises NotCanonical where they end within one."""
    found, at = [], 0
    while at < len(data):
        behind = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or behind > len(data):
            raise NotCanonical("the bundle of entries ends in the middle of one")
        found.append(data[at + 2 : behind])
        at = behind
    return found
