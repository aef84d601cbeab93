"""The last page of SQLite's write-ahead log is torn, as by a disk that lost power in the middle of a write.

A frame counts once the checksums up to its commit are right (https://sqlite.org/fileformat2.html#walformat): what was
torn while it was written was acknowledged to nobody. Where a disk loses what it had said that it kept, the log is whole
without the last entries, and whoever remembers a checkpoint sees that they are gone.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.errors import Forked
from audit.memory import Remembered, compared
from audit.tiles import Tile
from governance.home import note_signer
from governance.verification import verify_home
from tests.faults.homes import bodies, copied
from tests.faults.killing import Received, account
from tests.faults.load import MANY, loaded
from tests.faults.test_clients import ten_rows, until
from tests.faults.test_stop import get
from tests.serving import Served, serving
from tests.simulator import World

Tell = Callable[..., None]
_HEADER, _FRAME = 32, 24


def shown(world: World, server: Served) -> Remembered:
    """The log's newest checkpoint, as any client sees it."""
    with contextlib.closing(server.connect()) as connection:
        return Remembered(get(connection, "/log/checkpoint")[1], note_signer(world.settings).vkey)


def killed_under_load(world: World) -> tuple[list[Received], Remembered]:
    """What clients received, and the newest checkpoint, at the end of a life. Nobody has opened the log since."""
    with serving(world.settings, **MANY) as server:
        with loaded(world, server) as load:
            load.comes(200, times=4)
        answered = sum(one.status == 200 for one in load.received)
        until(lambda: len(bodies(world.settings, "release")) == answered)
        kept = shown(world, server)
        server.kill()
    return load.received, kept


def last_commit(wal: Path) -> tuple[int, int]:
    """Where the last frame that ends a transaction begins, and how long a frame is."""
    data = wal.read_bytes()
    size = _FRAME + int.from_bytes(data[8:12], "big")
    found = [
        at
        for at in range(_HEADER, len(data) - size + 1, size)
        if data[at + 8 : at + 16] == data[16:24] and data[at + 4 : at + 8] != bytes(4)
    ]
    return found[-1], size


@pytest.mark.fault("The last page of SQLite's write-ahead log is torn")
def test_what_was_torn_before_it_was_acknowledged(few: World, tmp_path: Path, figures: Tell) -> None:
    """Half a frame behind the last commit, then a whole one whose page is rubbish: as if nobody had begun it."""
    world = copied(few, tmp_path)
    received, kept = killed_under_load(world)
    wal = world.settings.home / "accordant.db-wal"
    at, size = last_commit(wal)
    frame = wal.read_bytes()[at : at + size]
    with wal.open("r+b") as file:
        file.truncate(at + size)
        file.seek(at + size)
        file.write(frame[:_FRAME] + os.urandom(size - _FRAME) + frame[: size // 2])
    account(world, received).hold(figures, "a page is torn that was not acknowledged", rounds=1)
    with serving(world.settings) as server:
        assert kept == shown(world, server)
        ten_rows(world, server)
    assert () == verify_home(world.settings).faults


@pytest.mark.fault("The disk loses the last page, which it had said that it kept")
@pytest.mark.parametrize("how", ["cut", "garbled"])
def test_what_the_disk_lost_is_noticed_by_whoever_remembers(how: str, few: World, tmp_path: Path) -> None:
    """The log is whole, and shorter than somebody knows: the alarm names both checkpoints."""
    world = copied(few, tmp_path)
    _, kept = killed_under_load(world)
    wal = world.settings.home / "accordant.db-wal"
    at, size = last_commit(wal)
    with wal.open("r+b") as file:
        if how == "cut":
            file.truncate(at + size // 2)
        else:
            file.seek(at + size - 100)
            file.write(os.urandom(100))
    assert () == verify_home(world.settings).faults
    with serving(world.settings) as server:
        assert shown(world, server).checkpoint.size < kept.checkpoint.size

        def read(tile: Tile) -> bytes:
            with contextlib.closing(server.connect()) as connection:
                return get(connection, f"/log/{tile.path}")[1]

        with pytest.raises(Forked, match="were taken away"):
            compared(kept, shown(world, server), read)
        ten_rows(world, server)
        # Even when it has grown past what was remembered: it does not begin with it.
        until(lambda: ten_rows(world, server) or shown(world, server).checkpoint.size > kept.checkpoint.size)
        with pytest.raises(Forked, match="does not begin with it"):
            compared(kept, shown(world, server), read)
    assert () == verify_home(world.settings).faults
