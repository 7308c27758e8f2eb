"""How a subscription is kept in a row, whatever the database."""

from __future__ import annotations

from pteri.adapters.store import codec
from pteri.app.subscription_ports import KeptOf
from pteri.core.ids import AccountId, Digest
from pteri.domain.subscription import Subscription

__all__ = ["kept_of", "subscription_row"]


def subscription_row(subscription: Subscription) -> tuple[str, str, str, int, str, int, str]:
    """Its columns: tenant, account, operator, version, esim, due at, payload."""
    return (
        subscription.tenant,
        subscription.account,
        subscription.operator,
        subscription.version,
        subscription.esim,
        subscription.due_at,
        codec.encode(subscription),
    )


def kept_of(account: AccountId, esim: Digest, subscribed: Digest | None) -> KeptOf:
    """A line of these columns."""
    return KeptOf(account, esim, subscribed)
