"""The Merkle tree of RFC 6962 §2.1, kept as a compact range: the roots of its full subtrees, largest first.

A tree of n leaves has one full subtree for each bit that is set in n, so a log of a billion entries is carried
forward by thirty hashes. Each leaf pushes its hash and merges as many times as the size before it ends in ones; the
root folds the range from the right.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["EMPTY", "Range", "leaf_hash", "node_hash"]

_SIZE = 32


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 ‖ leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Range:
    """The compact range of the first `size` leaves."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count() or any(len(p) != _SIZE for p in self.peaks):
            raise ValueError(f"{len(self.peaks)} hashes can't be the compact range of {self.size} leaves")

    def extended(self, hashes: Iterable[bytes]) -> Range:
        """The range after more leaves, given by their hashes."""
        size, peaks = self.size, list(self.peaks)
        for digest in hashes:
            merging = size
            while merging & 1:
                digest = node_hash(peaks.pop(), digest)
                merging >>= 1
            peaks.append(digest)
            size += 1
        return Range(size, tuple(peaks))

    def joined(self, level: int, root: bytes) -> Range:
        """The range after 2**level more leaves, given by the root over them. Raises ValueError off their places."""
        if self.size & ((1 << level) - 1):
            raise ValueError(f"a full subtree of level {level} does not begin behind {self.size} leaves")
        above = Range(self.size >> level, self.peaks).extended((root,))
        return Range(above.size << level, above.peaks)

    @property
    def root(self) -> bytes:
        """The Merkle tree hash."""
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def spans(self) -> list[tuple[int, int]]:
        """The leaves under each peak: the first, and the one behind the last."""
        spans, start = [], 0
        for bit in reversed(range(self.size.bit_length())):
            if self.size >> bit & 1:
                spans.append((start, start + (1 << bit)))
                start += 1 << bit
        return spans

    def to_bytes(self) -> bytes:
        """The peaks, one after another."""
        return b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Range:
        """Reads what `to_bytes` wrote. Raises ValueError where it can't be the range of `size` leaves."""
        if len(data) % _SIZE:
            raise ValueError(f"{len(data)} bytes are not a list of hashes")
        return cls(size, tuple(data[i : i + _SIZE] for i in range(0, len(data), _SIZE)))


EMPTY = Range()
