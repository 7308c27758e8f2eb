"""The book of the log in one SQLite file, beside the registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

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
from pteri.app.log_ports import Growth, Logged, LogState, NewLeaf, Tail, Unlogged
from pteri.core.ids import AccountId, TenantId

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["SqliteLogBook"]

_STATE: Final = """
    SELECT name, version, size, next_position, peaks, checkpoint, witnessed_size, witnessed FROM log_state
    WHERE name = ?
    """
_START: Final = """
    INSERT INTO log_state (name, version, size, next_position, peaks, checkpoint, witnessed_size, witnessed)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
    """
# What witnesses saw is kept by another hand, and grows by itself.
_GROWN: Final = """
    UPDATE log_state SET version = ?2, size = ?3, next_position = ?4, peaks = ?5, checkpoint = ?6
    WHERE name = ?1 AND version = ?2 - 1
    """
_LEAF: Final = "INSERT INTO leaves (place, leaf, tenant, account, seq) VALUES (?, ?, ?, ?, ?)"
_NODE: Final = "INSERT INTO log_nodes (level, place, hash) VALUES (?, ?, ?)"
_TAIL: Final = """
    INSERT INTO log_accounts (tenant, account, hidden_as, secret, seq, last, epoch) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (tenant, account) DO UPDATE SET seq = excluded.seq, last = excluded.last, epoch = excluded.epoch
    """
_WITNESSED: Final = """
    UPDATE log_state SET witnessed = ?2, witnessed_size = ?3
    WHERE name = ?1 AND size >= ?3 AND (witnessed_size < ?3 OR (witnessed_size = ?3 AND witnessed = ?4))
    """
_FREE_POSITION: Final = "SELECT COALESCE(MAX(position) + 1, 0) FROM log"
_UNLOGGED: Final = """
    SELECT log.position, log.tenant, log.account, log.seq, events.payload FROM log
    JOIN events ON events.tenant = log.tenant AND events.account = log.account AND events.seq = log.seq
    WHERE log.position >= ? ORDER BY log.position LIMIT ?
    """
_ONE_TAIL: Final = """
    SELECT tenant, account, hidden_as, secret, seq, last, epoch FROM log_accounts WHERE tenant = ? AND account = ?
    """
_LEAVES: Final = "SELECT leaf FROM leaves WHERE place >= ? ORDER BY place LIMIT ?"
_ENTRIES: Final = "SELECT place, leaf, tenant, account, seq FROM leaves WHERE place >= ? ORDER BY place LIMIT ?"
_OWN_LEAVES: Final = "SELECT place, leaf FROM leaves WHERE tenant IS NULL ORDER BY place"
_NODES: Final = "SELECT hash FROM log_nodes WHERE level = ? AND place >= ? ORDER BY place LIMIT ?"
_LOGGED: Final = """
    SELECT leaves.seq, events.payload, leaves.place, leaves.leaf FROM leaves
    JOIN events ON events.tenant = leaves.tenant AND events.account = leaves.account AND events.seq = leaves.seq
    WHERE leaves.tenant = ? AND leaves.account = ? AND leaves.seq > ? ORDER BY leaves.seq LIMIT ?
    """
_ERASE: Final = """
    UPDATE log_accounts SET secret = NULL WHERE tenant = ? AND account = ? AND secret IS NOT NULL
    """

Rows = Callable[..., list[tuple[Any, ...]]]


class SqliteLogBook:
    """Keeps the promises of :class:`pteri.app.log_ports.LogBook`, through the reader and writer of its store."""

    def __init__(self, rows: Rows, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._rows = rows
        self._transaction = transaction

    async def state(self) -> LogState | None:
        """How far it has come."""
        found = self._rows(_STATE, LOG)
        return state_of(found[0]) if found else None

    async def start(self, state: LogState) -> bool:
        """Whether a log begins with this state."""
        with self._transaction() as connection:
            return connection.execute(_START, state_row(state)).rowcount == 1

    async def next_position(self) -> int:
        """The position of the next event that gets one."""
        [(free,)] = self._rows(_FREE_POSITION)
        return int(free)

    async def unlogged(self, from_position: int, limit: int) -> list[Unlogged]:
        """Events from this position on."""
        return [unlogged_of(row) for row in self._rows(_UNLOGGED, from_position, at_most(limit))]

    async def tails(self, accounts: Sequence[tuple[TenantId, AccountId]]) -> list[Tail]:
        """The tails of those of these accounts that have one."""
        return [tail_of(row) for key in accounts for row in self._rows(_ONE_TAIL, *key)]

    async def grow(self, growth: Growth) -> bool:
        """Whether all of it is durable now."""
        with self._transaction() as connection:
            if connection.execute(_GROWN, state_row(growth.state)[:6]).rowcount != 1:
                return False
            connection.executemany(_LEAF, map(leaf_row, growth.leaves))
            connection.executemany(_NODE, node_rows(growth))
            connection.executemany(_TAIL, map(tail_row, growth.tails))
            return True

    async def keep_witnessed(self, note: str, size: int, *, instead_of: str) -> bool:
        """Whether this is the newest witnessed checkpoint now."""
        with self._transaction() as connection:
            return connection.execute(_WITNESSED, (LOG, note, size, instead_of)).rowcount == 1

    async def leaves(self, from_place: int, limit: int) -> list[bytes]:
        """Leaves in their places from this one on."""
        return [leaf for (leaf,) in self._rows(_LEAVES, from_place, at_most(limit))]

    async def entries(self, from_place: int, limit: int) -> list[NewLeaf]:
        """The same with their places, and of which events they are."""
        return [entry_of(row) for row in self._rows(_ENTRIES, from_place, at_most(limit))]

    async def own_leaves(self) -> list[tuple[int, bytes]]:
        """The leaves of the log's own, with their places."""
        return self._rows(_OWN_LEAVES)

    async def nodes(self, level: int, from_place: int, limit: int) -> list[bytes]:
        """Hashes of complete subtrees from this place on."""
        return [found for (found,) in self._rows(_NODES, level, from_place, at_most(limit))]

    async def logged(self, tenant: TenantId, account: AccountId, after_seq: int, limit: int) -> list[Logged]:
        """Events of an account that have a leaf."""
        return [logged_of(row) for row in self._rows(_LOGGED, tenant, account, after_seq, at_most(limit))]

    async def erase(self, tenant: TenantId, account: AccountId) -> bool:
        """Drop the secret of an account."""
        with self._transaction() as connection:
            return connection.execute(_ERASE, (tenant, account)).rowcount == 1
