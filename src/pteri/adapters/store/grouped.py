"""Group commit: requests that arrive together share one durable transaction, each with its own outcome.

Most of the cost of a sign-in is the disk's promise. It is given once for everything that gathers while each turn of the
event loop brings more; there is no timer, so a lone request waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pteri.app.ports import StoreUnavailable

if TYPE_CHECKING:
    from pteri.app.ports import (
        Answer,
        Changeset,
        Claim,
        Count,
        LogEntry,
        Outcome,
        Store,
    )
    from pteri.core.ids import AccountId, IdempotencyKey, RequestId, TenantId, Thumbprint
    from pteri.domain.account import Account
    from pteri.domain.challenge import Challenge
    from pteri.domain.records import Notice, RecordedEvent

__all__ = ["GroupedStore"]

_MOST: Final = 256


class GroupedStore:
    """A ``Store`` that keeps the promises of the one inside. Belongs to the event loop it is used in."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self._waiting: list[tuple[Sequence[Changeset], asyncio.Future[list[Outcome]]]] = []
        self._flush: asyncio.Task[None] | None = None

    async def commit(self, batch: Sequence[Changeset]) -> list[Outcome]:
        """Wait for the transaction that this turn of the loop shares."""
        future: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._waiting.append((batch, future))
        if self._flush is None:
            self._flush = asyncio.create_task(self._commit_waiting())
        # A caller that hangs up does not take its changeset back: it is committed, and a repeat reads the answer.
        return await future

    async def _commit_waiting(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await self._commit_group(group)
        finally:
            self._flush = None

    async def _gather(self) -> None:
        """As long as each turn of the loop brings more, and one turn at least: then the disk is asked."""
        seen = 0
        while seen < len(self._waiting) < _MOST:
            seen = len(self._waiting)
            await asyncio.sleep(0)

    async def _commit_group(self, group: Sequence[tuple[Sequence[Changeset], asyncio.Future[list[Outcome]]]]) -> None:
        try:
            outcomes = await self._inner.commit([changeset for batch, _ in group for changeset in batch])
        except Exception as error:  # noqa: BLE001 - handed to whoever waits, never swallowed
            if len(group) == 1 or isinstance(error, StoreUnavailable):
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
                return
            # A bug in one of them must not hurt the others: each again, alone.
            for one in group:
                await self._commit_group([one])
            return
        given = iter(outcomes)
        for batch, future in group:
            own = [next(given) for _ in batch]
            if not future.done():  # else whoever waited has hung up
                future.set_result(own)

    async def answer(self, tenant: TenantId, caller: Thumbprint, key: IdempotencyKey) -> Answer | None:
        """As inside."""
        return await self._inner.answer(tenant, caller, key)

    async def challenge(self, tenant: TenantId, request: RequestId) -> Challenge | None:
        """As inside."""
        return await self._inner.challenge(tenant, request)

    async def prompts(self, tenant: TenantId, account: AccountId, at: int) -> list[Challenge]:
        """As inside."""
        return await self._inner.prompts(tenant, account, at)

    async def account(self, tenant: TenantId, account: AccountId) -> Account | None:
        """As inside."""
        return await self._inner.account(tenant, account)

    async def owner(self, tenant: TenantId, claim: Claim) -> AccountId | None:
        """As inside."""
        return await self._inner.owner(tenant, claim)

    async def account_of(self, tenant: TenantId, claim: Claim) -> Account | None:
        """As inside."""
        return await self._inner.account_of(tenant, claim)

    async def challenge_and_account(
        self, tenant: TenantId, request: RequestId
    ) -> tuple[Challenge | None, Account | None]:
        """As inside."""
        return await self._inner.challenge_and_account(tenant, request)

    async def count(self, tenant: TenantId, count: Count) -> int:
        """As inside."""
        return await self._inner.count(tenant, count)

    async def history(self, tenant: TenantId, account: AccountId, after_seq: int, limit: int) -> list[RecordedEvent]:
        """As inside."""
        return await self._inner.history(tenant, account, after_seq, limit)

    async def positions(
        self, tenant: TenantId, account: AccountId, after_seq: int, limit: int
    ) -> list[tuple[int, int | None]]:
        """As inside."""
        return await self._inner.positions(tenant, account, after_seq, limit)

    async def notices(self, tenant: TenantId, account: AccountId, limit: int) -> list[Notice]:
        """As inside."""
        return await self._inner.notices(tenant, account, limit)

    async def sequence(self, limit: int) -> int:
        """As inside."""
        return await self._inner.sequence(limit)

    async def log(self, from_position: int, limit: int) -> list[LogEntry]:
        """As inside."""
        return await self._inner.log(from_position, limit)

    async def accounts(self, after: tuple[str, str] | None, limit: int) -> list[Account]:
        """As inside."""
        return await self._inner.accounts(after, limit)

    async def lease(self, name: str, holder: str, *, at: int, until: int) -> bool:
        """As inside."""
        return await self._inner.lease(name, holder, at=at, until=until)

    async def release(self, name: str, holder: str) -> None:
        """As inside."""
        await self._inner.release(name, holder)

    async def pin(self, name: str, value: str) -> str:
        """As inside."""
        return await self._inner.pin(name, value)

    async def unfinished(self, before: int, limit: int) -> list[Challenge]:
        """As inside."""
        return await self._inner.unfinished(before, limit)

    async def forget_answers(self, before: int, limit: int) -> int:
        """As inside."""
        return await self._inner.forget_answers(before, limit)

    async def close(self) -> None:
        """Finish what waits, then close the one inside."""
        if self._flush is not None:
            await self._flush
        await self._inner.close()
