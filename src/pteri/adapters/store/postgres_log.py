"""The book of the log in a PostgreSQL database, beside the registry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own

from pteri.adapters.store.connections import Connections, NotAsHoped
from pteri.adapters.store.consistency import at_most
from pteri.adapters.store.log_rows import (
    LOG,
    entry_of,
    leaf_row,
    logged_of,
    node_rows,
    state_of,
    state_row,
    tail_of,
    tail_row,
    unlogged_of,
)
from pteri.adapters.store.postgres_sql import FREE_POSITION
from pteri.app.log_ports import Growth, Logged, LogState, NewLeaf, Tail, Unlogged
from pteri.core.ids import AccountId, TenantId

__all__ = ["PostgresLogBook"]

_STATE: Final = """
    SELECT name, version, size, next_position, peaks, checkpoint, witnessed_size, witnessed FROM log_state
    WHERE name = $1
    """
_START: Final = """
    INSERT INTO log_state (name, version, size, next_position, peaks, checkpoint, witnessed_size, witnessed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING 1
    """
# What witnesses saw is kept by another hand, and grows by itself.
_GROWN: Final = """
    UPDATE log_state SET version = $2, size = $3, next_position = $4, peaks = $5, checkpoint = $6
    WHERE name = $1 AND version = $2 - 1 RETURNING 1
    """
_LEAVES_NEW: Final = """
    INSERT INTO leaves (place, leaf, tenant, account, seq)
    SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::text[], $5::bigint[])
    """
_NODES_NEW: Final = """
    INSERT INTO log_nodes (level, place, hash) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])
    """
_TAILS_NEW: Final = """
    INSERT INTO log_accounts (tenant, account, hidden_as, secret, seq, last, epoch)
    SELECT * FROM
        unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::bigint[], $6::bytea[], $7::bigint[])
    ON CONFLICT (tenant, account) DO UPDATE SET seq = excluded.seq, last = excluded.last, epoch = excluded.epoch
    """
_WITNESSED: Final = """
    UPDATE log_state SET witnessed = $2, witnessed_size = $3
    WHERE name = $1 AND size >= $3
    AND (witnessed_size < $3 OR (witnessed_size = $3 AND witnessed = $4)) RETURNING 1
    """
_UNLOGGED: Final = """
    SELECT log.position, log.tenant, log.account, log.seq, events.payload FROM log
    JOIN events ON events.tenant = log.tenant AND events.account = log.account AND events.seq = log.seq
    WHERE log.position >= $1 ORDER BY log.position LIMIT $2
    """
_TAILS: Final = """
    SELECT tails.tenant, tails.account, hidden_as, secret, seq, last, epoch FROM log_accounts AS tails
    JOIN unnest($1::text[], $2::text[]) AS asked (tenant, account)
    ON tails.tenant = asked.tenant AND tails.account = asked.account
    """
_LEAVES: Final = "SELECT leaf FROM leaves WHERE place >= $1 ORDER BY place LIMIT $2"
_ENTRIES: Final = "SELECT place, leaf, tenant, account, seq FROM leaves WHERE place >= $1 ORDER BY place LIMIT $2"
_OWN_LEAVES: Final = "SELECT place, leaf FROM leaves WHERE tenant IS NULL ORDER BY place"
_NODES: Final = "SELECT hash FROM log_nodes WHERE level = $1 AND place >= $2 ORDER BY place LIMIT $3"
_LOGGED: Final = """
    SELECT leaves.seq, events.payload, leaves.place, leaves.leaf FROM leaves
    JOIN events ON events.tenant = leaves.tenant AND events.account = leaves.account AND events.seq = leaves.seq
    WHERE leaves.tenant = $1 AND leaves.account = $2 AND leaves.seq > $3 ORDER BY leaves.seq LIMIT $4
    """
_ERASE: Final = """
    UPDATE log_accounts SET secret = NULL WHERE tenant = $1 AND account = $2 AND secret IS NOT NULL RETURNING 1
    """


class PostgresLogBook:
    """Keeps the promises of :class:`pteri.app.log_ports.LogBook`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def state(self) -> LogState | None:
        """How far it has come."""
        rows = await self._connections.read(_STATE, LOG)
        return state_of(rows[0].values()) if rows else None

    async def start(self, state: LogState) -> bool:
        """Whether a log begins with this state."""
        return bool(await self._connections.write(_START, *state_row(state)))

    async def next_position(self) -> int:
        """The position of the next event that gets one."""
        [row] = await self._connections.read(FREE_POSITION)
        return int(row[0])

    async def unlogged(self, from_position: int, limit: int) -> list[Unlogged]:
        """Events from this position on."""
        rows = await self._connections.read(_UNLOGGED, from_position, at_most(limit))
        return [unlogged_of(row.values()) for row in rows]

    async def tails(self, accounts: Sequence[tuple[TenantId, AccountId]]) -> list[Tail]:
        """The tails of those of these accounts that have one."""
        asked = [tenant for tenant, _ in accounts], [account for _, account in accounts]
        return [tail_of(row.values()) for row in await self._connections.read(_TAILS, *asked)]

    async def grow(self, growth: Growth) -> bool:
        """Whether all of it is durable now."""

        async def work(connection: asyncpg.Connection) -> None:
            # First the row that all who grow the log want: whoever is late finds out before anything else.
            if not await connection.fetch(_GROWN, *state_row(growth.state)[:6]):
                raise NotAsHoped
            await connection.execute(_LEAVES_NEW, *_columns(map(leaf_row, growth.leaves), 5))
            await connection.execute(_NODES_NEW, *_columns(node_rows(growth), 3))
            await connection.execute(_TAILS_NEW, *_columns(map(tail_row, growth.tails), 7))

        try:
            await self._connections.transaction(work)
        except NotAsHoped:
            return False
        return True

    async def keep_witnessed(self, note: str, size: int, *, instead_of: str) -> bool:
        """Whether this is the newest witnessed checkpoint now."""
        return bool(await self._connections.write(_WITNESSED, LOG, note, size, instead_of))

    async def leaves(self, from_place: int, limit: int) -> list[bytes]:
        """Leaves in their places from this one on."""
        return [row["leaf"] for row in await self._connections.read(_LEAVES, from_place, at_most(limit))]

    async def entries(self, from_place: int, limit: int) -> list[NewLeaf]:
        """The same with their places, and of which events they are."""
        rows = await self._connections.read(_ENTRIES, from_place, at_most(limit))
        return [entry_of(row.values()) for row in rows]

    async def own_leaves(self) -> list[tuple[int, bytes]]:
        """The leaves of the log's own, with their places."""
        return [(row["place"], row["leaf"]) for row in await self._connections.read(_OWN_LEAVES)]

    async def nodes(self, level: int, from_place: int, limit: int) -> list[bytes]:
        """Hashes of complete subtrees from this place on."""
        return [row["hash"] for row in await self._connections.read(_NODES, level, from_place, at_most(limit))]

    async def logged(self, tenant: TenantId, account: AccountId, after_seq: int, limit: int) -> list[Logged]:
        """Events of an account that have a leaf."""
        rows = await self._connections.read(_LOGGED, tenant, account, after_seq, at_most(limit))
        return [logged_of(row.values()) for row in rows]

    async def erase(self, tenant: TenantId, account: AccountId) -> bool:
        """Drop the secret of an account."""
        return bool(await self._connections.write(_ERASE, tenant, account))


def _columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """An array for each column."""
    kept = list(rows)
    return [[row[place] for row in kept] for place in range(width)]
