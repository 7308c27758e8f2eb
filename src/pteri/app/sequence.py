"""The sequencer: a pull loop that gives each committed event its one log position (law 5, docs/spec section 9.2).

It reads where it left off and can be killed on any line; its next start goes through the same code. Nothing in a
request waits for it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from pteri.app.ports import Store

__all__ = ["catch_up", "run_sequencer"]

_BATCH: Final = 500


async def catch_up(store: Store) -> int:
    """Sequence until nothing is left; how many positions were given."""
    total = 0
    while (given := await store.sequence(_BATCH)) > 0:
        total += given
        # Other requests of this process come first between batches.
        await asyncio.sleep(0)
    return total


async def run_sequencer(store: Store, stop: asyncio.Event, *, every_s: float) -> None:
    """Catch up, wait, again, until ``stop`` is set."""
    while not stop.is_set():
        await catch_up(store)
        try:
            await asyncio.wait_for(stop.wait(), timeout=every_s)
        except TimeoutError:
            continue
