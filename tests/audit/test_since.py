"""Verified from a checkpoint on: what came after is held against it, what came before is not looked at again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from audit import Entry, Log, NoteSigner, WrongCheckpoint, verify
from audit.export_check import verify_export
from audit.since import entries_back, entries_before
from audit.tile_store import TileStore
from tests.audit.exported import export_of
from tests.audit.tampering import cheating
from tests.audit.ways import FORGER, new_content
from tests.audit.worlds import ORIGIN, draft, keys_of

HALF, SIZE = 700, 1_300


@pytest.fixture
def kept(log: Log) -> tuple[Log, bytes]:
    """A log, and a checkpoint of its first half."""
    log.append([draft(n, kind="search" if n % 50 else "request") for n in range(HALF)])
    half = log.head().checkpoint
    log.append([draft(n) for n in range(HALF, SIZE)])
    return log, half


@pytest.mark.parametrize("tiles", [True, False])
def test_a_log_that_goes_on_from_there(kept: tuple[Log, bytes], tiles: bool) -> None:
    """From a checkpoint or a number, with tiles or without."""
    log, half = kept
    if tiles:
        TileStore(log.engine).grown(SIZE)
    vkey = log.verifier.vkey
    for since in (half, HALF, 0, 1, 256, 1023, 1024, SIZE):
        seen: list[int] = []

        def check(entry: Entry, seen: list[int] = seen) -> None:
            seen.append(entry.seq)

        report = verify(log, vkey=vkey, since=since, check_entry=check)
        start = HALF if isinstance(since, bytes) else since
        assert (True, start) == (report.ok, report.since), report.faults
        assert list(range(start, SIZE)) == seen
    assert 1 == verify(log, vkey=vkey, since=half).remembered


def test_what_came_after_is_looked_at(kept: tuple[Log, bytes], url: str) -> None:
    """A change behind the checkpoint is named; one before it is not seen, and the report says from where it looked."""
    log, half = kept
    with cheating(url) as cheat:
        cheat.edit_leaf(HALF + 5, kind="consent")
        cheat.set_body(3, bytes(32), b"{}")
    report = verify(log, vkey=log.verifier.vkey, since=half)
    assert (HALF, True) == (report.since, (HALF + 5, "leaf-changed") in [(f.seq, f.code) for f in report.faults])
    assert 3 not in {fault.seq for fault in report.faults}


def test_another_history_before(log: Log, url: str, signer: NoteSigner) -> None:
    """Rewritten by the key's owner: the checkpoint is none of a beginning of this log."""
    log.append([draft(n) for n in range(600)])
    half = log.head().checkpoint
    log.append([draft(n) for n in range(600, 650)])
    log.close()
    with cheating(url) as cheat:
        new_content(cheat, 599)
        cheat.move_head(cheat.rechain(600), signer=signer)
    report = verify(log.engine, keys=keys_of(log.engine), vkey=signer.vkey, since=600)
    assert "history-differs" not in {fault.code for fault in report.faults}
    report = verify(log.engine, keys=keys_of(log.engine), vkey=signer.vkey, since=half)
    assert "history-differs" in {fault.code for fault in report.faults}


def test_the_last_entry_before_taken_away(kept: tuple[Log, bytes], url: str) -> None:
    """The next one hangs on it."""
    log, half = kept
    with cheating(url) as cheat:
        cheat.remove(HALF - 1)
    report = verify(log, vkey=log.verifier.vkey, since=half)
    assert {"before-unknown", "missing"} == {fault.code for fault in report.faults if fault.seq == HALF - 1}


def test_tiles_that_lie_are_not_believed(kept: tuple[Log, bytes], url: str) -> None:
    """The leaves are asked instead, and the tiles are named."""
    log, half = kept
    TileStore(log.engine).grown(SIZE)
    with cheating(url) as cheat:
        cheat.connection.exec_driver_sql("UPDATE audit_tiles SET root = hashes, hashes = root WHERE number = 0")
    codes = {fault.code for fault in verify(log, vkey=log.verifier.vkey, since=half).faults}
    assert {"tile-differs"} == codes


def test_what_it_is_given(kept: tuple[Log, bytes], url: str, signer: NoteSigner) -> None:
    """A checkpoint of a longer log tells that the log was put back; one of another key proves nothing."""
    log, _ = kept
    vkey = log.verifier.vkey
    with pytest.raises(ValueError, match="1300 entries"):
        verify(log, vkey=vkey, since=SIZE + 1)
    with pytest.raises(WrongCheckpoint):
        verify(log, vkey=vkey, since=FORGER.sign(f"{ORIGIN}\n1\n" + "A" * 43 + "=\n"))
    full = log.head().checkpoint
    log.close()
    with cheating(url) as cheat:
        cheat.remove(SIZE - 1)
        cheat.move_head(cheat.rechain(SIZE), signer=signer)
    report = verify(log.engine, keys=keys_of(log.engine), vkey=vkey, since=full)
    assert ["rewound"] == [fault.code for fault in report.faults]


def test_exports(kept: tuple[Log, bytes], tmp_path: Path) -> None:
    """The same of a folder."""
    log, half = kept
    folder = export_of(log, tmp_path / "export")
    vkey = log.verifier.vkey
    for since in (half, HALF, 1, 256, SIZE):
        found = verify_export(folder, vkey=vkey, since=since)
        start = HALF if isinstance(since, bytes) else since
        assert (True, start, SIZE - start) == (found.report.ok, found.report.since, found.bodies), found.report
    with pytest.raises(ValueError, match="1300 entries"):
        verify_export(folder, vkey=vkey, since=SIZE + 1)
    (folder / "tile/1/000.p/5").write_bytes(bytes(5 * 32))
    assert ["tile-differs"] == [fault.code for fault in verify_export(folder, vkey=vkey, since=half).report.faults]


def test_what_later_entries_rest_on_is_found(kept: tuple[Log, bytes]) -> None:
    """By kind, through the search's table and where that ends through the entries; and backwards for a time."""
    log, _ = kept
    requests = list(range(0, HALF, 50))
    assert requests == [e.seq for e in entries_before(log.engine, {"request"}, log.sealing, HALF)]
    assert [*requests, *range(HALF, SIZE)] == [e.seq for e in entries_before(log.engine, {"request"}, log.sealing)]
    back = entries_back(log.engine, {"request"}, log.sealing, HALF, span=dt.timedelta(days=1), most=10_000)
    assert requests == sorted(e.seq for e in back)
