"""An operator tells of a line without being asked (docs/spec/operator.md section 6).

What it tells is evidence, and goes the way of an answer: it is recorded, and what is recorded counts. It can make a
line worse and nothing better. Nobody signs it; it is the operator's by an address that was sealed here and a token that
only that operator was told. Everything else is refused, in the same words and before the store is looked into.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pteri.app.committing import account_change, settled
from pteri.app.deployment import Deployment, Tenant
from pteri.app.event_desk import Sink, opened_sink, sink_token
from pteri.app.halting import is_halted
from pteri.app.noticing import notices_for
from pteri.app.observing import kept_number
from pteri.app.ports import Changeset, Committed, Conflict, ConflictKind
from pteri.app.refusals import Clashes, ClockJumped, Denied, RefusalCode
from pteri.app.subscription_ports import EventMessage, UnaskedEvent
from pteri.app.subscription_work import fresh_generation
from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.core.ids import Nonce, TenantId
from pteri.domain.continuity import observed
from pteri.domain.signals import Signal
from pteri.domain.subscription import Subscription, SubscriptionState

__all__ = ["hear_event"]

_ATTEMPTS: Final = 16
_NONCE_BYTES: Final = 15


async def hear_event(deployment: Deployment, tenant: Tenant, sealed: str, message: EventMessage, at: int) -> None:
    """Record what it says. ``Denied`` for whatever is not the word of the operator that the address is for.

    ``ClockJumped`` where what would be recorded with it has ended by a wrong clock only.
    """
    sink, event = _read(deployment, tenant.id, sealed, message, at)
    subscription = await _of_ours(deployment, tenant.id, sink, event)
    if event.is_end:
        await _end(deployment, subscription, sink, at)
    elif event.signal is not None:
        spent = _name_of(deployment, tenant.id, sink, event)
        await _record(deployment, tenant.id, sink, event.signal, spent)


def _read(
    deployment: Deployment, tenant: TenantId, sealed: str, message: EventMessage, at: int
) -> tuple[Sink, UnaskedEvent]:
    """Whose it is and what it says, by the address and the token alone."""
    sink = opened_sink(deployment.vault, tenant, sealed)
    if sink is None or deployment.events is None:
        raise Denied("no sink of ours")
    subscriber = deployment.events.subscribers.get(tenant, {}).get(sink.operator)
    if subscriber is None:
        raise Denied("an operator that tells us nothing any more")
    token = sink_token(deployment.vault, tenant, sink)
    if token is None:
        raise Denied("of a key that is gone")
    try:
        return sink, subscriber.read(message, token=token, at=at)
    except ProtocolError as error:
        # One answer for all: whoever tries tokens or bodies learns nothing of which of them was wrong.
        raise Denied(f"no event of this operator: {error.code}") from error


async def _of_ours(deployment: Deployment, tenant: TenantId, sink: Sink, event: UnaskedEvent) -> Subscription:
    """The subscription that it came by, if that is still wanted and the event is about its line."""
    subscription = await deployment.store.subscriptions.of(tenant, sink.account, sink.operator)
    held = None if subscription is None else subscription.of(sink.generation)
    if subscription is None or held is None or subscription.esim != sink.esim:
        raise Denied("of a subscription that is gone")
    # Before its own answer came its name is not known: the token was told to nobody else.
    if held.id is not None and held.id != event.subscription:
        raise Denied("of another subscription")
    found = await deployment.store.line(tenant, sink.account)
    number = None if found is None else kept_number(deployment.vault, found[0])
    if event.number is not None and (number is None or event.number != number.reveal()):
        raise Denied("of another number")
    return subscription


async def _end(deployment: Deployment, subscription: Subscription, sink: Sink, at: int) -> None:
    """Another one is made, if this was the one that is wanted. Somebody who was quicker knows better."""
    if subscription.state is SubscriptionState.LIVE and subscription.held.generation == sink.generation:
        await deployment.store.subscriptions.keep(subscription.ended(fresh_generation(deployment), at))


async def _record(deployment: Deployment, tenant: TenantId, sink: Sink, signal: Signal, spent: Nonce) -> None:
    """What it does to the line, once: with it the event's name is spent, as a nonce is."""
    at = signal.asked_at
    for _ in range(_ATTEMPTS):
        if await deployment.store.is_spent(tenant, spent):
            return
        stored = await deployment.store.account(tenant, sink.account)
        if stored is None or stored.esim != sink.esim:
            raise Denied("of a line that is another one now")
        account, lapsed = settled(stored, at)
        request = ids.new_request_id("evt", at, deployment.entropy.draw(12))
        seen = observed(account, (signal,), request=request, at=at, answered_at=at, rules=deployment.rules)
        # Where it changes nothing there is nothing to record: of a line that is suspect no second alarm is told.
        change = account_change(stored, [(each, None) for each in (*lapsed, *seen)]) if seen else None
        if is_halted(deployment.clock, change):
            raise ClockJumped
        told = notices_for(change, request)
        [outcome] = await deployment.store.commit([Changeset(tenant, account=change, notices=told, spent=spent)])
        if isinstance(outcome, Committed):
            return
        if outcome == Conflict(ConflictKind.ACCOUNT_HALTED):
            break  # as if something else had changed it: a bank's operator need not know, and tells it again
        assert outcome in {Conflict(ConflictKind.ACCOUNT_VERSION), Conflict(ConflictKind.NONCE_SPENT)}
    raise Clashes(RefusalCode.CHANGED_MEANWHILE, "Something changed at the same moment. Send it again.")


def _name_of(deployment: Deployment, tenant: TenantId, sink: Sink, event: UnaskedEvent) -> Nonce:
    """The name of the event as a nonce. CloudEvents: ``source`` and ``id`` together are one event's only."""
    named = msgspec.json.encode((sink.operator, sink.account, event.source, event.id)).decode()
    return ids.new_nonce(0, deployment.vault.derive("operator-event", tenant, named)[:_NONCE_BYTES])
