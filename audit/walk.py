"""The walk along the leaves: numbers, times, the chain, and the Merkle tree, one leaf after another or by whole pieces.

A link of the chain that does not hold says that one of two entries is not what it was. The next link tells which: when
it holds, the earlier entry was changed (the later one still carries the fingerprint of what it said); when it does not
hold either, the entry between the two was put in or rewritten (whether the one before it was too, it can't tell). Only
leaves that call themselves neighbours are held against each other.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from audit.errors import Tampered
from audit.leaf import FIRST, Leaf, from_text
from audit.merkle import EMPTY, Range
from audit.piece import LEVEL, Piece
from audit.report import Faults
from audit.rows import checked_leaf

__all__ = ["Walk"]

_FLUSH = 4096


@dataclass(slots=True)
class Walk:
    """`step` for each stored leaf in order, then `end`. `roots` holds the tree's root at each of `sizes` met."""

    faults: Faults
    sizes: frozenset[int] = frozenset()
    roots: dict[int, bytes] = field(default_factory=dict)
    last: bytes = FIRST  # the hash of the leaf before
    whole: bool = True  # no leaf missing so far, so the tree is known
    _next: int = 0
    time: dt.datetime | None = None  # of the leaf before
    _before: int | None = None  # the entry before the link that is in question
    _comparable: bool = True  # whether the leaf before is there and readable
    _said: int = -1  # the number that it gave itself
    _range: Range = EMPTY
    _hashes: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._remember()

    def step(self, seq: int, data: bytes) -> bool:
        """The leaf stored as number `seq`. Whether it can be read as the leaf of that number."""
        if seq > self._next:
            self._gap(seq)
        intact = self._read(seq, data)
        self.last = Leaf.hash(data)
        self._hashes.append(self.last)
        self._next = seq + 1
        if self._next in self.sizes or len(self._hashes) >= _FLUSH:
            self._remember()
        return intact

    def pass_by(self, piece: Piece) -> None:
        """As `step` for each leaf of a piece that is whole: only what lies between it and the one before is asked."""
        if piece.first > self._next:
            self._gap(piece.first)
        if self._comparable and piece.first == self._said + 1:
            self._link(piece.first, holds=piece.prev == self.last)
        else:
            self._blame_before()
        begun, count = from_text(piece.begun), piece.behind - piece.first
        if self.time is not None and begun < self.time:
            self._back(piece.first)
        if count > 1:
            self._blame_before()  # the link behind the first leaf holds
        self.last, self.time, self._comparable, self._said = piece.last, from_text(piece.ended), True, piece.behind - 1
        self._next = piece.behind
        self._remember()
        if not self.whole:
            return
        if piece.root is not None:
            self._range = self._range.joined(LEVEL, piece.root)
            self._meet()
            return
        for at in range(0, 32 * count, 32):
            self._hashes.append(piece.hashes[at : at + 32])
            if self._range.size + len(self._hashes) in self.sizes:
                self._remember()
        self._remember()

    def begin(self, leaf: bytes, before: Range) -> None:
        """Starts behind a leaf that is known to be the last of these, instead of at the first of all."""
        read = Leaf.from_bytes(leaf)
        self.last, self.time, self._said, self._next = Leaf.hash(leaf), read.time, read.seq, before.size
        self._range = before
        self._meet()

    def begin_blind(self, size: int) -> None:
        """Starts there without knowing what lies before: neither the first link nor the tree can be told."""
        self._next, self._comparable, self.whole = size, False, False

    def end(self, size: int, head_last: bytes | None) -> None:
        """Nothing follows; the head must carry the last leaf's hash."""
        if self._next < size:
            self._gap(size)
        elif head_last is not None and self._comparable:
            self._link(self._next, holds=head_last == self.last)
        self._blame_before()
        self._remember()

    @property
    def tree(self) -> Range | None:
        """The compact range of everything walked, None where leaves are missing."""
        return self._range if self.whole else None

    def _read(self, seq: int, data: bytes) -> bool:
        try:
            leaf, intact = checked_leaf(seq, data), True
        except Tampered as error:
            self.faults.add(seq, error.code, str(error))
            if error.code != "renumbered":
                self._blame_before()
                self._comparable = False
                return False
            leaf, intact = Leaf.from_bytes(data), False
        if self._comparable and leaf.seq == self._said + 1:
            self._link(seq, holds=leaf.prev == self.last)
        else:
            self._blame_before()
        if self.time is not None and leaf.time < self.time:
            self._back(seq)
        self.time, self._comparable, self._said = leaf.time, True, leaf.seq
        return intact

    def _back(self, seq: int) -> None:
        self.faults.add(seq, "time-back", f"entry {seq} is dated before the entry that it follows")

    def _link(self, seq: int, *, holds: bool) -> None:
        """The link between entries `seq - 1` and `seq`."""
        if seq == 0:
            if not holds:
                self.faults.add(0, "chain-broken", "entry 0 says that another entry came before it")
            return
        if self._before is not None and not holds:
            middle, self._before = seq - 1, None
            self.faults.add(
                middle,
                "chain-broken",
                f"entry {middle} neither follows from entry {middle - 1} nor leads to what comes after it: "
                f"it was put in or rewritten, and entry {middle - 1} perhaps too",
            )
            return
        self._blame_before()
        if not holds:
            self._before = seq - 1

    def _blame_before(self) -> None:
        if self._before is not None:
            seq, self._before = self._before, None
            self.faults.add(
                seq,
                "leaf-changed",
                f"entry {seq} was changed after it was recorded: what follows carries the fingerprint of what it said",
            )

    def _gap(self, behind: int) -> None:
        first, last = self._next, behind - 1
        self._blame_before()
        self.faults.add(
            first, "missing", f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"
        )
        self._comparable = self.whole = False

    def _remember(self) -> None:
        if not self.whole:
            self._hashes.clear()
            return
        if self._hashes:
            self._range = self._range.extended(self._hashes)
            self._hashes.clear()
        self._meet()

    def _meet(self) -> None:
        if self._range.size in self.sizes:
            self.roots[self._range.size] = self._range.root
