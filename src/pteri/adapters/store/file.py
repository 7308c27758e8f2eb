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

_PAGE_BYTES: Final = 8192
"""Of a new file; those of before keep their 4096. The records of one sign-in fill two thirds of a small page and leave
the rest empty, and each page that is written is two calls of the system and a checksum."""

_LOG_BYTES: Final = 32 * 1024 * 1024
"""Pages are copied from the log into the file each time it has grown so much: a page that changed ten times meanwhile
is copied once. The file's size when nobody writes is the price."""

_FIRST_RELEASE: Final = "1"
"""How the first release numbered its only schema, in a table of its own."""

_PRAGMAS: Final = (
    "PRAGMA synchronous = FULL",  # "durable": the log of writes is on the disk before a commit returns
    "PRAGMA fullfsync = ON",  # where fsync alone leaves it in the drive's cache (macOS); elsewhere nothing
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA trusted_schema = OFF",  # whoever edits the file cannot make its schema call functions
    "PRAGMA temp_store = MEMORY",  # nothing keeps a file of records elsewhere
    # Accounts are met in random order: what is not in memory is read and evicted again for every one of them.
    f"PRAGMA cache_size = -{64 * 1024}",  # in KiB
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
        pages = _LOG_BYTES // _number(connection, "PRAGMA page_size")
        connection.execute(f"PRAGMA wal_autocheckpoint = {pages}")
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
            connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
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
    # In one transaction: between its two questions somebody else may take the steps, and leave neither answer.
    connection.execute("BEGIN")
    found = _revision(connection, path)
    connection.execute("COMMIT")
    if found == schema.NEWEST:
        return
    from pteri.adapters.store.upgrading import statements  # noqa: PLC0415 - slow to import, and rarely needed

    connection.execute("BEGIN IMMEDIATE")
    found = _revision(connection, path)  # again, now that nobody else can be at it
    if found == _FIRST_RELEASE:
        for statement in schema.STAMP_FIRST:
            connection.execute(statement)
        found = schema.REVISIONS[0]
    if found != schema.NEWEST:
        for statement in statements("sqlite", found):
            connection.execute(statement).fetchall()
    connection.execute("COMMIT")


def _revision(connection: sqlite3.Connection, path: Path) -> str | None:
    """The schema of this file; ``None`` where it has none yet. Raises ``StoreRefused`` for one that is unknown."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()}
    if "alembic_version" in tables:
        [(revision,)] = connection.execute(schema.SELECT_REVISION).fetchall()
    elif "schema_versions" in tables:
        revision = str(_number(connection, "SELECT MAX(version) FROM schema_versions"))
        if revision == _FIRST_RELEASE:
            return revision
    else:
        return None
    schema.check_known(revision, str(path))
    return str(revision)


def _number(connection: sqlite3.Connection, query: str) -> int:
    [(number,)] = connection.execute(query).fetchall()
    return int(number)
