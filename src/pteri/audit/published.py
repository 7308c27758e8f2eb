"""A published log as an auditor reads it: a checkpoint, tiles and bundles of entries, each under its one name.

docs/spec/log.md section 13. Where the files are, a directory or a site, somebody else knows: :data:`ReadFile`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pteri.core.errors import Code, Malformed
from pteri.core.log.note import MAX_NOTE_BYTES
from pteri.core.log.tiles import MAX_ENTRY_BYTES, WIDTH, Tile, parse_bundle, tile_path
from pteri.core.log.tree import HASH_BYTES

__all__ = ["CHECKPOINT_PATH", "ENTRIES", "NotPublished", "PublishedLog", "ReadFile"]

CHECKPOINT_PATH: Final = "checkpoint"
ENTRIES: Final = -1
"""The level of a bundle in :class:`Tile`."""
_MAX_TILE_BYTES: Final = WIDTH * HASH_BYTES
_MAX_BUNDLE_BYTES: Final = WIDTH * (2 + MAX_ENTRY_BYTES)


class NotPublished(Exception):
    """There is no such file, or what is there cannot be one: too long, or no file at all. ``detail`` says which.

    A file that could not be *asked for* is something else: the reader's own exception, which nobody here catches.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


ReadFile = Callable[[str, int], bytes]
"""``read(path, limit)``: the bytes of a file of at most so many bytes, or :class:`NotPublished`."""


class PublishedLog:
    """The files of one log. What is in them, nobody has verified."""

    def __init__(self, read: ReadFile) -> None:
        self._read = read

    def checkpoint(self) -> bytes:
        """The note, or ``NotPublished``."""
        return self._read(CHECKPOINT_PATH, MAX_NOTE_BYTES)

    def tile(self, tile: Tile) -> list[bytes]:
        """Its hashes, as many as it says; ``NotPublished``, or ``Malformed(TILE)`` for another length."""
        raw, width = self._partial_or_full(tile, _MAX_TILE_BYTES)
        if len(raw) != width * HASH_BYTES:
            raise Malformed(Code.TILE, f"{len(raw)} bytes, where {width} hashes of 32 bytes belong")
        return [raw[at : at + HASH_BYTES] for at in range(0, tile.width * HASH_BYTES, HASH_BYTES)]

    def read_tile(self, tile: Tile) -> bytes:
        """The same in one piece, for whoever makes proofs."""
        return b"".join(self.tile(tile))

    def entries(self, number: int, width: int) -> tuple[bytes, ...]:
        """The first ``width`` entries of this bundle; ``NotPublished``, or ``Malformed(TILE)``."""
        raw, has = self._partial_or_full(Tile(ENTRIES, number, width), _MAX_BUNDLE_BYTES)
        return parse_bundle(raw, expected_width=has)[:width]

    def _partial_or_full(self, tile: Tile, limit: int) -> tuple[bytes, int]:
        try:
            return self._read(tile_path(tile), limit), tile.width
        except NotPublished:
            if tile.is_full:
                raise
        # A partial one may be taken away when it has grown full.
        return self._read(tile_path(Tile(tile.level, tile.number)), limit), WIDTH
