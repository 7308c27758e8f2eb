"""The right edge of the tree, tile by tile, while its leaves are hashed one after the other.

Memory is bounded: at most 255 hashes for each of eight levels. Complete tiles are handed out, to be compared with what
is published, and forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pteri.core.errors import Code, Malformed
from pteri.core.log.proving import head_of
from pteri.core.log.tiles import WIDTH, Tile
from pteri.core.log.tree import TreeHead, check_hash, check_size, node_hash

__all__ = ["LEVELS", "Edge"]

LEVELS: Final = 8
_HEIGHT: Final = 8


class Edge:
    """The tree of the hashes that were appended so far."""

    def __init__(self, size: int = 0, rows: Sequence[Sequence[bytes]] = ((),) * LEVELS) -> None:
        """``rows``: for each level the hashes of its last tile, as :attr:`rows` was. ``Malformed(TREE)`` else."""
        check_size(size)
        if [len(row) for row in rows] != [(size >> _HEIGHT * level) % WIDTH for level in range(LEVELS)]:
            raise Malformed(Code.TREE, "not the edge of a tree of this size")
        self.size = size
        self._rows = [[check_hash(value) for value in row] for row in rows]

    @property
    def rows(self) -> tuple[tuple[bytes, ...], ...]:
        """For each level the hashes of its last tile, none where that is full."""
        return tuple(tuple(row) for row in self._rows)

    def copy(self) -> Edge:
        """Another one that grows for itself."""
        return Edge(self.size, self.rows)

    def append(self, leaf: bytes) -> Iterator[tuple[Tile, list[bytes]]]:
        """Append this leaf hash. Each tile that is full now, with its hashes, from below."""
        filled: list[tuple[Tile, list[bytes]]] = []
        self.size += 1
        for level, row in enumerate(self._rows):
            row.append(leaf)
            if len(row) < WIDTH:
                break
            filled.append((Tile(level, (self.size >> _HEIGHT * (level + 1)) - 1), list(row)))
            leaf = _folded(row)
            row.clear()
        return iter(filled)

    def partial(self) -> Iterator[tuple[Tile, list[bytes]]]:
        """The tiles on the edge that are not full."""
        for level, row in enumerate(self._rows):
            if row:
                yield Tile(level, self.size >> _HEIGHT * (level + 1), len(row)), list(row)

    @property
    def head(self) -> TreeHead:
        """Size and root of the tree so far."""
        return head_of(self.size, self._node)

    def _node(self, level: int, place: int) -> bytes:
        # Only subtrees along the edge are asked for, and those are in the last tiles.
        row, height = divmod(level, _HEIGHT)
        first = (place << height) % WIDTH
        return _folded(self._rows[row][first : first + (1 << height)])


def _folded(row: Sequence[bytes]) -> bytes:
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]
