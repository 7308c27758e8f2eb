"""Trees for the tests: the definition of RFC 9162 word for word, and a store of complete subtrees."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pteri.core.log.tree import EMPTY_FRONTIER, Frontier, TreeHead, leaf_hash


def leaf(number: int) -> bytes:
    return f"leaf {number}".encode()


def root_by_definition(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162 section 2.1.1, all leaves at once."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    left, right = root_by_definition(leaves[:half]), root_by_definition(leaves[half:])
    return hashlib.sha256(b"\1" + left + right).digest()


class Grown:
    """A tree that grew leaf by leaf, and every node that was ever complete."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.frontier: Frontier = EMPTY_FRONTIER
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.heads: list[TreeHead] = [self.frontier.head]
        for data in leaves:
            self.frontier, nodes = self.frontier.appended(leaf_hash(data))
            for level, place, value in nodes:
                assert (level, place) not in self.nodes, "a complete subtree is written once"
                self.nodes[level, place] = value
            self.heads.append(self.frontier.head)

    def read(self, level: int, place: int) -> bytes:
        return self.nodes[level, place]


def grown(size: int) -> Grown:
    return Grown([leaf(number) for number in range(size)])
