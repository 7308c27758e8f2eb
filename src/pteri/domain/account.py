"""An account: everything the server knows of it. Only :func:`pteri.domain.evolving.evolve` changes one."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Final

import msgspec

from pteri.core.guardians import Guardians
from pteri.core.ids import AccountId, Digest, RequestId, TenantId, Thumbprint
from pteri.core.offline import ChainTerms, SpentElement
from pteri.core.wallets import PinnedWallet
from pteri.domain.chip import Chip
from pteri.domain.device import Device, DeviceState
from pteri.domain.line import Line, LineState
from pteri.domain.migration import Migration
from pteri.domain.recovery import Recovery
from pteri.domain.tables import IllegalTransition, step

__all__ = [
    "ACCOUNT_TABLE",
    "Account",
    "AccountEvent",
    "AccountState",
    "ChannelChange",
    "OfflineChain",
    "Protection",
    "Voucher",
]


class AccountState(StrEnum):
    """Where an account stands. Signing in needs ``OPEN``."""

    OPEN = "OPEN"
    FROZEN = "FROZEN"
    CONTESTED = "CONTESTED"


class AccountEvent(StrEnum):
    """What can happen to an account as a whole."""

    FREEZE = "FREEZE"
    THAW = "THAW"
    CONTEST = "CONTEST"
    RESOLVE = "RESOLVE"


ACCOUNT_TABLE: Final = {
    (AccountState.OPEN, AccountEvent.FREEZE): AccountState.FROZEN,
    (AccountState.OPEN, AccountEvent.CONTEST): AccountState.CONTESTED,
    (AccountState.OPEN, AccountEvent.RESOLVE): AccountState.OPEN,
    (AccountState.FROZEN, AccountEvent.THAW): AccountState.OPEN,
    (AccountState.FROZEN, AccountEvent.CONTEST): AccountState.CONTESTED,
    (AccountState.FROZEN, AccountEvent.RESOLVE): AccountState.OPEN,
    (AccountState.CONTESTED, AccountEvent.CONTEST): AccountState.CONTESTED,
    (AccountState.CONTESTED, AccountEvent.RESOLVE): AccountState.OPEN,
}


class Voucher(msgspec.Struct, frozen=True):
    """The word of guardian (``G``) or officer (``A``) ``by`` for a claimant's phone, good until ``until``."""

    new_device: Thumbprint
    letter: str
    by: str
    until: int


class Protection(msgspec.Struct, frozen=True):
    """Other guardians and recovery codes that wait until ``held_until``."""

    request: RequestId
    approval: Digest
    by: Thumbprint
    guardians: Guardians | None
    code_keys: tuple[str, ...]
    held_until: int


class OfflineChain(msgspec.Struct, frozen=True):
    """The offline codes of one phone. ``end``: what wallet and phone signed in ``request``; ``spent``: the last one."""

    request: RequestId
    terms: ChainTerms
    end: Digest
    spent: SpentElement | None = None


class ChannelChange(msgspec.Struct, frozen=True):
    """Other addresses for warnings that wait until ``held_until``."""

    request: RequestId
    approval: Digest
    by: Thumbprint
    channels: tuple[Digest, ...]
    held_until: int


class Account(msgspec.Struct, frozen=True):
    """Everything the server knows of an account. ``version`` counts its events; ``epoch`` its authority changes.

    ``login`` and ``esim`` are a keyed hash and a salted commitment: neither e-mail nor line can be read here.
    ``code_keys``: public keys of its recovery codes, base64url SEC1. ``old_wallets`` count for nothing, for ever.
    ``freezes``: the last few times that the wallet alone, or a link, froze it. ``stopped_at``: when a phone last
    rejected a case of the wallet alone. ``pinned_at``: when the present wallet came, 0 for the first one;
    ``backup_verified_at``: when a backup of it last opened. ``channels``: salted digests of the addresses that warnings
    go to. ``line``: what is known of the line; see :attr:`mobile_line`. ``chip``: of its eSIM chip.
    """

    id: AccountId
    tenant: TenantId
    state: AccountState
    version: int
    epoch: int
    login: Digest
    wallet: PinnedWallet
    esim: Digest | None
    recovery_terms: Digest
    bound_at: int
    devices: tuple[Device, ...]
    migration: Migration | None = None
    recovery: Recovery | None = None
    frozen_by: RequestId | None = None
    frozen_until: int = 0
    freezes: tuple[int, ...] = ()
    stopped_at: int = 0
    guardians: Guardians | None = None
    code_keys: tuple[str, ...] = ()
    protection: Protection | None = None
    vouchers: tuple[Voucher, ...] = ()
    old_wallets: tuple[PinnedWallet, ...] = ()
    pinned_at: int = 0
    backup_verified_at: int = 0
    offline: tuple[OfflineChain, ...] = ()
    channels: tuple[Digest, ...] = ()
    channel_change: ChannelChange | None = None
    line: Line | None = None
    chip: Chip | None = None

    @property
    def mobile_line(self) -> Line | None:
        """What is known of its line; ``None``: it has none. Until something is heard of it, it is as it was bound."""
        if self.esim is None:
            return None
        return Line(LineState.BOUND, since=self.bound_at) if self.line is None else self.line

    def device(self, thumbprint: str) -> Device | None:
        """The phone with this thumbprint, whatever its state."""
        return next((device for device in self.devices if device.thumbprint == thumbprint), None)

    def backup_tried_at(self) -> int:
        """When a backup of this wallet last opened, or else when the wallet came, which its owner had before them."""
        return max(self.bound_at, self.pinned_at, self.backup_verified_at)

    def active_devices(self) -> tuple[Device, ...]:
        """The verified phones."""
        return tuple(device for device in self.devices if device.state is DeviceState.ACTIVE)

    def with_devices(self, *changed: Device) -> tuple[Device, ...]:
        """The phones, with these in place of the ones of the same thumbprint."""
        kept = {device.thumbprint: device for device in (*self.devices, *changed)}
        return tuple(kept.values())

    def known(self, thumbprint: Thumbprint) -> Device:
        """The phone an event or a permitted act names; a missing one is a bug."""
        device = self.device(thumbprint)
        if device is None:
            raise IllegalTransition("a phone that the account does not have")
        return device

    def verified(self, thumbprint: Thumbprint) -> Device:
        """The verified phone that an event says did something; one that may do nothing is a bug."""
        device = self.known(thumbprint)
        if device.state is not DeviceState.ACTIVE:
            raise IllegalTransition(f"a phone that is {device.state} did something")
        return device

    def after(self, event: AccountEvent) -> AccountState:
        """The state one transition later."""
        return step(ACCOUNT_TABLE, self.state, event)

    def spoken_for(self, newcomer: Thumbprint, letter: str, at: int) -> AbstractSet[str]:
        """Which guardians or officers speak for this phone at ``at``."""
        return {
            voucher.by
            for voucher in self.vouchers
            if voucher.new_device == newcomer and voucher.letter == letter and at < voucher.until
        }
