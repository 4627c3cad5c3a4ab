"""Merkle trees as in RFC 9162, section 2.1: values in, hashes out; no database.

A leaf is hashed behind the byte 0, a node behind the byte 1, so that neither can pass for the other. A tree of more
than one leaf is split at the largest power of two below its size. Everything here takes the hashes of leaves, not the
leaves: so the roots of full subtrees of equal size make a tree as well, whose root is that of the whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_sha256 = hashlib.sha256

EMPTY = _sha256().digest()
"""The root of the tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf (RFC 9162, 2.1.1)."""
    return _sha256(b"\0" + data).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of leaves.

    >>> root([leaf_hash(b"")]).hex()[:16], root([]).hex()[:16]
    ('6e340b9cffb37a98', 'e3b0c44298fc1c14')
    """
    level = list(hashes)
    if not level:
        return EMPTY
    while len(level) > 1:
        level = _above(level)
    return level[0]


def inclusion_path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Return the siblings of a leaf from the bottom up (RFC 9162, 2.1.3.1); raises IndexError outside the tree."""
    if not 0 <= index < len(hashes):
        message = f"there is no leaf {index} in a tree of {len(hashes)}"
        raise IndexError(message)
    path, level = [], list(hashes)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        index >>= 1
        level = _above(level)
    return path


def root_by_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a path leads to from a leaf's hash, None where the path fits no leaf of such a tree.

    The leaf is in the tree where this is the root that was signed (RFC 9162, 2.1.3.2).
    """
    if not 0 <= index < size:
        return None
    found, last, used = leaf, size - 1, 0
    while last:
        if index & 1 or index < last:
            if used == len(path):
                return None
            found = _node(path[used], found) if index & 1 else _node(found, path[used])
            used += 1
        index, last = index >> 1, last >> 1
    return found if used == len(path) else None


def _above(level: Sequence[bytes]) -> list[bytes]:
    """Return the level above: nodes of pairs; one that is left over moves up as it is."""
    sha256 = _sha256
    nodes = [sha256(b"\1" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
    if len(level) & 1:
        nodes.append(level[-1])
    return nodes


def _node(left: bytes, right: bytes) -> bytes:
    return _sha256(b"\1" + left + right).digest()
