"""What subscriptions to the events of lines need of the world: a place to be kept in, and an operator that offers them.

See docs/spec/operator.md section 6. An adapter of an operator is a network client or a simulated network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from pteri.core.ids import AccountId, Digest, TenantId
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber
from pteri.domain.signals import Signal
from pteri.domain.subscription import Subscription

__all__ = [
    "EventMessage",
    "Found",
    "KeptOf",
    "Made",
    "OperatorAway",
    "OperatorRefused",
    "Subscriber",
    "SubscriptionStore",
    "UnaskedEvent",
]


class KeptOf(msgspec.Struct, frozen=True):
    """The kept line of an account. ``subscribed``: of which line the operator is to tell events, if of any."""

    account: AccountId
    esim: Digest
    subscribed: Digest | None


class SubscriptionStore(Protocol):
    """Where subscriptions are kept: one for each account and operator. Raises ``StoreUnavailable``.

    * *serial*: of two changes of one version, one wins. *durable*: as the registry.
    """

    async def of(self, tenant: TenantId, account: AccountId, operator: str) -> Subscription | None:
        """The one of this account at this operator."""
        ...

    async def keep(self, subscription: Subscription) -> bool:
        """Whether it is durable now: a new one of version 1, or in the place of the version before its own."""
        ...

    async def drop(self, subscription: Subscription) -> bool:
        """Whether this version of it is gone now."""
        ...

    async def due(self, at: int, limit: int) -> list[Subscription]:
        """At most ``limit`` of them that are due by Unix second ``at``, the longest due first."""
        ...

    async def lines(self, tenant: TenantId, operator: str, after: str, limit: int) -> list[KeptOf]:
        """At most ``limit`` kept lines of a tenant in order of account, after that one, subscribed or not."""
        ...


class OperatorAway(Exception):
    """Nothing is known of the request: it may have been done. ``code`` says why, as in a signal."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class OperatorRefused(Exception):
    """The operator said no, and did nothing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Made(msgspec.Struct, frozen=True):
    """What the operator says of a subscription that it has made. ``ends_at``: ``None`` where it does not say."""

    id: str
    ends_at: int | None


class Found(msgspec.Struct, frozen=True):
    """A subscription that an operator has of us, with the address that its events go to."""

    id: str
    sink: str
    ends_at: int | None


@dataclass(frozen=True, slots=True)
class EventMessage:
    """What came to a sink, as it came: two headers and the bytes. It may be anybody's."""

    authorization: str = field(repr=False)
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class UnaskedEvent:
    """An event that came with the right bearer token.

    ``id`` and ``source`` name it; ``number``: of whom it says that it is. ``signal``: what it says of the line;
    ``is_end``: the operator has ended the subscription.
    """

    id: str
    source: str
    subscription: str
    number: str | None = field(repr=False)
    signal: Signal | None
    is_end: bool


class Subscriber(Protocol):
    """An operator that tells events. Every request has a deadline.

    Raises :class:`OperatorAway` where nothing is known of the outcome and :class:`OperatorRefused` for a no; nothing
    else. Neither holds a number or a token.
    """

    async def create(self, number: PhoneNumber, *, sink: str, token: Secret, ends_at: int, at: int) -> Made:
        """Ask to be told at ``sink``, with this bearer token, until ``ends_at``. It counts from ``at``, now."""
        ...

    async def find(self, number: PhoneNumber | None, *, at: int) -> tuple[Found, ...]:
        """Those that it has of us, or of us and this number. ``OperatorRefused`` where it does not tell."""
        ...

    async def delete(self, id_: str, *, at: int) -> None:
        """Return when there is none of this name."""
        ...

    def read(self, message: EventMessage, *, token: Secret, at: int) -> UnaskedEvent:
        """What a message says whose bearer is ``token``; ``ProtocolError`` for any other."""
        ...
