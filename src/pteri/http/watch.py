"""One look at every connection of a server, again and again, in place of timers for each request.

Time is counted in looks: what waits longer than its limit is ended within two looks more.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

__all__ = ["Watch", "Watched"]


class Watched(Protocol):
    """A connection."""

    def look(self, now: int) -> None:
        """Go on, or end what has waited too long."""
        ...


class Watch:
    """Looks every ``every_s`` seconds while there is a connection, and not at all without one."""

    def __init__(self, every_s: float) -> None:
        self.now = 0
        """How many looks there were."""
        self._every_s = every_s
        self._watched: set[Watched] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def looks(self, seconds: float) -> int:
        """How many looks fit into a time."""
        return math.ceil(seconds / self._every_s)

    def add(self, connection: Watched, loop: asyncio.AbstractEventLoop) -> None:
        """Look at this connection from now on."""
        if loop is not self._loop:
            # another run of the server: what belonged to the first is gone with its loop
            self._loop, self._timer = loop, None
            self._watched.clear()
        self._watched.add(connection)
        if self._timer is None:
            self._timer = loop.call_later(self._every_s, self._look)

    def discard(self, connection: Watched) -> None:
        """It has ended."""
        self._watched.discard(connection)

    def _look(self) -> None:
        self._timer = None
        self.now += 1
        if self._watched and self._loop is not None:
            # first the next look: a bug in this one must not be the last
            self._timer = self._loop.call_later(self._every_s, self._look)
            for connection in tuple(self._watched):
                connection.look(self.now)
