"""What only time permits waits while nobody knows what time it is (abuse case RE-16; docs/spec section 9.5).

Every delay of this service ends at an instant that was written down when it began, and is compared with the clock. So
whoever sets the clock forward would end all of them at once. A step of the clock is seen, because it moves against a
counter of the machine that nobody can set; then what waits goes on waiting, and an operator is told. Signing in,
objecting, freezing and removing go on: none of them is given by time.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pteri.domain.decisions import Permit, Reason
from pteri.domain.events import (
    ChannelsTookEffect,
    FreezeEnded,
    MigrationExpired,
    ProtectionTookEffect,
    RecoveryExpired,
    SuspensionEnded,
)

if TYPE_CHECKING:
    from pteri.app.loops import Stop
    from pteri.app.ports import AccountChange, Clock
    from pteri.domain.records import RecordedEvent

__all__ = ["LOOK_EVERY_S", "MOST_S", "ClockNews", "is_halted", "jumped", "steady_time", "watch_clock"]

MOST_S: Final = 300
"""A step of more than this many seconds is no correction."""
LOOK_EVERY_S: Final = 10.0
_BY_TIME_ALONE: Final = (
    ChannelsTookEffect,
    FreezeEnded,
    MigrationExpired,
    ProtectionTookEffect,
    RecoveryExpired,
    SuspensionEnded,
)


class ClockNews(StrEnum):
    """What an operator hears of the clock."""

    JUMPED = "clock_jumped"
    STEADY = "clock_steady"


def jumped(clock: Clock) -> bool:
    """Whether the clock was set since this process began, by more than a correction, and not set back."""
    return abs(clock.stepped_s()) > MOST_S


def steady_time(clock: Clock, at: int) -> int:
    """What the clock would say, instead of ``at``, if nobody had set it; ``at`` while it is steady.

    For work after the commit: a reminder that is dropped, and a letter that is given up, do not come back when the
    clock is set right.
    """
    return at - clock.stepped_s() if jumped(clock) else at


def is_halted(clock: Clock, change: AccountChange | None) -> bool:
    """Whether this change must wait: time gives it, and the clock was set."""
    return change is not None and any(map(_is_given_by_time, change.events)) and jumped(clock)


def _is_given_by_time(recorded: RecordedEvent) -> bool:
    if isinstance(recorded.event, _BY_TIME_ALONE):
        return True
    decision = None if recorded.evidence is None else recorded.evidence.decision
    return isinstance(decision, Permit) and decision.reason is Reason.HOLD_OVER


async def watch_clock(clock: Clock, *, stop: Stop, tell: Callable[[ClockNews, int], None]) -> None:
    """Look now and then until ``stop``; ``tell`` hears of each change, with the seconds of the step."""
    was_steady = True
    while not stop.is_set():
        is_steady = not jumped(clock)
        if is_steady is not was_steady:
            tell(ClockNews.STEADY if is_steady else ClockNews.JUMPED, clock.stepped_s())
        was_steady = is_steady
        await stop.wait(LOOK_EVERY_S)
