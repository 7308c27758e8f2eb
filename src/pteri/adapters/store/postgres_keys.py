"""Deployment keys in the PostgreSQL database of the registry: every change is one statement under its conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pteri.adapters.store.connections import Connections
from pteri.adapters.store.consistency import at_most
from pteri.adapters.store.key_rows import claimed_row, key_of, key_row
from pteri.adapters.store.rows import address_of, line_of
from pteri.app.key_ports import RegisteredKey
from pteri.app.ports import Claimed
from pteri.domain.addresses import Address
from pteri.domain.kept_line import KeptLine

__all__ = ["PostgresKeys"]

_REGISTERED: Final = "SELECT number, name, mark, retired FROM deployment_keys ORDER BY number"
_REGISTER: Final = """
    INSERT INTO deployment_keys (number, name, mark, retired)
    SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::smallint[]) ON CONFLICT (name) DO NOTHING
    """
_RETIRE: Final = "UPDATE deployment_keys SET retired = 1 WHERE name = $1"
_CLAIM: Final = """
    INSERT INTO claims (tenant, kind, value, account, mac_key, bond)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    ON CONFLICT (tenant, kind, value) DO UPDATE SET mac_key = excluded.mac_key
    WHERE claims.account = excluded.account RETURNING 1
    """
_ELSEWHERE: Final = """
    SELECT COUNT(*) AS many FROM accounts WHERE NOT EXISTS
        (SELECT 1 FROM claims WHERE claims.tenant = accounts.tenant AND claims.account = accounts.account
        AND claims.kind = 'LOGIN' AND claims.mac_key = ANY ($1::text[]))
    """
_LINES: Final = """
    SELECT tenant, account, esim, sealed, mac, mac_key, NULL FROM lines
    WHERE mac_key <> $1 AND (tenant, account) > ($2, $3) ORDER BY tenant, account LIMIT $4
    """
_REKEY_LINE: Final = """
    UPDATE lines SET sealed = $1, mac = $2, mac_key = $3
    WHERE tenant = $4 AND account = $5 AND esim = $6 AND sealed = $7 RETURNING 1
    """
_ADDRESSES: Final = """
    SELECT tenant, account, channel, sealed, since, ends_at FROM addresses
    WHERE substring(sealed FROM 1 FOR length($1::bytea)) <> $1::bytea AND (tenant, account, channel) > ($2, $3, $4)
    ORDER BY tenant, account, channel LIMIT $5
    """
_REKEY_ADDRESS: Final = """
    UPDATE addresses SET sealed = $1
    WHERE tenant = $2 AND account = $3 AND channel = $4 AND sealed = $5 RETURNING 1
    """


class PostgresKeys:
    """Keeps the promises of :class:`pteri.app.key_ports.KeyBook`, on the connections of its store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def registered(self) -> list[RegisteredKey]:
        """The keys of this database in the order of their numbers."""
        return [key_of(tuple(row)) for row in await self._connections.read(_REGISTERED)]

    async def register(self, keys: Sequence[RegisteredKey]) -> None:
        """Add these, all or none; one that is there stays as it is."""
        columns = [list(column) for column in zip(*map(key_row, keys), strict=True)]
        await self._connections.write(_REGISTER, *columns)

    async def retire(self, name: str) -> None:
        """Nothing needs this key any more."""
        await self._connections.write(_RETIRE, name)

    async def claim(self, claimed: Sequence[Claimed]) -> int:
        """Give accounts that are there other spellings of what they have."""
        # One statement may meet a row once.
        rows = {row[:3]: row for row in map(claimed_row, claimed)}
        if not rows:
            return 0
        columns = [list(column) for column in zip(*rows.values(), strict=True)]
        return len(await self._connections.write(_CLAIM, *columns))

    async def logins_only_elsewhere(self, keys: Sequence[str]) -> int:
        """How many accounts have no login under any of these keys."""
        [row] = await self._connections.read(_ELSEWHERE, list(keys))
        return int(row["many"])

    async def lines_under_others(self, key: str, after: tuple[str, str], limit: int) -> list[KeptLine]:
        """Kept lines that are not under this key."""
        rows = await self._connections.read(_LINES, key, *after, at_most(limit))
        return [line_of(tuple(row))[0] for row in rows]

    async def rekey_line(self, before: KeptLine, after: KeptLine) -> bool:
        """Whether ``after`` stands in the place of ``before``."""
        place = (before.tenant, before.account, before.esim, before.sealed)
        return bool(await self._connections.write(_REKEY_LINE, after.sealed, after.mac, after.mac_key, *place))

    async def addresses_under_others(self, header: bytes, after: tuple[str, str, str], limit: int) -> list[Address]:
        """Kept addresses whose seal does not begin like this."""
        rows = await self._connections.read(_ADDRESSES, header, *after, at_most(limit))
        return [address_of(tuple(row)) for row in rows]

    async def rekey_address(self, before: Address, after: Address) -> bool:
        """Whether the seal of ``after`` stands in the place of that of ``before``."""
        place = (before.tenant, before.account, before.channel, before.sealed)
        return bool(await self._connections.write(_REKEY_ADDRESS, after.sealed, *place))
