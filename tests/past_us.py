"""Whoever owns the database writes it past us: the same statements on a file and on a PostgreSQL server."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own

from world import World
from worlds import PostgresDatabase

__all__ = ["texts", "written"]


def written(world: World, *statements: str) -> None:
    """Each of these changes something, or there is nothing to find."""
    if isinstance(world.database, PostgresDatabase):
        world.run(_on_server(world.database.url, statements))
        return
    with closing(sqlite3.connect(world.directory / "pteri.sqlite3")) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, "nothing was changed"
        connection.commit()


async def _on_server(url: str, statements: tuple[str, ...]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            assert not (await connection.execute(statement)).endswith(" 0"), "nothing was changed"
    finally:
        await connection.close()


def texts(world: World, table: str) -> list[tuple[object, ...]]:
    """All rows of a table."""
    return world.rows()[table]
