"""Every backend of a port runs the same suite: a new one adds its name to the list and its way to open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from commits import OpenStore
from pteri.adapters.store.grouped import GroupedStore
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.ports import Store

STORES = ("sqlite", "grouped sqlite")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=STORES)
async def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenStore]:
    """Opens one more handle on the one database of this test."""
    backends = {"sqlite": _sqlite, "grouped sqlite": _grouped}
    async with AsyncExitStack() as handles:

        async def open_one() -> Store:
            store = await backends[request.param](tmp_path)
            handles.push_async_callback(store.close)
            return store

        yield open_one


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    """An empty store."""
    return await open_store()


async def _sqlite(place: Path) -> Store:
    return SqliteStore.open(place / "store.db")


async def _grouped(place: Path) -> Store:
    return GroupedStore(SqliteStore.open(place / "store.db"))
