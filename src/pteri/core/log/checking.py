"""Verifying proofs of the log (docs/spec/log.md section 3; RFC 9162 sections 2.1.3.2 and 2.1.4.2).

The number of hashes in a path follows from size and index alone, and is checked before anything is hashed: so one path
fits one place in one size, none is too long, and a verifier's work is bounded.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.log.tree import EMPTY_ROOT, TreeHead, check_hash, check_size, leaf_hash, node_hash

__all__ = ["check_head", "path_length", "verify_consistency", "verify_inclusion"]


def check_head(head: TreeHead) -> TreeHead:
    """The same head when a tree can have it, else ``Malformed(TREE)``."""
    check_hash(head.root)
    if check_size(head.size) == 0 and head.root != EMPTY_ROOT:
        raise Malformed(Code.TREE, "an empty tree has one root only")
    return head


def path_length(index: int, size: int) -> int:
    """How many hashes the inclusion proof of this leaf has in a tree of this size. ``Malformed(TREE)`` without one."""
    if check_size(index) >= check_size(size):
        raise Malformed(Code.TREE, "the tree has no such leaf")
    return sum(_turns(index, size))


def verify_inclusion(leaf: bytes, path: Sequence[bytes], *, expected_index: int, expected_head: TreeHead) -> TreeHead:
    """The head of a tree whose leaf ``expected_index`` is these bytes (the leaf itself, not its hash).

    Raises ``Malformed`` (``TREE``, ``MERKLE_PATH``) or ``NotAuthentic(NOT_INCLUDED)``.
    """
    head = check_head(expected_head)
    hashes = _path(path, path_length(expected_index, head.size))
    inner, _ = _turns(expected_index, head.size)
    # The leaf is hashed here: a caller who could hand in a hash could hand in that of an inner node.
    found = _up(leaf_hash(leaf), hashes[:inner], expected_index)
    if not hmac.compare_digest(_along_the_edge(found, hashes[inner:]), head.root):
        raise NotAuthentic(Code.NOT_INCLUDED, "the log does not have this leaf at this place")
    return head


def verify_consistency(path: Sequence[bytes], *, expected_old: TreeHead, expected_new: TreeHead) -> TreeHead:
    """The new head, of a tree that begins with all leaves of the old one, in their order.

    Raises ``Malformed`` (``TREE``, ``MERKLE_PATH``) or ``NotAuthentic(NOT_CONSISTENT)``.
    """
    old, new = check_head(expected_old), check_head(expected_new)
    if old.size > new.size:
        raise NotAuthentic(Code.NOT_CONSISTENT, "the log has fewer leaves than before")
    if old.size in {0, new.size}:
        _path(path, 0)
        if old.size == new.size and not hmac.compare_digest(old.root, new.root):
            raise NotAuthentic(Code.NOT_CONSISTENT, "two roots for one size")
        return new
    # The path of the last old leaf in the new tree, cut below the largest complete subtree that ends with it.
    last = old.size - 1
    inner, edge = _turns(last, new.size)
    done = (old.size & -old.size).bit_length() - 1
    inner -= done
    # The old tree may be that subtree whole; then its hash is known, and the path does not repeat it.
    is_whole = old.size == 1 << done
    hashes = _path(path, inner + edge + (0 if is_whole else 1))
    seed, rest = (old.root, hashes) if is_whole else (hashes[0], hashes[1:])
    turns = last >> done
    lefts = [node for level, node in enumerate(rest[:inner]) if turns >> level & 1]
    old_root = _along_the_edge(seed, [*lefts, *rest[inner:]])
    new_root = _along_the_edge(_up(seed, rest[:inner], turns), rest[inner:])
    if not hmac.compare_digest(old_root, old.root) or not hmac.compare_digest(new_root, new.root):
        raise NotAuthentic(Code.NOT_CONSISTENT, "the log does not begin with what it was before")
    return new


def _turns(index: int, size: int) -> tuple[int, int]:
    """Steps of the path until it meets the right edge of the tree, and those along it, where only left ones count."""
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _path(path: Sequence[bytes], length: int) -> list[bytes]:
    if not isinstance(path, list | tuple) or len(path) != length:
        raise Malformed(Code.MERKLE_PATH, f"the path has {length} hashes, no more and no less")
    return [check_hash(value) for value in path]


def _up(found: bytes, path: Sequence[bytes], turns: int) -> bytes:
    """From below; bit ``n`` of ``turns`` says that the step ``n`` comes from the right half."""
    for level, other in enumerate(path):
        found = node_hash(other, found) if turns >> level & 1 else node_hash(found, other)
    return found


def _along_the_edge(found: bytes, path: Sequence[bytes]) -> bytes:
    for other in path:
        found = node_hash(other, found)
    return found
