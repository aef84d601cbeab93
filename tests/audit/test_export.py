"""An exported folder, every way to cheat in it, and what the verification says to each."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from audit import Log, NoteSigner
from audit.errors import LogMissing, NoteWrong
from audit.export import written
from audit.export_check import verify_export
from audit.merkle import EMPTY, leaf_hash
from audit.note import Checkpoint
from audit.published import Published
from audit.receipt import Opening, Receipt
from audit.tiles import bundle, leaves_in
from tests.audit.exported import export_of
from tests.audit.worlds import ORIGIN, TestClock, draft, keys_of, opened
from tests.audit.worlds import signer as new_signer

SIZE = 300  # a full tile, and a partial one of 44


@dataclass(frozen=True)
class Made:
    """One export, and what somebody kept from before."""

    folder: Path
    signer: NoteSigner
    early: bytes  # the checkpoint at 100
    receipt: bytes  # of entry 7, under the checkpoint at 200


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A log of 300 entries, exported at 100, 257 and 300 into one folder."""
    folder, signer = tmp_path_factory.mktemp("made"), new_signer()
    with (
        opened(f"sqlite:///{folder}/log.db") as engine,
        Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer, clock=TestClock()) as log,
    ):
        log.append([draft(n) for n in range(100)])
        early = log.head().checkpoint
        export_of(log, folder / "export")
        log.append([draft(n) for n in range(100, 200)])
        entry = log.entry(7)
        assert entry is not None
        receipt = Published(log).receipt(entry).to_text()
        log.append([draft(n) for n in range(200, 257)])
        export_of(log, folder / "export")
        log.append([draft(n) for n in range(257, SIZE)])
        export_of(log, folder / "export")
    return Made(folder / "export", signer, early, receipt)


@pytest.fixture
def folder(made: Made, tmp_path: Path) -> Path:
    """A copy to cheat in."""
    return Path(shutil.copytree(made.folder, tmp_path / "copy"))


def codes(folder: Path, **given: object) -> list[tuple[int | None, str]]:
    report = verify_export(folder, **given).report  # type: ignore[arg-type]
    return [(f.seq, f.code) for f in report.faults]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257])
def test_an_export_of_any_size_is_whole(log: Log, tmp_path: Path, size: int) -> None:
    """With every file that a tlog-tiles checker asks for, on both databases."""
    if size:
        log.append([draft(n) for n in range(size)])
    found = verify_export(export_of(log, tmp_path / "export"), vkey=log.verifier.vkey)
    assert (size, size, (), False) == (found.report.size, found.bodies, found.report.faults, found.own_key)


def test_what_was_kept_agrees(made: Made) -> None:
    """Remembered checkpoint, receipt, older partial tiles in the folder: all of one history."""
    found = verify_export(made.folder, vkey=made.signer.vkey, remembered=[made.early], receipts=[made.receipt])
    assert (SIZE, SIZE, 1, ()) == (found.report.size, found.bodies, found.report.remembered, found.report.faults)
    assert (made.folder / "tile/0/000.p/100").is_file()


def test_without_bodies(log: Log, tmp_path: Path) -> None:
    """The folder verifies without any, as a stock checker sees it."""
    log.append([draft(n) for n in range(3)])
    found = verify_export(export_of(log, tmp_path / "export", bodies=False))
    assert (3, 0, True, True) == (found.report.size, found.bodies, found.report.ok, found.own_key)


def _bundle(change: Callable[[list[bytes]], list[bytes]], name: str = "tile/entries/000") -> Callable[[Path], None]:
    def cheat(folder: Path) -> None:
        path = folder / name
        path.write_bytes(bundle(change(leaves_in(path.read_bytes()))))

    return cheat


def _bytes(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def cheat(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(change((folder / name).read_bytes() if (folder / name).is_file() else b""))

    return cheat


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    return _bytes("bodies.jsonl", lambda data: b"".join(change(data.splitlines(keepends=True))))


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _swapped(rows: list[bytes], left: int, right: int) -> list[bytes]:
    rows[left], rows[right] = rows[right], rows[left]
    return rows


def _salts(rows: list[bytes], left: int, right: int) -> list[bytes]:
    told = [json.loads(row) for row in rows]
    told[left]["salt"], told[right]["salt"] = told[right]["salt"], told[left]["salt"]
    return [json.dumps(t).encode() + b"\n" for t in told]


def _bodies(rows: list[bytes], left: int, right: int) -> list[bytes]:
    told = [json.loads(row) for row in rows]
    for key in ("salt", "body"):
        told[left][key], told[right][key] = told[right][key], told[left][key]
    return [json.dumps(t).encode() + b"\n" for t in told]


CHEATS: dict[str, tuple[Callable[[Path], None], int | None, str]] = {
    "a leaf edited": (
        _bundle(lambda v: [*v[:9], v[9].replace(b"request", b"release"), *v[10:]]), 9, "leaf-changed"
    ),
    "a leaf deleted": (_bundle(lambda v: [*v[:9], *v[10:]]), 9, "renumbered"),
    "a leaf twice": (_bundle(lambda v: [*v[:9], v[8], *v[9:]]), 9, "renumbered"),
    "two leaves swapped": (_bundle(lambda v: _swapped(v, 9, 10)), 9, "renumbered"),
    "a leaf that is none": (_bundle(lambda v: [*v[:9], b"{}", *v[10:]]), 9, "leaf-malformed"),
    "the last leaf cut off": (_bundle(lambda v: v[:-1], "tile/entries/001.p/44"), 299, "missing"),
    "a leaf more": (_bundle(lambda v: [*v, v[-1]], "tile/entries/001.p/44"), 300, "surplus"),
    "a bundle torn": (_bytes("tile/entries/000", lambda d: d[:-1]), 0, "missing"),
    "a bundle gone": (lambda f: (f / "tile/entries/000").unlink(), 0, "missing"),
    "a hash edited": (_bytes("tile/0/000", lambda d: _flip(d, 32 * 17)), 17, "tile-differs"),
    "a hash more in a partial tile": (_bytes("tile/0/001.p/44", lambda d: d + bytes(32)), 300, "tile-surplus"),
    "a byte more in a partial tile": (_bytes("tile/1/000.p/1", lambda d: d + b"x"), 256, "tile-surplus"),
    "a tile of a higher level edited": (_bytes("tile/1/000.p/1", lambda d: _flip(d, 0)), None, "tile-differs"),
    "a tile gone": (lambda f: (f / "tile/0/000").unlink(), 0, "tile-missing"),
    "an older partial tile edited": (_bytes("tile/0/000.p/100", lambda d: _flip(d, 0)), 0, "tile-differs"),
    "a tile beyond the end": (_bytes("tile/0/002", lambda _: bytes(8192)), None, "surplus-file"),
    "a file that is no tile": (_bytes("tile/0/notes.txt", lambda _: b"x"), None, "surplus-file"),
    "a body edited": (_lines(lambda r: [*r[:5], r[5].replace(b'r":5', b'r":6'), *r[6:]]), 5, "body-changed"),
    "two salts swapped": (_lines(lambda r: _salts(r, 5, 6)), 5, "body-changed"),
    "two bodies swapped": (_lines(lambda r: _bodies(r, 5, 6)), 5, "body-swapped"),
    "two lines swapped": (_lines(lambda r: _swapped(r, 5, 6)), 5, "body-order"),
    "a body twice": (_lines(lambda r: [*r[:6], r[5], *r[6:]]), 5, "body-order"),
    "a body beyond the end": (_lines(lambda r: [*r, r[-1].replace(b'"seq":299', b'"seq":300')]), 300, "surplus-body"),
    "a line that is no body": (_lines(lambda r: [*r, b"{}\n"]), None, "bodies-malformed"),
    "the size raised": (_bytes("checkpoint", lambda d: d.replace(b"300\n", b"301\n")), None, "checkpoint-signature"),
    "a checkpoint that is none": (_bytes("checkpoint", lambda _: b"x"), None, "checkpoint-malformed"),
    "the origin changed": (_bytes("origin", lambda _: b"another.example/log\n"), None, "origin-differs"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHEATS)
def test_every_way_to_cheat_is_told(name: str, folder: Path, made: Made) -> None:
    """With the entry and the kind of fault first, and in a whole sentence."""
    cheat, seq, code = CHEATS[name]
    cheat(folder)
    report = verify_export(folder, vkey=made.signer.vkey).report
    assert not report.ok
    assert (seq, code) in [(f.seq, f.code) for f in report.faults]
    assert (report.first is not None and report.first.seq) == seq
    assert all(len(f.message.split()) > 3 for f in report.faults)


def _rewritten(folder: Path, signer: NoteSigner, *, size: int = SIZE) -> None:
    """Another history of the same length, all of whose files agree, signed by `signer`."""
    with (
        opened(f"sqlite:///{folder.parent}/fork.db") as engine,
        Log.create(engine, keys=keys_of(engine), origin=ORIGIN, signer=signer, clock=TestClock()) as log,
    ):
        log.append([draft(n + 1) for n in range(size)])
        shutil.rmtree(folder)
        export_of(log, folder)


def test_another_key_is_told(folder: Path, made: Made) -> None:
    """A folder that agrees with itself is whole by its own key; by the log's it is not, nor by a kept checkpoint."""
    _rewritten(folder, new_signer())
    assert [] == codes(folder)
    assert [(None, "vkey-differs"), (None, "checkpoint-key")] == codes(folder, vkey=made.signer.vkey)
    assert [(None, "remembered-key")] == codes(folder, remembered=[made.early])


def test_a_rewritten_history_is_told(folder: Path, made: Made) -> None:
    """The log's own key signed it: only what somebody kept says so, checkpoint or receipt."""
    _rewritten(folder, made.signer)
    assert [] == codes(folder, vkey=made.signer.vkey)
    assert [(None, "history-differs")] == codes(folder, remembered=[made.early])
    assert [(7, "receipt-differs"), (None, "history-differs")] == codes(folder, receipts=[made.receipt])


def test_a_log_that_was_put_back_is_told(folder: Path, made: Made) -> None:
    """It is shorter than what somebody kept."""
    _rewritten(folder, made.signer, size=50)
    assert [(None, "rewound")] == codes(folder, remembered=[made.early])
    assert [(None, "rewound")] == [c for c in codes(folder, receipts=[made.receipt]) if c[0] is None]


def test_a_signed_root_that_is_not_the_entries(folder: Path, made: Made) -> None:
    """The key's owner signed something else than what lies there."""
    root = EMPTY.extended([leaf_hash(b"x")] * SIZE).root
    (folder / "checkpoint").write_bytes(made.signer.sign(Checkpoint(ORIGIN, SIZE, root).to_text()))
    assert [(None, "root-differs")] == codes(folder, vkey=made.signer.vkey)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.replace(b"index 7\n", b"index 8\n"),
        lambda d: d.replace(b"c2sp.org/tlog-proof@v1", b"c2sp.org/tlog-proof@v2"),
        lambda d: d[:-10],
        lambda d: b"x",
    ],
)
def test_a_receipt_that_was_tampered_with_is_told(made: Made, change: Callable[[bytes], bytes]) -> None:
    """Whatever was changed in it."""
    assert [(None, "receipt-wrong")] == codes(made.folder, receipts=[change(made.receipt)])


def test_a_receipt_for_another_content_is_told(made: Made) -> None:
    """The proof holds for the leaf; the content must be the leaf's."""
    receipt = Receipt.from_text(made.receipt)
    opening = receipt.opening
    other = Opening(opening.leaf, opening.salt, opening.body | {"number": 8}).to_bytes()
    false = Receipt(receipt.index, receipt.proof, receipt.checkpoint, other)
    assert [(None, "receipt-wrong")] == codes(made.folder, receipts=[false.to_text()])


def test_no_export(made: Made, folder: Path, tmp_path: Path) -> None:
    """A folder without a checkpoint, or without a key, can't be judged."""
    with pytest.raises(LogMissing):
        verify_export(tmp_path)
    (folder / "vkey").unlink()
    with pytest.raises(LogMissing):
        verify_export(folder)
    with pytest.raises(NoteWrong):
        verify_export(folder, vkey="nonsense")
    assert [] == codes(folder, vkey=made.signer.vkey)


def test_an_export_spares_what_is_not_its_own(made: Made, tmp_path: Path) -> None:
    """It writes into no folder that holds something else."""
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(NoteWrong):
        written(
            tmp_path,
            checkpoint=(made.folder / "checkpoint").read_bytes(),
            vkey=made.signer.vkey,
            read=lambda path: (made.folder / path).read_bytes(),
        )
    assert ["letter.txt"] == [p.name for p in tmp_path.iterdir()]
