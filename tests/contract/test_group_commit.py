"""Group commit: one transaction for all that arrive together, and still everybody apart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

import builders as b
from pteri.adapters.store.errors import InconsistentChangeset
from pteri.adapters.store.grouped import GroupedStore
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.ports import ChallengeChange, Changeset, Committed, Conflict, ConflictKind, Outcome, StoreUnavailable

pytestmark = pytest.mark.anyio


class CountedStore(SqliteStore):
    """The real store, with its transactions counted; it can be out of order like a full disk."""

    sizes: list[int]
    broken = False

    async def commit(self, batch: Sequence[Changeset]) -> list[Outcome]:
        self.sizes.append(len(batch))
        if self.broken:
            raise StoreUnavailable("the disk is full")
        return await super().commit(batch)


@pytest.fixture
async def inner(tmp_path: Path) -> AsyncIterator[CountedStore]:
    store = CountedStore.open(tmp_path / "store.db")
    assert isinstance(store, CountedStore)
    store.sizes = []
    yield store
    await store.close()


def _issued(number: int) -> Changeset:
    return Changeset(b.TENANT, challenges=(ChallengeChange(0, b.sign_in(number)),))


async def test_what_arrives_together_shares_one_transaction(inner: CountedStore) -> None:
    grouped = GroupedStore(inner)
    outcomes = await asyncio.gather(*(grouped.commit([_issued(number)]) for number in range(1, 41)))
    assert outcomes == [[Committed()]] * 40
    assert inner.sizes == [40]


async def test_a_lone_request_waits_for_nobody(inner: CountedStore) -> None:
    grouped = GroupedStore(inner)
    for number in (1, 2):
        assert await grouped.commit([_issued(number)]) == [Committed()]
    assert inner.sizes == [1, 1]


async def test_each_gets_its_own_outcome(inner: CountedStore) -> None:
    grouped = GroupedStore(inner)
    first, repeated, other = await asyncio.gather(
        grouped.commit([_issued(1)]), grouped.commit([_issued(1)]), grouped.commit([_issued(2)])
    )
    assert [*first, *repeated, *other] == [Committed(), Conflict(ConflictKind.CHALLENGE_VERSION), Committed()]


async def test_a_bug_in_one_hurts_no_other(inner: CountedStore) -> None:
    grouped = GroupedStore(inner)
    wrong = Changeset(b.TENANT, challenges=(ChallengeChange(5, b.sign_in(3)),))
    first, bug, last = await asyncio.gather(
        grouped.commit([_issued(1)]), grouped.commit([wrong]), grouped.commit([_issued(2)]), return_exceptions=True
    )
    for outcome in (first, last):
        assert outcome == [Committed()]
    assert isinstance(bug, InconsistentChangeset)


async def test_an_outage_is_told_to_all_and_ends(inner: CountedStore) -> None:
    grouped = GroupedStore(inner)
    inner.broken = True
    told = await asyncio.gather(*(grouped.commit([_issued(n)]) for n in (1, 2)), return_exceptions=True)
    assert all(isinstance(one, StoreUnavailable) for one in told)
    assert inner.sizes == [2]
    inner.broken = False
    assert await grouped.commit([_issued(1)]) == [Committed()]


async def test_a_caller_that_hangs_up_does_not_take_its_changeset_back(inner: CountedStore) -> None:
    grouped = GroupedStore(inner)
    caller = asyncio.create_task(grouped.commit([_issued(1)]))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert await grouped.commit([_issued(1)]) == [Conflict(ConflictKind.CHALLENGE_VERSION)]


async def test_a_flood_is_cut_into_transactions_of_bounded_size(inner: CountedStore) -> None:
    grouped = GroupedStore(inner)
    await asyncio.gather(*(grouped.commit([_issued(number)]) for number in range(1, 301)))
    assert inner.sizes == [256, 44]
