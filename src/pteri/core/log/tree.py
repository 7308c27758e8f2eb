"""The Merkle tree of the log, and how it grows (docs/spec/log.md section 1; RFC 9162 section 2.1).

A *complete* subtree of ``2**level`` leaves that begins at leaf ``place * 2**level`` is named ``(level, place)``. Its
hash never changes, so these are what a store keeps; everything else is computed from a few of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from pteri.core.errors import Code, Malformed

__all__ = [
    "EMPTY_FRONTIER",
    "EMPTY_ROOT",
    "HASH_BYTES",
    "MAX_SIZE",
    "Frontier",
    "Node",
    "TreeHead",
    "check_hash",
    "check_size",
    "leaf_hash",
    "node_hash",
    "peaks_of",
]

HASH_BYTES: Final = 32
MAX_SIZE: Final = (1 << 63) - 1
"""Every size and index also fits a signed 64-bit column."""
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


class Node(NamedTuple):
    """The hash of the complete subtree ``(level, place)``."""

    level: int
    place: int
    hash: bytes


class TreeHead(msgspec.Struct, frozen=True):
    """What a log says of itself: how many leaves it has, and their root. By itself it proves nothing."""

    size: int
    root: bytes


def leaf_hash(leaf: bytes) -> bytes:
    """``SHA-256(00 || leaf)``. The byte before it is what keeps an inner node from being shown as a leaf."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """``SHA-256(01 || left || right)``."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def check_size(size: int) -> int:
    """The same number when a tree can have so many leaves, else ``Malformed(TREE)``."""
    if type(size) is not int or not 0 <= size <= MAX_SIZE:
        raise Malformed(Code.TREE, "not a number of leaves")
    return size


def check_hash(value: bytes) -> bytes:
    """The same bytes when they can be a hash of the tree, else ``Malformed(TREE)``."""
    if type(value) is not bytes or len(value) != HASH_BYTES:
        raise Malformed(Code.TREE, "a hash of the tree has 32 bytes")
    return value


def peaks_of(size: int) -> list[tuple[int, int]]:
    """Level and place of the complete subtrees that a tree of this size is made of, from the left: one for each bit."""
    found, start = [], 0
    for level in range(check_size(size).bit_length() - 1, -1, -1):
        if size >> level & 1:
            found.append((level, start >> level))
            start += 1 << level
    return found


class Frontier(msgspec.Struct, frozen=True):
    """The right edge of a tree: all that is needed to go on appending, in at most 63 hashes.

    ``peaks``: hashes of the subtrees of :func:`peaks_of`. A new one is made by :meth:`of`, which checks their number.
    """

    size: int
    peaks: tuple[bytes, ...]

    @classmethod
    def of(cls, size: int, peaks: Sequence[bytes]) -> Frontier:
        """The edge of a tree that was stored. ``Malformed(TREE)`` when there are not as many peaks as the size says."""
        if len(peaks) != check_size(size).bit_count():
            raise Malformed(Code.TREE, "so many peaks do not belong to a tree of this size")
        return cls(size, tuple(check_hash(peak) for peak in peaks))

    @property
    def head(self) -> TreeHead:
        """Size and root of the tree so far."""
        if not self.peaks:
            return TreeHead(0, EMPTY_ROOT)
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return TreeHead(self.size, root)

    def appended(self, leaf: bytes) -> tuple[Frontier, tuple[Node, ...]]:
        """The edge after one more leaf, whose *hash* is given, and the nodes that are complete now, that leaf first."""
        if self.size == MAX_SIZE:
            raise Malformed(Code.TREE, "the tree is full")
        peaks = list(self.peaks)
        nodes = [Node(0, self.size, check_hash(leaf))]
        while nodes[-1].place & 1:
            # An odd subtree is the right half of a bigger one, whose left half is the last peak.
            level, place, right = nodes[-1]
            nodes.append(Node(level + 1, place >> 1, node_hash(peaks.pop(), right)))
        peaks.append(nodes[-1].hash)
        return Frontier(self.size + 1, tuple(peaks)), tuple(nodes)


EMPTY_FRONTIER: Final = Frontier(0, ())
