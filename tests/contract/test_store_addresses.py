"""Promises of a store about the addresses that warnings go to."""

from __future__ import annotations

import pytest

import builders as b
from commits import committed, one
from pteri.app.ports import Changeset, Committed, Conflict, ConflictKind, Store
from pteri.core.ids import TenantId
from pteri.domain.addresses import Address

pytestmark = pytest.mark.anyio

OPEN = b.opened()


def address(
    number: int = 1, *, account: int = 1, tenant: TenantId = b.TENANT, since: int = b.NOW, ends_at: int | None = None
) -> Address:
    sealed = f"sealed {number}".encode()
    return Address(tenant, b.account_id(account), b.digest(f"address {number}"), sealed, since, ends_at)


def ending(number: int, ends_at: int | None) -> Address:
    return Address(b.TENANT, b.account_id(), b.digest(f"address {number}"), b"", b.NOW + 99, ends_at)


async def kept(store: Store, *addresses: Address) -> None:
    await committed(store, Changeset(b.TENANT, addresses=addresses))


async def test_addresses_of_an_account_are_read_the_oldest_first(store: Store) -> None:
    assert await store.addresses(b.TENANT, OPEN.id) == []
    young, old = address(1, since=b.NOW + 1), address(2)
    await kept(store, young, old, address(3, account=2))
    await committed(store, Changeset(b.OTHER_TENANT, addresses=(address(4, tenant=b.OTHER_TENANT),)))
    assert await store.addresses(b.TENANT, OPEN.id) == [old, young]


async def test_an_end_is_set_moved_and_taken_back_and_the_address_stays_as_it_came(store: Store) -> None:
    await kept(store, address())
    for ends_at in (b.NOW + 60, b.NOW + 30, None):
        await kept(store, ending(1, ends_at))
        assert await store.addresses(b.TENANT, OPEN.id) == [address(ends_at=ends_at)]


async def test_an_end_of_an_address_that_is_not_kept_is_nothing(store: Store) -> None:
    await kept(store, ending(1, None))
    assert await store.addresses(b.TENANT, OPEN.id) == []


async def test_one_that_comes_again_is_kept_as_it_came_first(store: Store) -> None:
    await kept(store, address(ends_at=b.NOW + 60))
    await kept(store, address(since=b.NOW + 30))
    assert await store.addresses(b.TENANT, OPEN.id) == [address()]


async def test_an_address_that_comes_and_goes_in_one_batch_has_its_last_end(store: Store) -> None:
    await committed(
        store,
        Changeset(b.TENANT, addresses=(address(),)),
        Changeset(b.TENANT, addresses=(ending(1, b.NOW + 60),)),
    )
    assert await store.addresses(b.TENANT, OPEN.id) == [address(ends_at=b.NOW + 60)]


async def test_a_refused_changeset_keeps_no_address(store: Store) -> None:
    await committed(store, Changeset(b.TENANT, spent=b.nonce()))
    refused = Changeset(b.TENANT, spent=b.nonce(), addresses=(address(),))
    assert await one(store, refused) == Conflict(ConflictKind.NONCE_SPENT)
    assert await store.addresses(b.TENANT, OPEN.id) == []


async def test_what_ended_is_dropped_and_nothing_else(store: Store) -> None:
    ended, ends_now, stays = address(1, ends_at=b.NOW - 1), address(2, ends_at=b.NOW), address(3)
    await kept(store, ended, ends_now, stays)
    assert await store.forget_addresses(b.NOW, 10) == 1
    assert await store.addresses(b.TENANT, OPEN.id) == sorted((ends_now, stays), key=lambda each: each.channel)
    assert await store.forget_addresses(b.NOW + 1, 0) == 0
    assert await store.forget_addresses(b.LATER, 10) == 1
    assert await one(store, Changeset(b.TENANT, addresses=(ending(2, None),))) == Committed()
    assert await store.addresses(b.TENANT, OPEN.id) == [stays]
