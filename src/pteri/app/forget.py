"""Least data kept: recorded answers and ended challenges go a day after they can matter (docs/spec section 9.1).

Spent nonces and events stay for ever: what was signed once stays signed once.
"""

from __future__ import annotations

import asyncio
from typing import Final

from pteri.app.ports import Store

__all__ = ["KEPT_S", "forget_old"]

KEPT_S: Final = 24 * 3600
_BATCH: Final = 500


async def forget_old(store: Store, at: int) -> int:
    """Drop what ended more than a day before ``at``, in small transactions; how many rows."""
    total = 0
    while (dropped := await store.forget_answers(at - KEPT_S, _BATCH)) > 0:
        total += dropped
        await asyncio.sleep(0)
    return total
