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
    from pteri.app.ports import Changeset, Outcome, Store

__all__ = ["GroupedStore"]

_MOST: Final = 256


class GroupedStore:
    """A ``Store`` that keeps the promises of the one inside. Belongs to the event loop it is used in."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        # Everything but a commit is the inner store's own, without a step between.
        self.anchors = inner.anchors
        self.subscriptions = inner.subscriptions
        self.audits = inner.audits
        self.answer = inner.answer
        self.challenge = inner.challenge
        self.prompts = inner.prompts
        self.account = inner.account
        self.owner = inner.owner
        self.claims = inner.claims
        self.keys = inner.keys
        self.is_spent = inner.is_spent
        self.account_of = inner.account_of
        self.challenge_and_account = inner.challenge_and_account
        self.count = inner.count
        self.history = inner.history
        self.positions = inner.positions
        self.notices = inner.notices
        self.sequence = inner.sequence
        self.log = inner.log
        self.accounts = inner.accounts
        self.lease = inner.lease
        self.release = inner.release
        self.pin = inner.pin
        self.unfinished = inner.unfinished
        self.forget_answers = inner.forget_answers
        self.mailbox = inner.mailbox
        self.keep_mailbox = inner.keep_mailbox
        self.forget_mailboxes = inner.forget_mailboxes
        self.untold = inner.untold
        self.tell = inner.tell
        self.told = inner.told
        self.deliveries = inner.deliveries
        self.delivered = inner.delivered
        self.addresses = inner.addresses
        self.forget_addresses = inner.forget_addresses
        self.line = inner.line
        self.accounts_of_line = inner.accounts_of_line
        self.accounts_of_chip = inner.accounts_of_chip
        self.hear = inner.hear
        self.book = inner.book
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

    async def close(self) -> None:
        """Finish what waits, then close the one inside."""
        if self._flush is not None:
            await self._flush
        await self._inner.close()
