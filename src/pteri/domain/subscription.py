"""A subscription to the events of a line at its operator: what we asked for, what became of it, what is next.

One record for each account and operator (docs/spec/operator.md section 6). It is changed *before* an operator is asked,
so that whoever dies in between leaves behind that something may be out there: then it is looked for before another one
is made. What may be out there and is never found ends by itself, and its events come to the same address.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from pteri.core.ids import AccountId, Digest, TenantId
from pteri.domain.tables import step

__all__ = [
    "LIFE_S",
    "LOOK_EVERY_S",
    "MOST_FINDS",
    "MOST_TRIES",
    "SUBSCRIPTION_TABLE",
    "Held",
    "Next",
    "Subscription",
    "SubscriptionEvent",
    "SubscriptionState",
    "begun",
    "next_step",
]

LIFE_S: Final = 30 * 86_400
"""For how long a subscription is asked for; an operator may give less."""
LOOK_EVERY_S: Final = 3600
"""How often it is looked whether a subscription is still wanted, when nothing else is to do."""
MOST_FINDS: Final = 5
"""After so many requests without an answer another one is asked for, whatever may be there."""
MOST_TRIES: Final = 10
"""How often an operator is asked to end a subscription. Then it ends by itself."""
_RENEW_BEFORE_S: Final = 3 * 86_400
_FIRST_PAUSE_S: Final = 60
_LONGEST_PAUSE_S: Final = 6 * 3600
_MOST_DOUBLINGS: Final = 16


class SubscriptionState(StrEnum):
    """Where a subscription stands."""

    ASKED = "ASKED"
    """It is to be made, or may have been: no answer of the operator is recorded."""
    LIVE = "LIVE"
    """The operator said that there is one."""
    LEAVING = "LEAVING"
    """It is not wanted any more."""


class SubscriptionEvent(StrEnum):
    """What can happen to a subscription."""

    ANSWER = "ANSWER"
    """The operator made it, or it was found there."""
    RENEW = "RENEW"
    """Its end is near: another one takes its place."""
    END = "END"
    """The operator says that it has ended it."""
    DROP = "DROP"
    """The line is another one, or nobody's, or the settings want none."""


_S, _E = SubscriptionState, SubscriptionEvent
SUBSCRIPTION_TABLE: Final = {
    (_S.ASKED, _E.ANSWER): _S.LIVE,
    (_S.ASKED, _E.DROP): _S.LEAVING,
    (_S.LIVE, _E.RENEW): _S.ASKED,
    (_S.LIVE, _E.END): _S.ASKED,
    (_S.LIVE, _E.DROP): _S.LEAVING,
}


class Held(msgspec.Struct, frozen=True):
    """One subscription out there. ``generation``: our name for it, which is sealed in the address of its sink.

    ``id``: the operator's, ``None`` while that is not known. ``ends_at``: its last second, and that of its token.
    ``renew_at``: when another one is to take its place, known with its ``id``.
    """

    generation: str
    ends_at: int
    id: str | None = None
    renew_at: int = 0


class Subscription(msgspec.Struct, frozen=True):
    """``held``: the one that is wanted; ``former``: the one that it takes the place of, until that is deleted.

    ``due_at``: when there is something to do, Unix seconds. ``tries``: requests since the last good answer.
    ``unsure``: a request went out whose outcome is not recorded.
    """

    tenant: TenantId
    account: AccountId
    operator: str
    esim: Digest
    state: SubscriptionState
    held: Held
    due_at: int
    former: Held | None = None
    tries: int = 0
    unsure: bool = False
    version: int = 1

    def of(self, generation: str) -> Held | None:
        """The one with this name of ours."""
        return next((each for each in (self.held, self.former) if each and each.generation == generation), None)

    def trying(self, at: int) -> Subscription:
        """Before a request goes out. Until its outcome is recorded, nobody else sends one."""
        pause_s = min(_FIRST_PAUSE_S * 2 ** min(self.tries, _MOST_DOUBLINGS), _LONGEST_PAUSE_S)
        return self._next(tries=self.tries + 1, unsure=True, due_at=at + pause_s)

    def asking(self, at: int) -> Subscription:
        """Before one is asked for: it lives from now on, however long it took to come to that."""
        return replace(self.trying(at), held=replace(self.held, ends_at=at + LIFE_S))

    def postponed(self, until: int) -> Subscription:
        """The operator is away, as others have found out: nothing goes out."""
        return self._next(due_at=until)

    def refused(self) -> Subscription:
        """The operator said no: nothing is out there but what is known. It is asked again when it is due."""
        return self._next(unsure=False)

    def not_there(self, at: int) -> Subscription:
        """The operator was asked, and has none that we do not know: there is something to do at once."""
        return self._next(unsure=False, due_at=at)

    def answered(self, id_: str, ends_at: int, at: int) -> Subscription:
        """The operator has made it; it may give it a shorter life than was asked for."""
        until = min(ends_at, self.held.ends_at)
        renew_at = until - min(_RENEW_BEFORE_S, max(0, until - at) // 3)
        held = replace(self.held, id=id_, ends_at=until, renew_at=renew_at)
        # What it takes the place of is to go at once.
        due_at = at if self.former is not None else _next_look(held, at)
        return self._after(_E.ANSWER, held=held, tries=0, unsure=False, due_at=due_at)

    def without_former(self, at: int) -> Subscription:
        """The one before it is gone, or ends by itself."""
        is_live = self.state is SubscriptionState.LIVE
        due_at = _next_look(self.held, at) if is_live else at
        return self._next(former=None, tries=0, unsure=False, due_at=due_at)

    def looked(self, at: int) -> Subscription:
        """Nothing was to do."""
        return self._next(due_at=_next_look(self.held, at))

    def renewed(self, generation: str, at: int) -> Subscription:
        """Another one is wanted in its place; both count until that one is there."""
        held = Held(generation, at + LIFE_S)
        return self._after(_E.RENEW, held=held, former=self.held, tries=0, unsure=False, due_at=at)

    def ended(self, generation: str, at: int) -> Subscription:
        """The operator ended it. Not at once: an operator that ends them all would have us make them all the time."""
        held = Held(generation, at + LIFE_S)
        return self._after(_E.END, held=held, tries=0, unsure=False, due_at=at + _FIRST_PAUSE_S)

    def dropped(self, at: int) -> Subscription:
        """It is wanted no more."""
        # What may be out there unseen is still to be found.
        return self._after(_E.DROP, tries=0, unsure=self.unsure, due_at=at)

    def found(self, id_: str, at: int) -> Subscription:
        """The operator's name of one that is to go."""
        return self._next(held=replace(self.held, id=id_), unsure=False, due_at=at)

    def _after(self, event: SubscriptionEvent, **changes: object) -> Subscription:
        return self._next(state=step(SUBSCRIPTION_TABLE, self.state, event), **changes)

    def _next(self, **changes: object) -> Subscription:
        return replace(self, version=self.version + 1, **changes)


class Next(StrEnum):
    """What is to do for a subscription."""

    NOTHING = "NOTHING"
    LOOK = "LOOK"
    FIND = "FIND"
    CREATE = "CREATE"
    RENEW = "RENEW"
    DROP = "DROP"
    DELETE_FORMER = "DELETE_FORMER"
    LEAVE_FORMER = "LEAVE_FORMER"
    DELETE = "DELETE"
    FORGET = "FORGET"


def begun(
    tenant: TenantId, account: AccountId, operator: str, esim: Digest, *, generation: str, at: int
) -> Subscription:
    """One that is to be made for the line ``esim``."""
    held = Held(generation, at + LIFE_S)
    return Subscription(tenant, account, operator, esim, SubscriptionState.ASKED, held, at)


def next_step(subscription: Subscription, *, wanted: Digest | None, at: int, outdated: bool) -> Next:
    """What is to do at Unix second ``at``, where the line ``wanted`` is to be told of; ``None``: none is.

    ``outdated``: its address was made under a key that writes no more, so another one is to take its place.
    """
    if at < subscription.due_at:
        return Next.NOTHING
    if subscription.state is SubscriptionState.LEAVING:
        return _next_of_leaving(subscription, at)
    if wanted != subscription.esim:
        return Next.DROP
    if subscription.state is SubscriptionState.LIVE:
        return _next_of_live(subscription, at, outdated=outdated)
    # No answer is recorded: look before another one is made. A list that never comes, or is longer than anybody reads,
    # is waited for so long and no longer: one more of the same name comes to the same address.
    is_looked_for = subscription.unsure and subscription.tries < MOST_FINDS
    return Next.FIND if is_looked_for else Next.CREATE


def _next_of_leaving(subscription: Subscription, at: int) -> Next:
    if subscription.former is not None:
        return _next_of_former(subscription, subscription.former, at)
    if at >= subscription.held.ends_at or subscription.tries >= MOST_TRIES:
        return Next.FORGET
    if subscription.held.id is not None:
        return Next.DELETE
    return Next.FIND if subscription.unsure else Next.FORGET


def _next_of_live(subscription: Subscription, at: int, *, outdated: bool) -> Next:
    if subscription.former is not None:
        return _next_of_former(subscription, subscription.former, at)
    return Next.RENEW if outdated or at >= subscription.held.renew_at else Next.LOOK


def _next_of_former(subscription: Subscription, former: Held, at: int) -> Next:
    over = at >= former.ends_at or subscription.tries >= MOST_TRIES
    return Next.LEAVE_FORMER if over else Next.DELETE_FORMER


def _next_look(held: Held, at: int) -> int:
    """Not sooner than after a pause: of an operator whose subscriptions last for no time they are not made all day."""
    return max(at + _FIRST_PAUSE_S, min(at + LOOK_EVERY_S, held.renew_at))
