"""What a store says no to, beside the outcomes of its port."""

from __future__ import annotations

__all__ = ["InconsistentChangeset", "StoreRefused"]


class StoreRefused(Exception):
    """This file is not a store that this program may open. The message is for the person who starts it."""


class InconsistentChangeset(RuntimeError):
    """We are wrong: a changeset contradicts itself. Nobody catches this, and nothing of its batch is committed."""
