"""Tiles: their names, their bytes at the sizes where errors live, and that they can be thrown away."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, delete, insert, select

from audit import Log
from audit.errors import NotCanonical, Tampered
from audit.merkle import EMPTY, Range, leaf_hash
from audit.proof import check_consistency, check_inclusion
from audit.schema import LEAVES
from audit.tile_store import TILES, TileStore
from audit.tiles import ENTRIES, Tile, bundle, hashes_in, leaves_in, tiles_of
from audit.tree import Tree
from tests.audit.worlds import draft, keys_of

SIZES = (0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 70_000)


class Counted:
    """Tiles of a made-up tree, straight from the definition; counts how often it is asked."""

    def __init__(self, size: int) -> None:
        self.hashes = [hashlib.sha256(b"\x00" + b"%d" % n).digest() for n in range(size)]
        self.asked: list[Tile] = []
        self.rows: list[list[bytes]] = [self.hashes]
        while len(self.rows[-1]) >= 256:
            row = self.rows[-1]
            self.rows.append([EMPTY.extended(row[i : i + 256]).root for i in range(0, len(row) // 256 * 256, 256)])

    def __call__(self, tile: Tile) -> bytes:
        self.asked.append(tile)
        return b"".join(self.rows[tile.level][tile.index * 256 : tile.index * 256 + tile.width])


@pytest.fixture(scope="module")
def counted() -> Counted:
    return Counted(max(SIZES))


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),  # the example of C2SP tlog-tiles
        (Tile(1, 999, 17), "tile/1/999.p/17"),
        (Tile(2, 1000), "tile/2/x001/000"),
        (Tile(ENTRIES, 273, 112), "tile/entries/273.p/112"),
        (Tile(63, 0, 255), "tile/63/000.p/255"),
    ],
)
def test_the_name_of_a_tile(tile: Tile, path: str) -> None:
    """Groups of three digits, all but the last behind an x; it reads back."""
    assert (path, tile) == (tile.path, Tile.from_path(path))


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/x000/001",
        "tile/0/1000",
        "tile/-1/000",
        "tile/0/٠٠٠",
        "tile/entries/../000",
        "tile/0/000/",
        "tile/0/" + "x001/" * 30 + "000",
    ],
)
def test_no_other_way_to_write_a_name(path: str) -> None:
    """A tile has one address, so that caches hold it once."""
    assert Tile.from_path(path) is None


def test_a_tree_of_70000_has_the_tiles_of_the_specification() -> None:
    """273 full and one of 112 at level 0; one full and one of 17 above; one of width 1 at the top."""
    tiles = list(tiles_of(70_000))
    widths = {level: [t.width for t in tiles if t.level == level] for level in (ENTRIES, 0, 1, 2)}
    bottom = [256] * 273 + [112]
    assert {ENTRIES: bottom, 0: bottom, 1: [256, 17], 2: [1]} == widths


@pytest.mark.parametrize("size", SIZES)
def test_the_tree_from_tiles(size: int, counted: Counted) -> None:
    """Root, compact range and proofs at the edges of tiles are those of the leaves."""
    tree = Tree(size, counted)
    whole = EMPTY.extended(counted.hashes[:size])
    assert (whole.root, whole) == (tree.root, tree.range())
    for index in {i for i in (0, 1, 254, 255, 256, 65_535, 65_536, size // 2, size - 1) if 0 <= i < size}:
        proof = Tree(size, counted).inclusion(index)
        check_inclusion(leaf_hash=counted.hashes[index], index=index, size=size, proof=proof, root=whole.root)
    for old in {s for s in (*SIZES, size // 3, size - 1) if 0 <= s <= size}:
        before = EMPTY.extended(counted.hashes[:old]).root
        proof = Tree(size, counted).consistency(old)
        check_consistency(old=old, size=size, old_root=before, root=whole.root, proof=proof)


def test_a_proof_reads_two_tiles_of_a_level_at_most(counted: Counted) -> None:
    """However long the log is: no scan."""
    for index in (0, 255, 12_345, 65_535, 69_999):
        counted.asked.clear()
        Tree(70_000, counted).inclusion(index)
        assert all(sum(t.level == level for t in counted.asked) <= 2 for level in range(4))
        assert len(counted.asked) <= 5


def test_known_peaks_spare_the_right_edge(counted: Counted) -> None:
    """The proof is the same, and reads one tile of a level at most."""
    for size in (1, 257, 65_537, 70_000):
        peaks = EMPTY.extended(counted.hashes[:size])
        for index in {0, size // 2, size - 1}:
            expected = Tree(size, counted).inclusion(index)
            counted.asked.clear()
            assert expected == Tree(size, counted, peaks).inclusion(index)
            assert all(sum(t.level == level for t in counted.asked) <= 1 for level in range(4))
        assert Tree(size, counted).consistency(size // 2) == Tree(size, counted, peaks).consistency(size // 2)


@given(st.lists(st.binary(max_size=400), max_size=40))
def test_bundles_read_back(leaves: list[bytes]) -> None:
    """Each leaf behind its length."""
    assert leaves == leaves_in(bundle(leaves))


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x02a", b"\x00\x01a\x00"])
def test_a_bundle_that_ends_within_an_entry(data: bytes) -> None:
    """Is none."""
    with pytest.raises(NotCanonical):
        leaves_in(data)


def test_a_tile_that_ends_within_a_hash() -> None:
    """Is none."""
    with pytest.raises(NotCanonical):
        hashes_in(b"\x00" * 33)


def filled(engine: Engine, size: int) -> Range:
    """A log's table of leaves with made-up leaves: tiles do not look into them."""
    leaves = [b"%d" % n for n in range(size)]
    with engine.begin() as connection:
        if leaves:
            connection.execute(insert(LEAVES), [{"seq": n, "leaf": leaf} for n, leaf in enumerate(leaves)])
    return EMPTY.extended(leaf_hash(leaf) for leaf in leaves)


def stored(engine: Engine) -> list[tuple[int, int, bytes, bytes]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(TILES).order_by(TILES.c.level, TILES.c.number))]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 700])
def test_tiles_from_rows(log: Log, size: int) -> None:
    """On both databases: root, every tile and every bundle are those of the definition."""
    whole = filled(log.engine, size)
    store, made = TileStore(log.engine), Counted(size)
    assert whole.root == store.tree(size).root
    for tile in tiles_of(size):
        expected = (
            bundle([b"%d" % n for n in range(tile.index * 256, tile.index * 256 + tile.width)])
            if tile.level == ENTRIES
            else made(tile)
        )
        assert expected == store.read(tile)


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 70_000])
def test_tiles_from_many_rows(sqlite_url: str, signer, size: int) -> None:  # type: ignore[no-untyped-def]
    """Three levels: root and proofs from the table, whose bytes are the same after all of them were deleted."""
    from tests.audit.worlds import ORIGIN, opened

    with opened(sqlite_url) as engine, Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer):
        whole = filled(engine, size)
        tree = TileStore(engine).tree(size)
        assert whole.root == tree.root
        digest = leaf_hash(b"%d" % (size - 1))
        proof = tree.inclusion(size - 1)
        check_inclusion(leaf_hash=digest, index=size - 1, size=size, proof=proof, root=whole.root)
        before = stored(engine)
        tiles = {t: TileStore(engine).read(t) for t in tiles_of(size) if t.level > 0}
        with engine.begin() as connection:
            connection.execute(delete(TILES))
        assert tiles == {t: TileStore(engine).read(t) for t in tiles}
        TileStore(engine).grown(size)
        assert before == stored(engine)


def test_tiles_are_kept_as_they_fill(log: Log) -> None:
    """Growing in steps, with tiles deleted in between, gives the same rows as growing at once."""
    filled(log.engine, 1500)
    store = TileStore(log.engine)
    for size in (100, 256, 300, 1024):
        store.grown(size)
    with log.engine.begin() as connection:
        connection.execute(delete(TILES).where(TILES.c.number == 1))
    TileStore(log.engine).grown(1500)
    in_steps = stored(log.engine)
    with log.engine.begin() as connection:
        connection.execute(delete(TILES))
    TileStore(log.engine).grown(1500)
    assert in_steps == stored(log.engine)
    assert [(0, n) for n in range(5)] == [row[:2] for row in in_steps]


def test_tiles_where_nothing_can_be_written(log: Log, tmp_path: Path) -> None:
    """They are made anew, from a database that is only read."""
    log.append([draft(n) for n in range(300)])
    root = log.head().root
    if log.engine.dialect.name != "sqlite":
        url = str(log.engine.url.render_as_string(hide_password=False))
        reading = create_engine(url, connect_args={"options": "-c default_transaction_read_only=on"})
    else:
        reading = create_engine(f"sqlite:///file:{log.engine.url.database}?mode=ro&uri=true")
    try:
        assert root == TileStore(reading).tree(300).root
    finally:
        reading.dispose()


def test_a_missing_leaf_is_named(log: Log) -> None:
    """No tile is made over a hole."""
    log.append([draft(n) for n in range(3)])
    with pytest.raises(Tampered) as raised:
        TileStore(log.engine).read(Tile(0, 0, 5))
    assert (3, "missing") == (raised.value.seq, raised.value.code)


def test_the_tree_is_the_heads(log: Log) -> None:
    """The root from tiles is the one that the log's key signed."""
    log.append([draft(n) for n in range(300)])
    assert log.head().root == TileStore(log.engine).tree(300).root
