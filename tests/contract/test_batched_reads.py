"""Readings that travel together: fewer journeys, and still each caller gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

import builders as b
from postgres import PostgresServer
from pteri.adapters.store.batched import BatchedReads
from pteri.adapters.store.postgres import PostgresStore
from pteri.app.ports import StoreUnavailable

pytestmark = pytest.mark.anyio


class Journeys:
    """The far end: it doubles numbers, knows no odd ones, and answers when it is told to."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.under_way = 0
        self.most_under_way = 0
        self.answers = asyncio.Event()
        self.answers.set()
        self.failure: Exception | None = None

    async def fetch(self, _: str, numbers: tuple[int, ...]) -> list[dict[str, int]]:
        self.sizes.append(len(numbers))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self.answers.wait()
        self.under_way -= 1
        if self.failure is not None:
            raise self.failure
        found = [(place, number) for place, number in enumerate(numbers, start=1) if number % 2 == 0]
        return [{"place": place, "twice": 2 * number} for place, number in reversed(found)]


async def asked(reads: BatchedReads, *numbers: int) -> list[int | None]:
    rows = await asyncio.gather(*(reads.row(number) for number in numbers))
    return [None if row is None else row["twice"] for row in rows]


async def some_turns() -> None:
    """More turns of the loop than a journey needs to set off."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_is_asked_in_one_turn_travels_together_and_each_gets_its_own() -> None:
    far = Journeys()
    reads = BatchedReads(far.fetch, "twice")
    assert await asked(reads, 4, 7, 2, 4) == [8, None, 4, 8]
    assert far.sizes == [4]


async def test_a_lone_reading_waits_for_nobody() -> None:
    far = Journeys()
    reads = BatchedReads(far.fetch, "twice")
    assert [await asked(reads, 2), await asked(reads, 4)] == [[4], [8]]
    assert far.sizes == [1, 1]


async def test_a_flood_is_cut_into_journeys_of_bounded_size_of_which_two_are_under_way() -> None:
    far = Journeys()
    reads = BatchedReads(far.fetch, "twice")
    numbers = range(0, 2000, 2)
    assert await asked(reads, *numbers) == [2 * number for number in numbers]
    assert far.sizes == [256, 256, 256, 232]
    assert far.most_under_way <= 2


async def test_who_asks_while_two_are_under_way_gathers_for_the_next() -> None:
    far = Journeys()
    reads = BatchedReads(far.fetch, "twice")
    far.answers.clear()
    first: list[asyncio.Task[list[int | None]]] = []
    for number in (2, 4):
        first.append(asyncio.create_task(asked(reads, number)))
        await some_turns()
    later = [asyncio.create_task(asked(reads, number)) for number in (6, 8, 10)]
    await some_turns()
    assert (far.sizes, far.under_way) == ([1, 1], 2)
    far.answers.set()
    assert await asyncio.gather(*first, *later) == [[4], [8], [12], [16], [20]]
    assert far.sizes == [1, 1, 3]


async def test_a_failure_is_told_to_everybody_on_the_journey_and_ends() -> None:
    far = Journeys()
    reads = BatchedReads(far.fetch, "twice")
    far.failure = StoreUnavailable("the database failed")
    told = await asyncio.gather(*(reads.row(number) for number in range(5)), return_exceptions=True)
    assert all(isinstance(one, StoreUnavailable) for one in told)
    assert far.sizes == [5]
    far.failure = None
    assert await asked(reads, 2) == [4]


async def test_a_caller_that_hangs_up_takes_nobody_with_it() -> None:
    far = Journeys()
    reads = BatchedReads(far.fetch, "twice")
    far.answers.clear()
    gone, stays = (asyncio.create_task(asked(reads, number)) for number in (2, 4))
    await some_turns()
    assert far.sizes == [2]
    gone.cancel()
    far.answers.set()
    assert await stays == [8]
    with pytest.raises(asyncio.CancelledError):
        await gone


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.store() as url:
        yield url


async def test_a_store_gives_every_caller_of_a_crowd_what_it_asked_for(url: str) -> None:
    store = await PostgresStore.open(url)
    await store.commit([b.opening(number) for number in range(10, 40)])
    await store.commit([b.issued(b.sign_in(number, account=number)) for number in range(10, 40)])
    crowd = range(5, 45)
    accounts = await asyncio.gather(*(store.account(b.TENANT, b.account_id(number)) for number in crowd))
    pairs = await asyncio.gather(*(store.challenge_and_account(b.TENANT, b.request_id(number)) for number in crowd))
    owned = await asyncio.gather(*(store.account_of(b.TENANT, b.claims_of(b.opened(number))[0]) for number in crowd))
    expected = [b.opened(number) if 10 <= number < 40 else None for number in crowd]
    assert accounts == expected == owned
    assert pairs == [
        (b.sign_in(number, account=number), b.opened(number)) if 10 <= number < 40 else (None, None) for number in crowd
    ]
    await store.close()
