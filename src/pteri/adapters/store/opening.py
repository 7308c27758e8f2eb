"""Which store a deployment has: a file for one machine, or a PostgreSQL database for many."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pteri.adapters.store.grouped import GroupedStore
from pteri.adapters.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pteri.app.ports import Store

__all__ = ["open_store"]

_URL: Final = "postgresql://"


async def open_store(database: Path | str) -> Store:
    """The store in this file, or in the database at ``postgresql://...``, with one commit for all who wait.

    Raises ``StoreRefused`` for what is no store of this program, and ``StoreUnavailable`` when it cannot be reached.
    """
    url = str(database)
    if url.startswith(_URL):
        # Who keeps the registry in a file does not pay for this import.
        from pteri.adapters.store.postgres import PostgresStore  # noqa: PLC0415

        return GroupedStore(await PostgresStore.open(url))
    return GroupedStore(SqliteStore.open(Path(database)))
