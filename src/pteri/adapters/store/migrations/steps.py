"""What the steps share: one way to say a statement, whatever the database, and no way back."""

from __future__ import annotations

from typing import Final, NoReturn

import sqlalchemy
from alembic import op

__all__ = ["forward_only", "run"]

_SPELLINGS: Final = {
    "sqlite": {"text": "TEXT", "bytes": "BLOB", "narrow": "WITHOUT ROWID"},
    # Ids are compared byte by byte: two servers must agree on their order, whatever language they were set up in.
    "postgresql": {"text": 'TEXT COLLATE "C"', "bytes": "BYTEA", "narrow": ""},
}
"""Where databases spell one thing differently. ``narrow``: a table that is little more than its key."""


def run(*statements: str, sqlite: tuple[str, ...] = (), postgresql: tuple[str, ...] = ()) -> None:
    """These statements in their spelling, then those of one kind of database only."""
    dialect = op.get_context().dialect.name
    own = {"sqlite": sqlite, "postgresql": postgresql}[dialect]
    for statement in (*(shared.format(**_SPELLINGS[dialect]) for shared in statements), *own):
        op.execute(sqlalchemy.text(statement.replace(":", r"\:")))


def forward_only() -> NoReturn:
    """There is no way back: an older program would not know what to do with what a newer one wrote."""
    raise NotImplementedError("the schema of a store only goes forward; restore a backup instead")
