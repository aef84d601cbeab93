"""Whoever writes into the table of tiles is found by verification."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, update

from audit import Log, verify
from audit.tile_store import TILES, TileStore
from tests.audit.worlds import draft


@pytest.fixture
def kept(log: Log) -> Log:
    """A log with two full tiles that are kept."""
    log.append([draft(n) for n in range(600)])
    TileStore(log.engine).grown(600)
    return log


def codes(log: Log) -> list[tuple[int | None, str]]:
    return [(f.seq, f.code) for f in verify(log, vkey=log.verifier.vkey).faults]


def test_tiles_that_are_right(kept: Log) -> None:
    """Are no fault; nor are tiles that are gone, since they are derived."""
    assert [] == codes(kept)
    with kept.engine.begin() as connection:
        connection.execute(delete(TILES).where(TILES.c.number == 0))
    assert [] == codes(kept)


@pytest.mark.parametrize("values", [{"root": bytes(32)}, {"hashes": bytes(8192)}, {"hashes": b"x"}])
def test_a_changed_tile_is_named(kept: Log, values: dict[str, bytes]) -> None:
    """Its hashes, or its root."""
    with kept.engine.begin() as connection:
        connection.execute(update(TILES).where(TILES.c.number == 1).values(**values))
    assert [(256, "tile-differs")] == codes(kept)


def test_a_tile_beyond_the_end_is_named(kept: Log) -> None:
    """It belongs to no entry."""
    with kept.engine.begin() as connection:
        connection.execute(insert(TILES).values(level=0, number=2, root=bytes(32), hashes=bytes(8192)))
    assert [(None, "tile-surplus")] == codes(kept)
