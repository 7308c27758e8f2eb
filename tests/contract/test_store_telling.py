"""Promises of a store about notices that are told on: each once, in an order that no late commit breaks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own
import msgspec
import pytest

import builders as b
from commits import OpenStore, committed
from pteri.adapters.store import codec
from pteri.adapters.store.postgres import PostgresStore
from pteri.app.ports import Changeset, Store
from pteri.core.ids import TenantId
from pteri.domain.records import Delivery, Notice, Telling

if TYPE_CHECKING:
    from postgres import PostgresServer

pytestmark = pytest.mark.anyio


def telling(notice: Notice, *, is_told: bool = True) -> Telling:
    return Telling(notice.account, notice.id, is_told)


async def noticed(store: Store, *notices: Notice) -> None:
    await committed(store, *(Changeset(notice.tenant, notices=(notice,)) for notice in notices))


async def told(store: Store, after: int = 0, *, tenant: TenantId = b.TENANT) -> list[tuple[int, str]]:
    return [(place, notice.id) for place, notice in await store.told(tenant, after, 100)]


async def test_nobody_deals_with_a_notice_before_its_time(store: Store) -> None:
    now, later = b.notice(1, at=b.NOW), b.notice(2, at=b.NOW + 60)
    await noticed(store, later, now)
    assert await store.untold(b.NOW - 1, 10) == []
    assert await store.untold(b.NOW + 59, 10) == [now]
    assert await store.untold(b.NOW + 60, 10) == [now, later]
    assert await store.untold(b.NOW + 60, 1) == [now]


async def test_what_is_told_has_a_place_and_what_is_not_has_none(store: Store) -> None:
    one, two, three = (b.notice(number) for number in (1, 2, 3))
    await noticed(store, one, two, three)
    await store.tell(b.TENANT, [telling(three), telling(two, is_told=False), telling(one)])
    assert await store.untold(b.LATER, 10) == []
    assert await store.told(b.TENANT, 0, 10) == [(1, three), (2, one)]
    assert await store.told(b.TENANT, 0, 1) == [(1, three)]
    assert await store.told(b.TENANT, 1, 10) == [(2, one)]
    assert await store.told(b.TENANT, 2, 10) == []


async def test_each_tenant_has_places_of_its_own(store: Store) -> None:
    mine, theirs = b.notice(), b.notice(tenant=b.OTHER_TENANT)
    await noticed(store, mine, theirs)
    await store.tell(b.TENANT, [telling(mine)])
    assert await store.untold(b.LATER, 10) == [theirs]
    assert await told(store, tenant=b.OTHER_TENANT) == []
    await store.tell(b.OTHER_TENANT, [telling(theirs)])
    assert await told(store) == await told(store, tenant=b.OTHER_TENANT) == [(1, "notice-1")]


async def test_a_notice_that_comes_late_comes_after_those_that_are_told(store: Store) -> None:
    early, late = b.notice(1, at=b.NOW + 60), b.notice(2, at=b.NOW)
    await noticed(store, early)
    await store.tell(b.TENANT, [telling(early)])
    await noticed(store, late)
    await store.tell(b.TENANT, [telling(late)])
    assert await told(store, 1) == [(2, "notice-2")]


async def test_the_same_notice_again_keeps_its_place(store: Store) -> None:
    first = b.notice()
    await noticed(store, first)
    await store.tell(b.TENANT, [telling(first)])
    await noticed(store, first)
    await store.tell(b.TENANT, [telling(notice) for notice in await store.untold(b.LATER, 10)])
    await noticed(store, second := b.notice(2))
    await store.tell(b.TENANT, [telling(first), telling(second)])
    assert [notice for _, notice in await told(store)] == ["notice-1", "notice-2"]
    assert await store.untold(b.LATER, 10) == []


async def test_two_processes_at_once_give_each_notice_one_place(open_store: OpenStore) -> None:
    stores = [await open_store() for _ in range(2)]
    notices = [b.notice(number) for number in range(1, 41)]
    await noticed(stores[0], *notices)
    halves = (notices[:30], notices[10:])
    await asyncio.gather(
        *(
            store.tell(b.TENANT, list(map(telling, half[first : first + 5])))
            for store, half in zip(stores, halves, strict=True)
            for first in range(0, 30, 5)
        )
    )
    found = await told(stores[0])
    assert sorted(notice for _, notice in found) == sorted(notice.id for notice in notices)
    assert [place for place, _ in found] == sorted({place for place, _ in found})
    assert await stores[1].untold(b.LATER, 100) == []


async def test_a_notice_whose_transaction_is_still_open_is_not_skipped(postgres_server: PostgresServer) -> None:
    """Its time and its row come first, its commit last."""
    with postgres_server.store() as url:
        store = await PostgresStore.open(url)
        slow, quick = b.notice(1, at=b.NOW), b.notice(2, at=b.NOW + 60)
        connection = await asyncpg.connect(url)
        transaction = connection.transaction()
        await transaction.start()
        key = (slow.tenant, slow.account, slow.id, slow.at)
        await connection.execute("INSERT INTO notices VALUES ($1, $2, $3, $4, $5)", *key, codec.encode(slow))
        await connection.execute("INSERT INTO untold VALUES ($1, $2, $3, $4)", *key)
        await noticed(store, quick)
        assert await store.untold(b.LATER, 10) == [quick]
        await store.tell(b.TENANT, [telling(quick)])
        [(read_until, _)] = await told(store)
        await transaction.commit()
        await connection.close()
        await store.tell(b.TENANT, [telling(notice) for notice in await store.untold(b.LATER, 10)])
        assert await told(store, read_until) == [(read_until + 1, slow.id)]
        await store.close()


# --- deliveries -----------------------------------------------------------------------------------------------------


def delivery(notice: Notice, number: int = 1, *, next_at: int = b.NOW) -> Delivery:
    channel = b.digest(f"address {number}")
    return Delivery(notice.tenant, notice.account, notice.id, channel, next_at, gives_up_at=b.NOW + 99)


async def test_a_notice_goes_to_each_address_until_it_is_delivered(store: Store) -> None:
    notice = b.notice()
    first, second = delivery(notice, 1, next_at=b.NOW + 1), delivery(notice, 2)
    await noticed(store, notice)
    await store.tell(b.TENANT, [Telling(notice.account, notice.id, True, (first, second))])
    assert await store.deliveries(b.NOW - 1, 10) == []
    assert await store.deliveries(b.NOW, 10) == [(second, notice)]
    assert await store.deliveries(b.NOW + 1, 10) == [(second, notice), (first, notice)]
    assert await store.deliveries(b.NOW + 1, 1) == [(second, notice)]
    await store.delivered([second], [])
    assert await store.deliveries(b.NOW + 1, 10) == [(first, notice)]


async def test_what_does_not_go_comes_later_and_what_is_over_does_not_come_back(store: Store) -> None:
    notice = b.notice()
    first, second = delivery(notice, 1), delivery(notice, 2)
    await noticed(store, notice)
    await store.tell(b.TENANT, [Telling(notice.account, notice.id, True, (first, second))])
    later = [msgspec.structs.replace(each, next_at=b.NOW + 60, attempts=1) for each in (first, second)]
    await store.delivered([second], later)
    assert await store.deliveries(b.NOW + 59, 10) == []
    assert await store.deliveries(b.NOW + 60, 10) == [(later[0], notice)]


async def test_nobody_gets_a_notice_that_is_not_told_or_gets_it_again(store: Store) -> None:
    old, new = b.notice(1), b.notice(2)
    await noticed(store, old, new)
    await store.tell(b.TENANT, [Telling(old.account, old.id, False, (delivery(old),))])
    assert await store.deliveries(b.LATER, 10) == []
    for _ in range(2):
        await store.tell(b.TENANT, [Telling(new.account, new.id, True, (delivery(new),))])
    assert await store.deliveries(b.LATER, 10) == [(delivery(new), new)]
    await store.delivered([delivery(new)], [])
    await store.tell(b.TENANT, [Telling(new.account, new.id, True, (delivery(new),))])
    assert await store.deliveries(b.LATER, 10) == []
