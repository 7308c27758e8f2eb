"""Which rules a decision looks at, found out by watching and not by a second list that could differ."""

from __future__ import annotations

from typing import cast

from pteri.domain.rules import Rules

__all__ = ["WatchedRules"]


class WatchedRules:
    """Rules that note which of them are read, in the order of reading."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._read: dict[str, None] = {}

    def __getattr__(self, name: str) -> int:
        value = getattr(self._rules, name)
        self._read[name] = None
        return cast("int", value)

    @property
    def read(self) -> tuple[str, ...]:
        """Names of the rules that were looked at so far."""
        return tuple(self._read)

    def as_rules(self) -> Rules:
        """For who expects rules and reads nothing but their values."""
        return cast("Rules", self)
