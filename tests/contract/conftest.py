"""Every backend of a port runs the same suite: a new one adds its name to the list and its way to open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest

from commits import OpenStore
from postgres import PostgresServer
from pteri.adapters.store.grouped import GroupedStore
from pteri.adapters.store.postgres import PostgresStore
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.ports import Store

STORES = ("sqlite", "grouped sqlite", "postgres", "grouped postgres", "stepwise postgres")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=STORES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Awaitable[Store]]]:
    """A fresh database, and how to open it."""
    way, _, kind = request.param.rpartition(" ")
    with ExitStack() as stack:
        if kind == "postgres":
            server: PostgresServer = request.getfixturevalue("postgres_server")
            url = stack.enter_context(server.store())

        async def open_it() -> Store:
            if kind == "postgres":
                plain: Store = await PostgresStore.open(url, in_steps=way == "stepwise")
            else:
                plain = SqliteStore.open(tmp_path / "store.db")
            return GroupedStore(plain) if way == "grouped" else plain

        yield open_it


@pytest.fixture
async def open_store(database: Callable[[], Awaitable[Store]]) -> AsyncIterator[OpenStore]:
    """Opens one more handle on the one database of this test."""
    async with AsyncExitStack() as handles:

        async def open_one() -> Store:
            store = await database()
            handles.push_async_callback(store.close)
            return store

        yield open_one


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    """An empty store."""
    return await open_store()
