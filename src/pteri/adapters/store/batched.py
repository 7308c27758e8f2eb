"""Readings that are asked in one turn of the event loop travel together: one array statement for all of one kind.

Under load most of a single reading's cost is its journey. The first one that asks schedules it for the end of the
turn; while two are under way the next ones gather. A lone reading waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

__all__ = ["BatchedReads"]

_MOST: Final = 256
_UNDER_WAY: Final = 2

Key = tuple[str | int, ...]
Row = Any
Fetch = Callable[[str, *tuple[Any, ...]], Awaitable[list[Row]]]


class BatchedReads:
    """One kind of reading. ``query`` takes an array a part of the key, and gives rows with the ``place`` of their key.

    Places count from 1. A key that nothing is found for has no row. Belongs to the event loop it is used in.
    """

    def __init__(self, fetch: Callable[..., Awaitable[list[Row]]], query: str) -> None:
        self._fetch = fetch
        self._query = query
        self._waiting: list[tuple[Key, asyncio.Future[Row | None]]] = []
        self._scheduled = False
        self._under_way: set[asyncio.Task[None]] = set()

    async def row(self, *key: str | int) -> Row | None:
        """The row under this key, or ``None``."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Row | None] = loop.create_future()
        self._waiting.append((key, future))
        if not self._scheduled and len(self._under_way) < _UNDER_WAY:
            self._scheduled = True
            loop.call_soon(self._send)
        return await future

    def _send(self) -> None:
        self._scheduled = False
        group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
        if group:
            journey = asyncio.create_task(self._travel(group))
            self._under_way.add(journey)
            journey.add_done_callback(self._arrived)

    def _arrived(self, journey: asyncio.Task[None]) -> None:
        self._under_way.discard(journey)
        if self._waiting and not self._scheduled:
            self._send()

    async def _travel(self, group: list[tuple[Key, asyncio.Future[Row | None]]]) -> None:
        try:
            rows = await self._fetch(self._query, *zip(*(key for key, _ in group), strict=True))
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits, never swallowed
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        found = {row["place"]: row for row in rows}
        for place, (_, future) in enumerate(group, start=1):
            if not future.done():  # its caller may have gone
                future.set_result(found.get(place))
