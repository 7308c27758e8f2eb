"""Promises of a store about the lines that operators are asked about."""

from __future__ import annotations

import msgspec
import pytest

import builders as b
from commits import committed
from lines import says
from pteri.app.ports import Changeset, Conflict, Store
from pteri.core.ids import TenantId
from pteri.domain.kept_line import Heard, KeptLine
from pteri.domain.signals import Finding

pytestmark = pytest.mark.anyio

ACCOUNT = b.account_id()
ESIM, OTHER = b.digest("esim"), b.digest("another line")


def kept(esim: str = "esim", *, account: int = 1, mac: str = "mac", tenant: TenantId = b.TENANT) -> KeptLine:
    return KeptLine(tenant, b.account_id(account), b.digest(esim), f"sealed {esim}".encode(), b.digest(mac), "key-one")


def heard(at: int, *, esim: str = "esim", answered_at: int | None = None) -> Heard:
    return Heard(b.digest(esim), at, answered_at, (says(at, Finding.CLEAR),))


async def keep(store: Store, *lines: KeptLine) -> None:
    for line in lines:
        await committed(store, Changeset(line.tenant, line=line))


async def test_an_account_has_no_line_until_one_is_kept(store: Store) -> None:
    assert await store.line(b.TENANT, ACCOUNT) is None
    await keep(store, kept())
    assert await store.line(b.TENANT, ACCOUNT) == (kept(), None)
    assert await store.line(b.OTHER_TENANT, ACCOUNT) is None


async def test_another_line_takes_the_place_of_the_first(store: Store) -> None:
    await keep(store, kept(), kept("another line", mac="another mac"))
    assert await store.line(b.TENANT, ACCOUNT) == (kept("another line", mac="another mac"), None)
    assert await store.accounts_of_line(b.TENANT, b.digest("mac"), 9) == []


async def test_in_one_batch_the_last_line_stays(store: Store) -> None:
    await store.commit([Changeset(b.TENANT, line=kept()), Changeset(b.TENANT, line=kept("another line"))])
    assert await store.line(b.TENANT, ACCOUNT) == (kept("another line"), None)


async def test_a_refused_changeset_keeps_no_line(store: Store) -> None:
    await committed(store, Changeset(b.TENANT, spent=b.nonce()))
    [outcome] = await store.commit([Changeset(b.TENANT, spent=b.nonce(), line=kept())])
    assert isinstance(outcome, Conflict)
    assert await store.line(b.TENANT, ACCOUNT) is None


async def test_a_message_of_an_operator_finds_the_accounts_of_a_line_in_its_tenant(store: Store) -> None:
    await keep(store, kept(account=2), kept(account=1), kept(account=3, mac="another mac"))
    await keep(store, kept(account=4, tenant=b.OTHER_TENANT))
    assert await store.accounts_of_line(b.TENANT, b.digest("mac"), 9) == [b.account_id(1), b.account_id(2)]
    assert await store.accounts_of_line(b.TENANT, b.digest("mac"), 1) == [b.account_id(1)]


async def test_what_was_heard_is_read_beside_its_line(store: Store) -> None:
    await keep(store, kept())
    said = heard(b.NOW, answered_at=b.NOW)
    await store.hear(b.TENANT, ACCOUNT, said)
    assert await store.line(b.TENANT, ACCOUNT) == (kept(), said)


@pytest.mark.parametrize("earlier", [0, 1])
async def test_something_earlier_or_as_old_takes_the_place_of_nothing_later(store: Store, earlier: int) -> None:
    await keep(store, kept())
    late = heard(b.NOW + 1, answered_at=b.NOW)
    await store.hear(b.TENANT, ACCOUNT, late)
    await store.hear(b.TENANT, ACCOUNT, msgspec.structs.replace(heard(b.NOW + 1 - earlier), answered_at=None))
    found = await store.line(b.TENANT, ACCOUNT)
    assert found is not None
    assert found[1] is not None
    assert found[1].asked_at == b.NOW + 1
    later = heard(b.NOW + 2)
    await store.hear(b.TENANT, ACCOUNT, later)
    assert await store.line(b.TENANT, ACCOUNT) == (kept(), later)


async def test_what_was_heard_of_the_line_before_is_not_of_this_one(store: Store) -> None:
    await keep(store, kept())
    await store.hear(b.TENANT, ACCOUNT, heard(b.NOW))
    await keep(store, kept("another line"))
    assert await store.line(b.TENANT, ACCOUNT) == (kept("another line"), None)
    now = heard(b.NOW, esim="another line")
    await store.hear(b.TENANT, ACCOUNT, now)
    assert await store.line(b.TENANT, ACCOUNT) == (kept("another line"), now)
