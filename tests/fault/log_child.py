"""A process that grows the log of a store until nothing waits, and may kill itself on the way.

``log_child.py PLACE LABEL [STATEMENT]``: with a number it dies by SIGKILL when that SQL statement of SQLite begins.
It writes every checkpoint that it sees on a line of its own, as JSON.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sys
from pathlib import Path

from onlookers import watched
from pteri.adapters.store.opening import open_store
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.growing import grow
from pteri.app.ports import Store
from world import SimClock, SimEntropy


def dying(place: str, statement: int) -> Store:
    store = SqliteStore.open(Path(place))
    seen = itertools.count(1)

    def look(_: str) -> None:
        if next(seen) == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    store._connection.set_trace_callback(look)
    return store


async def run(place: str, label: str, statement: int | None) -> None:
    store = await open_store(place) if statement is None else dying(place, statement)
    desk, entropy = watched(SimClock().now), SimEntropy(label)
    while True:
        more = await store.sequence(3)
        more = await grow(store, desk, entropy) or more
        state = await store.book.state()
        assert state is not None
        print(json.dumps(state.checkpoint), flush=True)
        if not more and state.next_position >= await store.book.next_position():
            break
    await store.close()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else None))
