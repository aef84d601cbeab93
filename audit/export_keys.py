"""The keys of a log in an exported folder: from the one that somebody knows to the one that signs now.

The folder's `vkeys` is not trusted: each old key must have signed the next one, over the very entries that stand
before, and the opened entries must be those of the log. An entry about a key that the file does not open is a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audit.errors import LogError, Tampered, WrongCheckpoint
from audit.export import VKEYS
from audit.note import Checkpoint, NoteVerifier
from audit.receipt import Receipt
from audit.report import Faults
from audit.rotation import held_roots
from audit.succession import KINDS, Chain, openings

__all__ = ["Keys", "of_keys"]

_MARKS = tuple(f'"kind":"{kind}"'.encode() for kind in KINDS)


def of_keys(leaf: bytes) -> bool:
    """Whether an entry is about a key of the log."""
    return any(mark in leaf for mark in _MARKS)


@dataclass(frozen=True, slots=True)
class Keys:
    """The chain that the folder shows, and the leaves that it says it stands in."""

    chain: Chain
    leaves: Mapping[int, bytes]

    @classmethod
    def of(cls, folder: Path, faults: Faults) -> Keys:
        """Reads the file; without one the log has had one key."""
        path = folder / VKEYS
        try:
            opened = openings(path.read_bytes()) if path.is_file() else ()
            chain = Chain.of(link for _, link in opened)
        except LogError as error:
            seq, code = (error.seq, error.code) if isinstance(error, Tampered) else (None, "vkeys-malformed")
            faults.add(seq, code, f"the file `{VKEYS}` does not lead from key to key: {error}")
            return cls(Chain(), {})
        return cls(chain, {link.seq: opening.leaf for opening, link in opened})

    def behind(self, start: int) -> Keys:
        """The same chain; of the entries that it stands in, those from `start` on."""
        return Keys(self.chain, {seq: leaf for seq, leaf in self.leaves.items() if seq >= start})

    @property
    def numbers(self) -> frozenset[int]:
        """The entries in which a key signed the next."""
        return frozenset(self.leaves)

    def held(self, roots: Mapping[int, bytes], kept: Mapping[int, bytes], faults: Faults) -> None:
        """What the file says against the entries of the folder."""
        for seq, leaf in self.leaves.items():
            if kept.get(seq) != leaf:
                message = f"entry {seq}, in which the log's key was changed, is not in the log"
                faults.add(seq, "log-key-unrecorded", message)
        for seq in sorted(seq for seq, leaf in kept.items() if of_keys(leaf) and seq not in self.leaves):
            message = f"in entry {seq} the log's key was changed, and the folder does not show to which"
            faults.add(seq, "log-key-hidden", message)
        held_roots(self.chain, roots, faults)

    def remembered(self, note: bytes, known: NoteVerifier, faults: Faults) -> Checkpoint | None:
        """A remembered checkpoint, where a key of the log signed it while it was the log's."""
        try:
            checkpoint, verifier = self.chain.signed(note, known)
        except WrongCheckpoint as error:
            message = f"a remembered checkpoint is not signed by the key of this folder's log: {error}"
            faults.add(None, "remembered-key", message)
            return None
        late = self.chain.too_late(checkpoint, verifier)
        if late is not None:
            faults.add(None, *late)
            return None
        return None if self.chain.lost(checkpoint, verifier) else checkpoint

    def receipt(self, data: bytes, known: NoteVerifier, faults: Faults) -> tuple[Receipt, Checkpoint]:
        """A receipt, verified under the key that signed its checkpoint."""
        try:
            receipt = Receipt.from_file(data)
            _, verifier = self.chain.signed(receipt.checkpoint, known)
            checkpoint = receipt.check(verifier)
            late = self.chain.too_late(checkpoint, verifier)
            if late is None:
                return receipt, checkpoint
            faults.add(None, *late)
        except LogError as error:
            faults.add(None, "receipt-wrong", f"the receipt does not verify: {error}")
        return Receipt(-1, (), b""), Checkpoint(known.name, -1, b"")
