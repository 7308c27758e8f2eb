"""One subscription at one operator, one step at a time (docs/spec/operator.md section 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pteri.app.deployment import Deployment
from pteri.app.event_desk import EventNews, Sink, new_generation, sink_of, sink_token, sink_url
from pteri.app.subscription_ports import Found, OperatorAway, OperatorRefused, Subscriber
from pteri.core.phone_number import PhoneNumber
from pteri.domain.subscription import Next, Subscription, SubscriptionState

__all__ = ["OperatorMoods", "SubscriptionWork", "fresh_generation"]

_REST_S: Final = 60
_GENERATION_BYTES: Final = 12
_ALREADY: Final = "ALREADY_EXISTS"
"""What an operator says that has one already, perhaps of a request whose answer was lost."""


def fresh_generation(deployment: Deployment) -> str:
    """A name for one subscription that was never used before, of the key that writes."""
    return new_generation(deployment.vault, deployment.entropy.draw(_GENERATION_BYTES))


class OperatorMoods:
    """Which operators are away, as this process knows. ``tell`` hears of each change once, and of each new no once."""

    def __init__(self, tell: Callable[[EventNews, str, str], None]) -> None:
        self._tell = tell
        self._rests: dict[str, int] = {}
        self._refused: set[tuple[str, str]] = set()

    def rests_until(self, operator: str) -> int:
        """Until then nobody asks it: others need not find out again that it is away."""
        return self._rests.get(operator, 0)

    def away(self, operator: str, code: str, at: int) -> None:
        """It did not answer."""
        if operator not in self._rests:
            self._tell(EventNews.AWAY, operator, code)
        self._rests[operator] = at + _REST_S

    def there(self, operator: str) -> None:
        """It answered."""
        if self._rests.pop(operator, None) is not None:
            self._tell(EventNews.BACK, operator, "")

    def refused(self, operator: str, code: str) -> None:
        """It answered, and said no."""
        self.there(operator)
        if (operator, code) not in self._refused:
            self._refused.add((operator, code))
            self._tell(EventNews.REFUSED, operator, code)


class SubscriptionWork:
    """The steps of one. ``number``: of the line that is to be told of. ``subscriber``: ``None`` where it is unknown."""

    def __init__(
        self,
        deployment: Deployment,
        subscriber: Subscriber | None,
        moods: OperatorMoods,
        number: PhoneNumber | None,
        at: int,
    ) -> None:
        self._deployment, self._book = deployment, deployment.store.subscriptions
        self._subscriber, self._moods, self._number, self._at = subscriber, moods, number, at

    async def take(self, step: Next, subscription: Subscription) -> Subscription | None:
        """What it is after this step; ``None`` where it waits, is forgotten, or somebody else was quicker."""
        at = self._at
        match step:
            case Next.NOTHING:
                return None
            case Next.LOOK:
                return await self._kept(subscription.looked(at))
            case Next.RENEW:
                return await self._kept(subscription.renewed(fresh_generation(self._deployment), at))
            case Next.DROP:
                return await self._kept(subscription.dropped(at))
            case Next.LEAVE_FORMER:
                return await self._kept(subscription.without_former(at))
            case Next.FORGET:
                await self._book.drop(subscription)
                return None
            case Next.CREATE | Next.FIND | Next.DELETE | Next.DELETE_FORMER:
                return await self._ask(step, subscription)

    async def _kept(self, subscription: Subscription) -> Subscription | None:
        return subscription if await self._book.keep(subscription) else None

    async def _ask(self, step: Next, subscription: Subscription) -> Subscription | None:
        """Written down, asked, written down again; dead in between, it is unsure, and is looked for."""
        operator = subscription.operator
        if self._at < (until := self._moods.rests_until(operator)):
            return await self._kept(subscription.postponed(until))
        before = subscription.asking(self._at) if step is Next.CREATE else subscription.trying(self._at)
        asked = await self._kept(before)
        if asked is None or self._subscriber is None:
            return None
        try:
            after = await self._asked(step, asked, self._subscriber)
        except OperatorAway as away:
            self._moods.away(operator, away.code, self._at)
            return None
        except OperatorRefused as no:
            self._moods.refused(operator, no.code)
            return await self._after_no(step, asked, no.code)
        self._moods.there(operator)
        return after

    async def _asked(self, step: Next, asked: Subscription, subscriber: Subscriber) -> Subscription | None:
        if step is Next.CREATE:
            return await self._create(asked, subscriber)
        if step is Next.FIND:
            return await self._find(asked, subscriber)
        if step is Next.DELETE_FORMER:
            return await self._delete_former(asked, subscriber)
        assert asked.held.id is not None
        await subscriber.delete(asked.held.id, at=self._at)
        await self._book.drop(asked)
        return None

    async def _create(self, asked: Subscription, subscriber: Subscriber) -> Subscription | None:
        deployment, held = self._deployment, asked.held
        sink = Sink(asked.operator, asked.account, asked.esim, held.generation)
        token = sink_token(deployment.vault, asked.tenant, sink)
        if token is None:
            # It was begun under a key that has gone since.
            return await self._kept(asked.dropped(self._at))
        assert self._number is not None
        made = await subscriber.create(
            self._number,
            sink=sink_url(deployment.vault, deployment.public_origin, asked.tenant, sink),
            token=token,
            ends_at=held.ends_at,
            at=self._at,
        )
        ends_at = held.ends_at if made.ends_at is None else made.ends_at
        return await self._kept(asked.answered(made.id, ends_at, self._at))

    async def _find(self, asked: Subscription, subscriber: Subscriber) -> Subscription | None:
        """One of this name is the one; what is neither it nor the one before it was made twice, and goes."""
        mine: Found | None = None
        for found in await subscriber.find(self._number, at=self._at):
            sink = self._ours(asked, found)
            if sink is None:
                continue
            if sink.generation == asked.held.generation and mine is None:
                mine = found
            elif asked.former is None or found.id != asked.former.id:
                await subscriber.delete(found.id, at=self._at)
        if mine is None:
            return await self._kept(asked.not_there(self._at))
        if asked.state is SubscriptionState.LEAVING:
            return await self._kept(asked.found(mine.id, self._at))
        ends_at = asked.held.ends_at if mine.ends_at is None else mine.ends_at
        return await self._kept(asked.answered(mine.id, ends_at, self._at))

    async def _delete_former(self, asked: Subscription, subscriber: Subscriber) -> Subscription | None:
        assert asked.former is not None
        assert asked.former.id is not None
        await subscriber.delete(asked.former.id, at=self._at)
        return await self._kept(asked.without_former(self._at))

    async def _after_no(self, step: Next, asked: Subscription, code: str) -> Subscription | None:
        if step is Next.FIND:
            # It does not say. Another one of the same name comes to the same address, and is no second one there.
            return await self._kept(asked.not_there(self._at))
        if step is Next.CREATE and code == _ALREADY:
            # This operator has one at a time: the one before this, or one whose answer was lost, which is looked for.
            return None if asked.former is None else await self._ask(Next.DELETE_FORMER, asked)
        await self._kept(asked.refused())
        return None

    def _ours(self, asked: Subscription, found: Found) -> Sink | None:
        """What this sink is for, if it is one of this account at this operator."""
        deployment = self._deployment
        sink = sink_of(deployment.vault, deployment.public_origin, asked.tenant, found.sink)
        place = (asked.account, asked.operator)
        return sink if sink is not None and (sink.account, sink.operator) == place else None
