"""Which schema a database has, asked in plain SQL: who finds the newest one needs no tool for changing it.

The steps themselves are the files in ``migrations/versions``; :mod:`pteri.adapters.store.upgrading` reads them.
"""

from __future__ import annotations

from typing import Final, Literal

from pteri.adapters.store.errors import StoreRefused

__all__ = ["NEWEST", "REVISIONS", "SELECT_REVISION", "STAMP_FIRST", "Dialect", "check_known"]

Dialect = Literal["sqlite", "postgresql"]

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")
"""Every schema that there was, oldest first."""

NEWEST: Final = REVISIONS[-1]
"""The one that this program reads and writes."""

STAMP_FIRST: Final = (
    """
    CREATE TABLE alembic_version (
        version_num VARCHAR(32) NOT NULL,
        CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
    )
    """,
    "INSERT INTO alembic_version (version_num) VALUES ('0001')",
)
"""For a file of the first release, which had another way to say that its schema is the first one."""

SELECT_REVISION: Final = "SELECT version_num FROM alembic_version"


def check_known(revision: str, store: str) -> None:
    """Raise ``StoreRefused`` for a schema that this program has never heard of. ``store`` says which, for people."""
    if revision not in REVISIONS:
        raise StoreRefused(
            f"The store {store} is of version {revision}, and this program knows {NEWEST}. Use a newer one."
        )
