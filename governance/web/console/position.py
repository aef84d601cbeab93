"""Where an entry stands in the tree: the way from its leaf to the root, with what stands beside it on each step.

The tree of `n` leaves divides at the largest power of two below `n` (RFC 6962 §2.1). On each step one half holds the
entry, and the hash of the other one is a hash of the inclusion proof, to be had from the tiles that are named here.
"""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from dataclasses import dataclass

from audit.errors import NoteWrong, WrongCheckpoint
from audit.merkle import node_hash
from audit.note import Checkpoint, NoteVerifier, open_note, signatures_of
from audit.receipt import Receipt
from audit.tiles import WIDTH, Tile

__all__ = ["Covering", "Part", "Signed", "Step", "cosigned", "covering", "way"]

_COSIGNATURE = 8 + 64  # eight bytes of time and an Ed25519 signature (C2SP tlog-cosignature)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the tree, its hash, and the tiles that this hash is made from."""

    first: int
    last: int
    digest: str
    tiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """Two halves that together make what stands above them; `right`: whether the entry is in the right one."""

    ours: Part
    beside: Part
    right: bool


def _tiles(first: int, behind: int, size: int) -> tuple[str, ...]:
    """The tiles that hold the full subtrees of a range, as a tree of `size` leaves has them."""
    found: list[str] = []
    while first < behind:
        level = (behind - first).bit_length() - 1
        height, rest = divmod(level, 8)
        tile = Tile(height, ((first >> level) << rest) // WIDTH).at(size)
        if tile is not None and tile.path not in found:
            found.append(tile.path)
        first += 1 << level
    return tuple(found)


def way(*, leaf_hash: bytes, index: int, size: int, proof: tuple[bytes, ...]) -> tuple[Step, ...]:
    """From the root down to the leaf. The proof must be one that leads there; it was checked when it was made."""
    halves: list[tuple[int, int, int, int]] = []
    first, behind = 0, size
    while behind - first > 1:
        middle = first + (1 << (behind - first - 1).bit_length() - 1)
        if index < middle:
            halves.append((first, middle, middle, behind))
            behind = middle
        else:
            halves.append((middle, behind, first, middle))
            first = middle
    steps: list[Step] = []
    digest = leaf_hash
    for (first, behind, start, end), sibling in zip(reversed(halves), proof, strict=True):
        right = start < first
        ours = Part(first, behind - 1, digest.hex())
        steps.append(Step(ours, Part(start, end - 1, sibling.hex(), _tiles(start, end, size)), right))
        digest = node_hash(sibling, digest) if right else node_hash(digest, sibling)
    return tuple(reversed(steps))


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature line of a checkpoint; `time` is a witness's."""

    name: str
    key_id: str
    time: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Covering:
    """A checkpoint that covers an entry. `wrong`: why the log's signature does not hold, None where it does."""

    note: str
    size: int
    root: str
    log: Signed
    wrong: str | None
    cosigned: tuple[Signed, ...]


def covering(note: bytes, vkey: str) -> Covering | None:
    """What a checkpoint says and who vouches for it; None where it can't be read.

    The witnesses' lines are those that verified when the log took them in, and verify still.
    """
    verifier = NoteVerifier.from_vkey(vkey)
    try:
        text, signatures = signatures_of(note)
        checkpoint = Checkpoint.from_text(text)
    except NoteWrong:
        return None
    wrong = None
    try:
        open_note(note, verifier)
    except WrongCheckpoint as error:
        wrong = str(error)
    cosigned = tuple(
        Signed(s.name, s.key_id.hex(), dt.datetime.fromtimestamp(int.from_bytes(s.signature[:8], "big"), dt.UTC))
        for s in signatures
        if len(s.signature) == _COSIGNATURE and s.key_id != verifier.key_id
    )
    log = Signed(verifier.name, verifier.key_id.hex(), None)
    root = b64encode(checkpoint.root).decode()
    return Covering(note.decode(), checkpoint.size, root, log, wrong, cosigned)


def cosigned(receipt: Receipt, notes: tuple[bytes | None, ...], vkey: str) -> tuple[Covering, ...]:
    """Checkpoints that witnesses cosigned, the newest first: those that cover the entry, but not the receipt's."""
    texts = {note for note in notes if note is not None and note != receipt.checkpoint}
    read = [found for note in texts if (found := covering(note, vkey)) is not None]
    return tuple(sorted((f for f in read if f.size > receipt.index and f.cosigned), key=lambda f: -f.size))
