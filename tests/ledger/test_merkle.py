"""Merkle trees against the recursive definition of RFC 9162, and against hashes worked out with sha256sum."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import inclusion_path, leaf_hash, root, root_by_inclusion

LEAVES = st.lists(st.binary(max_size=4), max_size=70)


def defined_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, word for word."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    split = largest_power_of_two_below(len(leaves))
    return sha256(b"\1" + defined_root(leaves[:split]) + defined_root(leaves[split:])).digest()


def defined_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162, 2.1.3.1, word for word."""
    if len(leaves) == 1:
        return []
    split = largest_power_of_two_below(len(leaves))
    if index < split:
        return [*defined_path(index, leaves[:split]), defined_root(leaves[split:])]
    return [*defined_path(index - split, leaves[split:]), defined_root(leaves[:split])]


def largest_power_of_two_below(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


# printf '' | sha256sum; printf '\0' | sha256sum; and so on up the tree, byte by byte
KNOWN = {
    (): "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    (b"",): "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    (b"", b"\0"): "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    (b"", b"\0", b"\x10"): "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
}


@pytest.mark.parametrize(("leaves", "expected"), KNOWN.items())
def test_roots_are_those_worked_out_by_hand(leaves: tuple[bytes, ...], expected: str) -> None:
    assert root([leaf_hash(leaf) for leaf in leaves]).hex() == expected


@given(LEAVES)
def test_the_root_is_the_defined_one(leaves: list[bytes]) -> None:
    assert root([leaf_hash(leaf) for leaf in leaves]) == defined_root(leaves)


@given(LEAVES.filter(bool), st.data())
def test_the_path_of_a_leaf_is_the_defined_one_and_leads_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    hashes = [leaf_hash(leaf) for leaf in leaves]
    path = inclusion_path(hashes, index)
    assert path == defined_path(index, leaves)
    assert root_by_inclusion(hashes[index], index, len(leaves), path) == root(hashes)


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40, unique=True), st.data())
def test_a_path_proves_no_other_leaf_no_other_place_and_no_other_size(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.integers(0, len(leaves) - 1).filter(lambda each: each != index or len(leaves) == 1))
    hashes = [leaf_hash(leaf) for leaf in leaves]
    path, expected = inclusion_path(hashes, index), root(hashes)
    assert root_by_inclusion(leaf_hash(b"stranger"), index, len(leaves), path) != expected
    assert root_by_inclusion(hashes[index], index, len(leaves), [*path, b"x" * 32]) is None
    assert root_by_inclusion(hashes[index], len(leaves), len(leaves), path) is None
    if other != index:
        assert root_by_inclusion(hashes[index], other, len(leaves), path) != expected
        assert root_by_inclusion(hashes[index], index, len(leaves), path[:-1]) is None


@given(st.lists(st.binary(max_size=4), max_size=70), st.integers(0, 4))
def test_the_roots_of_full_subtrees_make_the_same_tree(leaves: list[bytes], height: int) -> None:
    hashes, width = [leaf_hash(leaf) for leaf in leaves], 1 << height
    parts = [hashes[start : start + width] for start in range(0, len(hashes), width)]
    assert root([root(part) for part in parts]) == root(hashes)
    for index in range(len(hashes)):
        inner = inclusion_path(parts[index // width], index % width)
        outer = inclusion_path([root(part) for part in parts], index // width)
        assert [*inner, *outer] == inclusion_path(hashes, index)


def test_there_is_no_path_for_a_leaf_that_is_not_there() -> None:
    with pytest.raises(IndexError, match="no leaf 2 in a tree of 2"):
        inclusion_path([leaf_hash(b"a"), leaf_hash(b"b")], 2)
