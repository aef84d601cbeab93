"""Tiles from rows: full ones are kept in a table of their own, everything else is made when it is asked for.

`audit_tiles` holds what the leaves say already, so it may be emptied at any time: whoever asks next gets the same
bytes. It is kept so that a proof needs no scan. `grown` fills it up to a size, from the tile at which it ends; the
sequencer's thread may call it after a batch, and every reader calls it before it reads. Several at once do no harm,
in one process or in many: a tile has one content.

A row carries the tile's own root beside its hashes, so that the partial tile of the level above is one short query.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress

from sqlalchemy import BigInteger, Column, Connection, Engine, Integer, MetaData, Table, func, inspect, select
from sqlalchemy.dialects import postgresql, sqlite

from audit.errors import LogUnavailable, Tampered, mapped
from audit.merkle import Range, leaf_hash
from audit.schema import LEAVES, Octets
from audit.tiles import ENTRIES, WIDTH, Tile, bundle, root_of_full
from audit.tree import Tree

__all__ = ["TILES", "TileStore"]

_METADATA = MetaData()
TILES = Table(
    "audit_tiles",
    _METADATA,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("root", Octets, nullable=False),
    Column("hashes", Octets, nullable=False),
)
# Tiles made in one transaction: no reader or writer waits long for it.
_TOGETHER = 64
_IN_MEMORY = 128


class TileStore:
    """The tiles of the log in a database. Safe from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ready = False
        self._grown = 0  # leaves whose full tiles are known to be kept
        self._growing = threading.Lock()
        self._known: OrderedDict[Tile, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def tree(self, size: int, *, peaks: Range | None = None) -> Tree:
        """The tree of the first `size` leaves, all of which must be durable. Raises Tampered, LogUnavailable.

        `peaks`: its compact range, where the caller has it from a head.
        """
        self.kept_up(size)
        return Tree(size, self.read, peaks)

    def kept_up(self, size: int) -> None:
        """As `grown`, for readers: where nothing can be written, tiles are made anew each time."""
        with suppress(LogUnavailable):
            self.grown(size)

    def only_read(self) -> None:
        """Takes what is kept from now on, and keeps nothing more: for who verifies."""
        with mapped(self._engine, "reading tiles"), self._engine.connect() as connection, connection.begin():
            self._ready = inspect(connection).has_table(TILES.name)

    def forget(self) -> None:
        """Lets go of what is in memory: it was seen to be wrong."""
        with self._lock:
            self._known.clear()

    def read(self, tile: Tile) -> bytes:
        """A tile's or a bundle's bytes; the log must have its leaves. Raises Tampered, LogUnavailable."""
        if tile.level <= 0:
            return self._read(tile)
        # The upper levels are few and asked for by every proof, and a tile of one width has one content.
        with self._lock:
            if tile in self._known:
                self._known.move_to_end(tile)
                return self._known[tile]
        found = self._read(tile)
        with self._lock:
            self._known[tile] = found
            while len(self._known) > _IN_MEMORY:
                self._known.popitem(last=False)
        return found

    def _read(self, tile: Tile) -> bytes:
        with mapped(self._engine, "reading tiles"), self._engine.connect() as connection, connection.begin():
            if tile.level == ENTRIES:
                return bundle(_leaves(connection, tile.index * WIDTH, tile.width))
            if tile.width == WIDTH and self._ready:
                kept = connection.scalar(
                    select(TILES.c.hashes).where(TILES.c.level == tile.level, TILES.c.number == tile.index)
                )
                if kept is not None:
                    return bytes(kept)
            return b"".join(self._hashes(connection, tile))

    def derived(self, tile: Tile) -> bytes:
        """A tile of hashes from the leaves alone, whatever is kept. Raises Tampered, LogUnavailable."""
        plain = TileStore(self._engine)
        with mapped(self._engine, "deriving tiles"), self._engine.connect() as connection, connection.begin():
            return b"".join(plain._hashes(connection, tile))

    def _hashes(self, connection: Connection, tile: Tile) -> list[bytes]:
        """A tile's hashes, made from the level below it."""
        first = tile.index * WIDTH
        if tile.level == 0:
            return [leaf_hash(leaf) for leaf in _leaves(connection, first, tile.width)]
        below = tile.level - 1
        known: dict[int, bytes] = {}
        if self._ready:
            rows = select(TILES.c.number, TILES.c.root).where(
                TILES.c.level == below, TILES.c.number >= first, TILES.c.number < first + tile.width
            )
            known = {number: bytes(root) for number, root in connection.execute(rows)}
        return [
            known[n] if n in known else root_of_full(self._hashes(connection, Tile(below, n)))
            for n in range(first, first + tile.width)
        ]

    def grown(self, size: int) -> None:
        """Keeps every full tile of the first `size` leaves. Returns at once where there is none to add.

        Raises Tampered where leaves are missing, LogUnavailable.
        """
        if size // WIDTH <= self._grown // WIDTH:
            return
        with self._growing, mapped(self._engine, "keeping tiles"):
            if size // WIDTH <= self._grown // WIDTH:
                return  # somebody else has just done it
            self._make_table()
            for level in range(64):
                behind = size >> 8 * (level + 1)
                if behind == 0:
                    break
                self._level(level, behind)
            self._grown = max(self._grown, size)

    def _make_table(self) -> None:
        if self._ready:
            return
        with self._engine.connect() as connection, connection.begin():
            self._ready = inspect(connection).has_table(TILES.name)
        if self._ready:
            return
        with self._engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection, connection.begin():
            _METADATA.create_all(connection)
        self._ready = True

    def _level(self, level: int, behind: int) -> None:
        """Keeps the full tiles of a level up to `behind` that are not kept yet."""
        with self._engine.connect() as connection, connection.begin():
            kept, last = connection.execute(
                select(func.count(), func.max(TILES.c.number)).where(TILES.c.level == level, TILES.c.number < behind)
            ).one()
            at = kept if last is None or last == kept - 1 else 0  # a hole: look at each
        while at < behind:
            until = min(at + _TOGETHER, behind)
            with self._engine.connect() as connection, connection.begin():
                there = set(
                    connection.scalars(
                        select(TILES.c.number).where(
                            TILES.c.level == level, TILES.c.number >= at, TILES.c.number < until
                        )
                    )
                )
                rows = [
                    _row(Tile(level, n), self._hashes(connection, Tile(level, n)))
                    for n in range(at, until)
                    if n not in there
                ]
            if rows:
                with (
                    self._engine.connect().execution_options(sqlite_begin="IMMEDIATE") as connection,
                    connection.begin(),
                ):
                    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
                    connection.execute(dialect.insert(TILES).on_conflict_do_nothing(), rows)
            at = until

    def kept(self) -> Iterator[tuple[int, int, bytes, bytes]]:
        """What the table holds: level, number, root and hashes, in order; nothing where it was never made."""
        with mapped(self._engine, "reading tiles"), self._engine.connect() as connection, connection.begin():
            if not inspect(connection).has_table(TILES.name):
                return
            rows = select(TILES.c.level, TILES.c.number, TILES.c.root, TILES.c.hashes).order_by(
                TILES.c.level, TILES.c.number
            )
            for row in connection.execution_options(yield_per=50).execute(rows):
                yield row.level, row.number, bytes(row.root), bytes(row.hashes)


def _row(tile: Tile, hashes: list[bytes]) -> dict[str, object]:
    return {
        "level": tile.level,
        "number": tile.index,
        "root": root_of_full(hashes),
        "hashes": b"".join(hashes),
    }


def _leaves(connection: Connection, first: int, count: int) -> list[bytes]:
    rows = connection.execute(
        select(LEAVES.c.seq, LEAVES.c.leaf)
        .where(LEAVES.c.seq >= first, LEAVES.c.seq < first + count)
        .order_by(LEAVES.c.seq)
    ).all()
    for expected, row in zip(range(first, first + count), rows, strict=False):
        if row.seq != expected:
            raise Tampered(expected, "missing", f"entry {expected} is missing")
    if len(rows) != count:
        raise Tampered(first + len(rows), "missing", f"entry {first + len(rows)} is missing")
    return [bytes(row.leaf) for row in rows]
