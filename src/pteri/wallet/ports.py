"""What the wallet asks of the world. Any object of this shape will do; nothing inherits."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Clock", "Entropy"]


class Clock(Protocol):
    """Where the wallet learns the time."""

    def now(self) -> int:
        """Unix seconds, UTC."""
        ...


class Entropy(Protocol):
    """Where the wallet gets randomness."""

    def draw(self, size: int) -> bytes:
        """``size`` bytes nobody can predict."""
        ...
