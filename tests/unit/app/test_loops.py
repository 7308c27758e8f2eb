"""Pull loops: bounded turns, one holder at a time, growing pauses while the database fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.loops import LEASE_S, Loop, News, Stopping, pull
from pteri.app.ports import Store, StoreUnavailable
from world import SimClock


@dataclass
class Turns:
    """A ``Stop`` that lets so many pauses pass, at once, and remembers how long each was meant to be."""

    left: int
    pauses: list[float] = field(default_factory=list)
    then: Callable[[float], object] = lambda _: None

    def is_set(self) -> bool:
        return self.left == 0

    async def wait(self, seconds: float) -> None:
        self.left -= 1
        self.pauses.append(seconds)
        self.then(seconds)


class Working:
    """Work that has so much left, and fails when told to."""

    def __init__(self, *left: bool | Exception) -> None:
        self._left, self.turns = list(left), 0

    async def turn(self) -> bool:
        self.turns += 1
        found = self._left.pop(0) if self._left else False
        if isinstance(found, Exception):
            raise found
        return found


class Ear:
    """Hears the news of a loop."""

    def __init__(self) -> None:
        self.heard: list[News] = []

    def __call__(self, news: News) -> None:
        self.heard.append(news)


def loop_of(work: Working) -> Loop:
    return Loop("sequence", work.turn, idle_s=60.0, busy_s=0.5)


async def pulled(work: Working, store: Store, stop: Turns, *, clock: SimClock, holder: str = "one") -> Ear:
    ear = Ear()
    await pull(loop_of(work), store=store, clock=clock, holder=holder, stop=stop, tell=ear)
    return ear


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


pytestmark = pytest.mark.anyio


async def test_with_more_left_the_next_turn_comes_soon_and_with_nothing_left_late(path: Path) -> None:
    work, stop, store = Working(True, True, False), Turns(4), SqliteStore.open(path)
    await pulled(work, store, stop, clock=SimClock())
    await store.close()
    assert work.turns == 4
    assert stop.pauses == [0.5, 0.5, 60.0, 60.0]


async def test_while_one_has_the_lease_another_does_nothing_and_takes_over_when_the_first_is_dead(path: Path) -> None:
    clock, store = SimClock(), SqliteStore.open(path)
    assert await store.lease("sequence", "dead", at=clock.now(), until=clock.now() + LEASE_S)
    work, stop = Working(), Turns(5, then=lambda seconds: clock.advance(int(seconds) + 1))
    await pulled(work, store, stop, clock=clock)
    await store.close()
    assert stop.pauses == [2.5, 2.5, 2.5, 2.5, 60.0]
    assert work.turns == 1


async def test_a_lease_is_kept_while_its_holder_works_and_is_given_back_at_the_end(path: Path) -> None:
    clock, store = SimClock(), SqliteStore.open(path)

    async def other_may() -> bool:
        return await store.lease("sequence", "other", at=clock.now(), until=clock.now() + LEASE_S)

    taken: list[bool] = []

    class Looking(Turns):
        async def wait(self, seconds: float) -> None:
            await super().wait(seconds)
            clock.advance(3)
            taken.append(await other_may())

    await pulled(Working(), store, Looking(12), clock=clock)
    assert taken == [False] * 12
    assert await other_may()
    await store.close()


async def test_a_loop_asks_for_its_lease_again_after_its_clock_was_set_back(path: Path) -> None:
    clock, store = SimClock(), SqliteStore.open(path)
    asked: list[int] = []

    class Counting:
        async def lease(self, name: str, holder: str, *, at: int, until: int) -> bool:
            asked.append(at)
            return await store.lease(name, holder, at=at, until=until)

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

    start = clock.at
    await pulled(Working(), Counting(), Turns(3, then=lambda _: clock.advance(-5)), clock=clock)  # type: ignore[arg-type]  # the real store, looked at
    await store.close()
    assert asked == [start, start - 5, start - 10]


async def test_a_failing_database_is_heard_of_once_and_asked_less_and_less_often(path: Path) -> None:
    down = StoreUnavailable("down")
    work, stop, store = Working(*[down] * 8, False, False), Turns(10), SqliteStore.open(path)
    ear = await pulled(work, store, stop, clock=SimClock())
    await store.close()
    assert ear.heard == [News.WAITS, News.GOES_ON]
    assert stop.pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 60.0, 60.0]


async def test_a_process_that_cannot_do_the_work_leaves_it_to_one_that_can(path: Path) -> None:
    """As one that has the old key of a log, beside one that has the new key."""
    clock, store = SimClock(), SqliteStore.open(path)
    taken: list[bool] = []

    class Looking(Turns):
        async def wait(self, seconds: float) -> None:
            await super().wait(seconds)
            taken.append(await store.lease("sequence", "other", at=clock.now(), until=clock.now() + LEASE_S))

    work = Working(StoreUnavailable("the log is of another key"))
    ear = await pulled(work, store, Looking(3), clock=clock)
    assert taken == [True] * 3
    assert work.turns == 1
    assert ear.heard[0] is News.WAITS
    await store.close()


async def test_a_bug_ends_the_loop(path: Path) -> None:
    store = SqliteStore.open(path)
    with pytest.raises(LookupError):
        await pulled(Working(LookupError("a bug")), store, Turns(3), clock=SimClock())
    await store.close()


async def test_whoever_is_told_to_stop_waits_no_longer() -> None:
    stop = Stopping()
    waiting = asyncio.create_task(stop.wait(3600))
    await asyncio.sleep(0)
    assert not waiting.done()
    stop.set()
    await waiting
    assert stop.is_set()


async def test_a_stop_that_nobody_wishes_only_waits() -> None:
    stop = Stopping()
    await stop.wait(0)
    assert not stop.is_set()
