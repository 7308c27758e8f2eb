"""Roots and proofs of any size of the tree, from the hashes of complete subtrees (docs/spec/log.md section 2).

They are made through one small function that reads such a hash, whether from rows of a store or from tiles. Nothing of
what it answers is believed here: a proof from wrong hashes is a wrong proof, and does not verify.
"""

from __future__ import annotations

from collections.abc import Callable

from pteri.core.errors import Code, Malformed
from pteri.core.log.tree import EMPTY_ROOT, Frontier, TreeHead, check_hash, check_size, node_hash, peaks_of

__all__ = ["ReadNode", "consistency_proof", "frontier_of", "head_of", "inclusion_proof"]


ReadNode = Callable[[int, int], bytes]
"""``read(level, place)``: the hash of the complete subtree of that name."""


def head_of(size: int, read: ReadNode) -> TreeHead:
    """Size and root of the tree of the first ``size`` leaves. At most 63 reads."""
    return TreeHead(size, EMPTY_ROOT if check_size(size) == 0 else _hash_of(0, size, read))


def frontier_of(size: int, read: ReadNode) -> Frontier:
    """The edge at which a tree of this size goes on growing."""
    return Frontier.of(size, [read(level, place) for level, place in peaks_of(size)])


def inclusion_proof(index: int, size: int, read: ReadNode) -> tuple[bytes, ...]:
    """The path from leaf ``index`` to the root of the first ``size`` leaves, from below (RFC 9162 section 2.1.3.1)."""
    if check_size(index) >= check_size(size):
        raise Malformed(Code.TREE, "the tree has no such leaf")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _left_half(end - start)
        if index < middle:
            path.append(_hash_of(middle, end, read))
            end = middle
        else:
            path.append(_hash_of(start, middle, read))
            start = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, read: ReadNode) -> tuple[bytes, ...]:
    """That the tree of ``new`` leaves begins with that of ``old`` ones (RFC 9162 section 2.1.4.1).

    Empty from nothing, and from a size to itself.
    """
    if check_size(old) > check_size(new):
        raise Malformed(Code.TREE, "a tree does not shrink")
    if old == 0:
        return ()
    path: list[bytes] = []
    start, end = 0, new
    while end != old:
        middle = start + _left_half(end - start)
        if old <= middle:
            path.append(_hash_of(middle, end, read))
            end = middle
        else:
            path.append(_hash_of(start, middle, read))
            start = middle
    if start:
        # The last piece of the old tree. When it is the whole of it, the verifier has its hash: it is the old root.
        path.append(_hash_of(start, end, read))
    return tuple(reversed(path))


def _left_half(width: int) -> int:
    """The largest power of two below ``width``, which is two or more."""
    return 1 << ((width - 1).bit_length() - 1)


def _hash_of(start: int, end: int, read: ReadNode) -> bytes:
    """Hash of the leaves from ``start`` to before ``end``, a range that the tree's own halving leads to."""
    width = end - start
    if width & (width - 1) == 0:
        return check_hash(read(width.bit_length() - 1, start // width))
    middle = start + _left_half(width)
    return node_hash(_hash_of(start, middle, read), _hash_of(middle, end, read))
