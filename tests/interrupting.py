"""A SQLite store that fails at a chosen statement."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from pteri.adapters.store.sqlite import SqliteStore


@contextmanager
def failing_at(store: SqliteStore, statement: int) -> Iterator[None]:
    """Interrupt the n-th SQL statement from now, from 1."""
    seen = itertools.count(1)

    def look(_: str) -> None:
        if next(seen) == statement:
            store._connection.interrupt()

    store._connection.set_trace_callback(look)
    try:
        yield
    finally:
        store._connection.set_trace_callback(None)
