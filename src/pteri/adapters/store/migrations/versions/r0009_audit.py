"""How far the audit of all accounts has come, and the accounts that it halted.

* ``audit_state``: one row. ``version`` counts its changes; everything else is in the record.
* ``halted``: accounts that are not the fold of what was signed. Whoever changes an account looks here.
"""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only, run

revision: Final = "0009"
down_revision: Final = "0008"

_TABLES: Final = (
    """
    CREATE TABLE audit_state (
        name {text} NOT NULL PRIMARY KEY,
        version BIGINT NOT NULL,
        payload {text} NOT NULL
    )
    """,
    """
    CREATE TABLE halted (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        payload {text} NOT NULL,
        PRIMARY KEY (tenant, account)
    )
    """,
)


def upgrade() -> None:
    """Take this step."""
    run(*_TABLES)


downgrade = forward_only
