"""Promises of a store about subscriptions: one for each account and operator, every change on top of the one before."""

from __future__ import annotations

import pytest

import builders as b
from commits import committed
from pteri.app.ports import Changeset, Store
from pteri.app.subscription_ports import KeptOf
from pteri.core.ids import TenantId
from pteri.domain.kept_line import KeptLine
from pteri.domain.subscription import LIFE_S, Subscription, begun

pytestmark = pytest.mark.anyio

ACCOUNT = b.account_id()
ESIM = b.digest("esim")


def asked(account: int = 1, *, tenant: TenantId = b.TENANT, operator: str = "alpha", at: int = b.NOW) -> Subscription:
    return begun(tenant, b.account_id(account), operator, ESIM, generation="g1", at=at)


async def keep_line(store: Store, account: int, *, tenant: TenantId = b.TENANT) -> None:
    line = KeptLine(tenant, b.account_id(account), ESIM, b"sealed", b.digest("mac"), "key-one")
    await committed(store, Changeset(tenant, line=line))


async def test_one_is_kept_for_each_account_and_operator(store: Store) -> None:
    book = store.subscriptions
    assert await book.of(b.TENANT, ACCOUNT, "alpha") is None
    assert await book.keep(asked())
    assert not await book.keep(asked(at=b.NOW + 1)), "there is one"
    assert await book.keep(asked(operator="beta"))
    assert await book.keep(asked(tenant=b.OTHER_TENANT))
    assert await book.of(b.TENANT, ACCOUNT, "alpha") == asked()
    assert await book.of(b.TENANT, ACCOUNT, "gamma") is None
    assert await book.of(b.TENANT, b.account_id(2), "alpha") is None


async def test_of_two_changes_of_one_version_one_wins(store: Store) -> None:
    book = store.subscriptions
    await book.keep(asked())
    tried = asked().trying(b.NOW)
    assert await book.keep(tried)
    assert not await book.keep(tried)
    assert not await book.keep(asked().dropped(b.NOW))
    assert await book.of(b.TENANT, ACCOUNT, "alpha") == tried
    live = tried.answered("sub-1", b.NOW + LIFE_S, b.NOW)
    assert await book.keep(live)
    assert await book.of(b.TENANT, ACCOUNT, "alpha") == live


async def test_what_never_began_does_not_change(store: Store) -> None:
    assert not await store.subscriptions.keep(asked().trying(b.NOW))
    assert await store.subscriptions.of(b.TENANT, ACCOUNT, "alpha") is None


async def test_only_the_version_that_was_read_is_dropped(store: Store) -> None:
    book = store.subscriptions
    await book.keep(asked())
    await book.keep(asked(2))
    tried = asked().trying(b.NOW)
    await book.keep(tried)
    assert not await book.drop(asked())
    assert await book.drop(tried)
    assert not await book.drop(tried)
    assert await book.of(b.TENANT, ACCOUNT, "alpha") is None
    assert await book.of(b.TENANT, b.account_id(2), "alpha") == asked(2)
    assert await book.keep(asked()), "another one may begin"


async def test_those_that_are_due_come_the_longest_due_first(store: Store) -> None:
    book = store.subscriptions
    await book.keep(asked(1, at=b.NOW))
    await book.keep(asked(2, at=b.NOW - 5))
    await book.keep(asked(3, at=b.NOW + 1))
    assert await book.due(b.NOW, 9) == [asked(2, at=b.NOW - 5), asked(1, at=b.NOW)]
    assert await book.due(b.NOW, 1) == [asked(2, at=b.NOW - 5)]
    await book.keep(asked(2, at=b.NOW - 5).trying(b.NOW))
    assert await book.due(b.NOW, 9) == [asked(1, at=b.NOW)]
    with pytest.raises(ValueError, match="limit"):
        await book.due(b.NOW, -1)


async def test_the_kept_lines_of_a_tenant_say_which_of_them_are_told_of(store: Store) -> None:
    book = store.subscriptions
    for account in (2, 1, 3):
        await keep_line(store, account)
    await keep_line(store, 4, tenant=b.OTHER_TENANT)
    await book.keep(asked(2))
    await book.keep(asked(1, operator="beta"))
    first, second, third = (b.account_id(number) for number in (1, 2, 3))
    told = [KeptOf(first, ESIM, None), KeptOf(second, ESIM, ESIM), KeptOf(third, ESIM, None)]
    assert await book.lines(b.TENANT, "alpha", "", 9) == told
    assert await book.lines(b.TENANT, "alpha", first, 1) == told[1:2]
    assert await book.lines(b.TENANT, "alpha", third, 9) == []
