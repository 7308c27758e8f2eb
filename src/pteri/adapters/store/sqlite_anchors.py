"""Anchors in the SQLite file of the registry."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from pteri.adapters.store import codec
from pteri.adapters.store.anchor_rows import anchor_row, check_new, kept_of
from pteri.adapters.store.consistency import at_most
from pteri.app.anchor_ports import KeptAnchor
from pteri.domain.anchoring import Anchor

__all__ = ["SqliteAnchors"]

_BEGIN: Final = """
    INSERT INTO anchors (log, number, version, stage, tree_size, payload) SELECT ?1, ?2, ?3, ?4, ?5, ?6
    WHERE ?2 = (SELECT COALESCE(MAX(number), 0) + 1 FROM anchors WHERE log = ?1)
    AND NOT EXISTS (SELECT 1 FROM anchors WHERE log = ?1 AND stage = 0)
    """
_CHANGE: Final = """
    UPDATE anchors SET version = ?3, stage = ?4, tree_size = ?5, payload = ?6
    WHERE log = ?1 AND number = ?2 AND version = ?3 - 1 AND stage < 2
    """
_UNSETTLED: Final = "SELECT payload FROM anchors WHERE log = ? AND stage IN (0, 1) ORDER BY number LIMIT ?"
_NEWEST: Final = "SELECT payload FROM anchors WHERE log = ? ORDER BY number DESC LIMIT ?"
_OVER: Final = """
    SELECT payload FROM anchors WHERE log = ? AND tree_size > ? AND stage IN (1, 2) ORDER BY tree_size, number LIMIT 1
    """
_KEPT: Final = """
    SELECT log, number, version, stage, tree_size, payload FROM anchors
    WHERE (log, number) > (?, ?) ORDER BY log, number LIMIT ?
    """


class _Rows(Protocol):
    def __call__(self, query: str, *values: str | int) -> list[tuple[Any, ...]]: ...


class SqliteAnchors:
    """Keeps the promises of :class:`pteri.app.anchor_ports.AnchorStore`, on the connection of its store."""

    def __init__(self, rows: _Rows, transaction: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._rows = rows
        self._transaction = transaction

    async def begin(self, anchor: Anchor) -> bool:
        """Whether this new anchor is durable now."""
        check_new(anchor)
        with self._transaction() as connection:
            return connection.execute(_BEGIN, anchor_row(anchor)).rowcount == 1

    async def change(self, anchor: Anchor) -> bool:
        """Whether it is durable now in the place of the version before its own."""
        with self._transaction() as connection:
            return connection.execute(_CHANGE, anchor_row(anchor)).rowcount == 1

    async def unsettled(self, log: str, limit: int) -> list[Anchor]:
        """Those to which something may still happen, the oldest first."""
        return [codec.decode_anchor(text) for (text,) in self._rows(_UNSETTLED, log, at_most(limit))]

    async def newest(self, log: str, limit: int) -> list[Anchor]:
        """The newest ones, the newest first."""
        return [codec.decode_anchor(text) for (text,) in self._rows(_NEWEST, log, at_most(limit))]

    async def over(self, log: str, leaf_index: int) -> Anchor | None:
        """The oldest one in a block whose tree has this leaf."""
        found = self._rows(_OVER, log, leaf_index)
        return codec.decode_anchor(found[0][0]) if found else None

    async def kept(self, after: tuple[str, int] | None, limit: int) -> list[KeptAnchor]:
        """All of all logs in order of (log, number), after the given one: for checks over everything."""
        return [kept_of(row) for row in self._rows(_KEPT, *(after or ("", 0)), at_most(limit))]
