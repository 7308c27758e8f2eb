"""What operators say of a mobile line, one question at a time (docs/spec/operator.md).

A signal is evidence of level 1 or 2: it may confirm, age or contradict a binding, and it never grants anything. It
holds no identifier of a line, a chip or a person, so it may be recorded as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

__all__ = ["RECYCLED", "SEVERITY", "Finding", "Question", "Signal", "worst"]

_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_CODE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")

RECYCLED: Final = "RECYCLED"
"""The code of the one answer that says that a number is somebody else's. An unknown one may have moved away."""


class Question(StrEnum):
    """What an operator is asked."""

    SIM_SWAP = "SIM_SWAP"
    """Has the number got another profile (ICCID, IMSI) since the line was bound? Level 1."""
    DEVICE_SWAP = "DEVICE_SWAP"
    """Has the number got another phone (IMEI) since the line was bound? Level 1."""
    POSSESSION = "POSSESSION"
    """Does the phone that sent this token use this number at this moment? Level 2."""
    RECYCLING = "RECYCLING"
    """Has the number got another subscriber since the line was bound? Level 1."""


class Finding(StrEnum):
    """What the answer says of the binding."""

    CLEAR = "CLEAR"
    """No change in the whole time that was asked for. Of a level 1 question it confirms nothing: it clears nothing."""
    UNKNOWN = "UNKNOWN"
    """No answer, or none that says it: never counts as clear, never locks anybody out."""
    CHANGED = "CHANGED"
    """It changed after the line was bound, or the operator does not serve the number any more."""
    CONTRADICTED = "CONTRADICTED"
    """The answer is about another line or phone, or not authentic."""


SEVERITY: Final = (Finding.CLEAR, Finding.UNKNOWN, Finding.CHANGED, Finding.CONTRADICTED)
"""From best to worst."""


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of one operator, or its silence. Another form of ``operator`` or ``code`` is a ``ValueError``."""

    operator: str
    """Its name in the settings: 1 to 32 of a-z, 0-9 and ``-``."""
    question: Question
    finding: Finding
    code: str
    """Why, in one stable word: ``NO_SWAP``, ``SWAPPED``, ``TIMEOUT``; docs/spec/operator.md lists them all."""
    asked_at: int
    """Unix second of the question."""
    changed_at: int | None = None
    """When it changed, if the operator says when."""
    watched_s: int | None = None
    """How far back a "no" reaches, in seconds before ``asked_at``; ``None`` for every other answer."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.operator) <= 32 or not _NAME.issuperset(self.operator):
            raise ValueError("an operator's name is 1 to 32 of a-z, 0-9 and -")
        if not 1 <= len(self.code) <= 64 or not _CODE.issuperset(self.code):
            raise ValueError("a code is 1 to 64 of A-Z, 0-9 and _")


def worst(signals: Iterable[Signal]) -> Finding:
    """The worst finding among them; of none at all, ``UNKNOWN``. Neither order nor repetition matters."""
    return max((signal.finding for signal in signals), key=SEVERITY.index, default=Finding.UNKNOWN)
