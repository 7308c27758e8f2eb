"""The audit's place and the halted accounts in the SQLite file of the registry."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from pteri.adapters.store import codec
from pteri.adapters.store.consistency import at_most
from pteri.app.audit_ports import AuditPlace, Halt
from pteri.core.ids import AccountId, TenantId

__all__ = ["SqliteAudits"]

_PLACE: Final = "SELECT payload FROM audit_state WHERE name = 'accounts'"
_FIRST: Final = "INSERT INTO audit_state (name, version, payload) VALUES ('accounts', ?, ?) ON CONFLICT DO NOTHING"
_NEXT: Final = "UPDATE audit_state SET version = ?1, payload = ?2 WHERE name = 'accounts' AND version = ?1 - 1"
_ACCOUNTS: Final = """
    SELECT tenant, account FROM accounts WHERE (tenant, account) > (?, ?) ORDER BY tenant, account LIMIT ?
    """
_HALT: Final = "INSERT INTO halted (tenant, account, payload) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_LIFT: Final = "DELETE FROM halted WHERE tenant = ? AND account = ?"
_HALTS: Final = """
    SELECT payload FROM halted WHERE (tenant, account) > (?, ?) ORDER BY tenant, account LIMIT ?
    """


class _Rows(Protocol):
    def __call__(self, query: str, *values: str | int) -> list[tuple[Any, ...]]: ...


class SqliteAudits:
    """Keeps the promises of :class:`pteri.app.audit_ports.AuditBook`, on the connection of its store."""

    def __init__(self, rows: _Rows, transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._rows = rows
        self._transaction = transaction

    async def place(self) -> AuditPlace | None:
        """How far the newest round has come; ``None`` before the first."""
        found = self._rows(_PLACE)
        return codec.decode_audit_place(found[0][0]) if found else None

    async def keep(self, place: AuditPlace) -> bool:
        """Whether this is the place now."""
        return self._changed(_FIRST if place.version == 1 else _NEXT, place.version, codec.encode(place))

    async def accounts(self, after: tuple[str, str] | None, limit: int) -> list[tuple[TenantId, AccountId]]:
        """Keys of accounts in order, after the given one."""
        rows = self._rows(_ACCOUNTS, *(after or ("", "")), at_most(limit))
        return [(TenantId(tenant), AccountId(account)) for tenant, account in rows]

    async def halt(self, halt: Halt) -> bool:
        """Whether the account was not halted before."""
        return self._changed(_HALT, halt.tenant, halt.account, codec.encode(halt))

    async def lift(self, tenant: TenantId, account: AccountId) -> bool:
        """Whether it was halted."""
        return self._changed(_LIFT, tenant, account)

    async def halts(self, after: tuple[str, str] | None, limit: int) -> list[Halt]:
        """Those that are halted, in order."""
        rows = self._rows(_HALTS, *(after or ("", "")), at_most(limit))
        return [codec.decode_halt(text) for (text,) in rows]

    def _changed(self, statement: str, *values: str | int) -> bool:
        with self._transaction() as connection:
            return connection.execute(statement, values).rowcount == 1
