"""How many bytes a sign-in leaves in the database: for ever, and for a day."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own
import msgspec

from bench.postgres import Postgres
from bench.seed import PEOPLE, Seeded
from bench.service import served
from pteri.load.fleet import run

__all__ = ["Storage", "storage_of"]

_KEPT: Final = frozenset({"events", "log", "spent"})
"""Tables of which nothing is ever removed. The others are emptied by the forgetting loop, or do not grow."""


class Storage(msgspec.Struct, frozen=True):
    """Bytes of pages with their indexes: for one sign-in, kept for ever and kept for a day; for one account."""

    store: str
    kept_bytes: float
    passing_bytes: float
    account_bytes: float


def storage_of(seeded: Seeded, database: Postgres | None, *, sign_ins: int) -> Storage:
    """Pages before and after so many sign-ins. What an account takes is seen in the copies (without evidence)."""
    before = _pages(seeded, database)
    with served(seeded.where) as service:
        plan = service.plan(clients=16, people=PEOPLE, sign_ins=sign_ins, standings=str(seeded.standings))
        done = run(plan).sign_ins
    after = _pages(seeded, database)
    grown = {table: size - before.get(table, 0) for table, size in after.items()}
    kept = sum(size for table, size in grown.items() if table in _KEPT)
    return Storage(
        store="SQLite" if database is None else "PostgreSQL",
        kept_bytes=kept / done,
        passing_bytes=(grown.get("challenges", 0) + grown.get("answers", 0)) / done,
        account_bytes=(before["accounts"] + before["claims"]) / seeded.accounts,
    )


def _pages(seeded: Seeded, database: Postgres | None) -> dict[str, int]:
    """Bytes by table, indexes included."""
    if database is not None:
        return asyncio.run(_postgres_pages(seeded.where.database))
    with closing(sqlite3.connect(Path(seeded.where.directory) / seeded.where.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        found = connection.execute(
            """
            SELECT found.tbl_name, SUM(pages.pgsize) FROM sqlite_master AS found
            JOIN dbstat AS pages ON pages.name = found.name AND pages.aggregate = TRUE GROUP BY found.tbl_name
            """
        )
        return dict(found.fetchall())


async def _postgres_pages(url: str) -> dict[str, int]:
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(
            "SELECT relname::text, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = "
            "'public'::regnamespace"
        )
        return {name: int(size) for name, size in found}
    finally:
        await connection.close()
