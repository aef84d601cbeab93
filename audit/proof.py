"""Inclusion and consistency proofs (RFC 6962 §2.1.1 and §2.1.2): made from a tree's nodes, checked from nothing.

A proof is a list of hashes, from the leaf's sibling (or the old tree's last peak) up to the root's child. To make one,
only the roots of *full* subtrees are asked for, `nodes(level, index)` being the root over the leaves
`index * 2**level` to `(index + 1) * 2**level - 1`; the ragged right edge is folded from them. To check one, a root that
somebody signed is needed: a proof alone proves nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence

from audit.errors import ProofWrong
from audit.merkle import EMPTY, node_hash

__all__ = ["Nodes", "check_consistency", "check_inclusion", "consistency", "inclusion", "root_of"]

Nodes = Callable[[int, int], bytes]
_SIZE = 32


def root_of(nodes: Nodes, first: int, behind: int) -> bytes:
    """The Merkle tree hash over the leaves of a range that a proof may ask for."""
    if first == behind == 0:
        return EMPTY.root
    peaks = []
    while first < behind:
        level = (behind - first).bit_length() - 1
        peaks.append(nodes(level, first >> level))
        first += 1 << level
    root = peaks.pop()
    while peaks:
        root = node_hash(peaks.pop(), root)
    return root


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def inclusion(nodes: Nodes, *, index: int, size: int) -> tuple[bytes, ...]:
    """That the leaf `index` is in the tree of `size` leaves. Raises ValueError where there is no such leaf."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has none of number {index}")
    found, first, behind = [], 0, size
    while behind - first > 1:
        middle = first + _split(behind - first)
        if index < middle:
            found.append(root_of(nodes, middle, behind))
            behind = middle
        else:
            found.append(root_of(nodes, first, middle))
            first = middle
    return tuple(reversed(found))


def consistency(nodes: Nodes, *, old: int, size: int) -> tuple[bytes, ...]:
    """That the tree of `size` leaves begins with the tree of `old`; empty where `old` is 0 or `size`."""
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} leaves can't begin with one of {old}")
    if old in (0, size):
        return ()
    found, first, behind, whole = [], 0, size, True
    while old != behind:
        middle = first + _split(behind - first)
        if old <= middle:
            found.append(root_of(nodes, middle, behind))
            behind = middle
        else:
            found.append(root_of(nodes, first, middle))
            first, whole = middle, False
    if not whole:
        found.append(root_of(nodes, first, behind))
    return tuple(reversed(found))


def _same(left: bytes, right: bytes) -> bool:
    return hmac.compare_digest(left, right)


def _sound(hashes: Sequence[bytes]) -> None:
    if any(len(digest) != _SIZE for digest in hashes):
        raise ProofWrong(f"a hash of a proof has {_SIZE} bytes")


def check_inclusion(*, leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises ProofWrong unless the leaf stands at `index` in the tree of `size` leaves with this root."""
    _sound([leaf_hash, root, *proof])
    if not 0 <= index < size:
        raise ProofWrong(f"a log of {size} entries has none of number {index}")
    at, last, digest = index, size - 1, leaf_hash
    for step, sibling in enumerate(proof):
        if last == 0:
            raise ProofWrong(f"the proof has {len(proof)} hashes, and {step} are due")
        if at & 1 or at == last:
            digest = node_hash(sibling, digest)
            while not at & 1 and at:  # the right edge: levels on which this node has no sibling
                at, last = at >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofWrong(f"the proof ends too early, with {len(proof)} hashes")
    if not _same(digest, root):
        raise ProofWrong("the proof does not lead from the entry to the root that was signed")


def check_consistency(*, old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Raises ProofWrong unless the tree of `size` leaves begins with the tree of `old`."""
    _sound([old_root, root, *proof])
    if not 0 <= old <= size:
        raise ProofWrong(f"a log of {size} entries can't begin with one of {old}")
    if old in (0, size):
        if proof:
            raise ProofWrong(f"the proof has {len(proof)} hashes, and none is due")
        if not _same(old_root, EMPTY.root if old == 0 else root):
            raise ProofWrong("the two roots are not of the same entries")
        return
    before, after = _climbed(old, size, old_root, proof)
    if not _same(before, old_root):
        raise ProofWrong("the proof does not lead to the root that was signed before")
    if not _same(after, root):
        raise ProofWrong("the proof does not lead to the root that is signed now")


def _climbed(old: int, size: int, old_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The two roots that a proof leads to, from the last full subtree of the old tree up."""
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not proof:
        raise ProofWrong("the proof is empty")
    rest = list(proof)
    before = after = rest.pop(0) if at else old_root
    for sibling in rest:
        if last == 0:
            raise ProofWrong("the proof has more hashes than are due")
        if at & 1 or at == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofWrong(f"the proof ends too early, with {len(proof)} hashes")
    return before, after
