"""An account as the fold of its events: :func:`evolve` is the only function that changes one (docs/spec section 7)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from pteri.core.ids import AccountId, Digest, TenantId, Thumbprint
from pteri.core.wallets import PinnedWallet
from pteri.domain.device import Device, DeviceEvent, DeviceState
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
        """The phone an event names; a missing one is a bug."""
        device = self.device(thumbprint)
        if device is None:
            raise IllegalTransition("an event names a phone that the account does not have")
        return device


def fold(events: Iterable[Event]) -> Account | None:
    """The account after these events."""
    account: Account | None = None
    for event in events:
        account = evolve(account, event)
    return account


def evolve(account: Account | None, event: Event) -> Account:
    """The account one event later; :class:`IllegalTransition` when that event cannot follow."""
    if isinstance(event, AccountBound):
        if account is not None:
            raise IllegalTransition("an account is bound once")
        return _bound(event)
    if account is None:
        raise IllegalTransition("the first event of an account binds it")
    changed = _changed(account, event)
    return msgspec.structs.replace(changed, version=account.version + 1)


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
    replace = msgspec.structs.replace
    match event:
        case SignInApproved() | SignedIn():
            seen = replace(account.known(event.device), last_seen_at=event.at)
            return replace(account, devices=account.with_devices(seen))
        case MigrationApproved():
            return _migration_approved(account, event)
        case MigrationConfirmed():
            return replace(account, migration=replace(_migration(account), confirmed=True))
        case MigrationExpired():
            dropped = account.known(event.new_device).after(DeviceEvent.DROP)
            ended = _migration(account).after(MigrationEvent.EXPIRE)
            return replace(account, devices=account.with_devices(dropped), migration=ended)
        case RecoveryStarted():
            return _recovery_started(account, event)
        case RecoveryExpired():
            dropped = account.known(event.new_device).after(DeviceEvent.DROP)
            lapsed = _recovery(account).after(RecoveryEvent.EXPIRE)
            return replace(account, devices=account.with_devices(dropped), recovery=lapsed)
        case DeviceActivated():
            return _activated(account, event)
        case DeviceSuspended():
            suspended = account.known(event.device).after(DeviceEvent.SUSPEND, revoke_at=event.revoke_at)
            return replace(account, devices=account.with_devices(suspended), epoch=account.epoch + 1)
        case DeviceRevoked():
            return _revoked(account, event)
        case CodesSetUp() | ActRefused() | ActHeld():
            return account
        case AccountBound():
            raise IllegalTransition("an account is bound once")


def _migration(account: Account) -> Migration:
    if account.migration is None:
        raise IllegalTransition("there is no migration")
    return account.migration


def _recovery(account: Account) -> Recovery:
    if account.recovery is None:
        raise IllegalTransition("there is no recovery case")
    return account.recovery


def _newcomer(account: Account, thumbprint: Thumbprint, key: str, at: int) -> tuple[Device, ...]:
    if account.device(thumbprint) is not None:
        raise IllegalTransition("a phone enters an account once")
    pending = Device(thumbprint=thumbprint, key=key, state=DeviceState.PENDING, created_at=at, last_seen_at=at)
    return account.with_devices(pending)


def _migration_approved(account: Account, event: MigrationApproved) -> Account:
    if account.migration is not None and account.migration.state in OPEN_MIGRATIONS:
        raise IllegalTransition("one migration at a time")
    offered = Migration(
        request=event.request,
        state=MigrationState.OFFERED,
        old_device=event.by,
        new_device=event.new_device,
        approval=event.approval,
        revoke_old=event.revoke_old,
        held_until=event.held_until,
        expires_at=event.expires_at,
    )
    approve = MigrationEvent.HOLD if event.held_until > event.at else MigrationEvent.APPROVE
    return msgspec.structs.replace(
        account,
        devices=_newcomer(account, event.new_device, event.new_key, event.at),
        migration=offered.after(approve),
    )


def _recovery_started(account: Account, event: RecoveryStarted) -> Account:
    if account.recovery is not None and account.recovery.state is RecoveryState.OPEN:
        raise IllegalTransition("one recovery case at a time")
    return msgspec.structs.replace(
        account,
        devices=_newcomer(account, event.new_device, event.new_key, event.at),
        recovery=Recovery(
            request=event.request,
            state=RecoveryState.OPEN,
            new_device=event.new_device,
            approval=event.approval,
            evidence=event.evidence,
            opened_at=event.at,
            held_until=event.held_until,
            expires_at=event.expires_at,
        ),
    )


def _activated(account: Account, event: DeviceActivated) -> Account:
    active = account.known(event.device).after(
        DeviceEvent.ACTIVATE, probation_until=event.probation_until, last_seen_at=event.at
    )
    gone = [account.known(thumbprint).after(DeviceEvent.REVOKE) for thumbprint in event.revoked]
    migration, recovery = account.migration, account.recovery
    if migration is not None and migration.new_device == event.device:
        migration = migration.after(MigrationEvent.COMPLETE)
    if recovery is not None and recovery.new_device == event.device:
        recovery = recovery.after(RecoveryEvent.COMPLETE)
    changed = msgspec.structs.replace(
        account,
        devices=account.with_devices(active, *gone),
        migration=migration,
        recovery=recovery,
        epoch=account.epoch + 1,
    )
    return _without_waiting(changed, event.revoked)


def _revoked(account: Account, event: DeviceRevoked) -> Account:
    gone = account.known(event.device).after(DeviceEvent.REVOKE)
    changed = msgspec.structs.replace(account, devices=account.with_devices(gone), epoch=account.epoch + 1)
    return _without_waiting(changed, (event.device,))


def _without_waiting(account: Account, gone: tuple[Thumbprint, ...]) -> Account:
    """What waited for a phone that is gone ends with it: this is how any verified phone stops a claim."""
    migration, recovery = account.migration, account.recovery
    if migration is not None and migration.new_device in gone and migration.state in OPEN_MIGRATIONS:
        migration = migration.after(MigrationEvent.VETO)
    if recovery is not None and recovery.new_device in gone and recovery.state is RecoveryState.OPEN:
        recovery = recovery.after(RecoveryEvent.REJECT)
    return msgspec.structs.replace(account, migration=migration, recovery=recovery)


def lapses(account: Account, at: int) -> tuple[Event, ...]:
    """What time alone has ended by ``at``: recorded with the next act, before it, so that no loop must watch."""
    ended: list[Event] = []
    migration, recovery = account.migration, account.recovery
    if migration is not None and migration.state in OPEN_MIGRATIONS and not migration.is_open(at):
        ended.append(MigrationExpired(at=at, request=migration.request, new_device=migration.new_device))
    if recovery is not None and recovery.state is RecoveryState.OPEN and not recovery.is_open(at):
        ended.append(RecoveryExpired(at=at, request=recovery.request, new_device=recovery.new_device))
    return tuple(ended)
