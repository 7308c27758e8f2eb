"""The store: one holder of a lease at a time, by the clocks of those who ask."""

from __future__ import annotations

import pytest

import builders as b
from commits import OpenStore
from pteri.app.ports import Store

pytestmark = pytest.mark.anyio

UNTIL = b.NOW + 10


async def test_a_free_lease_is_given_and_a_held_one_is_not(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    assert await here.lease("sequencer", "a", at=b.NOW, until=UNTIL)
    assert not await there.lease("sequencer", "b", at=b.NOW, until=UNTIL)
    assert not await there.lease("sequencer", "b", at=UNTIL - 1, until=UNTIL + 10)


async def test_its_holder_prolongs_a_lease_and_shortens_it(store: Store) -> None:
    assert await store.lease("sequencer", "a", at=b.NOW, until=UNTIL)
    assert await store.lease("sequencer", "a", at=b.NOW + 5, until=UNTIL + 5)
    assert not await store.lease("sequencer", "b", at=UNTIL, until=UNTIL + 10)
    assert await store.lease("sequencer", "a", at=b.NOW + 6, until=b.NOW + 7)
    assert await store.lease("sequencer", "b", at=b.NOW + 7, until=UNTIL)


async def test_a_lease_is_free_from_the_second_it_ends(store: Store) -> None:
    assert await store.lease("sequencer", "a", at=b.NOW, until=UNTIL)
    assert await store.lease("sequencer", "b", at=UNTIL, until=UNTIL + 10)
    assert not await store.lease("sequencer", "a", at=UNTIL, until=UNTIL + 10)  # taken over is taken over


async def test_who_gives_a_lease_back_lets_the_next_one_in(store: Store) -> None:
    assert await store.lease("sequencer", "a", at=b.NOW, until=UNTIL)
    await store.release("sequencer", "a")
    assert await store.lease("sequencer", "b", at=b.NOW, until=UNTIL)


async def test_nobody_gives_back_what_another_holds(store: Store) -> None:
    await store.release("sequencer", "a")  # nor what nobody holds: nothing happens
    assert await store.lease("sequencer", "a", at=b.NOW, until=UNTIL)
    await store.release("sequencer", "b")
    assert not await store.lease("sequencer", "b", at=b.NOW, until=UNTIL)


async def test_each_name_is_a_lease_of_its_own(store: Store) -> None:
    assert await store.lease("sequencer", "a", at=b.NOW, until=UNTIL)
    assert await store.lease("forgetting", "b", at=b.NOW, until=UNTIL)
    await store.release("forgetting", "b")
    assert not await store.lease("sequencer", "b", at=b.NOW, until=UNTIL)
