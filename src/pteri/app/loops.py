"""Pull loops after the commit: each takes its turn again and again until it is told to stop (law 5).

Any number of processes run them. A lease in the database lets one at a time do the work of a loop; when that process
dies, another finds the lease free ten seconds later. Only economy hangs on it: two at once would do nothing twice,
since the work is whatever the database says is left to do. A process killed on any line loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from pteri.app.ports import Clock, Store, StoreUnavailable

__all__ = ["LEASE_S", "Loop", "News", "Stop", "Stopping", "pull"]

LEASE_S: Final = 10
"""How long a lease lasts. It is renewed when a third of it has gone."""
_STANDBY_S: Final = LEASE_S / 4
_RENEW_S: Final = LEASE_S // 3
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Loop:
    """Work that is never done. ``turn`` is one bounded piece of it, and says whether more is left."""

    name: str
    turn: Callable[[], Awaitable[bool]]
    idle_s: float
    """Pause when nothing is left."""
    busy_s: float
    """Pause when more is left: requests of this process come first."""


class News(StrEnum):
    """What an operator hears of a loop: once when it must wait, once when it goes on."""

    WAITS = "loop_waits"
    GOES_ON = "loop_goes_on"


class Stop(Protocol):
    """The wish of whoever started a loop that it end."""

    def is_set(self) -> bool:
        """Whether it should end now."""
        ...

    async def wait(self, seconds: float) -> None:
        """Return after so many seconds, or at once when it should end."""
        ...


class Stopping:
    """A ``Stop`` for this event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """End the loops after the turn that each is in."""
        self._event.set()

    def is_set(self) -> bool:
        """As promised."""
        return self._event.is_set()

    async def wait(self, seconds: float) -> None:
        """As promised."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), timeout=seconds)


class _Lease:
    """The lease of one loop as this process knows it."""

    def __init__(self, store: Store, clock: Clock, name: str, holder: str) -> None:
        self._store, self._clock = store, clock
        self._name, self._holder = name, holder
        self._taken_at: int | None = None

    async def is_ours(self) -> bool:
        """Ask the database when it is time to: the lease is new, getting old, or this clock was set back."""
        at = self._clock.now()
        if self._taken_at is not None and 0 <= at - self._taken_at < _RENEW_S:
            return True
        # Forgotten first: if the database fails now, nothing is known of the lease.
        self._taken_at = None
        if not await self._store.lease(self._name, self._holder, at=at, until=at + LEASE_S):
            return False
        self._taken_at = at
        return True

    async def give_back(self) -> None:
        """So that another process need not wait for its end."""
        if self._taken_at is not None:
            self._taken_at = None
            with suppress(StoreUnavailable):
                await self._store.release(self._name, self._holder)


async def pull(
    loop: Loop, *, store: Store, clock: Clock, holder: str, stop: Stop, tell: Callable[[News], None]
) -> None:
    """Take turns until ``stop``. While the database fails the pauses grow, and ``tell`` hears of it once.

    ``holder`` is a name that no other process has.
    """
    lease = _Lease(store, clock, loop.name, holder)
    failures = 0
    while not stop.is_set():
        try:
            pause_s = await _pause_after_turn(loop, lease)
        except StoreUnavailable:
            # Another process may be able to: one whose settings have the key that the log has now.
            await lease.give_back()
            if failures == 0:
                tell(News.WAITS)
            pause_s = min(_FIRST_PAUSE_S * 2.0**failures, _LONGEST_PAUSE_S)
            failures = min(failures + 1, 10)
        else:
            if failures:
                tell(News.GOES_ON)
            failures = 0
        await stop.wait(pause_s)
    await lease.give_back()


async def _pause_after_turn(loop: Loop, lease: _Lease) -> float:
    if not await lease.is_ours():
        return _STANDBY_S
    return loop.busy_s if await loop.turn() else loop.idle_s
