"""The compact range against RFC 6962's own recursion and the published vectors."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.merkle import EMPTY, Range, leaf_hash, node_hash

# transparency-dev/merkle, testonly/constants.go: leaves, and the root of the first n.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree_hash(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(tree_hash(leaves[:k]), tree_hash(leaves[k:]))


@pytest.mark.parametrize("size", range(9))
def test_published_vectors(size: int) -> None:
    """The roots that Certificate Transparency's own tests expect."""
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES[:size]]
    assert ROOTS[size] == EMPTY.extended(hashes).root.hex()


@given(st.lists(st.binary(max_size=3), max_size=70), st.integers(0, 70))
def test_extending_in_two_steps_is_the_recursion(leaves: list[bytes], cut: int) -> None:
    """Any number of leaves, in any two portions, give the root of the recursive definition."""
    hashes = [leaf_hash(leaf) for leaf in leaves]
    both = EMPTY.extended(hashes[:cut]).extended(hashes[cut:])
    assert (len(leaves), tree_hash(leaves)) == (both.size, both.root)


@given(st.integers(0, 200))
def test_a_range_has_a_peak_for_each_full_subtree(size: int) -> None:
    """Its spans are powers of two, falling, and leave nothing out; its bytes read back."""
    made = EMPTY.extended([leaf_hash(bytes([i])) for i in range(size)])
    widths = [behind - first for first, behind in made.spans()]
    assert sorted(set(widths), reverse=True) == widths
    assert size == sum(widths)
    assert all(width.bit_count() == 1 for width in widths)
    assert made == Range.from_bytes(size, made.to_bytes())


@pytest.mark.parametrize(("size", "data"), [(1, b""), (0, bytes(32)), (3, bytes(32)), (1, bytes(31)), (-1, b"")])
def test_bytes_that_are_no_range_are_refused(size: int, data: bytes) -> None:
    """The number of hashes must be the number of bits set in the size."""
    with pytest.raises(ValueError, match=r"range|hashes"):
        Range.from_bytes(size, data)
