"""An account as the fold of its events: :func:`evolve` is the only function that changes one (docs/spec section 7)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from pteri.core.ids import AccountId, Digest, TenantId, Thumbprint
from pteri.core.wallets import PinnedWallet
from pteri.domain.device import Device, DeviceEvent, DeviceState, Suspension
from pteri.domain.events import (
    AccountBound,
    ActHeld,
    ActRefused,
    CodesSetUp,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    MigrationApproved,
    MigrationConfirmed,
    MigrationExpired,
    RecoveryExpired,
    RecoveryStarted,
    SignedIn,
    SignInApproved,
    SignInLapsed,
    SuspensionEnded,
)
from pteri.domain.migration import OPEN_MIGRATIONS, Migration, MigrationEvent, MigrationState
from pteri.domain.recovery import Recovery, RecoveryEvent, RecoveryState
from pteri.domain.tables import IllegalTransition

__all__ = ["Account", "AccountState", "evolve", "fold", "lapses"]


class AccountState(StrEnum):
    """An account that exists is ``OPEN``. Frozen, contested and closed accounts come with their statements."""

    OPEN = "OPEN"


class Account(msgspec.Struct, frozen=True):
    """Everything the server knows of an account. ``version`` counts its events; ``epoch`` its authority changes.

    ``login`` and ``esim`` are a keyed hash and a salted commitment: neither e-mail nor line can be read here.
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

    def device(self, thumbprint: str) -> Device | None:
        """The phone with this thumbprint, whatever its state."""
        return next((device for device in self.devices if device.thumbprint == thumbprint), None)

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
    return replace(_changed(account, event), version=account.version + 1)


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


def _changed(account: Account, event: Event) -> Account:
    match event:
        case AccountBound():
            raise IllegalTransition("an account is bound once")
        case SignedIn() | SignInApproved():
            seen = replace(account.verified(event.device), last_seen_at=event.at)
            return replace(account, devices=account.with_devices(seen))
        case MigrationApproved() | MigrationConfirmed() | MigrationExpired():
            return _migrating(account, event)
        case RecoveryStarted() | RecoveryExpired():
            return _recovering(account, event)
        case SuspensionEnded():
            return replace(account, devices=account.with_devices(_revoked(account, event.device)))
        case SignInLapsed() | CodesSetUp() | ActRefused() | ActHeld():
            return account
        case _:
            # The only three that change who holds the account: each moves the epoch, by one.
            return replace(_authority_changed(account, event), epoch=account.epoch + 1)


def _migrating(account: Account, event: MigrationApproved | MigrationConfirmed | MigrationExpired) -> Account:
    if isinstance(event, MigrationApproved):
        return _migration_approved(account, event)
    if isinstance(event, MigrationExpired):
        return _migration_ended(account, event.new_device, MigrationEvent.EXPIRE)
    confirmed = _migration_of(account, event.new_device).confirmed_until(event.expires_at)
    return replace(account, migration=confirmed)


def _migration_of(account: Account, newcomer: Thumbprint) -> Migration:
    if account.migration is None or account.migration.new_device != newcomer:
        raise IllegalTransition("there is no migration to this phone")
    return account.migration


def _migration_approved(account: Account, event: MigrationApproved) -> Account:
    if account.migration is not None and account.migration.state in OPEN_MIGRATIONS:
        raise IllegalTransition("one migration at a time")
    offered = Migration(
        request=event.request,
        state=MigrationState.OFFERED,
        old_device=account.verified(event.by).thumbprint,
        new_device=event.new_device,
        approval=event.approval,
        revoke_old=event.revoke_old,
        held_until=event.held_until,
        expires_at=event.expires_at,
    )
    approve = MigrationEvent.HOLD if event.held_until > event.at else MigrationEvent.APPROVE
    entered = _entered(account, event.new_device, event.new_key, event.at)
    return replace(entered, migration=offered.after(approve))


def _migration_ended(account: Account, newcomer: Thumbprint, how: MigrationEvent) -> Account:
    ended = _migration_of(account, newcomer).after(how)
    return replace(account, devices=_without_newcomer(account, newcomer), migration=ended)


def _recovering(account: Account, event: RecoveryStarted | RecoveryExpired) -> Account:
    if isinstance(event, RecoveryStarted):
        return _recovery_started(account, event)
    expired = _recovery_of(account, event.new_device).after(RecoveryEvent.EXPIRE, event.at)
    return replace(account, devices=_without_newcomer(account, event.new_device), recovery=expired)


def _recovery_of(account: Account, newcomer: Thumbprint) -> Recovery:
    if account.recovery is None or account.recovery.new_device != newcomer:
        raise IllegalTransition("there is no recovery case of this phone")
    return account.recovery


def _recovery_started(account: Account, event: RecoveryStarted) -> Account:
    if account.recovery is not None and account.recovery.state is RecoveryState.OPEN:
        raise IllegalTransition("one recovery case at a time")
    started = Recovery(
        request=event.request,
        state=RecoveryState.OPEN,
        new_device=event.new_device,
        approval=event.approval,
        evidence=event.evidence,
        opened_at=event.at,
        held_until=event.held_until,
        expires_at=event.expires_at,
    )
    return replace(_entered(account, event.new_device, event.new_key, event.at), recovery=started)


def _entered(account: Account, newcomer: Thumbprint, key: str, at: int) -> Account:
    if account.device(newcomer) is not None:
        raise IllegalTransition("a phone enters an account once")
    pending = Device(thumbprint=newcomer, key=key, state=DeviceState.PENDING, created_at=at, last_seen_at=at)
    return replace(account, devices=account.with_devices(pending))


def _without_newcomer(account: Account, newcomer: Thumbprint) -> tuple[Device, ...]:
    return account.with_devices(account.known(newcomer).after(DeviceEvent.DROP))


def _authority_changed(account: Account, event: DeviceActivated | DeviceSuspended | DeviceRevoked) -> Account:
    if isinstance(event, DeviceActivated):
        return _activated(account, event)
    account.verified(event.by)
    if isinstance(event, DeviceRevoked):
        return _without_waiting(account, (_revoked(account, event.device),), event.at)
    until = Suspension(event.request, event.revoke_at)
    suspended = account.known(event.device).after(DeviceEvent.SUSPEND, suspension=until)
    return _without_waiting(account, (suspended,), event.at)


def _activated(account: Account, event: DeviceActivated) -> Account:
    gone = tuple(_revoked(account, thumbprint) for thumbprint in event.revoked)
    left = _without_waiting(_admitted(account, event), gone, event.at)
    active = left.known(event.device).after(
        DeviceEvent.ACTIVATE, probation_until=event.probation_until, last_seen_at=event.at
    )
    return replace(left, devices=left.with_devices(active))


def _admitted(account: Account, event: DeviceActivated) -> Account:
    """With what let this phone in as completed; a phone that nothing let in is a bug."""
    migration, recovery = account.migration, account.recovery
    way_in = (event.device, event.approval)
    if migration is not None and (migration.new_device, migration.approval) == way_in:
        return replace(account, migration=migration.after(MigrationEvent.COMPLETE))
    if recovery is not None and (recovery.new_device, recovery.approval) == way_in:
        return replace(account, recovery=recovery.after(RecoveryEvent.COMPLETE, event.at))
    raise IllegalTransition("nothing let this phone in")


def _revoked(account: Account, thumbprint: Thumbprint) -> Device:
    return account.known(thumbprint).after(DeviceEvent.REVOKE, suspension=None)


def _without_waiting(account: Account, gone: tuple[Device, ...], at: int) -> Account:
    """With ``gone`` as they are now, and without what waited for them or on their word."""
    left = replace(account, devices=account.with_devices(*gone))
    names = {device.thumbprint for device in gone}
    migration, recovery = left.migration, left.recovery
    if migration is not None and migration.state in OPEN_MIGRATIONS:
        if migration.new_device in names:
            left = replace(left, migration=migration.after(MigrationEvent.VETO))
        elif migration.old_device in names:
            # What a stolen phone approved does not outlive the removal of that phone.
            left = _migration_ended(left, migration.new_device, MigrationEvent.VETO)
    if recovery is not None and recovery.state is RecoveryState.OPEN and recovery.new_device in names:
        # This is how any verified phone stops a claim.
        left = replace(left, recovery=recovery.after(RecoveryEvent.REJECT, at))
    return left


def lapses(account: Account, at: int) -> tuple[Event, ...]:
    """What time alone has ended by ``at``: recorded with the next act, before it, so that no loop must watch."""
    ended: list[Event] = [
        SuspensionEnded(at=at, request=device.suspension.request, device=device.thumbprint)
        for device in account.devices
        if device.suspension is not None and at >= device.suspension.revoke_at
    ]
    migration, recovery = account.migration, account.recovery
    if migration is not None and migration.state in OPEN_MIGRATIONS and not migration.is_open(at):
        ended.append(MigrationExpired(at=at, request=migration.request, new_device=migration.new_device))
    if recovery is not None and recovery.state is RecoveryState.OPEN and not recovery.is_open(at):
        ended.append(RecoveryExpired(at=at, request=recovery.request, new_device=recovery.new_device))
    return tuple(ended)
