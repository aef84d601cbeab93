"""An export's files in order: each bundle of leaves, the tiles that follow from it, and what lies there besides.

Part of `audit.export_check`, which says what it is held against.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from audit.errors import NotCanonical
from audit.export import Progress
from audit.export_bodies import Bodies
from audit.export_keys import of_keys
from audit.leaf import Leaf
from audit.since import begin_behind, cut
from audit.tiles import ENTRIES, WIDTH, Tile, hashes_in, leaves_in, root_of_full
from audit.walk import Walk

__all__ = ["BODIES", "Reading"]

BODIES = "bodies.jsonl"


@dataclass(slots=True)
class Reading:
    """The files in order, `begin` to `end`; `pending` are each level's hashes of the tile that is being filled."""

    folder: Path
    size: int
    walk: Walk
    wanted: Set[int]  # leaves to be kept, for receipts
    start: int = 0  # the first entry that is looked at
    kept: dict[int, bytes] = field(default_factory=dict)
    pending: list[list[bytes]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    bodies: Bodies = field(init=False)
    opened: int = 0  # how many contents
    whole: bool = True

    def begin(self, root: bytes | None) -> None:
        """Behind `start` entries; `root`: theirs, where it is known."""
        if self.start == 0:
            return
        leaves = self._stored(Tile(ENTRIES, (self.start - 1) // WIDTH).at(self.size))
        at = (self.start - 1) % WIDTH
        leaf = leaves[at] if len(leaves) > at else None
        begin_behind(self.walk, self.start, root, leaf, (cut(self._hashes_of), self._made), self.walk.faults)
        self.whole = False  # of tiles above the lowest level no beginning is known

    def _stored(self, tile: Tile | None) -> list[bytes]:
        try:
            return [] if tile is None else leaves_in((self.folder / tile.path).read_bytes())
        except (OSError, NotCanonical):
            return []

    def _hashes_of(self, tile: Tile) -> bytes | None:
        fuller = Tile(tile.level, tile.index).at(self.size)
        path = None if fuller is None else self.folder / fuller.path
        return path.read_bytes() if path is not None and path.is_file() else None

    def _made(self, tile: Tile) -> bytes:
        """A tile's hashes from the entries themselves."""
        if tile.level == 0:
            leaves = self._stored(Tile(ENTRIES, tile.index).at(self.size))
            return b"".join(map(Leaf.hash, leaves[: tile.width]))
        below = range(tile.index * WIDTH, tile.index * WIDTH + tile.width)
        return b"".join(root_of_full(hashes_in(self._made(Tile(tile.level - 1, number)))) for number in below)

    def all(self, progress: Progress | None) -> None:
        """Every bundle, what follows from it, and what is left over."""
        self.bodies = Bodies(self.folder / BODIES, self.walk.faults, since=self.start)
        for first in range(self.start // WIDTH * WIDTH, self.size, WIDTH):
            width = min(WIDTH, self.size - first)
            hashes = self.bundle(first)
            self.whole = self.whole and len(hashes) == width
            if width == WIDTH and len(hashes) == width:
                self.above(root_of_full(hashes))
            if progress is not None:
                progress(first + width, self.size)
        self.bodies.end(self.size)
        self.opened = self.bodies.opened
        self.end()

    def bundle(self, first: int) -> list[bytes]:
        """The leaf hashes of a bundle, held against the tile that is kept of them."""
        tile = Tile(ENTRIES, first // WIDTH, min(WIDTH, self.size - first))
        hashes = self._bundle(tile, first)
        if len(hashes) == tile.width:
            self._compared(Tile(0, tile.index, tile.width), hashes)
        return hashes

    def above(self, root: bytes) -> None:
        """The root of the next full bundle, where every one before it is known."""
        if self.whole:
            self._above(1, root)

    def end(self) -> None:
        """What is left once every bundle was looked at."""
        self.walk.end(self.size, None)
        if self.whole:
            for level, hashes in enumerate(self.pending, start=1):
                if hashes:
                    self._compared(Tile(level, self.done[level - 1], len(hashes)), hashes)
        self._left_over()

    def _bundle(self, tile: Tile, first: int) -> list[bytes]:
        """The leaf hashes of a bundle, each leaf walked over."""
        path = self.folder / tile.path
        if not path.is_file():
            return []  # the walk tells which entries are missing
        data, faults = path.read_bytes(), self.walk.faults
        try:
            leaves = leaves_in(data)
        except NotCanonical:
            faults.add(
                first, "bundle-malformed", f"the file `{tile.path}` is damaged: it ends in the middle of an entry"
            )
            return []
        if len(leaves) > tile.width:
            surplus = first + tile.width
            faults.add(
                surplus,
                "surplus",
                f"the file `{tile.path}` holds entry {surplus}, which the log's key did not sign for",
            )
        hashes = []
        for seq, leaf in enumerate(leaves[: tile.width], start=first):
            if seq >= self.start and self.walk.step(seq, leaf):
                self.bodies.held(seq, leaf)
            if seq in self.wanted or (seq >= self.start and of_keys(leaf)):
                self.kept[seq] = leaf
            hashes.append(Leaf.hash(leaf))
        return hashes

    def _above(self, level: int, digest: bytes) -> None:
        while len(self.pending) < level:
            self.pending.append([])
            self.done.append(0)
        row = self.pending[level - 1]
        row.append(digest)
        if len(row) == WIDTH:
            self._compared(Tile(level, self.done[level - 1]), row)
            self.pending[level - 1] = []
            self.done[level - 1] += 1
            self._above(level + 1, root_of_full(row))

    def _compared(self, tile: Tile, hashes: Sequence[bytes]) -> None:
        """A stored tile against the hashes that follow from the entries."""
        path, faults = self.folder / tile.path, self.walk.faults
        span = 1 << 8 * tile.level
        first = tile.index * WIDTH * span
        if not path.is_file():
            faults.add(first, "tile-missing", f"the file `{tile.path}`, with hashes from entry {first} on, is missing")
            return
        data, expected = path.read_bytes(), b"".join(hashes)
        if data == expected:
            return
        if data.startswith(expected):
            faults.add(
                first + tile.width * span,
                "tile-surplus",
                f"the file `{tile.path}` is longer than the log that was signed",
            )
            return
        at = next(n for n, digest in enumerate(hashes) if data[32 * n : 32 * n + 32] != digest)
        # Above the lowest level no single entry is to blame; whatever entry is, was told already.
        where = f"entry {first + at}" if span == 1 else f"entries {first + at * span} to {first + (at + 1) * span - 1}"
        faults.add(
            first + at if span == 1 else None,
            "tile-differs",
            f"the hash of {where} in the file `{tile.path}` is not theirs",
        )

    def _left_over(self) -> None:
        """Older partial tiles may lie there, if they are beginnings of what there is now; nothing else may."""
        root, faults = self.folder / "tile", self.walk.faults
        for path in sorted(p for p in root.rglob("*") if not p.is_dir()) if root.is_dir() else []:
            name = path.relative_to(self.folder).as_posix()
            tile = Tile.from_path(name)
            now = None if tile is None or tile.needs > self.size else Tile(tile.level, tile.index).at(self.size)
            if tile is None or now is None:
                faults.add(None, "surplus-file", f"the file `{name}` belongs to no entry that the log's key signed for")
            elif now != tile and (self.folder / now.path).is_file():
                at = _differs(tile, path.read_bytes(), (self.folder / now.path).read_bytes())
                if at is not None:
                    faults.add(
                        tile.index * WIDTH + at if tile.level <= 0 else None,
                        "tile-differs",
                        f"the older file `{name}` is not the beginning of `{now.path}`",
                    )


def _differs(tile: Tile, older: bytes, newer: bytes) -> int | None:
    """The first part of an older partial tile that is not what the newer one has; None where all of it is."""
    read = leaves_in if tile.level == ENTRIES else hashes_in
    try:
        left, right = read(older), read(newer)
    except NotCanonical:
        return 0
    if len(left) != tile.width:
        return min(len(left), tile.width)
    return next((n for n, part in enumerate(left) if n >= len(right) or part != right[n]), None)
