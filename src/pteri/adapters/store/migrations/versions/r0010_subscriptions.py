"""Subscriptions to the events of lines, one row for each account and operator.

``esim``: the line that it is about. ``due_at``: when there is something to do. Its name and its end are in the record;
no number is, and no token.
"""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only, run

revision: Final = "0010"
down_revision: Final = "0009"

_TABLES: Final = (
    """
    CREATE TABLE subscriptions (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        operator {text} NOT NULL,
        version BIGINT NOT NULL,
        esim {text} NOT NULL,
        due_at BIGINT NOT NULL,
        payload {text} NOT NULL,
        PRIMARY KEY (tenant, account, operator)
    )
    """,
    "CREATE INDEX subscriptions_by_due ON subscriptions (due_at, tenant, account, operator)",
)


def upgrade() -> None:
    """Take this step."""
    run(*_TABLES)


downgrade = forward_only
