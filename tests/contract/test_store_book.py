"""The book of the log: once, in order, one writer wins, whole; on every store."""

from __future__ import annotations

import msgspec
import pytest

import builders as b
from commits import OpenStore, committed
from log_books import DESK, begun, caught_up, check_log, everything, history, opened, placed, state_of
from notes import INDEXES, LOG, log_signer
from pteri.app.growing import Longer, NoLog, first_state, grow, grown, handed_over
from pteri.app.log_ports import Growth, NewLeaf, NewNode
from pteri.app.ports import Store, StoreUnavailable
from world import SimEntropy

pytestmark = pytest.mark.anyio

replace = msgspec.structs.replace


async def next_growth(store: Store, label: str = "growth", limit: int = 100) -> Growth:
    """What a sequencer would write now."""
    state = await state_of(store)
    waiting = await store.book.unlogged(state.next_position, limit)
    keys = sorted({(each.tenant, each.account) for each in waiting})
    tails = {(tail.tenant, tail.account): tail for tail in await store.book.tails(keys)}
    return grown(state, waiting, tails, draw=SimEntropy(label).draw, signer=LOG, indexes=INDEXES)


async def test_a_log_begins_once(store: Store) -> None:
    assert await store.book.state() is None
    assert await store.book.start(first_state(LOG))
    assert not await store.book.start(first_state(log_signer("another key")))
    assert await state_of(store) == first_state(LOG)


async def test_without_a_log_nothing_grows(store: Store) -> None:
    await placed(store, *history())
    with pytest.raises(NoLog):
        await grow(store, DESK, SimEntropy("growth"))


async def test_a_log_of_another_key_does_not_grow(store: Store) -> None:
    assert await store.book.start(first_state(log_signer("another key")))
    await placed(store, *history())
    with pytest.raises(NoLog):
        await grow(store, DESK, SimEntropy("growth"))


async def test_every_event_gets_one_leaf_in_the_order_of_positions(store: Store) -> None:
    await begun(store)
    await placed(store, *history())
    await caught_up(store)
    assert (await state_of(store)).size == 7
    await check_log(store)
    assert not await grow(store, DESK, SimEntropy("again"))
    assert (await state_of(store)).size == 7


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_a_log_that_grows_in_small_steps_is_as_right(store: Store, limit: int) -> None:
    await begun(store)
    await placed(store, *history())
    notes: list[str] = []
    while (growth := await next_growth(store, f"growth {len(notes)}", limit)).leaves:
        assert await store.book.grow(growth)
        notes.append(growth.state.checkpoint)
    assert (await state_of(store)).size == 7
    await check_log(store, handed_out=notes)


async def test_later_events_continue_each_account_where_its_leaves_end(store: Store) -> None:
    await begun(store)
    await placed(store, *history())
    await caught_up(store)
    before = (await state_of(store)).checkpoint
    account = await store.account(b.TENANT, b.account_id())
    assert account is not None
    await placed(store, b.moved(account, 7), b.opening(5))
    await caught_up(store, "later")
    assert (await state_of(store)).size == 9
    await check_log(store, handed_out=[before])


async def test_of_two_that_grow_the_log_at_once_one_does(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    await begun(here)
    await placed(here, *history())
    one, other = await next_growth(here, "one"), await next_growth(there, "other")
    assert one.leaves != other.leaves
    assert [await here.book.grow(one), await there.book.grow(other)] == [True, False]
    await check_log(there)
    assert (await state_of(there)).checkpoint == one.state.checkpoint


async def test_what_is_late_changes_nothing(store: Store) -> None:
    await begun(store)
    await placed(store, *history())
    growth = await next_growth(store)
    assert await store.book.grow(growth)
    seen = await everything(store)
    assert not await store.book.grow(growth)
    assert await everything(store) == seen
    await check_log(store)


async def test_a_growth_with_a_place_that_is_taken_leaves_nothing(store: Store) -> None:
    await begun(store)
    await placed(store, *history())
    await caught_up(store)
    state, seen = await state_of(store), await everything(store)
    longer = Longer(state)
    longer.append(b"a leaf", None)
    right = longer.growth(LOG, ())
    bad = replace(right, leaves=(NewLeaf(0, b"in the place of the first", None),))
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        await store.book.grow(bad)
    assert await state_of(store) == state
    assert await everything(store) == seen
    assert await store.book.own_leaves() == []
    assert await store.book.grow(right)


async def test_leaves_and_nodes_are_read_in_pages(store: Store) -> None:
    await begun(store)
    longer = Longer(await state_of(store))
    for number in range(600):
        longer.append(b"leaf %d" % number, (b.TENANT, b.account_id(number), 1))
    assert await store.book.grow(longer.growth(LOG, ()))
    assert await store.book.leaves(598, 10) == [b"leaf 598", b"leaf 599"]
    assert await store.book.leaves(10, 2) == [b"leaf 10", b"leaf 11"]
    assert await store.book.leaves(600, 5) == []
    nodes = await store.book.nodes(1, 0, 10)
    assert len(nodes) == 2
    assert await store.book.nodes(1, 1, 10) == nodes[1:]
    assert await store.book.nodes(1, 0, 1) == nodes[:1]
    assert await store.book.nodes(2, 0, 10) == []


async def test_nodes_of_all_levels_are_kept_apart(store: Store) -> None:
    await begun(store)
    state = await state_of(store)
    nodes = tuple(NewNode(level, place, bytes([level, place]) * 16) for level in (1, 2, 3) for place in (0, 1))
    assert await store.book.grow(Growth(replace(state, version=2), (), nodes, ()))
    assert await store.book.nodes(2, 0, 10) == [bytes([2, 0]) * 16, bytes([2, 1]) * 16]


async def test_events_wait_for_their_leaves_in_the_order_of_positions(store: Store) -> None:
    await committed(store, *history())
    assert await store.book.next_position() == 0
    assert await store.book.unlogged(0, 100) == []
    await placed(store)
    assert await store.book.next_position() == 7
    waiting = await store.book.unlogged(0, 100)
    assert [each.position for each in waiting] == list(range(7))
    assert await store.book.unlogged(3, 2) == waiting[3:5]
    assert await store.book.unlogged(7, 2) == []


async def test_an_account_shows_its_leaves_with_the_text_that_was_recorded(store: Store) -> None:
    await begun(store)
    await placed(store, *history())
    assert await store.book.logged(b.TENANT, b.account_id(), 0, 10) == []
    await caught_up(store)
    found = await store.book.logged(b.TENANT, b.account_id(), 0, 10)
    assert [each.seq for each in found] == [1, 2, 3]
    assert await store.book.logged(b.TENANT, b.account_id(), 1, 1) == found[1:2]
    assert await store.book.logged(b.OTHER_TENANT, b.account_id(3), 0, 10) == []


async def test_an_account_that_was_erased_keeps_its_leaves_and_goes_on_under_its_number(store: Store) -> None:
    await begun(store)
    await placed(store, *history())
    await caught_up(store)
    key = (b.TENANT, b.account_id())
    [before] = await store.book.tails([key])
    leaves = await store.book.leaves(0, 100)
    assert before.secret is not None
    assert await store.book.erase(*key)
    assert not await store.book.erase(*key)
    [after] = await store.book.tails([key])
    assert after == replace(before, secret=None)
    assert await store.book.leaves(0, 100) == leaves
    account = await store.account(*key)
    assert account is not None
    await placed(store, b.moved(account, 7))
    await caught_up(store, "later")
    [last] = await store.book.tails([key])
    assert (last.index, last.secret, last.seq) == (before.index, None, before.seq + 1)
    assert len(await store.book.leaves(0, 100)) == 8


async def test_only_an_account_that_is_there_can_be_erased(store: Store) -> None:
    await begun(store)
    assert not await store.book.erase(b.TENANT, b.account_id(9))


async def test_a_leaf_of_the_logs_own_is_found_again(store: Store) -> None:
    await begun(store)
    await placed(store, *history())
    await caught_up(store)
    assert await store.book.own_leaves() == []
    successor = log_signer("successor")
    growth = handed_over(await state_of(store), LOG, successor)
    assert await store.book.grow(growth)
    assert await store.book.own_leaves() == [(7, growth.leaves[0].leaf)]
    with pytest.raises(NoLog):
        await grow(store, DESK, SimEntropy("the old key"))


async def test_the_witnessed_checkpoint_only_goes_forward_and_never_beyond_the_log(store: Store) -> None:
    await begun(store)
    assert await store.book.keep_witnessed("empty", 0, instead_of="")
    assert not await store.book.keep_witnessed("empty again", 0, instead_of="")
    assert not await store.book.keep_witnessed("of leaves that are not there", 1, instead_of="empty")
    await placed(store, *history())
    await caught_up(store)
    assert await store.book.keep_witnessed("five", 5, instead_of="empty")
    assert not await store.book.keep_witnessed("four", 4, instead_of="five")
    assert not await store.book.keep_witnessed("eight", 8, instead_of="five")
    state = await state_of(store)
    assert (state.witnessed, state.witnessed_size) == ("five", 5)
    # Of more leaves: whatever was there meanwhile.
    assert await store.book.keep_witnessed("six", 6, instead_of="empty")
    await placed(store, b.opening(6))
    await caught_up(store, "later")
    later = await state_of(store)
    assert (later.witnessed, later.witnessed_size, later.size) == ("six", 6, 8)


async def test_more_witnesses_of_the_same_checkpoint_replace_the_note_that_was_read_and_no_other(
    open_store: OpenStore,
) -> None:
    here, there = await open_store(), await open_store()
    await begun(here)
    await placed(here, *history())
    await caught_up(here)
    assert await here.book.keep_witnessed("one", 7, instead_of="")
    assert await here.book.keep_witnessed("one and two", 7, instead_of="one")
    # Another process had read the first: its note lacks what is there now.
    assert not await there.book.keep_witnessed("one and three", 7, instead_of="one")
    assert (await state_of(there)).witnessed == "one and two"
    assert await there.book.keep_witnessed("one, two and three", 7, instead_of="one and two")
    assert (await state_of(here)).witnessed == "one, two and three"


async def test_a_record_that_cannot_become_a_leaf_stops_the_log_and_skips_nothing(store: Store) -> None:
    await begun(store)
    await placed(store, *history())
    state = await state_of(store)
    waiting = await store.book.unlogged(0, 100)
    for spoilt in ("", "{}", waiting[0].record + " ", waiting[0].record.replace('"seq":1', '"seq":1,"seq":1')):
        bad = [replace(waiting[0], record=spoilt), *waiting[1:]]
        if spoilt == waiting[0].record + " ":
            continue  # white space is another text, and is hashed as such
        with pytest.raises(StoreUnavailable):
            grown(state, bad, {}, draw=SimEntropy("growth").draw, signer=LOG, indexes=INDEXES)
    for missing in (waiting[1:], [waiting[0], *waiting[2:]], [waiting[1], waiting[0]]):
        with pytest.raises(StoreUnavailable, match="gap"):
            grown(state, missing, {}, draw=SimEntropy("growth").draw, signer=LOG, indexes=INDEXES)
    twice = [waiting[0], replace(waiting[0], position=1)]
    with pytest.raises(StoreUnavailable, match="does not follow"):
        grown(state, twice, {}, draw=SimEntropy("growth").draw, signer=LOG, indexes=INDEXES)


async def test_a_negative_limit_is_a_bug_and_not_everything(store: Store) -> None:
    book = store.book
    for call in (
        book.unlogged(0, -1),
        book.leaves(0, -1),
        book.nodes(1, 0, -1),
        book.logged(b.TENANT, b.account_id(), 0, -1),
    ):
        with pytest.raises(ValueError):
            await call


async def test_another_handle_sees_what_was_grown(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    await begun(here)
    await placed(here, *history())
    await caught_up(here)
    assert await state_of(there) == await state_of(here)
    assert opened(await state_of(there)).head.size == 7
    await check_log(there)
