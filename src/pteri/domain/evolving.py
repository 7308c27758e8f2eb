"""The fold: :func:`evolve` is the only function that changes an account (docs/spec section 7).

Which event does what stands in one table; the rooms beside this one say how: :mod:`pteri.domain.entering` for phones
that come and go, :mod:`pteri.domain.guarding` for freezes, objections and protection, :mod:`pteri.domain.warning` for
where warnings go, :mod:`pteri.domain.continuity` for the line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from pteri.domain import continuity, entering, guarding, offline, warning
from pteri.domain.account import Account, AccountState
from pteri.domain.device import Device, DeviceState
from pteri.domain.events import (
    AccountBound,
    AccountContested,
    AccountFrozen,
    AccountUnfrozen,
    ActHeld,
    ActRefused,
    BackupVerified,
    ChannelsChanged,
    ChannelsHeld,
    ChannelsStopped,
    ChannelsTookEffect,
    ChipAnswered,
    ChipTold,
    CodesSetUp,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    FreezeEnded,
    FrozenByLink,
    LineAged,
    LineObserved,
    LineRebound,
    MigrationApproved,
    MigrationConfirmed,
    MigrationExpired,
    MoveAnnounced,
    OfflineCodesPrepared,
    ProtectionChanged,
    ProtectionHeld,
    ProtectionStopped,
    ProtectionTookEffect,
    RecoveryContested,
    RecoveryDelayed,
    RecoveryExpired,
    RecoveryStarted,
    RecoveryStopped,
    RecoveryWithdrawn,
    RotationStarted,
    SignedIn,
    SignedInOffline,
    SignInApproved,
    SignInLapsed,
    SpokenFor,
    SuspensionEnded,
    SuspensionObjected,
    WalletRotated,
)
from pteri.domain.migration import OPEN_MIGRATIONS
from pteri.domain.recovery import RecoveryState
from pteri.domain.tables import IllegalTransition

__all__ = ["AUTHORITY_CHANGES", "evolve", "fold", "lapses"]


def fold(events: Iterable[Event]) -> Account | None:
    """The account after these events."""
    account: Account | None = None
    for event in events:
        account = evolve(account, event)
    return account


def evolve(account: Account | None, event: Event) -> Account:
    """The account one event later; :class:`IllegalTransition` when that event cannot follow."""
    if account is None:
        if isinstance(event, AccountBound):
            return _bound(event)
        raise IllegalTransition("the first event of an account binds it")
    if isinstance(event, AccountBound):
        raise IllegalTransition("an account is bound once")
    changed = offline.without_dead_chains(_FOLDS[type(event)](account, event))
    return replace(changed, version=account.version + 1, epoch=account.epoch + (type(event) in AUTHORITY_CHANGES))


def _bound(event: AccountBound) -> Account:
    first = Device(
        thumbprint=event.device,
        key=event.device_key,
        state=DeviceState.ACTIVE,
        created_at=event.at,
        last_seen_at=event.at,
    )
    return Account(
        id=event.account,
        tenant=event.tenant,
        state=AccountState.OPEN,
        version=1,
        epoch=1,
        login=event.login,
        wallet=event.wallet,
        esim=event.esim,
        recovery_terms=event.recovery,
        bound_at=event.at,
        devices=(first,),
    )


def _unchanged(account: Account, _event: Event) -> Account:
    return account


def _seen(account: Account, event: SignedIn | SignInApproved) -> Account:
    seen = replace(account.verified(event.device), last_seen_at=event.at)
    return replace(account, devices=account.with_devices(seen))


def _backup_verified(account: Account, event: BackupVerified) -> Account:
    account.verified(event.device)
    return replace(account, backup_verified_at=event.at)


_FOLDS: Final[Mapping[type[Event], Callable[[Account, Any], Account]]] = {
    SignedIn: _seen,
    SignInApproved: _seen,
    SignInLapsed: _unchanged,
    CodesSetUp: _unchanged,
    ActRefused: _unchanged,
    ActHeld: _unchanged,
    BackupVerified: _backup_verified,
    MigrationApproved: entering.migration_approved,
    MigrationConfirmed: entering.migration_confirmed,
    MigrationExpired: entering.migration_expired,
    RecoveryStarted: entering.recovery_started,
    RecoveryExpired: entering.recovery_expired,
    RotationStarted: entering.rotation_started,
    DeviceActivated: entering.device_activated,
    DeviceSuspended: entering.device_suspended,
    DeviceRevoked: entering.device_revoked,
    SuspensionEnded: entering.suspension_ended,
    SuspensionObjected: guarding.suspension_objected,
    WalletRotated: entering.wallet_rotated,
    RecoveryStopped: guarding.recovery_stopped,
    RecoveryDelayed: guarding.recovery_delayed,
    RecoveryContested: guarding.recovery_contested,
    RecoveryWithdrawn: guarding.recovery_withdrawn,
    AccountFrozen: guarding.account_frozen,
    FreezeEnded: guarding.freeze_ended,
    AccountUnfrozen: guarding.account_unfrozen,
    AccountContested: guarding.account_contested,
    ProtectionChanged: guarding.protection_changed,
    ProtectionHeld: guarding.protection_held,
    ProtectionTookEffect: guarding.protection_took_effect,
    ProtectionStopped: guarding.protection_stopped,
    SpokenFor: guarding.spoken_for,
    OfflineCodesPrepared: offline.offline_codes_prepared,
    SignedInOffline: offline.signed_in_offline,
    ChannelsChanged: warning.channels_changed,
    ChannelsHeld: warning.channels_held,
    ChannelsTookEffect: warning.channels_took_effect,
    ChannelsStopped: warning.channels_stopped,
    FrozenByLink: guarding.account_frozen,
    LineObserved: continuity.line_observed,
    LineAged: continuity.line_aged,
    LineRebound: continuity.line_rebound,
    MoveAnnounced: continuity.move_announced,
    ChipAnswered: continuity.chip_answered,
    ChipTold: continuity.chip_told,
}

AUTHORITY_CHANGES: Final[frozenset[type[Event]]] = frozenset(
    {
        DeviceActivated,
        DeviceSuspended,
        DeviceRevoked,
        WalletRotated,
        ProtectionChanged,
        AccountFrozen,
        FrozenByLink,
        AccountUnfrozen,
        AccountContested,
        RecoveryContested,
        SuspensionObjected,
        LineRebound,
    }
)
"""These move the epoch, by one: whatever was signed before them counts no more."""


def lapses(account: Account, at: int) -> tuple[Event, ...]:
    """What time alone has ended by ``at``: recorded with the next act, before it, so that no loop must watch."""
    ended: list[Event] = [
        SuspensionEnded(at=at, request=device.suspension.request, device=device.thumbprint)
        for device in account.devices
        if device.suspension is not None and at >= device.suspension.revoke_at
    ]
    migration, recovery, protection = account.migration, account.recovery, account.protection
    if migration is not None and migration.state in OPEN_MIGRATIONS and not migration.is_open(at):
        ended.append(MigrationExpired(at=at, request=migration.request, new_device=migration.new_device))
    if recovery is not None and recovery.state is RecoveryState.OPEN and not recovery.is_open(at):
        ended.append(RecoveryExpired(at=at, request=recovery.request, new_device=recovery.new_device))
    if account.state is AccountState.FROZEN and at >= account.frozen_until:
        assert account.frozen_by is not None
        ended.append(FreezeEnded(at=at, request=account.frozen_by))
    if protection is not None and at >= protection.held_until:
        ended.append(ProtectionTookEffect(at=at, request=protection.request))
    change = account.channel_change
    if change is not None and at >= change.held_until:
        ended.append(ChannelsTookEffect(at=at, request=change.request))
    ended += continuity.line_lapses(account, at)
    return tuple(ended)
