"""What has happened: the only things that change an account (docs/spec section 7).

Events carry everything :func:`pteri.domain.account.evolve` needs, instants included, so that the fold needs no clock.
Tags are never reused; a new field is a new event.
"""

from __future__ import annotations

import msgspec

from pteri.core.ids import AccountId, Digest, RequestId, TenantId, Thumbprint
from pteri.core.wallets import PinnedWallet
from pteri.domain.decisions import Reason

__all__ = [
    "AccountBound",
    "ActHeld",
    "ActRefused",
    "CodesSetUp",
    "DeviceActivated",
    "DeviceRevoked",
    "DeviceSuspended",
    "Event",
    "MigrationApproved",
    "MigrationConfirmed",
    "MigrationExpired",
    "RecoveryExpired",
    "RecoveryStarted",
    "SignInApproved",
    "SignInLapsed",
    "SignedIn",
    "SuspensionEnded",
]


class _Event(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True):
    """``at``: Unix second of the decision. ``request``: the challenge that led here."""

    at: int
    request: RequestId

    @property
    def name(self) -> str:
        """Tag of this event."""
        return str(self.__struct_config__.tag)


class AccountBound(_Event, frozen=True, tag=True):
    """A Web2 account, a wallet, a line and a first phone belong together. ``login`` is a keyed hash of the e-mail."""

    account: AccountId
    tenant: TenantId
    login: Digest
    wallet: PinnedWallet
    esim: Digest | None
    recovery: Digest
    device: Thumbprint
    device_key: str


class SignedIn(_Event, frozen=True, tag=True):
    """A phone approved the sign-in, and the code was typed into the right browser session."""

    device: Thumbprint


class SignInApproved(_Event, frozen=True, tag=True):
    """A phone approved a sign-in. Only the first release recorded it, before the code came: nothing makes one now.

    It has no evidence of its own: the ``SignedIn`` of the same request brings it, where the code was typed.
    """

    device: Thumbprint


class SignInLapsed(_Event, frozen=True, tag=True):
    """A phone approved the sign-in, and the code never came, or wrong too often."""

    device: Thumbprint


class MigrationApproved(_Event, frozen=True, tag=True):
    """The old phone let a new one in; it is pending until it accepts. Without its code it expires at ``expires_at``."""

    by: Thumbprint
    new_device: Thumbprint
    new_key: str
    approval: Digest
    revoke_old: bool
    held_until: int
    expires_at: int


class MigrationConfirmed(_Event, frozen=True, tag=True):
    """The code of the approval was typed on the new phone, which may accept until ``expires_at``."""

    new_device: Thumbprint
    expires_at: int


class MigrationExpired(_Event, frozen=True, tag=True):
    """The new phone did not show the code or accept in time, or three codes were wrong."""

    new_device: Thumbprint


class RecoveryStarted(_Event, frozen=True, tag=True):
    """A new phone claims the account; the hold runs until ``held_until``."""

    new_device: Thumbprint
    new_key: str
    approval: Digest
    evidence: tuple[str, ...]
    held_until: int
    expires_at: int


class RecoveryExpired(_Event, frozen=True, tag=True):
    """Nobody completed the case in time."""

    new_device: Thumbprint


class DeviceActivated(_Event, frozen=True, tag=True):
    """A phone became verified by its own signatures. ``revoked`` are the phones that went in the same moment."""

    device: Thumbprint
    approval: Digest
    revoked: tuple[Thumbprint, ...]
    probation_until: int


class DeviceSuspended(_Event, frozen=True, tag=True):
    """Another phone removed this one: it can do nothing from now, and is revoked from ``revoke_at`` on."""

    device: Thumbprint
    by: Thumbprint
    revoke_at: int


class DeviceRevoked(_Event, frozen=True, tag=True):
    """A phone is gone for ever."""

    device: Thumbprint
    by: Thumbprint


class SuspensionEnded(_Event, frozen=True, tag=True):
    """Time has made a suspended phone a revoked one. ``request`` is the one that suspended it; no authority moved."""

    device: Thumbprint


class CodesSetUp(_Event, frozen=True, tag=True):
    """A phone showed that it and the server derive the same codes. It grants nothing."""

    device: Thumbprint


class ActRefused(_Event, frozen=True, tag=True):
    """Both signatures were right and policy said no."""

    purpose: str
    device: Thumbprint
    reason: Reason


class ActHeld(_Event, frozen=True, tag=True):
    """Both signatures were right and policy said not yet."""

    purpose: str
    device: Thumbprint
    reason: Reason
    until: int


Event = (
    AccountBound
    | SignedIn
    | SignInApproved
    | SignInLapsed
    | MigrationApproved
    | MigrationConfirmed
    | MigrationExpired
    | RecoveryStarted
    | RecoveryExpired
    | DeviceActivated
    | DeviceSuspended
    | DeviceRevoked
    | SuspensionEnded
    | CodesSetUp
    | ActRefused
    | ActHeld
)
