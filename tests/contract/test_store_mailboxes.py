"""The store: mailboxes, each change on top of the one before it, emptied at their end and used up for days."""

from __future__ import annotations

import msgspec
import pytest

import builders as b
from commits import OpenStore
from pteri.app.ports import Store
from pteri.core.ids import TenantId
from pteri.domain.mailbox import GONE_S, LIFE_S, Mailbox

pytestmark = pytest.mark.anyio

ID = "AAAAAAAAAAAAAAAAAAAAAA"
FRESH = Mailbox(b.TENANT, ID, b.NOW + LIFE_S)


def filled(mailbox: Mailbox, message: bytes) -> Mailbox:
    after = mailbox.with_message(len(mailbox.messages), message, at=b.NOW)
    assert isinstance(after, Mailbox)
    return after


async def test_a_mailbox_is_read_as_it_was_kept(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    assert await here.mailbox(b.TENANT, ID) is None
    assert await here.keep_mailbox(FRESH)
    one = filled(FRESH, bytes(range(256)))
    assert await there.keep_mailbox(one)
    assert await here.mailbox(b.TENANT, ID) == one
    assert await here.mailbox(TenantId("another"), ID) is None
    assert await here.mailbox(b.TENANT, ID[:-1] + "Q") is None


async def test_of_two_changes_of_one_version_one_wins(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    assert await here.keep_mailbox(FRESH)
    assert not await there.keep_mailbox(FRESH)
    assert await here.keep_mailbox(filled(FRESH, b"first"))
    assert not await there.keep_mailbox(filled(FRESH, b"second"))
    assert await there.mailbox(b.TENANT, ID) == filled(FRESH, b"first")


async def test_a_change_of_a_mailbox_that_is_not_there_changes_nothing(store: Store) -> None:
    assert not await store.keep_mailbox(filled(FRESH, b"one"))
    assert await store.mailbox(b.TENANT, ID) is None


async def test_what_ended_is_emptied_and_its_id_stays_used_up(store: Store) -> None:
    one = filled(FRESH, b"one")
    other = msgspec.structs.replace(FRESH, id=ID[:-1] + "Q", expires_at=FRESH.expires_at + 1)
    assert await store.keep_mailbox(FRESH)
    assert await store.keep_mailbox(one)
    assert await store.keep_mailbox(other)
    at = FRESH.expires_at + 1
    assert await store.forget_mailboxes(at, at - GONE_S, 10) == 1
    assert await store.forget_mailboxes(at, at - GONE_S, 10) == 0
    emptied = Mailbox(b.TENANT, ID, one.expires_at, ended=True, version=2)
    assert await store.mailbox(b.TENANT, ID) == emptied
    assert not await store.keep_mailbox(FRESH)
    assert not await store.keep_mailbox(filled(one, b"two")), "what was emptied takes nothing more"
    assert await store.mailbox(b.TENANT, other.id) == other


async def test_an_id_is_free_again_after_some_days(store: Store) -> None:
    assert await store.keep_mailbox(FRESH)
    at = FRESH.expires_at + GONE_S
    assert await store.forget_mailboxes(at, at - GONE_S, 10) == 1
    assert await store.mailbox(b.TENANT, ID) is not None
    assert await store.forget_mailboxes(at + 1, at + 1 - GONE_S, 10) == 1
    assert await store.mailbox(b.TENANT, ID) is None


async def test_forgetting_goes_in_batches(store: Store) -> None:
    for last in "AQgw":
        assert await store.keep_mailbox(msgspec.structs.replace(FRESH, id=ID[:-1] + last))
    at = FRESH.expires_at + 1
    assert [await store.forget_mailboxes(at, 0, 3) for _ in range(3)] == [3, 1, 0]
    with pytest.raises(ValueError):
        await store.forget_mailboxes(at, 0, -1)
