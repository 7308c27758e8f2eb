"""What has happened: the only things that change an account (docs/spec section 7).

Events carry everything :func:`pteri.domain.evolving.evolve` needs, instants included, so that the fold needs no clock.
Tags are never reused. A field that came later has a default that says what its absence meant, and is not written while
it has it: what was recorded before it reads and encodes as it always did.
"""

from __future__ import annotations

import msgspec

from pteri.core.guardians import Guardians
from pteri.core.ids import AccountId, Digest, RequestId, TenantId, Thumbprint
from pteri.core.wallets import PinnedWallet
from pteri.domain.decisions import Reason
from pteri.domain.line import LineEvent
from pteri.domain.signals import Signal

__all__ = [
    "AccountBound",
    "AccountContested",
    "AccountFrozen",
    "AccountUnfrozen",
    "ActHeld",
    "ActRefused",
    "BackupVerified",
    "ChannelsChanged",
    "ChannelsHeld",
    "ChannelsStopped",
    "ChannelsTookEffect",
    "ChipAnswered",
    "ChipTold",
    "CodesSetUp",
    "DeviceActivated",
    "DeviceRevoked",
    "DeviceSuspended",
    "Event",
    "FreezeEnded",
    "FrozenByLink",
    "LineAged",
    "LineObserved",
    "LineRebound",
    "MigrationApproved",
    "MigrationConfirmed",
    "MigrationExpired",
    "MoveAnnounced",
    "OfflineCodesPrepared",
    "ProtectionChanged",
    "ProtectionHeld",
    "ProtectionStopped",
    "ProtectionTookEffect",
    "RecoveryContested",
    "RecoveryDelayed",
    "RecoveryExpired",
    "RecoveryStarted",
    "RecoveryStopped",
    "RecoveryWithdrawn",
    "RotationStarted",
    "SignInApproved",
    "SignInLapsed",
    "SignedIn",
    "SignedInOffline",
    "SpokenFor",
    "SuspensionEnded",
    "SuspensionObjected",
    "WalletRotated",
]


class _Event(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True, omit_defaults=True):
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
    """A new phone claims the account; the hold runs until ``held_until``. A weaker open case ends with it.

    ``new_wallet``: what the account will be pinned to, ``None`` for the same wallet.
    """

    new_device: Thumbprint
    new_key: str
    approval: Digest
    evidence: tuple[str, ...]
    held_until: int
    expires_at: int
    new_wallet: PinnedWallet | None = None


class RotationStarted(_Event, frozen=True, tag=True):
    """A verified phone asks for another wallet; the hold runs until ``held_until``. A weaker open case ends with it."""

    device: Thumbprint
    approval: Digest
    evidence: tuple[str, ...]
    new_wallet: PinnedWallet
    held_until: int
    expires_at: int


class RecoveryStopped(_Event, frozen=True, tag=True):
    """A verified phone rejected a case of the wallet alone: the wallet alone opens no other for a while."""

    by: Thumbprint
    approval: Digest


class RecoveryDelayed(_Event, frozen=True, tag=True):
    """A verified phone objected to a case of guardians or officers, which waits ``delay_s`` longer. Once."""

    by: Thumbprint
    approval: Digest
    delay_s: int


class RecoveryContested(_Event, frozen=True, tag=True):
    """A verified phone objected to a case with another factor: nobody can say who is the owner. Both stop."""

    by: Thumbprint
    approval: Digest


class RecoveryWithdrawn(_Event, frozen=True, tag=True):
    """Who opened the case has taken it back."""

    by: Thumbprint
    approval: Digest


class WalletRotated(_Event, frozen=True, tag=True):
    """The account is pinned to another wallet; the old one counts for nothing, for ever. ``approval``: by what."""

    device: Thumbprint
    approval: Digest
    evidence: tuple[str, ...]
    wallet: PinnedWallet


class AccountFrozen(_Event, frozen=True, tag=True):
    """The wallet alone stopped the account until ``until``, and with it every weak case."""

    by: Thumbprint
    until: int


class FrozenByLink(_Event, frozen=True, tag=True):
    """Somebody who reads the mail of an address for warnings stopped the account, and with it every weak case.

    Nobody signed it: it takes away and gives nothing. ``link``: keyed hash of the link, ``rules``: by which it counted.
    """

    link: Digest
    rules: Digest
    until: int


class FreezeEnded(_Event, frozen=True, tag=True):
    """Time has ended a freeze. ``request`` is the one that began it; no authority moved."""


class AccountUnfrozen(_Event, frozen=True, tag=True):
    """Wallet, verified phone and recovery code together ended a freeze early."""

    by: Thumbprint


class AccountContested(_Event, frozen=True, tag=True):
    """A phone, a recovery code or an officer (``evidence``) stopped the account until guardians or officers speak."""

    by: Thumbprint
    evidence: tuple[str, ...]


class ProtectionChanged(_Event, frozen=True, tag=True):
    """These guardians and recovery codes count from now. ``code_keys``: public keys of the codes, base64url SEC1."""

    device: Thumbprint
    approval: Digest
    guardians: Guardians | None
    code_keys: tuple[str, ...]


class ProtectionHeld(_Event, frozen=True, tag=True):
    """The same, from ``held_until`` on, unless a verified phone objects."""

    device: Thumbprint
    approval: Digest
    guardians: Guardians | None
    code_keys: tuple[str, ...]
    held_until: int


class ProtectionTookEffect(_Event, frozen=True, tag=True):
    """Time has made a held change count. ``request`` is the one that asked for it."""


class ProtectionStopped(_Event, frozen=True, tag=True):
    """A verified phone objected to other guardians or codes: it stays as it was."""

    by: Thumbprint
    approval: Digest


class SpokenFor(_Event, frozen=True, tag=True):
    """A guardian (``G``) or officer (``A``) spoke for a claimant's phone, until ``until``. It grants nothing alone.

    ``by``: the guardian's address or the officer's name in the settings. ``wallet``, ``device_key``: who signed.
    """

    new_device: Thumbprint
    letter: str
    by: str
    wallet: PinnedWallet
    device: Thumbprint
    device_key: str
    until: int


class SuspensionObjected(_Event, frozen=True, tag=True):
    """A phone that another one removed objected in time: it is back, and the account stops until somebody is proved."""

    device: Thumbprint


class ChannelsChanged(_Event, frozen=True, tag=True):
    """Warnings go to these from now on, and to all that they went to before. ``channels``: salted digests."""

    device: Thumbprint
    approval: Digest
    channels: tuple[Digest, ...]


class ChannelsHeld(_Event, frozen=True, tag=True):
    """Warnings shall go to these only, from ``held_until`` on, unless a verified phone objects."""

    device: Thumbprint
    approval: Digest
    channels: tuple[Digest, ...]
    held_until: int


class ChannelsTookEffect(_Event, frozen=True, tag=True):
    """Time has made a held change of addresses count. ``request`` is the one that asked for it."""


class ChannelsStopped(_Event, frozen=True, tag=True):
    """A verified phone objected to other addresses for warnings: it stays as it was."""

    by: Thumbprint
    approval: Digest


class BackupVerified(_Event, frozen=True, tag=True):
    """A phone opened a backup and found its wallet in it. ``backup``: SHA-256 of the sealed file. It grants nothing."""

    device: Thumbprint
    backup: Digest


class RecoveryExpired(_Event, frozen=True, tag=True):
    """Nobody completed the case in time."""

    new_device: Thumbprint


class DeviceActivated(_Event, frozen=True, tag=True):
    """A phone became verified by its own signatures. ``revoked`` are the phones that went in the same moment.

    ``new_wallet``: what the account is pinned to from now, ``None`` for the same wallet.
    """

    device: Thumbprint
    approval: Digest
    revoked: tuple[Thumbprint, ...]
    probation_until: int
    new_wallet: PinnedWallet | None = None


class DeviceSuspended(_Event, frozen=True, tag=True):
    """Another phone removed this one: it can do nothing but object, and is revoked from ``revoke_at`` on.

    ``approval``: digest of the statement, by which the phone names it when it objects; empty before there was that.
    """

    device: Thumbprint
    by: Thumbprint
    revoke_at: int
    approval: Digest = Digest("")


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


class OfflineCodesPrepared(_Event, frozen=True, tag=True):
    """Wallet and phone signed the end of a chain of offline codes (:mod:`pteri.core.offline`)."""

    device: Thumbprint
    chain_end: Digest
    start: int
    step: int
    length: int


class SignedInOffline(_Event, frozen=True, tag=True):
    """A browser session was opened by an offline code. ``element`` proves it: it hashes to what was accepted before.

    ``rules``: digest of the rules by which it was permitted.
    """

    device: Thumbprint
    slot: int
    element: str
    rules: Digest


class LineObserved(_Event, frozen=True, tag=True):
    """What operators said changed what is known of the line; ``signals`` are the answers that did.

    ``answered_at``: when an operator had last answered at all. ``device`` and ``confirmed_at``: on which phone and when
    the line was seen alive, for ``CONFIRM``.
    ``cooling_until``: until when the change counts as a recent one, for ``EXPLAIN``.
    """

    happened: LineEvent
    signals: tuple[Signal, ...] = ()
    answered_at: int | None = None
    device: Thumbprint | None = None
    confirmed_at: int = 0
    cooling_until: int = 0


class LineAged(_Event, frozen=True, tag=True):
    """Time alone changed what is known of the line."""

    happened: LineEvent


class LineRebound(_Event, frozen=True, tag=True):
    """Wallet and phone said which line it is from now on. ``esim``: the commitment to it."""

    device: Thumbprint
    approval: Digest
    esim: Digest
    cooling_until: int


class MoveAnnounced(_Event, frozen=True, tag=True):
    """Wallet and phone said that the SIM will move to ``to_device`` before ``until``."""

    device: Thumbprint
    approval: Digest
    to_device: Thumbprint
    until: int


class ChipAnswered(_Event, frozen=True, tag=True):
    """An eSIM chip answered a challenge of ours, for a token that this phone had asked for.

    ``chip``: keyed hash of its number under the key named ``key``. What it signed is not kept.
    """

    device: Thumbprint
    chip: Digest
    key: str
    ci_key_id: str


class ChipTold(_Event, frozen=True, tag=True):
    """The chip signed that it did something with a profile. ``profile``: keyed hash of the profile's number."""

    chip: Digest
    profile: Digest
    operation: str
    sequence: int


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
    | AccountContested
    | AccountFrozen
    | AccountUnfrozen
    | BackupVerified
    | FreezeEnded
    | ProtectionChanged
    | ProtectionHeld
    | ProtectionStopped
    | ProtectionTookEffect
    | RecoveryContested
    | RecoveryDelayed
    | RecoveryStopped
    | RecoveryWithdrawn
    | RotationStarted
    | SpokenFor
    | SuspensionObjected
    | WalletRotated
    | OfflineCodesPrepared
    | SignedInOffline
    | ChannelsChanged
    | ChannelsHeld
    | ChannelsTookEffect
    | ChannelsStopped
    | FrozenByLink
    | LineObserved
    | LineAged
    | LineRebound
    | MoveAnnounced
    | ChipAnswered
    | ChipTold
)
