"""Reading a published log from the first entry that is new to the last, bundle by bundle.

Entries and the tiles above them are two accounts of one tree. Where they differ first, a second tree is grown beside
the first, from what the tiles say: at the end, the root of the checkpoint tells which of the two was touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pteri.audit.edge import Edge
from pteri.audit.handovers import Handovers
from pteri.audit.log_findings import Found, LogCheck
from pteri.audit.published import ENTRIES, NotPublished, PublishedLog
from pteri.audit.tails import Tails
from pteri.core.errors import Code, Malformed, NotAuthentic, ProtocolError
from pteri.core.log.leaf import parse_leaf
from pteri.core.log.rotation import EntryKind, entry_kind
from pteri.core.log.tiles import WIDTH, Tile, tile_path
from pteri.core.log.tree import TreeHead, leaf_hash

__all__ = ["Difference", "Reading", "differences"]

_MOST: Final = 10_000
"""Places that are remembered of each kind: an enemy may have touched all of them."""

Difference = tuple[str, str]
"""Where, and what is different there."""


class Reading:
    """What came of reading; :meth:`run` once."""

    def __init__(self, log: PublishedLog, found: Found, edge: Edge, tails: Tails, handovers: Handovers) -> None:
        self._log = log
        self._found = found
        self.edge = edge
        self.by_tiles: Edge | None = None
        """The tree as the lowest tiles say it, where that is another one."""
        self.tails = tails
        self.handovers = handovers
        self.heads: dict[int, TreeHead] = {edge.size: edge.head}
        self.wrong_entries: list[Difference] = []
        self.wrong_tiles: list[Difference] = []
        self.wrong_upper: list[Difference] = []
        """Tiles above the lowest that are not what ``by_tiles`` makes."""
        self.unknown = 0
        self.stopped_at: int | None = None
        self._follows_accounts = True

    def run(self, size: int, watched: Sequence[int], progress: Callable[[int, int], None]) -> None:
        """Read until the tree has this size. ``watched``: sizes whose heads are wanted."""
        start, wanted = self.edge.size, set(watched)
        for number in range(start // WIDTH, -(-size // WIDTH)):
            first = number * WIDTH
            width = min(WIDTH, size - first)
            entries, hashes, tile = self._block(number, width)
            if hashes is None:
                self.stopped_at = first
                return
            skip = max(start - first, 0)
            self._compare_with_kept(hashes[:skip], first)
            self._compare_with_tile(hashes, tile, number)
            for at in range(skip, width):
                if entries is not None:
                    self._entry(entries[at], hashes[at], first + at)
                self._append(hashes[at], None if tile is None else tile[at])
                if self.edge.size in wanted:
                    self.heads[self.edge.size] = self.edge.head
            progress(first + width, size)
        self._compare(self._upper(self.edge.partial()), self._partial_by_tiles())

    def _block(
        self, number: int, width: int
    ) -> tuple[tuple[bytes, ...] | None, list[bytes] | None, list[bytes] | None]:
        """Entries, their hashes, and the tile above them, each as far as it is to be had."""
        entries, tile = None, None
        try:
            entries = self._log.entries(number, width)
        except (NotPublished, ProtocolError) as error:
            self._found.fail(LogCheck.ENTRIES, tile_path(Tile(ENTRIES, number, width)), _refusal(error))
            self._follows_accounts = False
            first, last = number * WIDTH, number * WIDTH + width - 1
            self._found.doubt(LogCheck.ACCOUNTS, f"not followed further than entries {first} to {last}")
        try:
            tile = self._log.tile(Tile(0, number, width))
        except (NotPublished, ProtocolError) as error:
            self._found.fail(LogCheck.TILES, tile_path(Tile(0, number, width)), _refusal(error))
        hashes = tile if entries is None else [leaf_hash(entry) for entry in entries]
        return entries, hashes, tile

    def _compare_with_kept(self, hashes: Sequence[bytes], first: int) -> None:
        kept = self.edge.rows[0][: len(hashes)]
        if list(kept) != list(hashes):
            for where, what in differences(hashes, kept, first):
                error = NotAuthentic(Code.NOT_CONSISTENT, f"{what}, since you read it last")
                self._found.fail(LogCheck.KNOWN, where, error)

    def _compare_with_tile(self, hashes: Sequence[bytes], tile: Sequence[bytes] | None, number: int) -> None:
        if tile is None or list(hashes) == list(tile):
            return
        if self.by_tiles is None:
            self.by_tiles = self.edge.copy()
        found = list(differences(hashes, tile, number * WIDTH))
        self.wrong_entries += found[: max(_MOST - len(self.wrong_entries), 0)]
        path = tile_path(Tile(0, number, len(tile)))
        _remember(self.wrong_tiles, path, f"not what its entries make, first at {found[0][0]}")

    def _append(self, value: bytes, by_tile: bytes | None) -> None:
        full = self._upper(self.edge.append(value))
        other = [] if self.by_tiles is None else self._upper(self.by_tiles.append(by_tile or value))
        self._compare(full, other)

    def _partial_by_tiles(self) -> list[tuple[Tile, list[bytes]]]:
        return [] if self.by_tiles is None else self._upper(self.by_tiles.partial())

    @staticmethod
    def _upper(tiles: Iterator[tuple[Tile, list[bytes]]]) -> list[tuple[Tile, list[bytes]]]:
        """Without the lowest ones, which are compared bundle by bundle."""
        return [(tile, hashes) for tile, hashes in tiles if tile.level > 0]

    def _compare(self, made: list[tuple[Tile, list[bytes]]], by_tiles: list[tuple[Tile, list[bytes]]]) -> None:
        for place, (tile, hashes) in enumerate(made):
            path = tile_path(tile)
            try:
                published = self._log.tile(tile)
            except (NotPublished, ProtocolError) as error:
                self._found.fail(LogCheck.TILES, path, _refusal(error))
                continue
            if published != hashes:
                _remember(self.wrong_tiles, path, _first_wrong(tile, published, hashes))
            if by_tiles and published != by_tiles[place][1]:
                _remember(self.wrong_upper, path, _first_wrong(tile, published, by_tiles[place][1]))

    def _entry(self, raw: bytes, value: bytes, place: int) -> None:
        where = f"entry {place}"
        match entry_kind(raw):
            case EntryKind.KEY:
                self.handovers.take(raw, place)
            case EntryKind.EVENT:
                try:
                    leaf = parse_leaf(raw)
                except ProtocolError as error:
                    self._found.fail(LogCheck.ENTRIES, where, error)
                    return
                if self._follows_accounts:
                    try:
                        self.tails.take(leaf, value)
                    except ProtocolError as error:
                        said = type(error)(error.code, f"account {leaf.index.hex()}: {error.detail}")
                        self._found.fail(LogCheck.ACCOUNTS, where, said)
            case _:
                self.unknown += 1


def _remember(places: list[Difference], where: str, what: str) -> None:
    if len(places) < _MOST:
        places.append((where, what))


def differences(ours: Sequence[bytes], theirs: Sequence[bytes], first: int) -> Iterator[Difference]:
    """Which entry differs from what was said of it, and how, as far as the hashes of one bundle tell.

    ``ours``: of the entries; ``theirs``: as they should be; ``first``: place of the first of them in the log.
    """
    wrong = [at for at, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
    at = wrong[0]
    if sorted(ours) == sorted(theirs):
        yield f"entry {first + at}", f"entries {first + at} to {first + wrong[-1]} are in another order"
    elif len(wrong) > 1 and list(ours[at:-1]) == list(theirs[at + 1 :]):
        yield f"entry {first + at}", "an entry was dropped here"
    elif len(wrong) > 1 and list(ours[at + 1 :]) == list(theirs[at:-1]):
        yield f"entry {first + at}", "an entry was added here"
    else:
        for each in wrong:
            yield f"entry {first + each}", "the entry was changed"


def _first_wrong(tile: Tile, published: Sequence[bytes], made: Sequence[bytes]) -> str:
    at = next(at for at, (one, other) in enumerate(zip(published, made, strict=True)) if one != other)
    width = WIDTH**tile.level
    first = (tile.number * WIDTH + at) * width
    return f"not what the entries make, first of entries {first} to {first + width - 1}"


def _refusal(error: NotPublished | ProtocolError) -> ProtocolError:
    return Malformed(Code.TILE, error.detail) if isinstance(error, NotPublished) else error
