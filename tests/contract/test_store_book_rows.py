"""Rows of the log's book that the sequencer never writes, or two hands at once: what was there first stays."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

import builders as b
from books import FIRST, content, growth, history, leaf, state_of, tail_of
from commits import OpenStore, committed
from pteri.app.log_ports import Growth, LogState, NewLeaf, NewNode, Unlogged
from pteri.app.ports import Store

pytestmark = pytest.mark.anyio

replace = msgspec.structs.replace

ACCOUNT = b.account_id(1)
STRANGER = b.account_id(77)


# --- a log begins ---------------------------------------------------------------------------------------------


async def test_a_log_begins_once_and_the_second_beginning_changes_nothing(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    other = replace(FIRST, checkpoint="another")
    began = await asyncio.gather(here.book.start(FIRST), there.book.start(other))
    assert sorted(began) == [False, True]
    assert await here.book.state() == await there.book.state() == (FIRST if began[0] else other)
    assert not await there.book.start(other)


# --- what waits -----------------------------------------------------------------------------------------------


async def test_an_event_without_a_position_does_not_wait_yet(store: Store) -> None:
    assert await store.book.next_position() == 0
    await committed(store, b.opening())
    assert await store.book.unlogged(0, 10) == []
    assert await store.book.next_position() == 0


# --- whole ----------------------------------------------------------------------------------------------------


async def test_all_of_a_growth_is_there_for_every_handle(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    events = await history(here)
    nodes = (NewNode(1, 0, b"\1" * 32), NewNode(1, 1, b"\2" * 32), NewNode(2, 0, b"\3" * 32))
    grown = replace(growth(FIRST, events), nodes=nodes)
    assert await here.book.grow(grown)
    book = there.book
    assert await book.state() == grown.state
    assert await book.leaves(0, 100) == [leaf(number) for number in range(7)]
    assert await book.nodes(1, 0, 100) == [b"\1" * 32, b"\2" * 32]
    assert await book.nodes(2, 0, 100) == [b"\3" * 32]
    mine = [event for event in events if (event.tenant, event.account) == (b.TENANT, ACCOUNT)]
    [tail] = await book.tails([(b.TENANT, ACCOUNT)])
    expected = tail_of(mine[-1])
    assert tail.secret is not None
    assert expected.secret is not None
    assert tail.secret.reveal() == expected.secret.reveal()
    assert replace(tail, secret=None) == replace(expected, secret=None)


async def test_a_log_of_an_older_or_newer_version_does_not_grow_and_nothing_of_it_stays(store: Store) -> None:
    events = await history(store)
    assert await store.book.grow(growth(FIRST, events[:2]))
    before = await content(store.book)
    now = await state_of(store.book)
    for version in (FIRST.version - 1, FIRST.version, now.version + 1):
        assert not await store.book.grow(growth(replace(now, version=version), events[2:4]))
        assert await content(store.book) == before
    assert await store.book.grow(growth(now, events[2:4]))


def broken(events: list[Unlogged], state: LogState) -> dict[str, Growth]:
    """Growths of a log that has the first four of these events, each with something that it has already."""
    whole = growth(state, events[4:])
    last = whole.leaves[-1]
    again = (events[0].tenant, events[0].account, events[0].seq)
    return {
        "a place twice": replace(whole, leaves=(*whole.leaves[:-1], NewLeaf(0, last.leaf, last.event))),
        "an event twice": replace(whole, leaves=(*whole.leaves[:-1], NewLeaf(last.place, last.leaf, again))),
        "a subtree twice": replace(whole, nodes=(NewNode(1, 5, b"\4" * 32), NewNode(1, 0, b"\5" * 32))),
    }


@pytest.mark.parametrize("name", ["a place twice", "an event twice", "a subtree twice"])
async def test_what_has_its_place_keeps_it_and_whoever_says_otherwise_is_a_bug(store: Store, name: str) -> None:
    events = await history(store)
    assert await store.book.grow(replace(growth(FIRST, events[:4]), nodes=(NewNode(1, 0, b"\6" * 32),)))
    before = await content(store.book)
    now = await state_of(store.book)
    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.book.grow(broken(events, now)[name])
    assert await content(store.book) == before
    assert await store.book.grow(growth(now, events[4:]))


# --- tails ----------------------------------------------------------------------------------------------------


async def test_a_tail_goes_on_and_keeps_its_number_and_its_secret(store: Store) -> None:
    events = await history(store)
    mine = [event for event in events if (event.tenant, event.account) == (b.TENANT, ACCOUNT)]
    first = tail_of(mine[0])
    assert await store.book.grow(replace(growth(FIRST, events[:4]), tails=(first,)))
    later = replace(tail_of(mine[1], secret="another"), index=b"\7" * 32, epoch=9)
    assert await store.book.grow(replace(growth(await state_of(store.book), events[4:]), tails=(later,)))
    [tail] = await store.book.tails([(b.TENANT, ACCOUNT)])
    assert (tail.seq, tail.last, tail.epoch) == (later.seq, later.last, later.epoch)
    assert tail.index == first.index
    assert tail.secret is not None
    assert first.secret is not None
    assert tail.secret.reveal() == first.secret.reveal()


async def test_tails_are_those_of_the_accounts_that_have_one_each_under_its_tenant(store: Store) -> None:
    events = await history(store)
    assert await store.book.grow(growth(FIRST, events))
    theirs = (b.OTHER_TENANT, ACCOUNT)
    assert await store.book.tails([]) == []
    assert await store.book.tails([(b.TENANT, STRANGER), (b.OTHER_TENANT, b.account_id(2))]) == []
    found = await store.book.tails([theirs, (b.TENANT, STRANGER), (b.TENANT, ACCOUNT)])
    assert sorted((tail.tenant, tail.account, tail.seq) for tail in found) == [
        (b.OTHER_TENANT, ACCOUNT, 2),
        (b.TENANT, ACCOUNT, 3),
    ]


async def test_an_erased_account_has_no_secret_ever_again_and_everything_else_stays(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    events = await history(here)
    assert await here.book.grow(growth(FIRST, events[:5]))
    leaves = await here.book.leaves(0, 100)
    assert not await here.book.erase(b.TENANT, STRANGER)
    assert await here.book.erase(b.TENANT, ACCOUNT)
    assert not await there.book.erase(b.TENANT, ACCOUNT)
    [mine] = await there.book.tails([(b.TENANT, ACCOUNT)])
    [theirs] = await there.book.tails([(b.OTHER_TENANT, ACCOUNT)])
    assert mine.secret is None
    assert theirs.secret is not None
    assert await there.book.leaves(0, 100) == leaves
    # It goes on growing, by a writer that read the tail before it was erased, too.
    assert await there.book.grow(growth(await state_of(there.book), events[5:]))
    [mine] = await here.book.tails([(b.TENANT, ACCOUNT)])
    assert mine.secret is None


# --- witnessed ------------------------------------------------------------------------------------------------


async def test_an_empty_log_may_be_witnessed_once(store: Store) -> None:
    assert await store.book.start(FIRST)
    assert await store.book.keep_witnessed("empty", 0, instead_of="")
    assert not await store.book.keep_witnessed("empty again", 0, instead_of="")
    assert (await state_of(store.book)).witnessed == "empty"


async def test_growing_and_witnessing_do_not_undo_each_other(store: Store) -> None:
    events = await history(store)
    assert await store.book.grow(growth(FIRST, events[:4]))
    read_before = await state_of(store.book)
    assert await store.book.keep_witnessed("four", 4, instead_of="")
    assert await store.book.grow(growth(read_before, events[4:]))
    state = await state_of(store.book)
    assert (state.version, state.size, state.witnessed, state.witnessed_size) == (3, 7, "four", 4)


# --- reading --------------------------------------------------------------------------------------------------


async def test_a_secret_of_an_account_is_in_no_text_that_is_made_of_its_tail(store: Store) -> None:
    events = await history(store)
    assert await store.book.grow(growth(FIRST, events))
    [tail] = await store.book.tails([(b.TENANT, ACCOUNT)])
    assert tail.secret is not None
    assert tail.secret.reveal().hex() not in repr(tail)
    assert repr(tail.secret.reveal()) not in repr(tail)


# --- reading --------------------------------------------------------------------------------------------------


async def test_entries_are_leaves_with_their_places_and_events(store: Store) -> None:
    events = await history(store)
    first = growth(FIRST, events)
    own = NewLeaf(7, b"own", None)
    assert await store.book.grow(replace(first, leaves=(*first.leaves, own)))
    entries = await store.book.entries(0, 100)
    assert entries == [*first.leaves, own]
    assert [await store.book.entries(start, 3) for start in (0, 6, 8)] == [entries[:3], entries[6:], []]
    assert await store.book.entries(0, 0) == []
    with pytest.raises(ValueError, match="limit"):
        await store.book.entries(0, -1)
