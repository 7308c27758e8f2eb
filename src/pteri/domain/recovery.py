"""A case: somebody asks for what only an owner may have, and waits out a visible hold (docs/spec section 7.5).

A ``RECOVER`` case brings in a new phone when the others are lost; a ``ROTATE`` case replaces the wallet on a phone that
is still there. One at a time in an account: a stronger one pre-empts a weaker one, and only that.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from pteri.core.ids import Digest, RequestId, Thumbprint
from pteri.core.wallets import PinnedWallet
from pteri.domain.tables import step

__all__ = ["RECOVERY_TABLE", "CaseKind", "Recovery", "RecoveryEvent", "RecoveryState"]


class CaseKind(StrEnum):
    """What the case is about."""

    RECOVER = "RECOVER"
    ROTATE = "ROTATE"


class RecoveryState(StrEnum):
    """Where a case stands."""

    OPEN = "OPEN"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    CONTESTED = "CONTESTED"
    PREEMPTED = "PREEMPTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


class RecoveryEvent(StrEnum):
    """What can happen to a case."""

    DELAY = "DELAY"
    COMPLETE = "COMPLETE"
    REJECT = "REJECT"
    CONTEST = "CONTEST"
    PREEMPT = "PREEMPT"
    WITHDRAW = "WITHDRAW"
    EXPIRE = "EXPIRE"


RECOVERY_TABLE: Final = {
    (RecoveryState.OPEN, RecoveryEvent.DELAY): RecoveryState.OPEN,
    (RecoveryState.OPEN, RecoveryEvent.COMPLETE): RecoveryState.COMPLETED,
    (RecoveryState.OPEN, RecoveryEvent.REJECT): RecoveryState.REJECTED,
    (RecoveryState.OPEN, RecoveryEvent.CONTEST): RecoveryState.CONTESTED,
    (RecoveryState.OPEN, RecoveryEvent.PREEMPT): RecoveryState.PREEMPTED,
    (RecoveryState.OPEN, RecoveryEvent.WITHDRAW): RecoveryState.WITHDRAWN,
    (RecoveryState.OPEN, RecoveryEvent.EXPIRE): RecoveryState.EXPIRED,
}


class Recovery(msgspec.Struct, frozen=True):
    """``approval`` is the digest of the signed statement that opened it; it may complete from ``held_until`` on.

    ``new_device``: the phone it is for; in a ``ROTATE`` case a verified one. ``new_wallet``: what the account is pinned
    to afterwards, ``None`` for the same as before. ``delayed``: a verified phone has objected to strong evidence, which
    can be done once. ``ended_at`` is when the case left ``OPEN``, 0 before that.
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
    kind: CaseKind = CaseKind.RECOVER
    new_wallet: PinnedWallet | None = None
    delayed: bool = False

    def after(self, event: RecoveryEvent, at: int) -> Recovery:
        """This case one transition later: every one but a delay ends it."""
        state = step(RECOVERY_TABLE, self.state, event)
        ended_at = self.ended_at if state is RecoveryState.OPEN else at
        return msgspec.structs.replace(self, state=state, ended_at=ended_at)

    def delayed_by(self, seconds: int, at: int) -> Recovery:
        """This case, held for so much longer."""
        after = self.after(RecoveryEvent.DELAY, at)
        return msgspec.structs.replace(
            after, held_until=self.held_until + seconds, expires_at=self.expires_at + seconds, delayed=True
        )

    def is_open(self, at: int) -> bool:
        """Whether the case can still complete."""
        return self.state is RecoveryState.OPEN and at < self.expires_at

    def stopped_since(self, at: int) -> bool:
        """Whether a verified phone ended it after ``at``."""
        return self.state is RecoveryState.REJECTED and self.ended_at > at
