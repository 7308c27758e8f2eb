"""The log while it grows and is published: killed at every write, both faces; nothing lost, doubled or reordered."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pytest

import builders as b
from interrupting import failing_at
from log_books import DESK, begun, caught_up, check_log, history, placed, state_of
from notes import LOG
from postgres import PostgresServer
from pteri.adapters.log_files import LogDirectory
from pteri.adapters.store.postgres import PostgresStore
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.growing import Longer, grow
from pteri.app.log_ports import LogFilesUnavailable
from pteri.app.ports import Store, StoreUnavailable
from pteri.app.publishing import OtherLog, publish
from pteri.core.log.checkpoint import open_checkpoint
from pteri.core.log.proving import head_of, inclusion_proof
from pteri.core.log.tiles import Tile, bundle_path, nodes_from_tiles, parse_bundle, tile_path
from pteri.core.log.tree import TreeHead, leaf_hash
from wire import When, Wire
from world import SimEntropy

T = TypeVar("T")


async def later_event(store: Store) -> None:
    """One more event that waits for its leaf."""
    account = await store.account(b.TENANT, b.account_id())
    assert account is not None
    await placed(store, b.moved(account, 7))


# --- the sequencer, in a file ---------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """A log with four leaves, and more events that wait for theirs."""
    store = SqliteStore.open(path)

    async def prepared() -> None:
        await begun(store)
        changesets = history()
        await placed(store, *changesets[:4])
        await caught_up(store, "before")
        await placed(store, *changesets[4:])

    asyncio.run(prepared())
    yield store
    asyncio.run(store.close())


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_a_failure_at_any_statement_of_a_growth_leaves_the_log_as_it_was(store: SqliteStore, path: Path) -> None:
    before = content(path)
    note = asyncio.run(state_of(store)).checkpoint
    for statement in itertools.count(1):
        try:
            with failing_at(store, statement):
                asyncio.run(grow(store, DESK, SimEntropy(f"growth {statement}")))
        except StoreUnavailable:
            assert content(path) == before
        else:
            break
    assert statement > 10  # state, events, tails; begin, state, three leaves, three tails, commit
    asyncio.run(check_log(store, handed_out=[note]))


def test_a_log_whose_growth_was_durable_and_not_heard_of_goes_on_behind_it(store: SqliteStore) -> None:
    notes = [asyncio.run(state_of(store)).checkpoint]
    # The process dies here: it never hears that the transaction was durable.
    asyncio.run(grow(store, DESK, SimEntropy("not heard of")))
    notes.append(asyncio.run(state_of(store)).checkpoint)
    asyncio.run(later_event(store))
    asyncio.run(caught_up(store, "the next process"))
    asyncio.run(check_log(store, handed_out=notes))


def test_a_full_disk_stops_the_log_and_room_lets_it_go_on(store: SqliteStore, path: Path) -> None:
    [(pages,)] = store._connection.execute("PRAGMA page_count").fetchall()

    async def crowded() -> None:
        longer = Longer(await state_of(store))
        for number in range(2000):
            longer.append(b"leaf %d" % number, (b.TENANT, b.account_id(1000 + number), 1))
        await store.book.grow(longer.growth(LOG, ()))

    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    before = content(path)
    with pytest.raises(StoreUnavailable, match="full"):
        asyncio.run(crowded())
    assert content(path) == before
    store._connection.execute("PRAGMA max_page_count = 1000000")
    asyncio.run(caught_up(store, "with room"))
    asyncio.run(check_log(store))


# --- the sequencer, at a distance -----------------------------------------------------------------------------


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_wire_that_breaks_at_any_statement_of_a_growth_loses_and_doubles_nothing(
    postgres_server: PostgresServer, when: When
) -> None:
    failures = 0
    for statement in itertools.count(1):
        with postgres_server.store() as url:
            async with Wire(url) as wire:
                store = await PostgresStore.open(wire.url)
                await begun(store)
                changesets = history()
                await placed(store, *changesets[:4])
                await caught_up(store, "before")
                await placed(store, *changesets[4:])
                notes = [(await state_of(store)).checkpoint]
                wire.cut_at(statement, when)
                try:
                    await grow(store, DESK, SimEntropy("growth"))
                except StoreUnavailable:
                    failures += 1
                wire.stay_whole()
                assert (await state_of(store)).size in {4, 7}
                notes.append((await state_of(store)).checkpoint)
                await later_event(store)
                await caught_up(store, "the next process")
                await check_log(store, handed_out=notes)
                await store.close()
                if not wire.was_cut:
                    break
    assert failures


@pytest.mark.anyio
async def test_two_sequencers_at_once_give_every_event_one_leaf(postgres_server: PostgresServer) -> None:
    with postgres_server.store() as url:
        here, there = await PostgresStore.open(url), await PostgresStore.open(url)
        await begun(here)
        notes: list[str] = []
        for number in range(12):
            await placed(here, b.opening(100 + 2 * number), b.opening(101 + 2 * number))
            await asyncio.gather(
                grow(here, DESK, SimEntropy(f"here {number}")), grow(there, DESK, SimEntropy(f"there {number}"))
            )
            notes.append((await state_of(here)).checkpoint)
        await caught_up(there, "the end")
        await check_log(here, handed_out=notes)
        await here.close()
        await there.close()


# --- the published files --------------------------------------------------------------------------------------


class Killed(Exception):
    """The process dies."""


class Dying(LogDirectory):
    """Dies at the n-th write, before it or after it."""

    def __init__(self, directory: Path, at: int, when: When) -> None:
        super().__init__(directory)
        self._left, self._when = at, when

    def write(self, path: str, content: bytes) -> None:
        self._left -= 1
        if self._left == 0 and self._when == "before":
            raise Killed
        super().write(path, content)
        if self._left == 0:
            raise Killed


def follow(directory: Path) -> TreeHead | None:
    """Whoever reads the checkpoint finds every leaf and every hash that it is of."""
    try:
        raw = (directory / "checkpoint").read_bytes()
    except FileNotFoundError:
        return None
    head = open_checkpoint(raw, expected_log=LOG.verifier).head

    def tile(asked: Tile) -> bytes:
        return (directory / tile_path(asked)).read_bytes()

    read = nodes_from_tiles(head.size, tile)
    assert head_of(head.size, read) == head
    for number in range(-(-head.size // 256)):
        width = min(256, head.size - 256 * number)
        entries = parse_bundle((directory / bundle_path(number, width)).read_bytes(), expected_width=width)
        for place, entry in enumerate(entries, start=256 * number):
            assert read(0, place) == leaf_hash(entry)
    for place in {0, head.size // 2, head.size - 1} if head.size else ():
        inclusion_proof(place, head.size, read)
    return head


async def longer_by(store: Store, leaves: int) -> None:
    state = await state_of(store)
    longer = Longer(state)
    for number in range(leaves):
        longer.append(b"leaf %d" % (state.size + number), (b.TENANT, b.account_id(1000 + state.size + number), 1))
    assert await store.book.grow(longer.growth(LOG, ()))


@pytest.fixture
def bare(path: Path) -> Iterator[SqliteStore]:
    """A log without a leaf."""
    store = SqliteStore.open(path)
    asyncio.run(begun(store))
    yield store
    asyncio.run(store.close())


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_publisher_killed_at_any_file_leaves_a_log_that_can_be_followed(
    bare: SqliteStore, tmp_path: Path, when: When
) -> None:
    asyncio.run(longer_by(bare, 300))
    first = tmp_path / "published"
    asyncio.run(publish(bare.book, DESK, LogDirectory(first)))
    asyncio.run(longer_by(bare, 300))
    for at in itertools.count(1):
        place = tmp_path / f"killed {when} {at}"
        _copy(first, place)
        try:
            asyncio.run(publish(bare.book, DESK, Dying(place, at, when)))
        except Killed:
            seen = follow(place)
            assert seen is not None
            assert seen.size in {300, 600}
            assert asyncio.run(publish(bare.book, DESK, LogDirectory(place))) == (seen.size == 300)
        else:
            break
        whole = follow(place)
        assert whole is not None
        assert whole.size == 600
    assert at == 7  # bundles 1 and 2, tiles 1 and 2 of level 0, one of level 1, the checkpoint; then none was left


def _copy(source: Path, target: Path) -> None:
    for file in source.rglob("*"):
        if file.is_file():
            copied = target / file.relative_to(source)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_bytes(file.read_bytes())


def test_an_empty_log_is_published_too_and_grows(bare: SqliteStore, tmp_path: Path) -> None:
    files = LogDirectory(tmp_path / "published")
    assert asyncio.run(publish(bare.book, DESK, files))
    assert not asyncio.run(publish(bare.book, DESK, files))
    for size in (1, 255, 1, 256, 70_000):
        asyncio.run(longer_by(bare, size))
        assert asyncio.run(publish(bare.book, DESK, files))
        found = follow(tmp_path / "published")
        assert found is not None
        assert found.size == asyncio.run(state_of(bare)).size


def test_tiles_of_another_log_are_written_over_where_no_checkpoint_says_whose_they_are(
    bare: SqliteStore, tmp_path: Path
) -> None:
    asyncio.run(longer_by(bare, 600))
    other = tmp_path / "published" / "tile" / "0" / "000"
    other.parent.mkdir(parents=True)
    other.write_bytes(bytes(256 * 32))
    assert asyncio.run(publish(bare.book, DESK, LogDirectory(tmp_path / "published")))
    found = follow(tmp_path / "published")
    assert found is not None
    assert found.size == 600


def test_one_publisher_at_a_time_writes(bare: SqliteStore, tmp_path: Path) -> None:
    asyncio.run(longer_by(bare, 3))
    here, there = LogDirectory(tmp_path / "published"), LogDirectory(tmp_path / "published")
    with here.turn(), pytest.raises(LogFilesUnavailable):
        asyncio.run(publish(bare.book, DESK, there))
    assert asyncio.run(publish(bare.book, DESK, there))


def test_an_old_copy_of_the_database_does_not_take_back_what_people_have_read(
    bare: SqliteStore, path: Path, tmp_path: Path
) -> None:
    files = LogDirectory(tmp_path / "published")
    asyncio.run(longer_by(bare, 3))
    old = SqliteStore.open(_saved(path, tmp_path / "old.db"))
    asyncio.run(longer_by(bare, 3))
    asyncio.run(publish(bare.book, DESK, files))
    with pytest.raises(OtherLog, match="longer"):
        asyncio.run(publish(old.book, DESK, files))

    async def another_way() -> None:
        longer = Longer(await state_of(old))
        for number in range(5):
            longer.append(b"another leaf %d" % number, None)
        assert await old.book.grow(longer.growth(LOG, ()))

    asyncio.run(another_way())
    with pytest.raises(OtherLog, match="not the beginning"):
        asyncio.run(publish(old.book, DESK, files))
    found = follow(tmp_path / "published")
    assert found is not None
    assert found.size == 6
    asyncio.run(old.close())


def _saved(path: Path, copy: Path) -> Path:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


@pytest.mark.parametrize(
    "spoilt", [b"", b"nothing", b"other.example/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"]
)
def test_what_is_no_checkpoint_of_this_log_is_not_written_over(
    bare: SqliteStore, tmp_path: Path, spoilt: bytes
) -> None:
    directory = tmp_path / "published"
    directory.mkdir()
    (directory / "checkpoint").write_bytes(spoilt)
    with pytest.raises(OtherLog):
        asyncio.run(publish(bare.book, DESK, LogDirectory(directory)))
    assert (directory / "checkpoint").read_bytes() == spoilt


def test_a_place_that_cannot_be_written_is_said_and_nothing_is_half(bare: SqliteStore, tmp_path: Path) -> None:
    (tmp_path / "published").write_text("a file")
    with pytest.raises(LogFilesUnavailable):
        asyncio.run(publish(bare.book, DESK, LogDirectory(tmp_path / "published")))
