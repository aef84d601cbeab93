"""Tessera's fsck, which is not ours, on an export and on a running server: it says what our own verification says.

v1.0.4 ends with 0 whatever it finds, and hangs where more tiles are wrong than it has workers: its words are read, and
it is given many. It looks neither at surplus bytes of partial tiles nor into leaves.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from audit import Log
from tests.audit.exported import export_of
from tests.audit.worlds import draft, keys_of
from tests.serving import serving
from tests.simulator import World


def said(fsck: Path, url: str, vkey: Path) -> str:
    """What it says of a log."""
    words = [fsck, "-ui=false", "-storage_url", url, "-public_key", vkey, "-N", "512"]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False).stderr


@pytest.mark.parametrize("size", [1, 256, 700])
def test_an_export_passes(log: Log, tmp_path: Path, fsck: Path, size: int) -> None:
    """Its checkpoint, its tiles, its bundles."""
    log.append([draft(n) for n in range(size)])
    folder = export_of(log, tmp_path / "export")
    assert f"Successfully fsck'd log with size {size}" in said(fsck, f"file://{folder}/", folder / "vkey")


@pytest.mark.parametrize("name", ["tile/0/000", "tile/1/000.p/2", "tile/entries/001", "checkpoint"])
def test_a_changed_byte_does_not(sqlite_url: str, signer, tmp_path: Path, fsck: Path, name: str) -> None:  # type: ignore[no-untyped-def]
    """In any of its files."""
    from tests.audit.worlds import ORIGIN, opened

    with opened(sqlite_url) as engine, Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer) as log:
        log.append([draft(n) for n in range(700)])
        good = export_of(log, tmp_path / "export")
    bad = Path(shutil.copytree(good, tmp_path / "bad"))
    data = bytearray((bad / name).read_bytes())
    data[40] ^= 1
    (bad / name).write_bytes(data)
    told = said(fsck, f"file://{bad}/", good / "vkey")
    assert "Successfully" not in told
    assert "failed" in told.lower()


def test_a_served_log_passes(tmp_path: Path, fsck: Path) -> None:
    """The real server, over a socket, as anybody may ask it."""
    world = World.found(tmp_path).agreed()
    size, vkey = world.services.journal.head().size, tmp_path / "vkey"
    vkey.write_text(world.services.vkey + "\n")
    world.close()
    with serving(world.settings) as served:
        assert f"Successfully fsck'd log with size {size}" in said(fsck, f"http://127.0.0.1:{served.port}/log/", vkey)
