"""The published log over HTTP: one spelling of each file, nothing that was not signed and seen, and honest caches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from books import lengthened
from notes import LOG
from onlookers import caught_up, desk_of, logged, onlookers, watched
from pteri.core.log.checkpoint import open_checkpoint
from pteri.core.log.proving import head_of
from pteri.core.log.tiles import Tile, nodes_from_tiles, parse_bundle, tile_path
from pteri.core.log.tree import leaf_hash
from world import Answered, World
from worlds import Worlds

SIZE = 300


@pytest.fixture
def world(worlds: Worlds) -> World:
    """A service whose log has 300 leaves that witnesses have seen, and 5 that they have not."""
    world = logged(worlds, answers_wait=False)
    book = world.deployment.store.book
    world.run(lengthened(book, SIZE))
    assert caught_up(world) == []
    for each in onlookers(world):
        each.is_away = True
    world.run(lengthened(book, 5))
    return world


def get(world: World, path: str, method: str = "GET") -> Answered:
    return world.run(world.ask(method, path, b"", {}, host=b"log"))


def test_the_checkpoint_is_the_newest_that_witnesses_have_seen_and_no_cache_keeps_it(world: World) -> None:
    answer = get(world, "/log/checkpoint")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-cache")
    assert answer.headers["content-type"].startswith("text/plain")
    shown = open_checkpoint(answer.body, expected_log=LOG.verifier)
    assert shown.head.size == SIZE
    quorum = desk_of(world).quorum
    assert quorum is not None
    assert len(shown.note.signatures) == 1 + len(onlookers(world))


def test_the_root_is_made_of_tiles_and_the_tiles_of_leaves(world: World) -> None:
    def read(tile: Tile) -> bytes:
        answer = get(world, f"/log/{tile_path(tile)}")
        assert answer.status == 200, tile
        return answer.body

    shown = open_checkpoint(get(world, "/log/checkpoint").body, expected_log=LOG.verifier)
    assert head_of(SIZE, nodes_from_tiles(SIZE, read)) == shown.head
    leaves = parse_bundle(read(Tile(-1, 1, SIZE - 256)), expected_width=SIZE - 256)
    assert b"".join(map(leaf_hash, leaves)) == read(Tile(0, 1, SIZE - 256))


def test_full_tiles_are_kept_for_ever_and_partial_ones_are_not(world: World) -> None:
    for path in ("tile/0/000", "tile/entries/000"):
        answer = get(world, f"/log/{path}")
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] == "application/octet-stream"
    for path in ("tile/0/001.p/44", "tile/entries/001.p/44", "tile/1/000.p/1"):
        assert get(world, f"/log/{path}").headers["cache-control"] == "no-cache"


def test_a_narrower_partial_tile_than_the_newest_is_its_beginning(world: World) -> None:
    newest = get(world, "/log/tile/0/001.p/44").body
    assert get(world, "/log/tile/0/001.p/7").body == newest[: 7 * 32]
    full = get(world, "/log/tile/0/000").body
    assert get(world, "/log/tile/0/000.p/255").body == full[: 255 * 32]


BAD = [
    "checkpoint/",
    "Checkpoint",
    "",
    "tile",
    "tile/",
    "tile/0",
    "tile/0/",
    "tile/0/0",
    "tile/0/00",
    "tile/00/000",
    "tile/0/000/",
    "tile/0//000",
    "tile/0/x000/000",
    "tile/0/0000",
    "tile/0/-01",
    "tile/-1/000",
    "tile/8/000",
    "tile/63/000",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/257",
    "tile/0/000.p/01",
    "tile/0/000.p/-1",
    "tile/0/000.p/",
    "tile/0/000.P/1",
    "tile/0/\u0660\u0660\u0660",
    "tile/Entries/000",
    "tile/entries/000%2Ep/1%00",
    "tile/0/000%0A",
    "tile/0/..%2F..%2Fcheckpoint",
    "tile/%2e%2e/%2e%2e/etc/passwd",
    "tile//etc/passwd",
    "tile/0/x999/x999/x999/x999/x999/x999/999",
    "tile/0/x000/x001/067",
]
BEYOND = [
    "tile/0/001",
    "tile/0/001.p/45",
    "tile/0/001.p/49",
    "tile/0/002.p/1",
    "tile/1/000",
    "tile/1/000.p/2",
    "tile/2/000.p/1",
    "tile/entries/001",
    "tile/entries/001.p/45",
]


@pytest.mark.parametrize("path", BAD)
def test_a_path_that_is_not_the_one_spelling_of_a_file_is_not_found(world: World, path: str) -> None:
    assert get(world, f"/log/{path}").status == 404


@pytest.mark.parametrize("path", BEYOND)
def test_nothing_is_shown_beyond_what_was_signed_and_seen(world: World, path: str) -> None:
    assert get(world, f"/log/{path}").status == 404


def test_nothing_is_shown_before_witnesses_have_seen_anything(worlds: Worlds) -> None:
    world = logged(worlds, answers_wait=False)
    for each in onlookers(world):
        each.is_away = True
    world.run(lengthened(world.deployment.store.book, 3))
    caught_up(world)
    assert [get(world, f"/log/{path}").status for path in ("checkpoint", "tile/0/000.p/3")] == [404, 404]


def test_a_log_is_read_and_never_written(world: World) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert get(world, "/log/checkpoint", method).status == 405


def test_a_service_without_a_log_has_no_such_paths(worlds: Worlds) -> None:
    world = worlds()
    assert get(world, "/log/checkpoint").status == 404


def test_a_log_that_nobody_watches_shows_what_it_signed(worlds: Worlds) -> None:
    desk = replace(watched(lambda: 0, answers_wait=False), quorum=None, witnesses=())
    world = worlds(log=desk)
    world.run(lengthened(world.deployment.store.book, 3))
    shown = open_checkpoint(get(world, "/log/checkpoint").body, expected_log=LOG.verifier)
    assert shown.head.size == 3
    assert get(world, "/log/tile/0/000.p/3").status == 200
