"""Committing to a store from a test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import builders as b
from pteri.app.ports import Changeset, Committed, Outcome, Store

OpenStore = Callable[[], Awaitable[Store]]
"""Opens one more handle on the database of this test."""


async def one(store: Store, changeset: Changeset) -> Outcome:
    """The outcome of this changeset alone."""
    [outcome] = await store.commit([changeset])
    return outcome


async def committed(store: Store, *changesets: Changeset) -> None:
    """Make these durable in one batch, where nothing may be refused."""
    assert await store.commit(changesets) == [Committed()] * len(changesets)


async def shown(store: Store) -> list[object]:
    """Everything that a changeset of account 1, challenge 1 and their numbers could have left behind."""
    tenant, account = b.TENANT, b.account_id()
    opened = b.opened()
    approval = b.approval(opened, b.sign_in())
    return [
        await store.accounts(None, 100),
        await store.history(tenant, account, 0, 100),
        [await store.challenge(tenant, b.request_id(number)) for number in range(1, 4)],
        [await store.answer(tenant, b.thumbprint(), b.key(number)) for number in range(1, 4)],
        [await store.owner(tenant, claim) for claim in (*b.claims_of(opened), *b.change_of(approval).claims)],
        await store.notices(tenant, account, b.LATER, 100),
        [await store.count(tenant, count) for count in approval.counts],
        await store.prompts(tenant, account, b.NOW),
    ]
