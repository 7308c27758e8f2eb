"""The tree over the log: what is published of each event, and where the tree goes on growing.

* ``log_state``: one row. How large the tree is, its right edge, what was signed of it last, and which event is next.
* ``leaves``: every leaf in its place, and of which event it is. A leaf of the log's own has no event.
* ``log_nodes``: hashes of complete subtrees of 256 leaves, of 65,536, and so on; ``level`` counts in tiles.
* ``answers.on_log``: whether an answer tells of a change of authority, and waits until the log has it.
* ``log_accounts``: where the chain of an account goes on, its number, and the secret that hides whose that is.
"""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only, run

revision: Final = "0007"
down_revision: Final = "0006"

_TABLES: Final = (
    """
    CREATE TABLE log_state (
        name {text} NOT NULL PRIMARY KEY,
        version BIGINT NOT NULL,
        size BIGINT NOT NULL,
        next_position BIGINT NOT NULL,
        peaks {bytes} NOT NULL,
        checkpoint TEXT NOT NULL,
        witnessed_size BIGINT NOT NULL,
        witnessed TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE leaves (
        place BIGINT NOT NULL PRIMARY KEY,
        leaf {bytes} NOT NULL,
        tenant {text},
        account {text},
        seq BIGINT,
        UNIQUE (tenant, account, seq)
    )
    """,
    # The few that are of the log's own.
    "CREATE INDEX leaves_of_the_log ON leaves (place) WHERE tenant IS NULL",
    """
    CREATE TABLE log_nodes (
        level BIGINT NOT NULL,
        place BIGINT NOT NULL,
        hash {bytes} NOT NULL,
        PRIMARY KEY (level, place)
    ) {narrow}
    """,
    # Without its secret an account is nobody's: the leaves stay, and nothing says whose they are.
    """
    CREATE TABLE log_accounts (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        hidden_as {bytes} NOT NULL,
        secret {bytes},
        seq BIGINT NOT NULL,
        last {bytes} NOT NULL,
        epoch BIGINT NOT NULL,
        PRIMARY KEY (tenant, account)
    ) {narrow}
    """,
    "ALTER TABLE answers ADD COLUMN on_log SMALLINT NOT NULL DEFAULT 0",
)


def upgrade() -> None:
    """Take this step."""
    run(*_TABLES)


downgrade = forward_only
