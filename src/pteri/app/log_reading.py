"""What is public of the log, and proofs of it, read from its book (docs/spec/log.md sections 5 and 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import LogBook, LogState
from pteri.app.log_seen import has_seen
from pteri.app.ports import StoreUnavailable
from pteri.app.refusals import NotFound
from pteri.core.errors import Malformed
from pteri.core.log.checkpoint import claimed_head
from pteri.core.log.note import parse_note
from pteri.core.log.proving import ReadNode, consistency_proof, head_of, inclusion_proof
from pteri.core.log.tiles import Tile, bundle, nodes_from_tiles, parse_path
from pteri.core.log.tree import TreeHead, leaf_hash

__all__ = [
    "Published",
    "consistency",
    "file_bytes",
    "head",
    "inclusion",
    "is_bundle",
    "is_by",
    "published",
    "shown_file",
    "shown_head",
]

T = TypeVar("T")


class Published(msgspec.Struct, frozen=True):
    """The newest checkpoint that may be shown: with a quorum, one that it has seen."""

    size: int
    checkpoint: bytes


def published(state: LogState, desk: LogDesk) -> Published | None:
    """What may be shown of this state; ``None`` while the quorum of the settings has not seen what is stored."""
    if desk.quorum is None:
        return Published(state.size, state.checkpoint.encode())
    return Published(state.witnessed_size, state.witnessed.encode()) if has_seen(state, desk.quorum) else None


async def shown_head(book: LogBook, desk: LogDesk) -> TreeHead | None:
    """The tree head of the newest checkpoint that may be shown; ``None`` before there is one."""
    state = await book.state()
    shown = None if state is None else published(state, desk)
    return None if shown is None else claimed_head(parse_note(shown.checkpoint))[1]


def is_by(shown: Published, desk: LogDesk) -> bool:
    """Whether the key that this service has now signed it."""
    return parse_note(shown.checkpoint).signature_by(desk.signer.verifier) is not None


def is_bundle(tile: Tile) -> bool:
    """Whether it has leaves, and not hashes."""
    return tile.level < 0


async def shown_file(book: LogBook, desk: LogDesk, path: str) -> bytes:
    """The file of the published log under this path: ``checkpoint`` or a tile. ``NotFound`` for any other."""
    state = await book.state()
    shown = None if state is None else published(state, desk)
    if shown is None:
        raise NotFound
    if path == "checkpoint":
        return shown.checkpoint
    try:
        tile = parse_path(path)
    except Malformed:
        raise NotFound from None
    # Nothing beyond what was signed and seen, and no tile as a narrower one than it is.
    have = max(0, (shown.size >> 8 * max(0, tile.level)) - tile.number * 256)
    if tile.width > have:
        raise NotFound
    return await file_bytes(book, tile)


async def file_bytes(book: LogBook, tile: Tile) -> bytes:
    """Bytes of a tile, or of a bundle, that the tree has."""
    first = tile.number * 256
    if tile.level > 0:
        hashes = await book.nodes(tile.level, first, tile.width)
    else:
        leaves = await book.leaves(first, tile.width)
        _require(len(leaves) == tile.width)
        if is_bundle(tile):
            return bundle(leaves)
        hashes = [leaf_hash(leaf) for leaf in leaves]
    _require(len(hashes) == tile.width)
    return b"".join(hashes)


async def inclusion(book: LogBook, place: int, size: int) -> tuple[bytes, ...]:
    """The path of the leaf at this place in the tree of ``size`` leaves."""
    return await _with_tiles(book, size, lambda read: inclusion_proof(place, size, read))


async def consistency(book: LogBook, old: int, new: int) -> tuple[bytes, ...]:
    """The path from the tree of ``old`` leaves to that of ``new``."""
    return await _with_tiles(book, new, lambda read: consistency_proof(old, new, read))


async def head(book: LogBook, size: int) -> TreeHead:
    """Size and root of the tree as it was with its first ``size`` leaves."""
    return await _with_tiles(book, size, lambda read: head_of(size, read))


class _Wanted(Exception):
    """The proof needs a tile that has not been read yet."""

    def __init__(self, tile: Tile) -> None:
        super().__init__(tile)
        self.tile = tile


async def _with_tiles(book: LogBook, size: int, prove: Callable[[ReadNode], T]) -> T:
    """What ``prove`` makes. It asks for hashes at once and the book answers later: so it begins again with each tile.

    A path touches a tile for each level that it crosses, and at the edge one more: about ten in the largest tree.
    """
    read: dict[Tile, bytes] = {}

    def wanted(tile: Tile) -> bytes:
        if tile not in read:
            raise _Wanted(tile)
        return read[tile]

    while True:
        try:
            return prove(nodes_from_tiles(size, wanted))
        except _Wanted as missing:
            read[missing.tile] = await file_bytes(book, missing.tile)


def _require(holds: bool) -> None:
    if not holds:
        raise StoreUnavailable("the database has fewer leaves than its log says")
