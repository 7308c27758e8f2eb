"""The sequencer gives each committed event its one log position (law 5, docs/spec section 9.2)."""

from __future__ import annotations

from typing import Final

from pteri.app.ports import Store

__all__ = ["give_positions"]

_BATCH: Final = 500


async def give_positions(store: Store) -> bool:
    """Give positions to some events that wait for theirs; whether more may be waiting.

    It reads where it left off and can be killed on any line; its next start goes through the same code. Nothing in a
    request waits for it.
    """
    return await store.sequence(_BATCH) == _BATCH
