"""A short-range radio, simulated: phones that share a directory hear each other, and nobody else does.

Marked as simulated, because it is: what makes a beacon worth hearing is that it cannot come from far away, and a
directory says nothing of the kind. It stands for the radio of a phone in tests and in plays on one computer.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from pteri import durable

__all__ = ["SimulatedBeacon"]

_NAME: Final = re.compile(r"[0-9a-f]{32}")


class SimulatedBeacon:
    """One phone's simulated radio. Every phone that is given the same ``air`` is nearby."""

    def __init__(self, air: Path) -> None:
        self._air = air
        self._said: Path | None = None

    def announce(self, beacon: bytes) -> None:
        """Say these 16 bytes from now on, in place of what was said before."""
        if self._said is not None:
            durable.remove(self._said)
        self._said = self._air / beacon.hex()
        durable.replace(self._said, b"")

    def hear(self) -> frozenset[bytes] | None:
        """What phones nearby say now; None where the air does not exist: a phone without a radio."""
        if not self._air.is_dir():
            return None
        return frozenset(bytes.fromhex(path.name) for path in self._air.iterdir() if _NAME.fullmatch(path.name))
