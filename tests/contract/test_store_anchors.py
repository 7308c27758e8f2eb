"""Promises of a store about anchors: one open at a time, every change on top of the one before, and for ever."""

from __future__ import annotations

import asyncio

import pytest

from anchored import LOG, anchor_in, built, head, place, planned
from commits import OpenStore
from pteri.app.ports import Store
from pteri.domain.anchoring import Anchor, AnchorEvent, AnchorState

pytestmark = pytest.mark.anyio

S = AnchorState


async def kept(store: Store, *anchors: Anchor) -> None:
    """Each of these, which walked through the states before its own."""
    for anchor in anchors:
        assert await store.anchors.begin(planned(anchor.number, anchor.head.size, anchor.log))
        walked = planned(anchor.number, anchor.head.size, anchor.log)
        for state in S:
            step = anchor_in(state, anchor.number, anchor.head.size)
            while walked.version < min(step.version, anchor.version) and anchor.state is not S.SPOILT:
                walked = step if step.version == walked.version + 1 else built(walked)
                assert await store.anchors.change(walked)
        if anchor.state is S.SPOILT:
            for each in (built(walked), anchor):
                assert await store.anchors.change(each)


async def test_an_anchor_is_read_as_it_was_kept(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    assert await there.anchors.newest(LOG, 9) == []
    assert await here.anchors.begin(planned())
    for state in (S.SENT, S.MINED, S.CONFIRMED, S.FINAL):
        anchor = anchor_in(state)
        if state is S.SENT:
            assert await here.anchors.change(built(planned()))
        assert await here.anchors.change(anchor)
        assert await there.anchors.newest(LOG, 9) == [anchor]


async def test_an_anchor_begins_with_its_plan_and_the_next_number(store: Store) -> None:
    for wrong in (planned(0), planned(2), planned(-1)):
        assert not await store.anchors.begin(wrong)
    for bug in (built(planned()), anchor_in(S.SENT)):
        with pytest.raises(ValueError):
            await store.anchors.begin(bug)
    assert await store.anchors.newest(LOG, 9) == []
    await kept(store, anchor_in(S.FINAL))
    assert not await store.anchors.begin(planned(1))
    assert not await store.anchors.begin(planned(3))
    assert await store.anchors.begin(planned(2))


@pytest.mark.parametrize("state", [S.PLANNED, S.SENT])
async def test_none_begins_while_one_is_open(store: Store, state: AnchorState) -> None:
    await kept(store, anchor_in(state))
    assert not await store.anchors.begin(planned(2))
    assert await store.anchors.begin(planned(1, log="another.example")), "another log has its own"


@pytest.mark.parametrize("state", [S.MINED, S.CONFIRMED, S.FINAL, S.SPOILT])
async def test_the_next_one_begins_when_the_one_before_is_in_a_block_or_never_will_be(
    store: Store, state: AnchorState
) -> None:
    await kept(store, anchor_in(state))
    assert await store.anchors.begin(planned(2))


async def test_of_two_that_begin_at_once_one_does(open_store: OpenStore) -> None:
    stores = [await open_store() for _ in range(4)]
    begun = await asyncio.gather(*(store.anchors.begin(planned(1, size)) for size, store in enumerate(stores, 5)))
    assert sorted(begun) == [False, False, False, True]
    assert len(await stores[0].anchors.newest(LOG, 9)) == 1


async def test_of_two_changes_of_one_version_one_wins(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    assert await here.anchors.begin(planned())
    changes = [planned().refreshed(head(size)) for size in (6, 7)]
    won = await asyncio.gather(here.anchors.change(changes[0]), there.anchors.change(changes[1]))
    assert sorted(won) == [False, True]
    assert await here.anchors.newest(LOG, 9) == [changes[won.index(True)]]


async def test_a_change_of_an_anchor_that_is_not_there_changes_nothing(store: Store) -> None:
    assert not await store.anchors.change(built(planned()))
    assert await store.anchors.newest(LOG, 9) == []


@pytest.mark.parametrize("state", [S.FINAL, S.SPOILT])
async def test_what_is_settled_changes_no_more(store: Store, state: AnchorState) -> None:
    settled = anchor_in(state)
    await kept(store, settled)
    wrong = Anchor(log=LOG, number=1, head=head(9), planned_at=0, version=settled.version + 1)
    assert not await store.anchors.change(wrong)
    assert await store.anchors.newest(LOG, 9) == [settled]


async def test_what_may_still_happen_to_is_read_oldest_first_and_the_newest_newest_first(store: Store) -> None:
    states = (S.FINAL, S.SPOILT, S.CONFIRMED, S.MINED, S.SENT)
    anchors = [anchor_in(state, number) for number, state in enumerate(states, 1)]
    await kept(store, *anchors)
    assert await store.anchors.unsettled(LOG, 9) == anchors[2:]
    assert await store.anchors.unsettled(LOG, 2) == anchors[2:4]
    assert await store.anchors.unsettled("another.example", 9) == []
    assert await store.anchors.newest(LOG, 9) == anchors[::-1]
    assert await store.anchors.newest(LOG, 2) == anchors[:2:-1]
    for read in (store.anchors.unsettled, store.anchors.newest):
        with pytest.raises(ValueError):
            await read(LOG, -1)


async def test_a_leaf_is_found_in_the_oldest_anchor_in_a_block_whose_tree_has_it(store: Store) -> None:
    states = ((S.SPOILT, 4), (S.FINAL, 5), (S.CONFIRMED, 7), (S.MINED, 7), (S.SENT, 9))
    anchors = [anchor_in(state, number, size) for number, (state, size) in enumerate(states, 1)]
    await kept(store, *anchors)
    for leaf, found in ((0, 1), (4, 1), (5, 2), (6, 2)):
        assert await store.anchors.over(LOG, leaf) == anchors[found]
    for leaf in (7, 8, 100):
        assert await store.anchors.over(LOG, leaf) is None
    assert await store.anchors.over("another.example", 0) is None


async def test_a_reorganisation_opens_an_anchor_again_beside_a_newer_one(store: Store) -> None:
    await kept(store, anchor_in(S.MINED), anchor_in(S.SENT, 2))
    back = anchor_in(S.MINED).reorganised(1)
    assert await store.anchors.change(back)
    assert await store.anchors.unsettled(LOG, 9) == [back, anchor_in(S.SENT, 2)]
    assert not await store.anchors.begin(planned(3))
    again = back.mined(place("another block"), 2).deeper(AnchorEvent.CONFIRM)
    assert not await store.anchors.change(again), "not without the change between"
