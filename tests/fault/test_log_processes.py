"""Sequencers in processes of their own, killed, cut off and overtaken: nobody ever sees two logs."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from books import check_book, lived, state_of
from interrupting import failing_at
from onlookers import watched
from postgres import PostgresServer
from pteri.adapters.store.opening import open_store
from pteri.adapters.store.postgres import PostgresStore
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.growing import grow
from pteri.app.log_ports import Growth, LogBook, Tail
from pteri.app.ports import Store, StoreUnavailable
from pteri.app.witnessing import show_to_witnesses
from pteri.core.ids import AccountId, TenantId
from wire import When, Wire
from world import SimClock, SimEntropy

T = TypeVar("T")

CLOCK = SimClock()
CHILD = Path(__file__).with_name("log_child.py")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


async def step(store: Store, number: int = 0) -> str:
    """One turn of the sequencer and of the loop that shows; the checkpoint after it."""
    desk = watched(CLOCK.now)
    await store.sequence(3)
    await grow(store, desk, SimEntropy(f"sequencer {number}"))
    await show_to_witnesses(store.book, desk, at=CLOCK.now(), tell=lambda _: None)
    return (await state_of(store.book)).checkpoint


async def finished(store: Store) -> list[str]:
    """Every checkpoint until nothing waits."""
    shown = [await step(store, number) for number in range(5)]
    assert shown[-1] == shown[-2]
    return shown


# --- SQLite ---------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def file(path: Path) -> Iterator[SqliteStore]:
    """Nine events of three accounts, and a log that has begun."""
    store = SqliteStore.open(path)
    run(lived(store))
    yield store
    run(store.close())


def test_a_failure_at_any_statement_of_what_witnesses_saw_keeps_the_checkpoint_before(file: SqliteStore) -> None:
    run(step(file))
    before = run(state_of(file.book))
    run(file.sequence(3))
    run(grow(file, watched(CLOCK.now), SimEntropy("more")))
    for statement in itertools.count(1):
        desk = watched(CLOCK.now)
        try:
            with failing_at(file, statement):
                assert run(show_to_witnesses(file.book, desk, at=CLOCK.now(), tell=lambda _: None))
        except StoreUnavailable:
            now = run(state_of(file.book))
            assert (now.witnessed, now.witnessed_size) == (before.witnessed, 3)
        else:
            break
    assert statement > 3
    now = run(state_of(file.book))
    assert now.witnessed_size == 6
    run(check_book(file, checkpoints=[before.witnessed, now.witnessed]))


def child(place: str, label: str, *statement: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(CHILD), place, label, *statement],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.slow
def test_a_sequencer_that_is_killed_at_any_statement_has_shown_no_checkpoint_that_is_not_of_the_log(
    tmp_path: Path,
) -> None:
    killed = 0
    # Not each of them: a process costs a second, and the interruptions above meet them all.
    for statement in itertools.count(1, 7):
        place = tmp_path / f"{statement}.db"
        store = SqliteStore.open(place)
        run(lived(store))
        run(store.close())
        first = child(str(place), "first", str(statement))
        shown = first.communicate(timeout=60)[0].splitlines()
        # The next process begins with what the first one left.
        second = child(str(place), "second")
        shown += second.communicate(timeout=60)[0].splitlines()
        assert second.returncode == 0
        again = SqliteStore.open(place)
        run(check_book(again, complete=True, checkpoints=map(json.loads, shown)))
        run(again.close())
        if first.returncode == 0:
            break
        assert first.returncode == -9
        killed += 1
    assert killed > 5


# --- PostgreSQL -----------------------------------------------------------------------------------------------


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.store() as url:
        yield url


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_wire_that_breaks_at_any_statement_of_the_sequencer_loses_doubles_and_moves_no_leaf(
    postgres_server: PostgresServer, when: When
) -> None:
    async def trial(url: str, statement: int) -> bool:
        async with Wire(url) as wire:
            store = await PostgresStore.open(wire.url)
            await lived(store)
            first = await step(store)
            wire.cut_at(statement, when)
            shown = [first]
            try:
                shown.append(await step(store, 1))
            except StoreUnavailable:
                await check_book(store, checkpoints=shown)
            was_cut = wire.was_cut
            wire.stay_whole()
            shown += await finished(store)
            await check_book(store, complete=True, checkpoints=shown)
            assert (await state_of(store.book)).witnessed_size == 9
            await store.close()
            return was_cut

    for statement in itertools.count(1):
        with postgres_server.store() as url:
            if not run(trial(url, statement)):
                break
    assert statement > 10


@pytest.mark.slow
def test_sequencers_in_several_processes_make_one_log(url: str) -> None:
    async def prepare() -> None:
        store = await open_store(url)
        await lived(store, accounts=10, rounds=6)
        await store.close()

    async def check(shown: Sequence[str]) -> None:
        store = await open_store(url)
        await check_book(store, complete=True, checkpoints=map(json.loads, shown))
        assert (await state_of(store.book)).size == 60
        await store.close()

    run(prepare())
    children = [child(url, f"sequencer {number}") for number in range(3)]
    said = [each.communicate(timeout=120)[0].splitlines() for each in children]
    assert [each.returncode for each in children] == [0, 0, 0]
    run(check(list(itertools.chain(*said))))


# --- another was faster ---------------------------------------------------------------------------------------


class SlowBook:
    """A book whose reader is overtaken between two of its questions: by ``meanwhile``, before it asks for tails."""

    def __init__(self, book: LogBook, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._book, self._meanwhile = book, meanwhile
        self.answers: list[bool] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._book, name)

    async def tails(self, accounts: Sequence[tuple[TenantId, AccountId]]) -> list[Tail]:
        await self._meanwhile()
        return await self._book.tails(accounts)

    async def grow(self, growth: Growth) -> bool:
        self.answers.append(await self._book.grow(growth))
        return self.answers[-1]


class SlowStore:
    """A store with a slow book."""

    def __init__(self, store: Store, book: SlowBook) -> None:
        self._store, self.book = store, book

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        with server.store() as url:
            yield url


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(place: str) -> AsyncIterator[Store]:
    store = await open_store(place)
    await lived(store)
    yield store
    await store.close()


@pytest.mark.anyio
async def test_a_sequencer_that_is_overtaken_takes_it_for_no_damage_and_goes_on(store: Store) -> None:
    desk = watched(CLOCK.now)
    while await store.sequence(3):
        pass
    book = SlowBook(store.book, lambda: grow(store, desk, SimEntropy("the faster one")))
    slow: Any = SlowStore(store, book)
    assert await grow(slow, desk, SimEntropy("the slower one"))
    assert True not in book.answers
    await check_book(store, complete=True)
    assert not await grow(slow, desk, SimEntropy("again"))
