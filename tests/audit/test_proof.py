"""Inclusion and consistency proofs against the published vectors, RFC 6962's own recursion, and every mangled proof."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import ProofWrong
from audit.merkle import EMPTY, leaf_hash
from audit.proof import check_consistency, check_inclusion, consistency, inclusion
from tests.audit.test_merkle import LEAVES, ROOTS, tree_hash

HASHES = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]
SOME = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")

_A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
_B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
_C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
_D = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
_E = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
_F = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
_G = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"

# transparency-dev/merkle, proof/verify_test.go: index (here from 0), size, proof.
INCLUSION = [
    (0, 1, []),
    (0, 8, [_A, _B, _C]),
    (5, 8, [_F, _D, _E]),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (1, 5, ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", _B, _F]),
]
# The same file: the size before, the size now, proof.
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [_A, _B, _C]),
    (6, 8, [_G, _D, _E]),
    (2, 5, [_B, _F]),
    (6, 7, [_G, "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f", _E]),
]


def nodes_of(hashes: list[bytes]):  # type: ignore[no-untyped-def]
    def nodes(level: int, index: int) -> bytes:
        below = hashes[index << level : (index + 1) << level]
        assert len(below) == 1 << level
        return EMPTY.extended(below).root

    return nodes


def root(size: int) -> bytes:
    return bytes.fromhex(ROOTS[size])


def flipped(proof: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
    for i, digest in enumerate(proof):
        yield (*proof[:i], bytes([digest[0] ^ 8]) + digest[1:], *proof[i + 1 :])


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_published_inclusion_proofs(index: int, size: int, proof: list[str]) -> None:
    """They are what is made, and they hold."""
    published = tuple(map(bytes.fromhex, proof))
    assert published == inclusion(nodes_of(HASHES), index=index, size=size)
    check_inclusion(leaf_hash=HASHES[index], index=index, size=size, proof=published, root=root(size))


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_mangled_inclusion_proofs_do_not_hold(index: int, size: int, proof: list[str]) -> None:
    """The probes of the published test: another index, size, root, leaf, and hashes added, taken or changed."""
    good, right, leaf = tuple(map(bytes.fromhex, proof)), root(size), HASHES[index]
    probes = [(i, size, right, leaf, good) for i in (index - 1, index + 1, index ^ 2)]
    probes += [(index, s, right, leaf, good) for s in (size * 2, size // 2)]
    probes += [(index, size, r, leaf, good) for r in (b"WrongRoot", EMPTY.root, SOME)]
    probes += [(index, size, right, b"WrongLeaf", good), (index, size, right, SOME, good)]
    probes += [(index, size, right, leaf, p) for p in ((*good, b""), (*good, right), (b"", *good), (right, *good))]
    probes += [(index, size, right, leaf, p) for p in flipped(good)]
    if good:
        probes += [(index, size, right, leaf, good[:-1]), (index, size, right, leaf, (good[0], SOME, *good[1:]))]
    for at, of, digest, of_leaf, hashes in probes:
        with pytest.raises(ProofWrong):
            check_inclusion(leaf_hash=of_leaf, index=at, size=of, proof=hashes, root=digest)


@pytest.mark.parametrize(("old", "size", "proof"), CONSISTENCY)
def test_published_consistency_proofs(old: int, size: int, proof: list[str]) -> None:
    """They are what is made, and they hold."""
    published = tuple(map(bytes.fromhex, proof))
    assert published == consistency(nodes_of(HASHES), old=old, size=size)
    check_consistency(old=old, size=size, old_root=root(old), root=root(size), proof=published)


@pytest.mark.parametrize(("old", "size", "proof"), CONSISTENCY[1:])
def test_mangled_consistency_proofs_do_not_hold(old: int, size: int, proof: list[str]) -> None:
    """The probes of the published test."""
    good, before, now = tuple(map(bytes.fromhex, proof)), root(old), root(size)
    probes = [(o, size, before, now, good) for o in (old - 1, old + 1, old ^ 2)]
    probes += [(old, s, before, now, good) for s in (size * 2, size // 2)]
    probes += [(old, size, SOME, now, good), (old, size, before, SOME, good), (old, size, now, before, good)]
    probes += [
        (old, size, before, now, p)
        for p in ((), (*good, b""), (*good, before), (*good, now), (b"", *good), (before, *good), (now, *good))
    ]
    probes += [(old, size, before, now, p) for p in (good[:-1], (good[0], *good), *flipped(good))]
    for was, of, first, last, hashes in probes:
        with pytest.raises(ProofWrong):
            check_consistency(old=was, size=of, old_root=first, root=last, proof=hashes)


@pytest.mark.parametrize(
    ("old", "size", "before", "now", "proof"),
    [
        (0, 0, SOME, EMPTY.root, ()),
        (1, 1, SOME, EMPTY.root, ()),
        (1, 0, SOME, EMPTY.root, ()),
        (2, 1, SOME, EMPTY.root, ()),
        (1, 2, SOME, SOME, ()),
        (0, 0, EMPTY.root, EMPTY.root, (SOME,)),
        (0, 1, EMPTY.root, SOME, (SOME,)),
        (1, 1, SOME, SOME, (SOME,)),
    ],
)
def test_trivial_cases_that_do_not_hold(
    old: int, size: int, before: bytes, now: bytes, proof: tuple[bytes, ...]
) -> None:
    """No time travel, no proof where none is due, none missing where one is."""
    with pytest.raises(ProofWrong):
        check_consistency(old=old, size=size, old_root=before, root=now, proof=proof)


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 §2.1.1, word by word."""
    if len(leaves) == 1:
        return []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if index < k:
        return [*path(index, leaves[:k]), tree_hash(leaves[k:])]
    return [*path(index - k, leaves[k:]), tree_hash(leaves[:k])]


def subproof(old: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 §2.1.2, word by word."""
    if old == len(leaves):
        return [] if whole else [tree_hash(leaves)]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if old <= k:
        return [*subproof(old, leaves[:k], whole), tree_hash(leaves[k:])]
    return [*subproof(old - k, leaves[k:], False), tree_hash(leaves[:k])]


@given(st.integers(1, 90).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n - 1))))
def test_inclusion_is_the_recursion(drawn: tuple[int, int]) -> None:
    """Of any leaf in any tree, and it holds."""
    size, index = drawn
    leaves = [bytes([i]) for i in range(size)]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    proof = inclusion(nodes_of(hashes), index=index, size=size)
    assert tuple(path(index, leaves)) == proof
    check_inclusion(leaf_hash=hashes[index], index=index, size=size, proof=proof, root=tree_hash(leaves))


@given(st.integers(1, 90).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))))
def test_consistency_is_the_recursion(drawn: tuple[int, int]) -> None:
    """Of any two trees, one of which begins with the other, and it holds; of another history it does not."""
    size, old = drawn
    leaves = [bytes([i]) for i in range(size)]
    proof = consistency(nodes_of([leaf_hash(leaf) for leaf in leaves]), old=old, size=size)
    assert tuple(subproof(old, leaves, True)) == proof
    now, before = tree_hash(leaves), tree_hash(leaves[:old])
    check_consistency(old=old, size=size, old_root=before, root=now, proof=proof)
    with pytest.raises(ProofWrong):
        check_consistency(old=old, size=size, old_root=tree_hash([b"x", *leaves[1:old]]), root=now, proof=proof)
