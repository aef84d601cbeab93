"""Verifies an exported folder with nothing but its files and a key: every leaf, tile and opened body from its bytes.

Everything is recomputed from the leaves in `tile/entries/`: the chain, each tile of hashes, the root that the log's key
must have signed. Then the opened bodies are held against their leaves, and what somebody kept from before (checkpoints,
receipts) against the entries. Memory is flat. What lies under `tile/` and belongs to no tile is told, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.erasure import ERASURE
from audit.errors import LogMissing, NoteWrong, WrongCheckpoint
from audit.export import Progress
from audit.export_keys import Keys
from audit.export_pieces import by_several
from audit.export_reading import Reading
from audit.leaf import Leaf
from audit.note import Checkpoint, NoteVerifier, open_note, signatures_of
from audit.policy import Policy
from audit.receipt import Receipt
from audit.report import Faults, Report
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
    jobs: int = 1,
) -> ExportReport:
    """Verifies an export. `vkey`: the log's key as you know it; else the folder's own, which proves less.

    `since`: a checkpoint, or a number of entries: what lies before is taken for what the tiles say it was. `policy`:
    whose cosignatures the folder's checkpoint needs. `jobs`: so many processes, which are spawned; the report is the
    same. Raises ValueError for a `since` that the folder does not come to, LogMissing where the folder is no export,
    NoteWrong for a key or a remembered checkpoint that can't be read, LogUnavailable where a process was killed.
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
    root = None if from_there is None or from_there.size != start else from_there.root
    sizes, wanted = frozenset(c.size for c in held) | keys.numbers, _wanted(given) | keys.numbers

    def begun(found: Faults) -> Reading:
        reading = Reading(folder, signed.size, Walk(found, sizes=sizes), wanted, start=start)
        reading.begin(root)
        return reading

    reading = None if jobs <= 1 else by_several(begun(Faults()), jobs=jobs, progress=progress)
    if reading is None:
        reading = begun(faults)
        reading.all(progress)
    walk = reading.walk
    keys.held(walk.roots, reading.kept, faults)
    _held(walk, signed, kept, given, reading.kept, faults)
    fault = None if policy is None else quorum_fault(policy, verifier, note)
    if fault is not None:
        faults.add(None, *fault)
    report = Report(signed.size, faults.in_order(), faults.count, len(kept), note, since=start)
    return ExportReport(report, verifier.name, verifier.vkey, reading.opened, vkey is None)


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


def _wanted(given: Sequence[tuple[Receipt, Checkpoint]]) -> set[int]:
    """The leaves that receipts are held against: their entries', and the erasures' that they name."""
    erasures = {r.erased for r, _ in given}
    return {r.index for r, _ in given} | {number for number in erasures if number is not None}


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
