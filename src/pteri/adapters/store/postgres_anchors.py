"""Anchors in the PostgreSQL database of the registry: every change is one statement under its conditions."""

from __future__ import annotations

from typing import Final

from pteri.adapters.store import codec
from pteri.adapters.store.anchor_rows import anchor_row, check_new, kept_of
from pteri.adapters.store.connections import Connections
from pteri.adapters.store.consistency import at_most
from pteri.app.anchor_ports import KeptAnchor
from pteri.domain.anchoring import Anchor

__all__ = ["PostgresAnchors"]

# Of two at once one waits for the other at the key, and then does nothing.
_BEGIN: Final = """
    INSERT INTO anchors (log, number, version, stage, tree_size, payload)
    SELECT $1::text, $2::bigint, $3::bigint, $4::smallint, $5::bigint, $6::text
    WHERE $2::bigint = (SELECT COALESCE(MAX(number), 0) + 1 FROM anchors WHERE log = $1::text)
    AND NOT EXISTS (SELECT 1 FROM anchors WHERE log = $1::text AND stage = 0)
    ON CONFLICT DO NOTHING RETURNING number
    """
_CHANGE: Final = """
    UPDATE anchors SET version = $3::bigint, stage = $4::smallint, tree_size = $5::bigint, payload = $6::text
    WHERE log = $1::text AND number = $2::bigint AND version = $3::bigint - 1 AND stage < 2 RETURNING number
    """
_UNSETTLED: Final = "SELECT payload FROM anchors WHERE log = $1 AND stage IN (0, 1) ORDER BY number LIMIT $2"
_NEWEST: Final = "SELECT payload FROM anchors WHERE log = $1 ORDER BY number DESC LIMIT $2"
_OVER: Final = """
    SELECT payload FROM anchors WHERE log = $1 AND tree_size > $2 AND stage IN (1, 2) ORDER BY tree_size, number LIMIT 1
    """
_KEPT: Final = """
    SELECT log, number, version, stage, tree_size, payload FROM anchors
    WHERE (log, number) > ($1::text, $2::bigint) ORDER BY log, number LIMIT $3
    """


class PostgresAnchors:
    """Keeps the promises of :class:`pteri.app.anchor_ports.AnchorStore`, on the connections of its store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def begin(self, anchor: Anchor) -> bool:
        """Whether this new anchor is durable now."""
        check_new(anchor)
        return bool(await self._connections.write(_BEGIN, *anchor_row(anchor)))

    async def change(self, anchor: Anchor) -> bool:
        """Whether it is durable now in the place of the version before its own."""
        return bool(await self._connections.write(_CHANGE, *anchor_row(anchor)))

    async def unsettled(self, log: str, limit: int) -> list[Anchor]:
        """Those to which something may still happen, the oldest first."""
        rows = await self._connections.read(_UNSETTLED, log, at_most(limit))
        return [codec.decode_anchor(row["payload"]) for row in rows]

    async def newest(self, log: str, limit: int) -> list[Anchor]:
        """The newest ones, the newest first."""
        rows = await self._connections.read(_NEWEST, log, at_most(limit))
        return [codec.decode_anchor(row["payload"]) for row in rows]

    async def over(self, log: str, leaf_index: int) -> Anchor | None:
        """The oldest one in a block whose tree has this leaf."""
        rows = await self._connections.read(_OVER, log, leaf_index)
        return codec.decode_anchor(rows[0]["payload"]) if rows else None

    async def kept(self, after: tuple[str, int] | None, limit: int) -> list[KeptAnchor]:
        """All of all logs in order of (log, number), after the given one: for checks over everything."""
        return [kept_of(row) for row in await self._connections.read(_KEPT, *(after or ("", 0)), at_most(limit))]
