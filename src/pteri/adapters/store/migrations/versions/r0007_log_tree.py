"""A place for the tree of the log, which another change fills: nothing here."""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only

revision: Final = "0007"
down_revision: Final = "0006"


def upgrade() -> None:
    """Take this step."""


downgrade = forward_only
