"""The store: for ever and complete, and what it never lets in."""

from __future__ import annotations

import msgspec
import pytest

import builders as b
from commits import OpenStore, committed, shown
from pteri.adapters.store.errors import InconsistentChangeset
from pteri.app.ports import ChallengeChange, Changeset, LogEntry, Store
from pteri.domain.evolving import fold

pytestmark = pytest.mark.anyio

replace = msgspec.structs.replace

OPEN = b.opened()
ASKED = b.sign_in()
APPROVAL = b.approval(OPEN, ASKED)


# --- for ever, complete -------------------------------------------------------------------------------------


async def some_history(store: Store) -> list[Changeset]:
    """Two tenants, three accounts, seven events."""
    opened = [b.opening(2), b.opening(1, tenant=b.OTHER_TENANT), b.opening(1)]
    moves = [b.moved(OPEN, 1)]
    moves.append(b.moved(b.change_of(moves[0]).account, 2))
    moves += [b.moved(b.opened(2), 1), b.moved(b.opened(1, tenant=b.OTHER_TENANT), 1)]
    await committed(store, *opened, *moves)
    return opened + moves


async def whole_log(store: Store) -> list[LogEntry]:
    return await store.log(0, 1000)


def place(entry: LogEntry) -> tuple[str, str, int]:
    return entry.recorded.tenant, entry.recorded.account, entry.recorded.seq


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_every_event_gets_one_position_without_gaps_in_order_of_its_account(store: Store, limit: int) -> None:
    changesets = await some_history(store)
    given_positions = []
    while taken := await store.sequence(limit):
        given_positions.append(taken)
    log = await whole_log(store)
    assert max(given_positions) <= limit
    assert sum(given_positions) == len(log) == 7
    assert [entry.position for entry in log] == list(range(7))
    events = [event for changeset in changesets for event in b.change_of(changeset).events]
    assert sorted(map(place, log)) == sorted((event.tenant, event.account, event.seq) for event in events)
    for account in {place(entry)[:2] for entry in log}:
        seqs = [entry.recorded.seq for entry in log if place(entry)[:2] == account]
        assert seqs == list(range(1, len(seqs) + 1))
    assert all(entry.recorded in events for entry in log)


async def test_an_event_has_no_position_before_the_sequencer_gives_one(store: Store) -> None:
    await some_history(store)
    assert await whole_log(store) == []
    assert await store.sequence(0) == 0
    assert await whole_log(store) == []


async def test_later_events_continue_the_log_where_it_stands(store: Store) -> None:
    await some_history(store)
    await store.sequence(100)
    before = await whole_log(store)
    await committed(store, b.opening(3))
    assert await store.sequence(100) == 1
    assert (await whole_log(store))[:7] == before
    [last] = await store.log(7, 100)
    assert (last.position, last.recorded.account) == (7, b.account_id(3))


async def test_two_sequencers_give_no_event_two_positions(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    await some_history(here)
    assert [await here.sequence(4), await there.sequence(4), await here.sequence(4)] == [4, 3, 0]
    assert len({place(entry) for entry in await whole_log(here)}) == 7


async def test_an_account_shows_which_of_its_events_have_which_position(store: Store) -> None:
    await some_history(store)
    assert await store.positions(b.TENANT, OPEN.id, 0, 10) == [(1, None), (2, None), (3, None)]
    while await store.sequence(2):
        pass
    log = await whole_log(store)
    mine = [(entry.recorded.seq, entry.position) for entry in log if place(entry)[:2] == (b.TENANT, OPEN.id)]
    later = b.moved(b.change_of(b.moved(b.change_of(b.moved(OPEN, 1)).account, 2)).account, 3)
    await committed(store, later)
    expected = [*mine, (4, None)]
    assert await store.positions(b.TENANT, OPEN.id, 0, 10) == expected
    assert await store.positions(b.TENANT, OPEN.id, 2, 10) == expected[2:]
    assert await store.positions(b.TENANT, OPEN.id, 1, 2) == expected[1:3]
    assert await store.positions(b.TENANT, OPEN.id, 0, 0) == []


async def test_the_log_is_read_in_pages(store: Store) -> None:
    await some_history(store)
    await store.sequence(100)
    log = await whole_log(store)
    assert [await store.log(start, 3) for start in (0, 3, 6, 7)] == [log[0:3], log[3:6], log[6:7], []]
    assert await store.log(0, 0) == []


async def test_nothing_that_a_store_does_changes_an_event(store: Store) -> None:
    await committed(store, b.opening(), b.issued(ASKED), APPROVAL)
    before = await store.history(b.TENANT, OPEN.id, 0, 100)
    await store.sequence(100)
    await store.forget_answers(b.NOW + 10**6, 100)
    await store.commit([APPROVAL, b.opening(), b.moved(OPEN, 1)])
    assert await store.history(b.TENANT, OPEN.id, 0, 100) == before


async def test_a_stored_account_is_the_fold_of_its_events(store: Store) -> None:
    await some_history(store)
    for account in await store.accounts(None, 100):
        history = await store.history(account.tenant, account.id, 0, 100)
        assert account == fold(recorded.event for recorded in history)


# --- bugs of ours -------------------------------------------------------------------------------------------

TWO = b.change_of(APPROVAL)
THEIRS = b.opened(1, tenant=b.OTHER_TENANT)
CONTRADICTIONS = {
    "events with a gap": replace(APPROVAL, account=replace(TWO, events=TWO.events[1:])),
    "events in the wrong order": replace(APPROVAL, account=replace(TWO, events=TWO.events[::-1])),
    "events from another version": replace(APPROVAL, account=replace(TWO, expected_version=2)),
    "a negative version": replace(APPROVAL, account=replace(TWO, expected_version=-1)),
    "no events": replace(APPROVAL, account=replace(TWO, events=())),
    "events that stop short": replace(APPROVAL, account=replace(TWO, events=TWO.events[:1])),
    "an account that did not move": replace(APPROVAL, account=replace(TWO, account=OPEN)),
    "events of another account": replace(
        APPROVAL, account=replace(TWO, events=tuple(replace(event, account=b.account_id(2)) for event in TWO.events))
    ),
    "events of another tenant": replace(
        APPROVAL, account=replace(TWO, events=tuple(replace(event, tenant=b.OTHER_TENANT) for event in TWO.events))
    ),
    "an account of another tenant": Changeset(b.TENANT, account=b.change(THEIRS, b.signed_in(THEIRS))),
    "a challenge of another tenant": replace(
        APPROVAL, challenges=(ChallengeChange(0, b.sign_in(tenant=b.OTHER_TENANT)),)
    ),
    "a challenge that did not move": replace(APPROVAL, challenges=(ChallengeChange(1, ASKED),)),
    "a negative challenge version": replace(APPROVAL, challenges=(ChallengeChange(-1, ASKED),)),
    "a notice of another tenant": replace(APPROVAL, notices=(b.notice(tenant=b.OTHER_TENANT),)),
    "a window without length": replace(APPROVAL, counts=(b.count(window_s=0),)),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
async def test_a_changeset_that_contradicts_itself_is_a_bug_and_stops_its_batch(store: Store, name: str) -> None:
    await committed(store, b.opening(), b.issued(ASKED))
    before = await shown(store)
    with pytest.raises(InconsistentChangeset):
        await store.commit([b.opening(2), CONTRADICTIONS[name]])
    assert await shown(store) == before
    await committed(store, APPROVAL)


async def test_a_negative_limit_is_a_bug_and_not_everything(store: Store) -> None:
    await some_history(store)
    for call in (
        store.log(0, -1),
        store.sequence(-1),
        store.accounts(None, -1),
        store.claims(None, -1),
        store.forget_answers(b.NOW, -1),
        store.unfinished(b.NOW, -1),
        store.history(b.TENANT, OPEN.id, 0, -1),
        store.notices(b.TENANT, OPEN.id, b.LATER, -1),
        store.positions(b.TENANT, OPEN.id, 0, -1),
    ):
        with pytest.raises(ValueError):
            await call
