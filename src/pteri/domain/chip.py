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

__all__ = ["Chip", "Ended", "KeptChip", "chip_level"]

_NEVER: Final = -1
_MAX_PROFILES: Final = 16
"""More than any chip holds; the oldest ends are forgotten."""


class KeptChip(msgspec.Struct, frozen=True):
    """By which a chip's own message finds its account. ``chip``: keyed hash of its number."""

    tenant: str
    account: str
    chip: Digest


class Ended(msgspec.Struct, frozen=True, order=True):
    """The last time that a profile was disabled or deleted, by the chip's counter."""

    sequence: int
    profile: Digest


class Chip(msgspec.Struct, frozen=True):
    """``chip``: keyed hash of its number (EID) under the key named ``key``; ``ci_key_id``: who issued its certificate.

    ``answered_at``: when it last answered a challenge of ours, for the phone ``device``. ``told_at``: when it was last
    heard of something new. ``profile``: keyed hash of the ICCID that it enabled last, as its event ``enabled``; -1 for
    none. ``ended``: what it has disabled or deleted. Each is the greatest of its kind, so order does not matter.
    """

    chip: Digest
    key: str
    ci_key_id: str
    device: Thumbprint
    answered_at: int
    request: RequestId
    told_at: int = 0
    enabled: int = _NEVER
    profile: Digest | None = None
    ended: tuple[Ended, ...] = ()

    @property
    def in_use(self) -> bool:
        """Whether the profile that it enabled last is enabled still, as far as it has said."""
        return self.profile is not None and self._ended_at(self.profile) < self.enabled

    def takes(self, operation: Operation, profile: Digest, sequence: int) -> bool:
        """Whether this is news: a lower number, or the same one, never moves anything; an installation never does."""
        match operation:
            case Operation.ENABLE:
                return sequence > self.enabled
            case Operation.INSTALL:
                return False
            case _:
                return sequence > self._ended_at(profile)

    def after(self, operation: Operation, profile: Digest, sequence: int, at: int) -> Chip:
        """This chip after news of its own."""
        if operation is Operation.ENABLE:
            return replace(self, told_at=at, enabled=sequence, profile=profile)
        others = [known for known in self.ended if known.profile != profile]
        ended = sorted([*others, Ended(sequence, profile)])[-_MAX_PROFILES:]
        return replace(self, told_at=at, ended=tuple(ended))

    def _ended_at(self, profile: Digest) -> int:
        return max((known.sequence for known in self.ended if known.profile == profile), default=_NEVER)


def chip_level(chip: Chip | None, at: int, rules: Rules) -> int:
    """How well the chip is known now: 0, 3 by its events, 4 by its answer to us, 5 by both. Every level decays."""
    if chip is None:
        return 0
    answered = at < chip.answered_at + rules.line_confirmed_s
    told = chip.in_use and at < chip.told_at + rules.line_confirmed_s
    return (4 + told) if answered else 3 * told
