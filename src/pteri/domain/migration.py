"""A migration from an old phone to a new one: one open at a time in an account.

``HELD`` is an approved migration inside its security delay. Whether the delay is over is a question of policy at the
moment the new phone accepts; the table only says what may follow what. ``CONFIRM`` moves no state: it says that the
code which the old phone showed was typed on the new one, so both are in the same hands.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from pteri.core.ids import Digest, RequestId, Thumbprint
from pteri.domain.tables import step

__all__ = ["MIGRATION_TABLE", "OPEN_MIGRATIONS", "Migration", "MigrationEvent", "MigrationState"]


class MigrationState(StrEnum):
    """Where a migration stands."""

    OFFERED = "OFFERED"
    APPROVED = "APPROVED"
    HELD = "HELD"
    COMPLETED = "COMPLETED"
    EXPIRED = "EXPIRED"
    VETOED = "VETOED"


class MigrationEvent(StrEnum):
    """What can happen to a migration."""

    APPROVE = "APPROVE"
    HOLD = "HOLD"
    CONFIRM = "CONFIRM"
    COMPLETE = "COMPLETE"
    EXPIRE = "EXPIRE"
    VETO = "VETO"


MIGRATION_TABLE: Final = {
    (MigrationState.OFFERED, MigrationEvent.APPROVE): MigrationState.APPROVED,
    (MigrationState.OFFERED, MigrationEvent.HOLD): MigrationState.HELD,
    (MigrationState.APPROVED, MigrationEvent.CONFIRM): MigrationState.APPROVED,
    (MigrationState.APPROVED, MigrationEvent.COMPLETE): MigrationState.COMPLETED,
    (MigrationState.APPROVED, MigrationEvent.EXPIRE): MigrationState.EXPIRED,
    (MigrationState.APPROVED, MigrationEvent.VETO): MigrationState.VETOED,
    (MigrationState.HELD, MigrationEvent.CONFIRM): MigrationState.HELD,
    (MigrationState.HELD, MigrationEvent.COMPLETE): MigrationState.COMPLETED,
    (MigrationState.HELD, MigrationEvent.EXPIRE): MigrationState.EXPIRED,
    (MigrationState.HELD, MigrationEvent.VETO): MigrationState.VETOED,
}

OPEN_MIGRATIONS: Final = frozenset({MigrationState.APPROVED, MigrationState.HELD})


class Migration(msgspec.Struct, frozen=True):
    """``approval`` is the digest of the signed ``migrate`` statement.

    Until it is ``confirmed``, ``expires_at`` is the end of its code; after that, the end of the time to accept.
    """

    request: RequestId
    state: MigrationState
    old_device: Thumbprint
    new_device: Thumbprint
    approval: Digest
    revoke_old: bool
    held_until: int
    expires_at: int
    confirmed: bool = False

    def after(self, event: MigrationEvent) -> Migration:
        """This migration one transition later."""
        return msgspec.structs.replace(self, state=step(MIGRATION_TABLE, self.state, event))

    def confirmed_until(self, expires_at: int) -> Migration:
        """This migration with its code typed on the new phone, which may accept until ``expires_at``."""
        confirmed = self.after(MigrationEvent.CONFIRM)
        return msgspec.structs.replace(confirmed, confirmed=True, expires_at=expires_at)

    def is_open(self, at: int) -> bool:
        """Whether the new phone can still accept."""
        return self.state in OPEN_MIGRATIONS and at < self.expires_at
