"""Operators are asked to tell the events of bound lines, for as long as these are bound (law 5).

A turn looks at some lines that nobody tells of yet, and at the subscriptions that are due. Everything is written down
before an operator is asked and after it has answered; between the two a minute is left to whoever asked. So two at once
ask once, and whoever finds a request without an outcome looks at the operator what came of it. Nobody waits for this:
where an operator is away, lines are asked about as before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pteri.app.deployment import Deployment
from pteri.app.event_desk import EventDesk, EventNews, key_of
from pteri.app.halting import steady_time
from pteri.app.observing import kept_number
from pteri.app.subscription_ports import KeptOf
from pteri.app.subscription_work import OperatorMoods, SubscriptionWork, fresh_generation
from pteri.core.ids import AccountId, Digest, TenantId
from pteri.core.phone_number import PhoneNumber
from pteri.domain.line import LineState
from pteri.domain.subscription import Subscription, SubscriptionState, begun, next_step

__all__ = ["Subscribing"]

_PAGE: Final = 100
_BATCH: Final = 50
_STEPS: Final = 6
"""As many as one of them can take at once: found, renewed, made, and the one before it deleted."""


class Subscribing:
    """The turns of one process. ``tell`` hears of an operator by its name, and of nobody's line."""

    def __init__(self, deployment: Deployment, desk: EventDesk, tell: Callable[[EventNews, str, str], None]) -> None:
        self._deployment, self._desk = deployment, desk
        self._store, self._book = deployment.store, deployment.store.subscriptions
        self._moods = OperatorMoods(tell)
        # Only where this process goes on: another one begins anew, and nothing is lost.
        self._after: dict[tuple[TenantId, str], str] = {}

    async def turn(self) -> bool:
        """One piece of the work; whether more is left."""
        at = steady_time(self._deployment.clock, self._deployment.clock.now())
        more = False
        for tenant, subscribers in self._desk.subscribers.items():
            for operator in subscribers:
                if operator in self._desk.wanted:
                    more = await self._look_at_lines(tenant, operator, at) or more
        due = await self._book.due(at, _BATCH)
        for subscription in due:
            await self._go_on(subscription, at)
        return more or len(due) == _BATCH

    async def _look_at_lines(self, tenant: TenantId, operator: str, at: int) -> bool:
        """Begin one for each line of a page that has none; whether there are more pages."""
        place = (tenant, operator)
        page = await self._book.lines(tenant, operator, self._after.get(place, ""), _PAGE)
        for kept in page:
            if kept.subscribed is None:
                await self._begin(tenant, operator, kept, at)
            elif kept.subscribed != kept.esim:
                await self._drop(tenant, operator, kept.account, at)
        self._after[place] = page[-1].account if len(page) == _PAGE else ""
        return len(page) == _PAGE

    async def _begin(self, tenant: TenantId, operator: str, kept: KeptOf, at: int) -> None:
        line, number = await self._wanted(tenant, operator, kept.account)
        if line is not None and number is not None:
            await self._book.keep(
                begun(tenant, kept.account, operator, line, generation=fresh_generation(self._deployment), at=at)
            )

    async def _drop(self, tenant: TenantId, operator: str, account: AccountId, at: int) -> None:
        """The line was bound anew. The one of the old line goes first."""
        found = await self._book.of(tenant, account, operator)
        if found is not None and found.state is not SubscriptionState.LEAVING:
            await self._book.keep(found.dropped(at))

    async def _wanted(
        self, tenant: TenantId, operator: str, account: AccountId
    ) -> tuple[Digest | None, PhoneNumber | None]:
        """Which line of this account is to be told of, and its number. Nothing where it is nobody's to be told of."""
        stored = await self._store.account(tenant, account)
        line = None if stored is None else stored.mobile_line
        found = await self._store.line(tenant, account)
        if stored is None or line is None or found is None or found[0].esim != stored.esim:
            return None, None
        if line.state is LineState.DETACHED or operator not in self._desk.wanted:
            return None, None
        number = kept_number(self._deployment.vault, found[0])
        return (None, None) if number is None else (stored.esim, number)

    async def _go_on(self, subscription: Subscription, at: int) -> None:
        """What is to do for this one, until it waits for something."""
        tenant, operator = subscription.tenant, subscription.operator
        line, number = await self._wanted(tenant, operator, subscription.account)
        subscriber = self._desk.subscribers.get(tenant, {}).get(operator)
        work = SubscriptionWork(self._deployment, subscriber, self._moods, number, at)
        going: Subscription | None = subscription
        for _ in range(_STEPS):
            if going is None:
                return
            outdated = self._deployment.vault.is_outdated(key_of(going.held.generation))
            going = await work.take(next_step(going, wanted=line, at=at, outdated=outdated), going)
