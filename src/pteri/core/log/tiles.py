"""Tiles: the tree as files that never change, from which anybody computes any proof (docs/spec/log.md section 7).

Source: C2SP tlog-tiles. A tile of level ``n`` has up to 256 hashes of complete subtrees of ``256**n`` leaves; an entry
bundle has the leaves that a tile of level 0 has the hashes of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from pteri.core.errors import Code, Malformed
from pteri.core.log.proving import ReadNode
from pteri.core.log.tree import HASH_BYTES, MAX_SIZE, check_size, node_hash

__all__ = [
    "MAX_ENTRY_BYTES",
    "WIDTH",
    "ReadTile",
    "Tile",
    "bundle",
    "bundle_path",
    "bundles_between",
    "nodes_from_tiles",
    "parse_bundle",
    "parse_path",
    "tile_bytes",
    "tile_path",
    "tiles_between",
]

WIDTH: Final = 256
MAX_ENTRY_BYTES: Final = 0xFFFF
_HEIGHT: Final = 8
_TOP: Final = 7
"""The highest level that a tree of fewer than 2**63 leaves has: of tiles with at most 127 hashes."""
_PATH: Final = re.compile(
    r"tile/(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])/(?P<number>(?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)
_ENTRIES: Final = -1


class Tile(NamedTuple):
    """Which tile: its level (-1 for a bundle of entries), its number in the level, and how many hashes it has."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def is_full(self) -> bool:
        """It never changes again; a partial one is replaced by a wider one."""
        return self.width == WIDTH


ReadTile = Callable[[Tile], bytes]
"""Bytes of a tile. Where a partial one is gone because it has grown full, the full one is a good answer."""


def tile_path(tile: Tile) -> str:
    """Where it is served: ``tile/0/x001/x234/067``, of a partial one ``tile/0/000.p/5``."""
    if not (_ENTRIES <= tile.level <= _TOP and 0 <= tile.number <= MAX_SIZE // WIDTH and 1 <= tile.width <= WIDTH):
        raise Malformed(Code.TILE, "no tree has such a tile")
    digits = f"{tile.number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    level = "entries" if tile.level == _ENTRIES else str(tile.level)
    return f"tile/{level}/{number}" + ("" if tile.is_full else f".p/{tile.width}")


def bundle_path(number: int, width: int = WIDTH) -> str:
    """Where a bundle of entries is served: ``tile/entries/...``."""
    return tile_path(Tile(_ENTRIES, number, width))


def parse_path(path: str) -> Tile:
    """The tile that is asked for; ``Malformed(TILE)`` for anything that is not the one spelling of its path."""
    found = _PATH.fullmatch(path) if isinstance(path, str) else None
    if found is None:
        raise Malformed(Code.TILE, "not the path of a tile")
    level = _ENTRIES if found["level"] == "entries" else int(found["level"])
    number = int(found["number"].replace("x", "").replace("/", ""))
    tile = Tile(level, number, int(found["width"] or WIDTH))
    # A full tile asked for as a partial one, groups of zeros in front: each would be a second name.
    if tile_path(tile) != path:
        raise Malformed(Code.TILE, "not the path of a tile")
    return tile


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """The tiles to write when the tree has grown from ``old`` leaves to ``new``: the full and the partial ones."""
    if check_size(old) > check_size(new):
        raise Malformed(Code.TREE, "a tree does not shrink")
    for level in range(_TOP + 1):
        yield from _between(level, old >> _HEIGHT * level, new >> _HEIGHT * level)


def bundles_between(old: int, new: int) -> Iterator[Tile]:
    """The bundles of entries to write for the same growth."""
    if check_size(old) > check_size(new):
        raise Malformed(Code.TREE, "a tree does not shrink")
    yield from _between(_ENTRIES, old, new)


def _between(level: int, had: int, has: int) -> Iterator[Tile]:
    if had == has:
        return
    for number in range(had // WIDTH, has // WIDTH):
        yield Tile(level, number)
    if has % WIDTH:
        yield Tile(level, has // WIDTH, has % WIDTH)


def tile_bytes(tile: Tile, read: ReadNode) -> bytes:
    """The tile, from the hashes of complete subtrees."""
    tile_path(tile)
    return b"".join(read(_HEIGHT * tile.level, tile.number * WIDTH + place) for place in range(tile.width))


def nodes_from_tiles(size: int, read_tile: ReadTile) -> ReadNode:
    """A reader of complete subtrees of the tree of ``size`` leaves, for proofs made by whoever has the tiles.

    ``Malformed(TILE)`` for a tile of another length; wrong hashes make a proof that does not verify.
    """
    check_size(size)
    read: dict[Tile, list[bytes]] = {}

    def hashes(level: int, number: int) -> list[bytes]:
        width = min(WIDTH, (size >> _HEIGHT * level) - number * WIDTH)
        if width < 1:
            raise Malformed(Code.TREE, "the tree has no such subtree")
        tile = Tile(level, number, width)
        if tile not in read:
            raw = read_tile(tile)
            if len(raw) not in {width * HASH_BYTES, WIDTH * HASH_BYTES}:
                raise Malformed(Code.TILE, "a tile of another length than it says")
            read[tile] = [raw[start : start + HASH_BYTES] for start in range(0, width * HASH_BYTES, HASH_BYTES)]
        return read[tile]

    def node(level: int, place: int) -> bytes:
        tile_level, height = divmod(level, _HEIGHT)
        first = place << height
        row = hashes(tile_level, first // WIDTH)[first % WIDTH :][: 1 << height]
        if len(row) != 1 << height:
            raise Malformed(Code.TREE, "the tree has no such subtree")
        while len(row) > 1:
            row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]

    return node


def bundle(entries: Sequence[bytes]) -> bytes:
    """Leaves one after another, each behind its length in two bytes. ``Malformed(TILE)`` for none, or one too long."""
    if not 1 <= len(entries) <= WIDTH or any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise Malformed(Code.TILE, "a bundle has 1 to 256 entries of at most 65535 bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(raw: bytes, *, expected_width: int) -> tuple[bytes, ...]:
    """The leaves of a bundle, exactly so many, else ``Malformed(TILE)``. Whether they are in the tree, hashes say."""
    entries, at = [], 0
    while at < len(raw):
        start = at + 2
        at = start + int.from_bytes(raw[at:start], "big")
        if at > len(raw):
            raise Malformed(Code.TILE, "a bundle that breaks off")
        entries.append(raw[start:at])
    if len(entries) != expected_width:
        raise Malformed(Code.TILE, "a bundle with another number of entries")
    return tuple(entries)
