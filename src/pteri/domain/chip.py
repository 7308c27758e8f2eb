"""The eSIM chip of an account: what it has signed, how far that is known, and nothing else (docs/spec section 8.9).

A chip's word is a signal. It opens nothing, shortens nothing and clears nothing: after a fraudulent swap the victim's
chip still says truthfully that all is well. It folds by its own counter, in whatever order its words arrive.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from pteri.core.euicc.notification import Operation
from pteri.core.ids import Digest, RequestId, Thumbprint
from pteri.domain.rules import Rules

__all__ = ["Chip", "KeptChip", "chip_level"]

_NEVER: Final = -1


class KeptChip(msgspec.Struct, frozen=True):
    """By which a chip's own message finds its account. ``chip``: keyed hash of its number."""

    tenant: str
    account: str
    chip: Digest


class Chip(msgspec.Struct, frozen=True):
    """``chip``: keyed hash of its number (EID) under the key named ``key``; ``ci_key_id``: who issued its certificate.

    ``answered_at``: when it last answered a challenge of ours, for the phone ``device``. ``sequence``: the last event
    of its own that counted, -1 for none, heard of at ``told_at``. ``profile``: keyed hash of the ICCID of which it
    spoke last, ``in_use`` since then or not.
    """

    chip: Digest
    key: str
    ci_key_id: str
    device: Thumbprint
    answered_at: int
    request: RequestId
    sequence: int = _NEVER
    told_at: int = 0
    profile: Digest | None = None
    in_use: bool = False

    def takes(self, sequence: int) -> bool:
        """Whether an event with this number is news: a lower one, or the same, never moves anything."""
        return sequence > self.sequence

    def after(self, operation: Operation, profile: Digest, sequence: int, at: int) -> Chip:
        """This chip after an event of its own. What it says of a profile that is not in use moves the counter only."""
        told = replace(self, sequence=sequence, told_at=at)
        match operation:
            case Operation.ENABLE:
                return replace(told, profile=profile, in_use=True)
            case Operation.INSTALL:
                return told if self.in_use else replace(told, profile=profile)
            case _:
                # Disabled or deleted.
                return replace(told, in_use=False) if profile == self.profile else told


def chip_level(chip: Chip | None, at: int, rules: Rules) -> int:
    """How well the chip is known now: 0, 3 by its events, 4 by its answer to us, 5 by both. Every level decays."""
    if chip is None:
        return 0
    answered = at < chip.answered_at + rules.line_confirmed_s
    told = chip.in_use and at < chip.told_at + rules.line_confirmed_s
    return (4 + told) if answered else 3 * told
