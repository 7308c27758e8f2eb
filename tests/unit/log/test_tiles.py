"""Tiles: the whole tree as files, and every proof from them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pteri.core.errors import Code, ProtocolError
from pteri.core.log.checking import verify_consistency, verify_inclusion
from pteri.core.log.proving import consistency_proof, head_of, inclusion_proof
from pteri.core.log.tiles import (
    WIDTH,
    Tile,
    bundle,
    bundle_path,
    bundles_between,
    nodes_from_tiles,
    parse_bundle,
    parse_path,
    tile_bytes,
    tile_path,
    tiles_between,
)
from trees import grown, leaf

SIZE = 70_000
TREE = grown(SIZE)


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


class Site:
    """The files of a log, written as it grew."""

    def __init__(self, *sizes: int) -> None:
        self.files: dict[str, bytes] = {}
        for old, new in zip((0, *sizes), sizes, strict=False):
            for tile in tiles_between(old, new):
                self.files[tile_path(tile)] = tile_bytes(tile, TREE.read)

    def read(self, tile: Tile) -> bytes:
        return self.files[tile_path(tile)]


SITE = Site(1, 255, 256, 257, 40_000, 65_536, SIZE)


def test_a_tree_of_seventy_thousand_is_these_files() -> None:
    """The example of the published format."""
    tiles = list(tiles_between(0, SIZE))
    assert sum(tile.level == 0 and tile.is_full for tile in tiles) == 273
    assert [tile for tile in tiles if not tile.is_full] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert Tile(1, 0) in tiles
    assert list(tiles_between(0, 256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert list(tiles_between(SIZE, SIZE)) == []


@pytest.mark.parametrize("size", [1, 255, 256, 257, 40_000, 65_536, SIZE])
def test_every_size_that_was_published_has_its_root_in_the_tiles(size: int) -> None:
    assert head_of(size, nodes_from_tiles(size, SITE.read)) == TREE.heads[size]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, SIZE - 1), st.integers(0, SIZE))
def test_every_proof_is_made_from_tiles(index: int, old: int) -> None:
    read = nodes_from_tiles(SIZE, SITE.read)
    path = inclusion_proof(index, SIZE, read)
    assert verify_inclusion(leaf(index), path, expected_index=index, expected_head=TREE.heads[SIZE])
    path = consistency_proof(old, SIZE, read)
    assert verify_consistency(path, expected_old=TREE.heads[old], expected_new=TREE.heads[SIZE])


def test_a_full_tile_stands_in_for_a_partial_one_that_is_gone() -> None:
    later = Site(512)
    assert tile_path(Tile(0, 1, 44)) not in later.files

    def read(tile: Tile) -> bytes:
        # Of level 1 the site has a partial tile still, with two hashes; the tree of 300 needs one of them.
        full, wider = Tile(tile.level, tile.number), Tile(tile.level, tile.number, 2)
        return later.read(full) if tile.level == 0 else later.read(wider)[:32]

    assert head_of(300, nodes_from_tiles(300, read)) == TREE.heads[300]


def test_a_wrong_hash_in_a_tile_makes_a_proof_that_does_not_verify() -> None:
    def read(tile: Tile) -> bytes:
        raw = SITE.read(tile)
        return bytes(32) + raw[32:] if tile == Tile(0, 3) else raw

    path = inclusion_proof(3 * 256 + 1, SIZE, nodes_from_tiles(SIZE, read))
    with refused(Code.NOT_INCLUDED):
        verify_inclusion(leaf(769), path, expected_index=769, expected_head=TREE.heads[SIZE])


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + bytes(32), lambda _raw: b""])
def test_a_tile_of_another_length_is_refused(change: Callable[[bytes], bytes]) -> None:
    with refused(Code.TILE):
        head_of(SIZE, nodes_from_tiles(SIZE, lambda tile: change(SITE.read(tile))))


@pytest.mark.parametrize(("level", "place"), [(0, SIZE), (0, 2**40), (1, SIZE // 2), (64, 0), (17, 0), (8, 274)])
def test_a_subtree_that_is_not_complete_is_not_read(level: int, place: int) -> None:
    with refused(Code.TREE):
        nodes_from_tiles(SIZE, SITE.read)(level, place)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 0, 5), "tile/0/000.p/5"),
        (Tile(1, 1_234_067), "tile/1/x001/x234/067"),
        (Tile(7, 0, 127), "tile/7/000.p/127"),
        (Tile(-1, 999), "tile/entries/999"),
        (Tile(-1, 1000, 255), "tile/entries/x001/000.p/255"),
    ],
)
def test_a_tile_has_one_path(tile: Tile, path: str) -> None:
    assert tile_path(tile) == path
    assert parse_path(path) == tile


def test_a_bundle_has_the_number_of_its_tile() -> None:
    assert bundle_path(273, 112) == "tile/entries/273.p/112"
    assert list(bundles_between(255, 300)) == [Tile(-1, 0), Tile(-1, 1, 44)]
    with refused(Code.TREE):
        list(bundles_between(2, 1))


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/0",
        "tile/00/000",
        "tile/8/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/999",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/../000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/\u0660\u0660\u0660",
        "tile/data/000",
        None,
    ],
)
def test_what_is_not_the_path_of_a_tile_is_refused(path: str) -> None:
    with refused(Code.TILE):
        parse_path(path)


@pytest.mark.parametrize("tile", [Tile(-2, 0), Tile(8, 0), Tile(0, -1), Tile(0, 2**60), Tile(0, 0, 0), Tile(0, 0, 257)])
def test_a_tile_that_no_tree_has_is_not_named(tile: Tile) -> None:
    with refused(Code.TILE):
        tile_path(tile)


def test_a_tree_does_not_shrink() -> None:
    with refused(Code.TREE):
        list(tiles_between(2, 1))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**63 - 1), st.integers(0, 600))
def test_what_grew_is_written_and_every_tile_has_a_path(old: int, more: int) -> None:
    new = min(old + more, 2**63 - 1)
    for tile in [*tiles_between(old, new), *bundles_between(old, new)]:
        assert parse_path(tile_path(tile)) == tile
        assert (tile.number * WIDTH + tile.width) << 8 * max(tile.level, 0) <= new


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_a_bundle_reads_back_as_it_was(entries: list[bytes]) -> None:
    assert parse_bundle(bundle(entries), expected_width=len(entries)) == tuple(entries)


def test_a_bundle_that_is_not_whole_is_refused() -> None:
    whole = bundle([b"one", b"two"])
    for raw in (whole[:-1], whole + b"\0", whole + b"\0\1", b"", whole[:5], whole + b"\0\0"):
        with refused(Code.TILE):
            parse_bundle(raw, expected_width=2)
    for entries in ([], [b""] * 257, [b"x" * 65_536]):
        with refused(Code.TILE):
            bundle(entries)
