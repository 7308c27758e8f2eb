"""The file of a SQLite store: made whole or not at all, private, and refused when it is not ours."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from pteri import durable
from pteri.adapters.store import schema
from pteri.adapters.store.errors import StoreRefused

__all__ = ["connect"]

_APPLICATION_ID: Final = int.from_bytes(b"PTER", "big")
"""Written into the header of the file, where file(1) and SQLite look for whose it is."""

_PRAGMAS: Final = (
    "PRAGMA synchronous = FULL",  # "durable": the log of writes is on the disk before a commit returns
    "PRAGMA fullfsync = ON",  # where fsync alone leaves it in the drive's cache (macOS); elsewhere nothing
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",  # whoever edits the file cannot make its schema call functions
    "PRAGMA temp_store = MEMORY",  # savepoints keep no file of records elsewhere
)


def connect(path: Path, *, busy_s: float) -> sqlite3.Connection:
    """Open the store in this file at the newest schema; make it, mode 0600, where there is no file.

    Transactions are the caller's to begin and end. Raises ``StoreRefused`` for a file that is not a store, of a
    newer program, or that cannot be made, and ``sqlite3.Error`` when SQLite fails.
    """
    try:
        if not path.exists():
            _create(path)
    except OSError as error:
        raise StoreRefused(f"Cannot make the store {path}: {error.strerror}.") from error
    # mode=rw: SQLite would otherwise make a file of its own, readable by all, if this one went away just now.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=busy_s, isolation_level=None)
    try:
        _check_ours(connection, path)
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        _use_wal(connection, path)
        _upgrade(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """Make a complete, empty store and only then give it its name.

    Two processes may start at once: one names its file first, the other finds it complete. SQLite itself would let
    them meet while the first one still changes the kind of the file, and fail one.
    """
    with tempfile.TemporaryDirectory() as place:
        draft = Path(place) / "draft"
        with closing(sqlite3.connect(draft, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            _use_wal(connection, draft)
            _upgrade(connection, draft)
        try:
            durable.create(path, draft.read_bytes())
        except FileExistsError:
            return


def _check_ours(connection: sqlite3.Connection, path: Path) -> None:
    """Before anything is written: the file of another program must not even change its kind."""
    try:
        found = _number(connection, "PRAGMA application_id")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
            raise
        raise StoreRefused(f"{path} is not a PTERI store: it is no SQLite database.") from error
    if found != _APPLICATION_ID:
        raise StoreRefused(f"{path} is not a PTERI store: it is empty or of another program.")


def _use_wal(connection: sqlite3.Connection, path: Path) -> None:
    [(mode,)] = connection.execute("PRAGMA journal_mode = WAL").fetchall()
    if mode != "wal":
        raise StoreRefused(f"The store {path} needs a write-ahead log, which this file system cannot keep.")


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Take every step that the file has not seen, all or none: who fails here closes the connection."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(schema.CREATE_VERSIONS)
    version = _number(connection, "SELECT COALESCE(MAX(version), 0) FROM schema_versions")
    if version > schema.NEWEST:
        raise StoreRefused(
            f"The store {path} is of version {version}, and this program knows {schema.NEWEST}. Use a newer one."
        )
    for following in range(version + 1, schema.NEWEST + 1):
        for statement in schema.step(following, schema.SQLITE):
            connection.execute(statement)
        connection.execute("INSERT INTO schema_versions (version) VALUES (?)", (following,))
    connection.execute("COMMIT")


def _number(connection: sqlite3.Connection, query: str) -> int:
    [(number,)] = connection.execute(query).fetchall()
    return int(number)
