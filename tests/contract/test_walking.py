"""Every account and every event is met once, in order, however many pages they fill."""

from __future__ import annotations

import pytest

from builders import TENANT, account_id, change_of, moved, opening
from pteri.app.ports import Committed, Store
from pteri.app.walking import accounts_in_order, events_in_order

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
MANY = 405


async def test_accounts_of_three_pages_are_met_once_in_order(store: Store) -> None:
    outcomes = await store.commit([opening(number) for number in range(1, MANY + 1)])
    assert set(map(type, outcomes)) == {Committed}
    assert [account.id async for account in accounts_in_order(store)] == [
        account_id(number) for number in range(1, MANY + 1)
    ]


async def test_events_of_three_pages_are_met_once_in_order_and_none_after_the_last_that_was_asked_for(
    store: Store,
) -> None:
    change = opening()
    for number in range(2, MANY + 1):
        await store.commit([change])
        change = moved(change_of(change).account, number)
    found = [
        recorded if isinstance(recorded, int) else recorded.seq
        async for recorded in events_in_order(store, TENANT, account_id(), until=MANY - 2)
    ]
    assert found == list(range(1, MANY - 1))


async def test_an_empty_registry_has_none(store: Store) -> None:
    assert [account async for account in accounts_in_order(store)] == []
    assert [event async for event in events_in_order(store, TENANT, account_id(), until=3)] == []
