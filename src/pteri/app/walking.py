"""Every account of a registry in the order of its key, and the events of one, a page at a time.

Memory is bounded by a page. A record that cannot be read is told, and hides no other account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from pteri.app.careful import CarefulReader
from pteri.app.ports import Store
from pteri.core.ids import AccountId, TenantId
from pteri.domain.account import Account
from pteri.domain.records import RecordedEvent

__all__ = ["Gone", "accounts_in_order", "events_in_order"]

_PAGE: Final = 200


class Gone(Exception):
    """The next account cannot be read: nobody knows where the one after it begins."""


async def accounts_in_order(store: Store) -> AsyncIterator[Account]:
    """All accounts. ``Gone`` where one cannot be read; ``StoreUnavailable`` where nothing can."""
    reader, after = CarefulReader(store), None
    while True:
        page: list[Account] | None = await reader.page(store.accounts, after, _PAGE)
        if page is None:
            raise Gone("an account cannot be read; the rest was not looked at: run pteri fsck")
        if not page:
            return
        for account in page:
            yield account
        after = (page[-1].tenant, page[-1].id)


async def events_in_order(
    store: Store, tenant: TenantId, account: AccountId, *, until: int
) -> AsyncIterator[RecordedEvent | int]:
    """The events of an account up to ``until``; in the place of one that cannot be read, its ``seq``."""
    reader, after = CarefulReader(store), 0
    while after < until:
        page = await reader.page(
            lambda seq, most: store.history(tenant, account, seq, most), after, min(_PAGE, until - after)
        )
        if page is None:
            after += 1
            yield after
            continue
        if not page:
            return
        for recorded in page:
            yield recorded
        after = max(page[-1].seq, after + 1)
