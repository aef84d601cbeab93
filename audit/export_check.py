"""Verifies an exported folder with nothing but its files and a key: every leaf, tile and opened body from its bytes.

Everything is recomputed from the leaves in `tile/entries/`: the chain, each tile of hashes, the root that the log's key
must have signed. Then the opened bodies are held against their leaves, and what somebody kept from before (checkpoints,
receipts) against the entries. Memory is flat. What lies under `tile/` and belongs to no tile is told, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audit.erasure import ERASURE
from audit.errors import LogMissing, NotCanonical, NoteWrong, WrongCheckpoint
from audit.export import Progress
from audit.export_bodies import Bodies
from audit.export_keys import Keys, of_keys
from audit.leaf import Leaf
from audit.note import Checkpoint, NoteVerifier, open_note, signatures_of
from audit.policy import Policy
from audit.receipt import Receipt
from audit.report import Faults, Report
from audit.since import begin_behind, cut
from audit.tiles import ENTRIES, WIDTH, Tile, hashes_in, leaves_in, root_of_full
from audit.vouched import quorum_fault
from audit.walk import Walk

__all__ = ["ExportReport", "verify_export"]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was found; `bodies` is how many were opened, `own_key` that no other key was given than the folder's own."""

    report: Report
    origin: str
    vkey: str
    bodies: int
    own_key: bool


def verify_export(
    folder: Path,
    *,
    vkey: str | None = None,
    remembered: Sequence[bytes] = (),
    receipts: Sequence[bytes] = (),
    progress: Progress | None = None,
    since: bytes | int = 0,
    policy: Policy | None = None,
) -> ExportReport:
    """Verifies an export. `vkey`: the log's key as you know it; else the folder's own, which proves less.

    `since`: a checkpoint, or a number of entries: what lies before is taken for what the tiles say it was. `policy`:
    whose cosignatures the folder's checkpoint needs. Raises ValueError for a `since` that the folder does not come to,
    LogMissing where the folder is no export, NoteWrong for a key or a remembered checkpoint that can't be read.
    """
    faults = Faults()
    keys = Keys.of(folder, faults)
    verifier, note = _start(folder, vkey, keys, faults)
    kept = [keys.remembered(data, verifier, faults) for data in remembered]
    given = [keys.receipt(data, verifier, faults) for data in receipts]
    held = [c for c in kept if c is not None] + [c for _, c in given]
    signed = _signed(note, verifier, faults)
    if signed is None:
        return ExportReport(
            Report(0, faults.in_order(), faults.count, 0, note), verifier.name, verifier.vkey, 0, not vkey
        )
    from_there = keys.remembered(since, verifier, faults) if isinstance(since, bytes) else None
    if from_there is not None:
        kept.append(from_there)
        held.append(from_there)
        start = min(from_there.size, signed.size)
    else:
        start = since if isinstance(since, int) else 0
    if not 0 <= start <= signed.size:
        raise ValueError(f"the folder has {signed.size} entries; it can't be verified from entry {start} on")
    keys = keys.behind(start)
    walk = Walk(faults, sizes=frozenset(c.size for c in held) | keys.numbers)
    reading = _Reading(folder, signed.size, walk, _wanted(given) | keys.numbers, start=start)
    reading.begin(None if from_there is None or from_there.size != start else from_there.root)
    reading.all(progress)
    keys.held(walk.roots, reading.kept, faults)
    _held(walk, signed, kept, given, reading.kept, faults)
    fault = None if policy is None else quorum_fault(policy, verifier, note)
    if fault is not None:
        faults.add(None, *fault)
    report = Report(signed.size, faults.in_order(), faults.count, len(kept), note, since=start)
    return ExportReport(report, verifier.name, verifier.vkey, reading.bodies.opened, vkey is None)


def _start(folder: Path, vkey: str | None, keys: Keys, faults: Faults) -> tuple[NoteVerifier, bytes]:
    if not (folder / "checkpoint").is_file():
        raise LogMissing(f"`{folder}` is no export, or one that was broken off: it holds no file `checkpoint`")
    own = folder / "vkey"
    said = own.read_text(encoding="utf-8", errors="replace").strip() if own.is_file() else None
    if vkey is None and said is None:
        raise LogMissing(f"`{folder}` holds no file `vkey`; give the log's verifier key")
    verifier = keys.chain.newest(NoteVerifier.from_vkey(vkey or said or ""))
    if said is not None and said != verifier.vkey:
        faults.add(None, "vkey-differs", "the key in the folder is another than the one that you expect")
    origin = folder / "origin"
    if origin.is_file() and origin.read_text(encoding="utf-8", errors="replace").strip() != verifier.name:
        faults.add(None, "origin-differs", f"the folder says that it is of another log than `{verifier.name}`")
    return verifier, (folder / "checkpoint").read_bytes()


def _signed(note: bytes, verifier: NoteVerifier, faults: Faults) -> Checkpoint | None:
    try:
        checkpoint = Checkpoint.from_text(open_note(note, verifier))
    except NoteWrong as error:
        faults.add(None, "checkpoint-malformed", f"the checkpoint can't be read: {error}")
        return None
    except WrongCheckpoint as error:
        _, signatures = signatures_of(note)
        ours = any((s.name, s.key_id) == (verifier.name, verifier.key_id) for s in signatures)
        what = "the signature under it does not verify" if ours else "it is signed by another key than you expect"
        faults.add(
            None,
            "checkpoint-signature" if ours else "checkpoint-key",
            f"nobody vouches for this folder: the checkpoint says what the log held, and {what}: {error}",
        )
        return None
    if checkpoint.origin != verifier.name:
        faults.add(None, "checkpoint-origin", f"the checkpoint is of the log `{checkpoint.origin}`, not of this one")
        return None
    return checkpoint


@dataclass(slots=True)
class _Reading:
    """The files in order; `pending` are, for each level, the hashes of the tile that is being filled."""

    folder: Path
    size: int
    walk: Walk
    wanted: set[int]  # leaves to be kept, for receipts
    start: int = 0  # the first entry that is looked at
    kept: dict[int, bytes] = field(default_factory=dict)
    pending: list[list[bytes]] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    bodies: Bodies = field(init=False)
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
        self.bodies = Bodies(self.folder / "bodies.jsonl", self.walk.faults, since=self.start)
        for first in range(self.start // WIDTH * WIDTH, self.size, WIDTH):
            width = min(WIDTH, self.size - first)
            hashes = self._bundle(Tile(ENTRIES, first // WIDTH, width), first)
            self.whole = self.whole and len(hashes) == width
            if len(hashes) == width:
                self._compared(Tile(0, first // WIDTH, width), hashes)
            if self.whole and width == WIDTH:
                self._above(1, root_of_full(hashes))
            if progress is not None:
                progress(first + width, self.size)
        self.walk.end(self.size, None)
        if self.whole:
            for level, hashes in enumerate(self.pending, start=1):
                if hashes:
                    self._compared(Tile(level, self.done[level - 1], len(hashes)), hashes)
        self.bodies.end(self.size)
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


def _wanted(given: Sequence[tuple[Receipt, Checkpoint]]) -> set[int]:
    """The leaves that receipts are held against: their entries', and the erasures' that they name."""
    erasures = {r.erased for r, _ in given}
    return {r.index for r, _ in given} | {number for number in erasures if number is not None}


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


def _held(
    walk: Walk,
    signed: Checkpoint,
    kept: Sequence[Checkpoint | None],
    given: Sequence[tuple[Receipt, Checkpoint]],
    leaves: dict[int, bytes],
    faults: Faults,
) -> None:
    """The signed root, remembered checkpoints and receipts, against what the entries are."""
    if walk.tree is not None and walk.tree.root != signed.root:
        faults.add(None, "root-differs", "the entries in this folder are not those that the log's key signed for")
    for checkpoint in (c for c in kept if c is not None):
        _extends(walk, signed, checkpoint, "a remembered checkpoint", faults)
    for receipt, checkpoint in given:
        if checkpoint.size < 0:
            continue
        if receipt.index < signed.size and leaves.get(receipt.index, receipt.opening.leaf) != receipt.opening.leaf:
            faults.add(
                receipt.index,
                "receipt-differs",
                f"entry {receipt.index} is not the one that the receipt proves was recorded: it was changed afterwards",
            )
        under = receipt.erased
        if under is not None and (under not in leaves or Leaf.from_bytes(leaves[under]).kind != ERASURE):
            faults.add(
                receipt.index,
                "erasure-unordered",
                f"the receipt says that entry {receipt.index} was erased under entry {under}, which is no erasure here",
            )
        _extends(walk, signed, checkpoint, "the receipt's checkpoint", faults)


def _extends(walk: Walk, signed: Checkpoint, old: Checkpoint, what: str, faults: Faults) -> None:
    if old.size > signed.size:
        faults.add(
            None,
            "rewound",
            f"{what}, signed by the log's own key, says that the log had {old.size} entries; this folder ends at "
            f"{signed.size}: it is older, or entries {signed.size} to {old.size - 1} were taken away",
        )
    elif old.size in walk.roots and walk.roots[old.size] != old.root:
        faults.add(
            None,
            "history-differs",
            f"the first {old.size} entries are not those that the log's key signed in {what}: "
            "the history was written anew, and two different logs were shown",
        )
