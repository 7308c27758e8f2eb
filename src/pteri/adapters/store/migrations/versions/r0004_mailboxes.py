"""Mailboxes: what two phones leave each other for ten minutes. They belong to no account and are no part of history."""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only, run

revision: Final = "0004"
down_revision: Final = "0003"

_MAILBOXES: Final = """
    CREATE TABLE mailboxes (
        tenant {text} NOT NULL,
        id {text} NOT NULL,
        version BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        payload TEXT,
        PRIMARY KEY (tenant, id)
    )
    """
_BY_END: Final = "CREATE INDEX mailboxes_by_end ON mailboxes (expires_at)"


def upgrade() -> None:
    """Take this step."""
    run(_MAILBOXES, _BY_END)


downgrade = forward_only
