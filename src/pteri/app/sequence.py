"""The sequencer gives each committed event its one log position (law 5, docs/spec section 9.2)."""

from __future__ import annotations

import asyncio
from typing import Final

from pteri.app.ports import Store

__all__ = ["catch_up"]

_BATCH: Final = 500


async def catch_up(store: Store) -> int:
    """Sequence until nothing is left; how many positions were given.

    It reads where it left off and can be killed on any line; its next start goes through the same code. Nothing in a
    request waits for it.
    """
    total = 0
    while (given := await store.sequence(_BATCH)) > 0:
        total += given
        # Other requests of this process come first between batches.
        await asyncio.sleep(0)
    return total
