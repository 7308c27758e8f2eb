"""What the wallet asks of the world. Any object of this shape will do; nothing inherits."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

__all__ = ["Beacon", "Clock", "Entropy"]


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


class Beacon(Protocol):
    """A short-range radio: what it carries comes from next to this phone."""

    def announce(self, beacon: bytes) -> None:
        """Say these 16 bytes from now on, in place of what was said before."""
        ...

    def hear(self) -> Collection[bytes] | None:
        """What phones nearby say now; None where there is no radio to hear with."""
        ...
