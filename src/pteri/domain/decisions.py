"""The second kind of "no", and the "yes": values with a reason from a closed list (docs/spec section 8)."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

__all__ = ["Decision", "Hold", "Level", "Permit", "Reason", "Refuse", "permissiveness"]


class Reason(StrEnum):
    """Why policy decided as it did. Closed; a name is never reused."""

    BOTH_KEYS = "BOTH_KEYS"
    """Wallet and verified phone signed; the line does not speak against it."""
    LINE_NOT_CONFIRMED = "LINE_NOT_CONFIRMED"
    """Wallet and verified phone signed; nothing recent is known of the line, or it changed."""
    BACKUP_CHECK_DUE = "BACKUP_CHECK_DUE"
    """Wallet and verified phone signed; nobody has tried a backup of the wallet for long. The level says the rest."""
    HOLD_OVER = "HOLD_OVER"
    """The visible waiting time has passed and nobody objected."""

    SECURITY_DELAY = "SECURITY_DELAY"
    """A new phone waits, since nothing shows that both phones are in one place; so does the end of a removed one."""
    RECOVERY_HOLD = "RECOVERY_HOLD"
    """The wallet alone waits out the hold that every other phone can stop."""
    LINE_CHANGED_HOLD = "LINE_CHANGED_HOLD"
    """The same, longer, since the line changed lately."""
    EVIDENCE_HOLD = "EVIDENCE_HOLD"
    """More than the wallet was shown; the case waits for as long as this evidence takes."""
    PROTECTION_HOLD = "PROTECTION_HOLD"
    """Other guardians or codes wait, so that the owner can object."""
    CHANNELS_HOLD = "CHANNELS_HOLD"
    """Other addresses for warnings wait, and those of now go on hearing."""
    FROZEN = "FROZEN"
    """The account stops for a while."""
    CONTESTED = "CONTESTED"
    """The account stops until guardians or officers speak for somebody."""
    DELAYED = "DELAYED"
    """The objection was heard: the case waits longer, and is not stopped."""
    STOPPED = "STOPPED"
    """The objection was heard: what waited is over."""
    OFFLINE_CODE = "OFFLINE_CODE"
    """A code that a verified phone prepared: wallet and phone signed its chain, up to thirty days ago."""

    ACCOUNT_NOT_OPEN = "ACCOUNT_NOT_OPEN"
    ALREADY_BOUND = "ALREADY_BOUND"
    DEVICE_NOT_ACTIVE = "DEVICE_NOT_ACTIVE"
    DEVICE_ON_PROBATION = "DEVICE_ON_PROBATION"
    DEVICE_TOMBSTONED = "DEVICE_TOMBSTONED"
    STALE_EPOCH = "STALE_EPOCH"
    WRONG_LINE = "WRONG_LINE"
    MIGRATION_OPEN = "MIGRATION_OPEN"
    NOTHING_TO_ACCEPT = "NOTHING_TO_ACCEPT"
    WRONG_APPROVAL = "WRONG_APPROVAL"
    RECOVERY_OPEN = "RECOVERY_OPEN"
    RECOVERY_STOPPED = "RECOVERY_STOPPED"
    WEAK_EVIDENCE = "WEAK_EVIDENCE"
    NOT_OFFERED = "NOT_OFFERED"
    UNKNOWN_TARGET = "UNKNOWN_TARGET"
    LAST_DEVICE = "LAST_DEVICE"
    NEW_WALLET_NEEDED = "NEW_WALLET_NEEDED"
    WALLET_TOMBSTONED = "WALLET_TOMBSTONED"
    WRONG_WALLET = "WRONG_WALLET"
    WRONG_CODE_KEY = "WRONG_CODE_KEY"
    VETO_INSTEAD = "VETO_INSTEAD"
    NOTHING_TO_VETO = "NOTHING_TO_VETO"
    VETO_SPENT = "VETO_SPENT"
    FREEZES_SPENT = "FREEZES_SPENT"
    NOT_A_GUARDIAN = "NOT_A_GUARDIAN"
    NOT_AN_OFFICER = "NOT_AN_OFFICER"
    ALREADY_SPOKEN = "ALREADY_SPOKEN"
    CHANGE_WAITS = "CHANGE_WAITS"
    NO_LINE = "NO_LINE"
    LINE_GONE = "LINE_GONE"
    REBIND_INSTEAD = "REBIND_INSTEAD"


class Level(IntEnum):
    """How sure a permitted sign-in is: a relying party may ask for more than ``REDUCED``."""

    REDUCED = 1
    FULL = 2


class Permit(msgspec.Struct, frozen=True, tag="permit", tag_field="decision"):
    """Yes, now."""

    reason: Reason
    level: Level = Level.FULL


class Hold(msgspec.Struct, frozen=True, tag="hold", tag_field="decision"):
    """Yes, but not before ``until`` (Unix seconds)."""

    reason: Reason
    until: int


class Refuse(msgspec.Struct, frozen=True, tag="refuse", tag_field="decision"):
    """No."""

    reason: Reason


Decision = Permit | Hold | Refuse


def permissiveness(decision: Decision) -> tuple[int, int]:
    """An order on decisions: larger gives more. A longer hold gives less than a shorter one."""
    match decision:
        case Permit(level=level):
            return (2, level)
        case Hold(until=until):
            return (1, -until)
        case _:
            return (0, 0)
