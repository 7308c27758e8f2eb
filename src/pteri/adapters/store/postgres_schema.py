"""The schema of a PostgreSQL store: brought to the newest revision in one transaction, refused when unknown."""

from __future__ import annotations

from typing import Final

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own

from pteri.adapters.store import schema
from pteri.adapters.store.errors import StoreRefused
from pteri.app.ports import StoreUnavailable

__all__ = ["bring_up_to_date", "is_postgresql_itself"]

_UPGRADE_S: Final = 3600.0
"""An upgrade may have every row to look at."""
_ATTEMPTS: Final = 20

_OVERTAKEN: Final = (
    asyncpg.UniqueViolationError,  # two make the same table at once: one of them fails in the catalogue
    asyncpg.DuplicateTableError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
"""Another process upgrades at this moment: its work is ours."""

_TUNING: Final = (
    # An account is written anew with every sign-in: room beside it keeps its index out of that.
    "ALTER TABLE accounts SET (fillfactor = 80)",
    # Evidence and sealed evidence fit into a page, and neither gets smaller by compression: both stay in their row.
    "ALTER TABLE events SET (toast_tuple_target = 8160)",
    "ALTER TABLE challenges SET (toast_tuple_target = 8160)",
)
"""For PostgreSQL itself: how rows lie on its pages. A database that only speaks like it may not know the words."""


async def bring_up_to_date(connection: asyncpg.Connection, *, tuned: bool) -> None:
    """Take every step that this database has not seen, all or none. ``tuned``: with PostgreSQL's own settings.

    Raises ``StoreRefused`` for a database of a newer program or of another one, and what the driver raises.
    """
    if connection.get_settings().server_encoding != "UTF8":
        raise StoreRefused("The database keeps text in another encoding than UTF8.")
    if await _revision(connection, "") == schema.NEWEST:
        return
    for _ in range(_ATTEMPTS):
        try:
            async with connection.transaction():
                await _upgrade(connection, tuned=tuned)
        except _OVERTAKEN:
            continue
        return
    raise StoreUnavailable("the schema could not be brought up to date: others were at it all the time")


async def _upgrade(connection: asyncpg.Connection, *, tuned: bool) -> None:
    found = await _revision(connection, " FOR UPDATE")  # whoever upgrades holds this row until it is done
    if found == schema.NEWEST:
        return
    from pteri.adapters.store.upgrading import statements  # noqa: PLC0415 - slow to import, and rarely needed

    await connection.execute("SET LOCAL statement_timeout = 0")
    for statement in (*statements("postgresql", found), *(_TUNING if tuned else ())):
        await connection.execute(statement, timeout=_UPGRADE_S)


async def _revision(connection: asyncpg.Connection, locking: str) -> str | None:
    """The schema of this database; ``None`` for an empty one."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        if await connection.fetchval("SELECT to_regclass('accounts')") is not None:
            raise StoreRefused("The database is not a PTERI store: it has tables of another program.")
        return None
    rows = await connection.fetch(schema.SELECT_REVISION + locking, timeout=_UPGRADE_S)
    [revision] = [row["version_num"] for row in rows] or [""]
    schema.check_known(revision, "in this database")
    return str(revision)


async def is_postgresql_itself(connection: asyncpg.Connection) -> bool:
    """Whether this is PostgreSQL on one node, and not a database that speaks like it."""
    version = await connection.fetchval("SELECT version()")
    distributed = await connection.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'citus'")
    return version.startswith("PostgreSQL") and "-YB-" not in version and not distributed
