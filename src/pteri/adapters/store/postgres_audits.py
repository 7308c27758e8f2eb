"""The audit's place and the halted accounts in the PostgreSQL database of the registry."""

from __future__ import annotations

from typing import Final

from pteri.adapters.store import codec
from pteri.adapters.store.connections import Connections
from pteri.adapters.store.consistency import at_most
from pteri.app.audit_ports import AuditPlace, Halt
from pteri.core.ids import AccountId, TenantId

__all__ = ["PostgresAudits"]

_PLACE: Final = "SELECT payload FROM audit_state WHERE name = 'accounts'"
_FIRST: Final = """
    INSERT INTO audit_state (name, version, payload) VALUES ('accounts', $1::bigint, $2::text)
    ON CONFLICT DO NOTHING RETURNING 1
    """
_NEXT: Final = """
    UPDATE audit_state SET version = $1::bigint, payload = $2::text
    WHERE name = 'accounts' AND version = $1::bigint - 1 RETURNING 1
    """
_ACCOUNTS: Final = """
    SELECT tenant, account FROM accounts WHERE (tenant, account) > ($1::text, $2::text)
    ORDER BY tenant, account LIMIT $3
    """
_HALT: Final = """
    INSERT INTO halted (tenant, account, payload) VALUES ($1::text, $2::text, $3::text)
    ON CONFLICT DO NOTHING RETURNING 1
    """
_LIFT: Final = "DELETE FROM halted WHERE tenant = $1 AND account = $2 RETURNING 1"
_HALTS: Final = """
    SELECT payload FROM halted WHERE (tenant, account) > ($1::text, $2::text) ORDER BY tenant, account LIMIT $3
    """


class PostgresAudits:
    """Keeps the promises of :class:`pteri.app.audit_ports.AuditBook`, on the connections of its store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def place(self) -> AuditPlace | None:
        """How far the newest round has come; ``None`` before the first."""
        rows = await self._connections.read(_PLACE)
        return codec.decode_audit_place(rows[0]["payload"]) if rows else None

    async def keep(self, place: AuditPlace) -> bool:
        """Whether this is the place now."""
        statement = _FIRST if place.version == 1 else _NEXT
        return bool(await self._connections.write(statement, place.version, codec.encode(place)))

    async def accounts(self, after: tuple[str, str] | None, limit: int) -> list[tuple[TenantId, AccountId]]:
        """Keys of accounts in order, after the given one."""
        rows = await self._connections.read(_ACCOUNTS, *(after or ("", "")), at_most(limit))
        return [(TenantId(row["tenant"]), AccountId(row["account"])) for row in rows]

    async def halt(self, halt: Halt) -> bool:
        """Whether the account was not halted before."""
        return bool(await self._connections.write(_HALT, halt.tenant, halt.account, codec.encode(halt)))

    async def lift(self, tenant: TenantId, account: AccountId) -> bool:
        """Whether it was halted."""
        return bool(await self._connections.write(_LIFT, tenant, account))

    async def halts(self, after: tuple[str, str] | None, limit: int) -> list[Halt]:
        """Those that are halted, in order."""
        rows = await self._connections.read(_HALTS, *(after or ("", "")), at_most(limit))
        return [codec.decode_halt(row["payload"]) for row in rows]
