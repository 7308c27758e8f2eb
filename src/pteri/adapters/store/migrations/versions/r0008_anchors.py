"""Anchors of the log in Litecoin, one row each, for ever.

``stage``: 0, it still has to come into a block; 1, it is in one; 2, for good; 3, it never will be. ``tree_size`` finds
the first anchor that has a leaf in it. Everything else is in the record.
"""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only, run

revision: Final = "0008"
down_revision: Final = "0007"

_TABLES: Final = (
    """
    CREATE TABLE anchors (
        log {text} NOT NULL,
        number BIGINT NOT NULL,
        version BIGINT NOT NULL,
        stage SMALLINT NOT NULL,
        tree_size BIGINT NOT NULL,
        payload {text} NOT NULL,
        PRIMARY KEY (log, number)
    )
    """,
    "CREATE INDEX anchors_by_stage ON anchors (log, stage, number)",
    "CREATE INDEX anchors_by_size ON anchors (log, tree_size, number)",
)


def upgrade() -> None:
    """Take this step."""
    run(*_TABLES)


downgrade = forward_only
