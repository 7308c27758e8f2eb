"""Subscriptions in the SQLite file of the registry."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from pteri.adapters.store import codec
from pteri.adapters.store.consistency import at_most
from pteri.adapters.store.subscription_rows import kept_of, subscription_row
from pteri.app.subscription_ports import KeptOf
from pteri.core.ids import AccountId, TenantId
from pteri.domain.subscription import Subscription

__all__ = ["SqliteSubscriptions"]

_BEGIN: Final = """
    INSERT INTO subscriptions (tenant, account, operator, version, esim, due_at, payload) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING
    """
_CHANGE: Final = """
    UPDATE subscriptions SET version = ?4, esim = ?5, due_at = ?6, payload = ?7
    WHERE tenant = ?1 AND account = ?2 AND operator = ?3 AND version = ?4 - 1
    """
_DROP: Final = "DELETE FROM subscriptions WHERE tenant = ? AND account = ? AND operator = ? AND version = ?"
_OF: Final = "SELECT payload FROM subscriptions WHERE tenant = ? AND account = ? AND operator = ?"
_DUE: Final = """
    SELECT payload FROM subscriptions WHERE due_at <= ? ORDER BY due_at, tenant, account, operator LIMIT ?
    """
_LINES: Final = """
    SELECT lines.account, lines.esim, subscriptions.esim FROM lines
    LEFT JOIN subscriptions ON subscriptions.tenant = lines.tenant AND subscriptions.account = lines.account
    AND subscriptions.operator = ?
    WHERE lines.tenant = ? AND lines.account > ? ORDER BY lines.account LIMIT ?
    """


class _Rows(Protocol):
    def __call__(self, query: str, *values: str | int) -> list[tuple[Any, ...]]: ...


class SqliteSubscriptions:
    """Keeps the promises of :class:`pteri.app.subscription_ports.SubscriptionStore`, on the connection of its store."""

    def __init__(self, rows: _Rows, transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._rows = rows
        self._transaction = transaction

    async def of(self, tenant: TenantId, account: AccountId, operator: str) -> Subscription | None:
        """The one of this account at this operator."""
        found = self._rows(_OF, tenant, account, operator)
        return codec.decode_subscription(found[0][0]) if found else None

    async def keep(self, subscription: Subscription) -> bool:
        """Whether it is durable now, new or in the place of the version before its own."""
        statement = _BEGIN if subscription.version == 1 else _CHANGE
        with self._transaction() as connection:
            return connection.execute(statement, subscription_row(subscription)).rowcount == 1

    async def drop(self, subscription: Subscription) -> bool:
        """Whether this version of it is gone now."""
        with self._transaction() as connection:
            return connection.execute(_DROP, subscription_row(subscription)[:4]).rowcount == 1

    async def due(self, at: int, limit: int) -> list[Subscription]:
        """Those that are due, the longest due first."""
        return [codec.decode_subscription(text) for (text,) in self._rows(_DUE, at, at_most(limit))]

    async def lines(self, tenant: TenantId, operator: str, after: str, limit: int) -> list[KeptOf]:
        """Kept lines of a tenant, in order of account."""
        return [kept_of(*row) for row in self._rows(_LINES, operator, tenant, after, at_most(limit))]
