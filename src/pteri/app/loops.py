"""Pull loops after the commit: each does its work again and again until it is told to stop (law 5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from pteri.app.ports import StoreUnavailable

__all__ = ["pull"]


async def pull(work: Callable[[], Awaitable[int]], stop: asyncio.Event, *, every_s: float) -> None:
    """Work, wait ``every_s`` seconds, work again. A failing database is tried again at the next turn."""
    while not stop.is_set():
        # Nothing is lost by a failure: the work is whatever the database says is left to do.
        with suppress(StoreUnavailable):
            await work()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), timeout=every_s)
