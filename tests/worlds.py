"""Worlds for one test, on the database that the test runs with: a file, or a database of a PostgreSQL server.

Each is closed when the test ends. ``beside`` makes another process of a service that is there already.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own

from pteri.adapters.store.grouped import GroupedStore
from pteri.adapters.store.postgres import PostgresStore
from world import Database, SimClock, SqliteFile, World

if TYPE_CHECKING:
    from types import TracebackType

    from postgres import PostgresServer
    from pteri.app.ports import Store

__all__ = ["PostgresDatabase", "SkewedClock", "Worlds"]

_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"


class PostgresDatabase:
    """A database of a PostgreSQL server."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self) -> Store:
        return GroupedStore(await PostgresStore.open(self.url))

    async def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        connection = await asyncpg.connect(self.url)
        try:
            tables = [row["table_name"] for row in await connection.fetch(_TABLES)]
            return {
                name: sorted((tuple(row) for row in await connection.fetch(f'SELECT * FROM "{name}"')), key=repr)
                for name in tables
            }
        finally:
            await connection.close()

    async def stolen(self) -> dict[str, bytes]:
        tables = await self.rows()
        return {name: b"\0".join(_as_bytes(value) for row in rows for value in row) for name, rows in tables.items()}


def _as_bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


class SkewedClock(SimClock):
    """The clock of another machine, which is never quite right."""

    def __init__(self, clock: SimClock, ahead_s: int) -> None:
        super().__init__(clock.now())
        self._clock, self._ahead_s = clock, ahead_s

    def now(self) -> int:
        return self._clock.now() + self._ahead_s

    def advance(self, seconds: int) -> None:
        self._clock.advance(seconds)


class Worlds:
    """``worlds(**options of World)``. Without a server each registry is a file."""

    def __init__(self, directory: Path, server: PostgresServer | None = None) -> None:
        self._directory, self._server = directory, server
        self._made = 0
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def __call__(self, **options: Any) -> World:
        """A service with an empty registry."""
        directory = self._fresh_directory()
        if self._server is None:
            database: Database = SqliteFile(directory)
        else:
            database = PostgresDatabase(self._open.enter_context(self._server.store()))
        return self._kept(World(directory, database=database, **options))

    def beside(self, world: World, *, ahead_s: int = 0, **options: Any) -> World:
        """Another process of the same service: the same database, client keys and rules, its own clock and entropy."""
        self._made += 1
        other = World(
            world.directory,
            database=world.database,
            rules=world.deployment.rules,
            name=f"process {self._made}",
            clock=SkewedClock(world.clock, ahead_s),
            **options,
        )
        other.sites = world.sites
        return self._kept(other)

    def _kept(self, world: World) -> World:
        self._open.callback(world.close)
        return world

    def _fresh_directory(self) -> Path:
        self._made += 1
        directory = self._directory / f"world {self._made}"
        directory.mkdir()
        return directory
