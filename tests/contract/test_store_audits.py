"""Promises of a store about the audit: one place, halts that hold in the commit, and keys that are always read."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

import builders as b
from commits import OpenStore, committed
from pteri.app.audit_ports import AuditPlace, Halt
from pteri.app.ports import ChallengeChange, Changeset, Committed, Conflict, ConflictKind, Store
from pteri.domain.challenge import ChallengeEvent

pytestmark = pytest.mark.anyio

HALTED = Conflict(ConflictKind.ACCOUNT_HALTED)


def halt(number: int = 1, code: str = "SNAPSHOT_DIFFERS") -> Halt:
    return Halt(tenant=b.TENANT, account=b.account_id(number), at=7, code=code, detail="not its fold")


async def test_of_two_that_keep_a_place_one_does_and_it_is_read_as_it_was_kept(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    assert await there.audits.place() is None
    first = AuditPlace(version=1, started_at=5)
    assert sorted(await asyncio.gather(here.audits.keep(first), there.audits.keep(first))) == [False, True]
    second = msgspec.structs.replace(first, version=2, account=(b.TENANT, b.account_id(1)), accounts=1, ended_at=9)
    assert await here.audits.keep(second)
    assert not await there.audits.keep(second)
    assert await there.audits.place() == second


async def test_an_account_is_halted_once_until_it_is_lifted(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    assert await here.audits.halt(halt(2))
    assert await here.audits.halt(halt(1))
    assert not await there.audits.halt(halt(1, "EVENT_GAP"))
    first, second = sorted((halt(1), halt(2)), key=lambda each: each.account)
    assert await there.audits.halts(None, 9) == [first, second]
    assert await there.audits.halts(None, 1) == [first]
    assert await there.audits.halts((first.tenant, first.account), 9) == [second]
    assert await there.audits.lift(first.tenant, first.account)
    assert not await here.audits.lift(first.tenant, first.account)
    assert await here.audits.halts(None, 9) == [second]


async def test_keys_of_accounts_come_in_their_order(store: Store) -> None:
    await committed(store, b.opening(2), b.opening(1, tenant=b.OTHER_TENANT), b.opening(1))
    keys = sorted([(b.TENANT, b.account_id(1)), (b.TENANT, b.account_id(2)), (b.OTHER_TENANT, b.account_id(1))])
    assert await store.audits.accounts(None, 9) == keys
    assert await store.audits.accounts(keys[0], 1) == keys[1:2]
    assert await store.audits.accounts(keys[2], 9) == []


async def test_nothing_changes_a_halted_account_and_its_neighbour_in_the_batch_goes_on(store: Store) -> None:
    await committed(store, b.opening(1), b.opening(2))
    assert await store.audits.halt(halt(1))
    moves = [b.moved(b.opened(1), 1), b.moved(b.opened(2), 1)]
    assert await store.commit(moves) == [HALTED, Committed()]
    assert await store.account(b.TENANT, b.account_id(1)) == b.opened(1)
    assert await store.audits.lift(b.TENANT, b.account_id(1))
    assert await store.commit(moves[:1]) == [Committed()]


async def test_a_halted_account_may_be_asked_and_cannot_answer(store: Store) -> None:
    await committed(store, b.opening(1))
    asked = b.sign_in(5)
    assert asked.account == b.account_id(1)
    assert await store.audits.halt(halt(1))
    assert await store.commit([b.issued(asked)]) == [Committed()]
    answered = Changeset(b.TENANT, challenges=(ChallengeChange(1, asked.after(ChallengeEvent.CANCEL)),))
    assert await store.commit([answered]) == [HALTED]
    assert await store.audits.lift(b.TENANT, b.account_id(1))
    assert await store.commit([answered]) == [Committed()]
