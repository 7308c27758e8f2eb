"""Deployment keys in the SQLite file of the registry: which it needs, and what is under each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

import msgspec

from pteri.adapters.store.consistency import at_most
from pteri.adapters.store.key_rows import claimed_row, key_of, key_row
from pteri.adapters.store.rows import address_of, line_of
from pteri.app.key_ports import RegisteredKey
from pteri.app.ports import Claimed
from pteri.domain.addresses import Address
from pteri.domain.kept_line import KeptLine

__all__ = ["SqliteKeys"]

_REGISTERED: Final = "SELECT number, name, mark, retired FROM deployment_keys ORDER BY number"
_REGISTER: Final = """
    INSERT INTO deployment_keys (number, name, mark, retired) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING
    """
_RETIRE: Final = "UPDATE deployment_keys SET retired = 1 WHERE name = ?"
_CLAIM: Final = """
    INSERT INTO claims (tenant, kind, value, account, mac_key, bond) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (tenant, kind, value) DO UPDATE SET mac_key = excluded.mac_key
    WHERE claims.account = excluded.account
    """
_ELSEWHERE: Final = """
    SELECT COUNT(*) FROM accounts WHERE (tenant, account) NOT IN
        (SELECT tenant, account FROM claims WHERE kind = 'LOGIN' AND mac_key IN (SELECT value FROM json_each(?)))
    """
_LINES: Final = """
    SELECT tenant, account, esim, sealed, mac, mac_key, NULL FROM lines
    WHERE mac_key <> ? AND (tenant, account) > (?, ?) ORDER BY tenant, account LIMIT ?
    """
_REKEY_LINE: Final = """
    UPDATE lines SET sealed = ?, mac = ?, mac_key = ? WHERE tenant = ? AND account = ? AND esim = ? AND sealed = ?
    """
_ADDRESSES: Final = """
    SELECT tenant, account, channel, sealed, since, ends_at FROM addresses
    WHERE substr(sealed, 1, length(?1)) <> ?1 AND (tenant, account, channel) > (?2, ?3, ?4)
    ORDER BY tenant, account, channel LIMIT ?5
    """
_REKEY_ADDRESS: Final = """
    UPDATE addresses SET sealed = ? WHERE tenant = ? AND account = ? AND channel = ? AND sealed = ?
    """


class _Rows(Protocol):
    def __call__(self, query: str, *values: str | int | bytes) -> list[tuple[Any, ...]]: ...


class SqliteKeys:
    """Keeps the promises of :class:`pteri.app.key_ports.KeyBook`, on the connection of its store."""

    def __init__(self, rows: _Rows, transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._rows = rows
        self._transaction = transaction

    async def registered(self) -> list[RegisteredKey]:
        """The keys of this database in the order of their numbers."""
        return [key_of(row) for row in self._rows(_REGISTERED)]

    async def register(self, keys: Sequence[RegisteredKey]) -> None:
        """Add these, all or none; one that is there stays as it is."""
        with self._transaction() as connection:
            connection.executemany(_REGISTER, [key_row(key) for key in keys])

    async def retire(self, name: str) -> None:
        """Nothing needs this key any more."""
        with self._transaction() as connection:
            connection.execute(_RETIRE, (name,))

    async def claim(self, claimed: Sequence[Claimed]) -> int:
        """Give accounts that are there other spellings of what they have."""
        with self._transaction() as connection:
            return sum(connection.execute(_CLAIM, claimed_row(each)).rowcount for each in claimed)

    async def logins_only_elsewhere(self, keys: Sequence[str]) -> int:
        """How many accounts have no login under any of these keys."""
        [(count,)] = self._rows(_ELSEWHERE, msgspec.json.encode(list(keys)).decode())
        return int(count)

    async def lines_under_others(self, key: str, after: tuple[str, str], limit: int) -> list[KeptLine]:
        """Kept lines that are not under this key."""
        return [line_of(row)[0] for row in self._rows(_LINES, key, *after, at_most(limit))]

    async def rekey_line(self, before: KeptLine, after: KeptLine) -> bool:
        """Whether ``after`` stands in the place of ``before``."""
        place = (before.tenant, before.account, before.esim, before.sealed)
        with self._transaction() as connection:
            return connection.execute(_REKEY_LINE, (after.sealed, after.mac, after.mac_key, *place)).rowcount == 1

    async def addresses_under_others(self, header: bytes, after: tuple[str, str, str], limit: int) -> list[Address]:
        """Kept addresses whose seal does not begin like this."""
        return [address_of(row) for row in self._rows(_ADDRESSES, header, *after, at_most(limit))]

    async def rekey_address(self, before: Address, after: Address) -> bool:
        """Whether the seal of ``after`` stands in the place of that of ``before``."""
        place = (before.tenant, before.account, before.channel, before.sealed)
        with self._transaction() as connection:
            return connection.execute(_REKEY_ADDRESS, (after.sealed, *place)).rowcount == 1
