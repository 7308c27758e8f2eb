"""Subscriptions in the PostgreSQL database of the registry: every change is one statement under its condition."""

from __future__ import annotations

from typing import Final

from pteri.adapters.store import codec
from pteri.adapters.store.connections import Connections
from pteri.adapters.store.consistency import at_most
from pteri.adapters.store.subscription_rows import kept_of, subscription_row
from pteri.app.subscription_ports import KeptOf
from pteri.core.ids import AccountId, TenantId
from pteri.domain.subscription import Subscription

__all__ = ["PostgresSubscriptions"]

_BEGIN: Final = """
    INSERT INTO subscriptions (tenant, account, operator, version, esim, due_at, payload)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING version
    """
_CHANGE: Final = """
    UPDATE subscriptions SET version = $4::bigint, esim = $5, due_at = $6, payload = $7
    WHERE tenant = $1 AND account = $2 AND operator = $3 AND version = $4::bigint - 1 RETURNING version
    """
_DROP: Final = """
    DELETE FROM subscriptions WHERE tenant = $1 AND account = $2 AND operator = $3 AND version = $4 RETURNING version
    """
_OF: Final = "SELECT payload FROM subscriptions WHERE tenant = $1 AND account = $2 AND operator = $3"
_DUE: Final = """
    SELECT payload FROM subscriptions WHERE due_at <= $1 ORDER BY due_at, tenant, account, operator LIMIT $2
    """
_LINES: Final = """
    SELECT lines.account, lines.esim, subscriptions.esim FROM lines
    LEFT JOIN subscriptions ON subscriptions.tenant = lines.tenant AND subscriptions.account = lines.account
    AND subscriptions.operator = $1
    WHERE lines.tenant = $2 AND lines.account > $3 ORDER BY lines.account LIMIT $4
    """


class PostgresSubscriptions:
    """Keeps the promises of :class:`pteri.app.subscription_ports.SubscriptionStore`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def of(self, tenant: TenantId, account: AccountId, operator: str) -> Subscription | None:
        """The one of this account at this operator."""
        rows = await self._connections.read(_OF, tenant, account, operator)
        return codec.decode_subscription(rows[0]["payload"]) if rows else None

    async def keep(self, subscription: Subscription) -> bool:
        """Whether it is durable now, new or in the place of the version before its own."""
        statement = _BEGIN if subscription.version == 1 else _CHANGE
        return bool(await self._connections.write(statement, *subscription_row(subscription)))

    async def drop(self, subscription: Subscription) -> bool:
        """Whether this version of it is gone now."""
        return bool(await self._connections.write(_DROP, *subscription_row(subscription)[:4]))

    async def due(self, at: int, limit: int) -> list[Subscription]:
        """Those that are due, the longest due first."""
        rows = await self._connections.read(_DUE, at, at_most(limit))
        return [codec.decode_subscription(row["payload"]) for row in rows]

    async def lines(self, tenant: TenantId, operator: str, after: str, limit: int) -> list[KeptOf]:
        """Kept lines of a tenant, in order of account."""
        rows = await self._connections.read(_LINES, operator, tenant, after, at_most(limit))
        return [kept_of(*row) for row in rows]
