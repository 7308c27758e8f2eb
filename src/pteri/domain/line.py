"""The mobile line of an account: what is known of it, and how that changes (docs/spec section 7.6).

A line that changed without a word of the owner is ``SUSPECT``, and nothing that operators or chips say makes it better:
only wallet and verified phone do, by ``rebind-esim``. A change that the owner announced makes it ``PROBATION`` until
the line is seen on the phone that it was to move to (``MOVED``); after a while without news it is ``BOUND`` again. A
number that was given to somebody else is ``DETACHED``, for ever. ``STALE``: no operator has said anything for long.

A line takes nobody in. It only makes those wait longer who show the wallet alone, and tells relying parties how sure a
sign-in is.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec
from msgspec.structs import replace

from pteri.core.ids import Digest, RequestId, Thumbprint
from pteri.domain.signals import Finding, Question, Signal
from pteri.domain.tables import step

__all__ = [
    "FRESH_S",
    "LINE_TABLE",
    "MAX_EXPLAINED",
    "Explained",
    "Line",
    "LineEvent",
    "LineState",
    "Move",
    "happened_at",
    "is_fresh",
]

FRESH_S: Final = 300
"""How old an answer of an operator may be, in seconds, to say anything of now."""


MAX_EXPLAINED: Final = 24
"""Changes of one line in the days in which they are recent. One more is no move of a person."""


class LineState(StrEnum):
    """Where a line stands."""

    BOUND = "BOUND"
    PROBATION = "PROBATION"
    MOVED = "MOVED"
    STALE = "STALE"
    SUSPECT = "SUSPECT"
    DETACHED = "DETACHED"


class LineEvent(StrEnum):
    """What can happen to a line."""

    CHANGE = "CHANGE"
    """An operator tells of a change that nobody announced."""
    EXPLAIN = "EXPLAIN"
    """An operator tells of a change, and the owner had announced it."""
    CONFIRM = "CONFIRM"
    """The line was seen alive on a verified phone."""
    RECYCLE = "RECYCLE"
    """An operator gave the number to somebody else."""
    SILENCE = "SILENCE"
    """No operator has answered for long."""
    ANSWER = "ANSWER"
    """One answers again, and tells of no change."""
    REBIND = "REBIND"
    """Wallet and verified phone say which line it is from now on."""
    SETTLE = "SETTLE"
    """It was long enough without news."""
    RUN_OUT = "RUN_OUT"
    """The announced move was not seen to arrive in time."""


_S, _E = LineState, LineEvent
LINE_TABLE: Final = {
    (_S.BOUND, _E.CHANGE): _S.SUSPECT,
    (_S.BOUND, _E.EXPLAIN): _S.PROBATION,
    (_S.BOUND, _E.CONFIRM): _S.BOUND,
    (_S.BOUND, _E.RECYCLE): _S.DETACHED,
    (_S.BOUND, _E.SILENCE): _S.STALE,
    (_S.BOUND, _E.REBIND): _S.PROBATION,
    (_S.STALE, _E.CHANGE): _S.SUSPECT,
    (_S.STALE, _E.EXPLAIN): _S.PROBATION,
    (_S.STALE, _E.CONFIRM): _S.BOUND,
    (_S.STALE, _E.ANSWER): _S.BOUND,
    (_S.STALE, _E.RECYCLE): _S.DETACHED,
    (_S.STALE, _E.REBIND): _S.PROBATION,
    (_S.PROBATION, _E.CHANGE): _S.SUSPECT,
    (_S.PROBATION, _E.EXPLAIN): _S.PROBATION,
    (_S.PROBATION, _E.CONFIRM): _S.MOVED,
    (_S.PROBATION, _E.RECYCLE): _S.DETACHED,
    (_S.PROBATION, _E.REBIND): _S.PROBATION,
    (_S.PROBATION, _E.SETTLE): _S.BOUND,
    (_S.PROBATION, _E.RUN_OUT): _S.SUSPECT,
    (_S.MOVED, _E.CHANGE): _S.SUSPECT,
    (_S.MOVED, _E.EXPLAIN): _S.PROBATION,
    (_S.MOVED, _E.CONFIRM): _S.MOVED,
    (_S.MOVED, _E.RECYCLE): _S.DETACHED,
    (_S.MOVED, _E.REBIND): _S.PROBATION,
    (_S.MOVED, _E.SETTLE): _S.BOUND,
    # Seen alive is kept with its date, and clears nothing: after a fraudulent swap the thief is who passes.
    (_S.SUSPECT, _E.CONFIRM): _S.SUSPECT,
    (_S.SUSPECT, _E.RECYCLE): _S.DETACHED,
    (_S.SUSPECT, _E.REBIND): _S.PROBATION,
    (_S.DETACHED, _E.REBIND): _S.PROBATION,
}


class Explained(msgspec.Struct, frozen=True):
    """A change that is known and no alarm. ``changed_at``: when it happened, where the operator says so; ``at``: else.

    An answer without a date cannot be told from the same one a day later: while that is recent it is taken for it.
    """

    question: Question
    changed_at: int | None
    at: int

    def covers(self, signal: Signal) -> bool:
        """Whether this answer tells of it once more."""
        return (self.question, self.changed_at) == (signal.question, signal.changed_at)

    def is_like(self, signal: Signal) -> bool:
        """Whether it answers the same question as well or as badly."""
        return self.question is signal.question and (self.changed_at is None) is (signal.changed_at is None)


class Move(msgspec.Struct, frozen=True):
    """A move of the SIM that wallet and phone announced, by a statement of its own or by letting a phone in."""

    request: RequestId
    approval: Digest
    to_device: Thumbprint
    at: int
    until: int


class Line(msgspec.Struct, frozen=True):
    """A line as its account knows it, by its commitment only.

    ``since``: what operators tell of before it was known then. ``cooling_until``: until then a change is recent,
    which ``cooling_by`` made known. ``explained``: changes since then that are no alarm.

    ``confirmed_at`` and ``confirmed_on``: when and on which phone the line was last seen alive; 0 and ``None``: never.
    ``gone``: commitments to lines that were given to somebody else; none of them comes back.
    """

    state: LineState
    since: int
    cooling_until: int = 0
    cooling_by: RequestId = RequestId("")
    move: Move | None = None
    explained: tuple[Explained, ...] = ()
    confirmed_at: int = 0
    confirmed_on: Thumbprint | None = None
    gone: tuple[Digest, ...] = ()

    def after(self, event: LineEvent) -> Line:
        """This line one transition later."""
        return replace(self, state=step(LINE_TABLE, self.state, event))

    def takes(self, event: LineEvent) -> bool:
        """Whether this can happen to it now."""
        return (self.state, event) in LINE_TABLE

    def news(self, signals: Iterable[Signal]) -> tuple[Signal, ...]:
        """Those answers that tell of a change since the line was bound or rebound, which was not explained yet."""
        changed = (signal for signal in signals if signal.finding is Finding.CHANGED)
        recent = (signal for signal in changed if happened_at(signal) >= self.since)
        return tuple(signal for signal in recent if not any(known.covers(signal) for known in self.explained))

    def explained_by(self, move: Move, news: Iterable[Signal]) -> tuple[Explained, ...] | None:
        """What is explained with these by this move, or ``None``: some of them are another change.

        One change for each question: a second swap of the SIM in the same days is not the one that was announced.
        """
        explained = self.explained
        for signal in news:
            if any(known.covers(signal) for known in explained):
                continue
            again = any(known.is_like(signal) and known.at >= move.at for known in explained)
            if again or len(explained) >= MAX_EXPLAINED or not move.at <= happened_at(signal) < move.until:
                return None
            explained = (*explained, Explained(signal.question, signal.changed_at, happened_at(signal)))
        return tuple(sorted(explained, key=_in_order))


def _in_order(known: Explained) -> tuple[str, int, int]:
    return (known.question, -1 if known.changed_at is None else known.changed_at, known.at)


def happened_at(signal: Signal) -> int:
    """When the change happened of which this answer tells, as far as the operator says."""
    return signal.asked_at if signal.changed_at is None else signal.changed_at


def is_fresh(signal: Signal, at: int) -> bool:
    """Whether it says anything of Unix second ``at``."""
    return at - FRESH_S < signal.asked_at <= at
