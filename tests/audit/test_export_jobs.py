"""Several processes verify an export as one does: the same report, whatever lies in the folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from audit import Log, NoteSigner
from audit.export_check import ExportReport, verify_export
from audit.export_pieces import by_several
from audit.export_reading import Reading
from audit.published import Published
from audit.report import Faults
from audit.walk import Walk
from tests.audit.exported import export_of
from tests.audit.worlds import ORIGIN, TestClock, draft, keys_of, opened

SIZE = 2_600  # three pieces, the last one not full
EARLIER = 1_500
Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with contents, and a checkpoint and a receipt that somebody kept; nobody changes it."""
    here = tmp_path_factory.mktemp("exported")
    with opened(f"sqlite:///{here}/log.db") as engine, closing(keys_of(engine)) as keys:
        log = Log.create(engine, keys=keys, origin=ORIGIN, signer=NoteSigner.generate(ORIGIN), clock=TestClock())
        log.append([draft(n) for n in range(EARLIER)])
        (here / "kept").write_bytes(log.head().checkpoint)
        log.append([draft(n) for n in range(EARLIER, SIZE)])
        entry = log.entry(1_100)
        assert entry is not None
        (here / "receipt").write_bytes(Published(log).receipt(entry).to_text())
        made = export_of(log, here / "export")
        log.close()
    return made


def report(folder: Path, jobs: int, *, of: Path | None = None, **more: object) -> ExportReport:
    kept = ((of or folder).parent / "kept").read_bytes()
    receipt = ((of or folder).parent / "receipt").read_bytes()
    return verify_export(folder, remembered=[kept], receipts=[receipt], jobs=jobs, **more)  # type: ignore[arg-type]


def changed(name: str, old: bytes, new: bytes) -> Damage:
    def does(folder: Path) -> None:
        data = (folder / name).read_bytes()
        assert old in data
        (folder / name).write_bytes(data.replace(old, new, 1))

    return does


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Damage:
    def does(folder: Path) -> None:
        path = folder / "bodies.jsonl"
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    return does


DAMAGES: dict[str, Damage] = {
    "a leaf": changed("tile/entries/004", b'"seq":1100,', b'"seq":1101,'),
    "the first leaf of a piece": changed("tile/entries/004", b'"prev":"', b'"prev":"f'),
    "a time before a piece": changed("tile/entries/003", b'"time":"2026', b'"time":"2027'),
    "a bundle is gone": lambda folder: (folder / "tile/entries/005").unlink(),
    "a bundle is cut": lambda folder: (folder / "tile/entries/005").write_bytes(b"\x00"),
    "a tile": lambda folder: (folder / "tile/0/007").write_bytes(bytes(8192)),
    "a tile above": lambda folder: (folder / "tile/1/000.p/10").write_bytes(bytes(320)),
    "a file that nobody needs": lambda folder: (folder / "tile/9").write_bytes(b""),
    "a content": changed("bodies.jsonl", b'"number":1200', b'"number":1201'),
    "a content twice": lines(lambda found: [*found[:1300], found[1299], *found[1300:]]),
    "contents exchanged": lines(lambda found: [*found[:1023], found[1024], found[1023], *found[1025:]]),
    "a content too many": lines(lambda found: [*found, found[-1].replace(b'"seq":2599', b'"seq":9999')]),
    "a line of nothing": lines(lambda found: [*found[:5], b"nothing\n", *found[5:]]),
    "a line in another form": lines(lambda found: [found[0].replace(b'{"seq":', b'{ "seq": '), *found[1:]]),
    "no contents": lambda folder: (folder / "bodies.jsonl").unlink(),
}


def test_a_whole_export_is_gone_through_by_several(folder: Path) -> None:
    """They come to the same tree, contents and receipts; nothing is gone through twice."""
    whole = report(folder, 1)
    assert (True, SIZE, SIZE) == (whole.report.ok, whole.report.size, whole.bodies)
    assert whole == report(folder, 2)
    reading = Reading(folder, SIZE, Walk(Faults()), frozenset())
    reading.begin(None)
    done = by_several(reading, jobs=2, progress=None)
    assert done is reading


@pytest.mark.parametrize("since", [1, 300, 1_024, 2_599, SIZE])
def test_from_an_entry_on(folder: Path, since: int) -> None:
    """Within a bundle, at a seam, and at the end."""
    assert report(folder, 1, since=since) == report(folder, 2, since=since)


def test_since_a_checkpoint(folder: Path) -> None:
    """What lies before hangs together with what it says."""
    kept = (folder.parent / "kept").read_bytes()
    one = report(folder, 1, since=kept)
    assert (True, EARLIER) == (one.report.ok, one.report.since)
    assert one == report(folder, 2, since=kept)


@pytest.mark.parametrize("name", DAMAGES)
def test_whatever_is_wrong_is_said_in_the_same_words(folder: Path, tmp_path: Path, name: str) -> None:
    """The same faults, in the same order."""
    damaged = tmp_path / "damaged"
    shutil.copytree(folder, damaged)
    DAMAGES[name](damaged)
    one = report(damaged, 1, of=folder)
    assert (name in ("a line in another form", "no contents")) == one.report.ok
    assert one == report(damaged, 2, of=folder)
