"""Leases: who does a job that one process at a time should do, for a short time."""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only, run

revision: Final = "0002"
down_revision: Final = "0001"

_LEASES: Final = """
    CREATE TABLE leases (
        name {text} NOT NULL PRIMARY KEY,
        holder {text} NOT NULL,
        until BIGINT NOT NULL
    )
    """

_LEGACY_NUMBER: Final = ("INSERT INTO schema_versions (version) VALUES (2)",)
"""So that a program of the first release refuses this file in its own words."""


def upgrade() -> None:
    """Take this step."""
    run(_LEASES, sqlite=_LEGACY_NUMBER)


downgrade = forward_only
