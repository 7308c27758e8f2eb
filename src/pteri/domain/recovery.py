"""A recovery case: a new phone claims the account and waits out a visible hold. One open at a time.

In this version the evidence is the wallet alone, and every verified phone can end the case by removing the pending
phone; after that the wallet alone opens no other one for a while, or a thief could try until nobody looks. Stronger
evidence, veto and tie-break have their place in this table when they come.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from pteri.core.ids import Digest, RequestId, Thumbprint
from pteri.domain.tables import step

__all__ = ["RECOVERY_TABLE", "Recovery", "RecoveryEvent", "RecoveryState"]


class RecoveryState(StrEnum):
    """Where a case stands."""

    OPEN = "OPEN"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class RecoveryEvent(StrEnum):
    """What can happen to a case."""

    COMPLETE = "COMPLETE"
    REJECT = "REJECT"
    EXPIRE = "EXPIRE"


RECOVERY_TABLE: Final = {
    (RecoveryState.OPEN, RecoveryEvent.COMPLETE): RecoveryState.COMPLETED,
    (RecoveryState.OPEN, RecoveryEvent.REJECT): RecoveryState.REJECTED,
    (RecoveryState.OPEN, RecoveryEvent.EXPIRE): RecoveryState.EXPIRED,
}


class Recovery(msgspec.Struct, frozen=True):
    """``approval`` is the digest of the signed ``recover`` statement; the new phone may accept from ``held_until``.

    ``ended_at`` is when the case left ``OPEN``, 0 before that.
    """

    request: RequestId
    state: RecoveryState
    new_device: Thumbprint
    approval: Digest
    evidence: tuple[str, ...]
    opened_at: int
    held_until: int
    expires_at: int
    ended_at: int = 0

    def after(self, event: RecoveryEvent, at: int) -> Recovery:
        """This case one transition later: every one ends it."""
        return msgspec.structs.replace(self, state=step(RECOVERY_TABLE, self.state, event), ended_at=at)

    def is_open(self, at: int) -> bool:
        """Whether the case can still complete."""
        return self.state is RecoveryState.OPEN and at < self.expires_at

    def stopped_since(self, at: int) -> bool:
        """Whether a verified phone ended it after ``at``."""
        return self.state is RecoveryState.REJECTED and self.ended_at > at
