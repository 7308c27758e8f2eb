"""How phones and wallets come into an account and leave it: the fold of migrations, cases and removals."""

from __future__ import annotations

from msgspec.structs import replace

from pteri.core.ids import Digest, Thumbprint
from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account, AccountEvent
from pteri.domain.device import Device, DeviceEvent, DeviceState, Suspension
from pteri.domain.events import (
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    MigrationApproved,
    MigrationConfirmed,
    MigrationExpired,
    RecoveryExpired,
    RecoveryStarted,
    RotationStarted,
    SuspensionEnded,
    WalletRotated,
)
from pteri.domain.migration import OPEN_MIGRATIONS, Migration, MigrationEvent, MigrationState
from pteri.domain.recovery import CaseKind, Recovery, RecoveryEvent, RecoveryState
from pteri.domain.standing import Strength, pre_empts, strength
from pteri.domain.tables import IllegalTransition

__all__ = [
    "case_ended",
    "device_activated",
    "device_revoked",
    "device_suspended",
    "migration_approved",
    "migration_confirmed",
    "migration_expired",
    "open_case",
    "recovery_expired",
    "recovery_started",
    "rotation_started",
    "suspension_ended",
    "wallet_rotated",
    "without_migration",
    "without_weak_case",
]

# --- migration ------------------------------------------------------------------------------------------------------


def migration_approved(account: Account, event: MigrationApproved) -> Account:
    """The newcomer waits; the migration is open."""
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


def migration_confirmed(account: Account, event: MigrationConfirmed) -> Account:
    """The code was typed: the newcomer may accept until then."""
    confirmed = _migration_of(account, event.new_device).confirmed_until(event.expires_at)
    return replace(account, migration=confirmed)


def migration_expired(account: Account, event: MigrationExpired) -> Account:
    """The newcomer is dropped."""
    return _migration_ended(account, event.new_device, MigrationEvent.EXPIRE)


def without_migration(account: Account) -> Account:
    """With an open migration vetoed and its newcomer dropped."""
    migration = account.migration
    if migration is None or migration.state not in OPEN_MIGRATIONS:
        return account
    return _migration_ended(account, migration.new_device, MigrationEvent.VETO)


def _migration_of(account: Account, newcomer: Thumbprint) -> Migration:
    if account.migration is None or account.migration.new_device != newcomer:
        raise IllegalTransition("there is no migration to this phone")
    return account.migration


def _migration_ended(account: Account, newcomer: Thumbprint, how: MigrationEvent) -> Account:
    ended = _migration_of(account, newcomer).after(how)
    return replace(account, devices=_without_newcomer(account, newcomer), migration=ended)


# --- cases ----------------------------------------------------------------------------------------------------------


def open_case(account: Account, approval: Digest) -> Recovery:
    """The open case that this statement began; a missing one is a bug."""
    case = account.recovery
    if case is None or case.state is not RecoveryState.OPEN or case.approval != approval:
        raise IllegalTransition("there is no such open case")
    return case


def case_ended(account: Account, how: RecoveryEvent, at: int) -> Account:
    """With the open case at its end, and without the phone that waited in it."""
    case = account.recovery
    assert case is not None
    left = replace(account, recovery=case.after(how, at))
    if case.kind is CaseKind.ROTATE:
        return left
    return replace(left, devices=_without_newcomer(left, case.new_device))


def without_weak_case(account: Account, how: RecoveryEvent, at: int) -> Account:
    """Without an open case that an objection stops; one of guardians or officers goes on."""
    case = account.recovery
    if case is None or case.state is not RecoveryState.OPEN:
        return account
    if strength(frozenset(case.evidence)) >= Strength.GUARDIANS:
        return account
    return case_ended(account, how, at)


def recovery_started(account: Account, event: RecoveryStarted) -> Account:
    """The newcomer waits; a weaker case has ended, unless it was its own: then only the evidence has grown."""
    case = account.recovery
    if case is not None and case.is_open(event.at) and case.new_device == event.new_device:
        _require_stronger(case, event.evidence)
        waiting = account
    else:
        waiting = _entered(_pre_empted(account, event.evidence, event.at), event.new_device, event.new_key, event.at)
    started = Recovery(
        request=event.request,
        state=RecoveryState.OPEN,
        new_device=event.new_device,
        approval=event.approval,
        evidence=event.evidence,
        opened_at=event.at,
        held_until=event.held_until,
        expires_at=event.expires_at,
        new_wallet=event.new_wallet,
    )
    return replace(waiting, recovery=started)


def rotation_started(account: Account, event: RotationStarted) -> Account:
    """A verified phone waits for another wallet; a weaker case has ended."""
    account.verified(event.device)
    started = Recovery(
        request=event.request,
        state=RecoveryState.OPEN,
        new_device=event.device,
        approval=event.approval,
        evidence=event.evidence,
        opened_at=event.at,
        held_until=event.held_until,
        expires_at=event.expires_at,
        kind=CaseKind.ROTATE,
        new_wallet=event.new_wallet,
    )
    return replace(_pre_empted(account, event.evidence, event.at), recovery=started)


def recovery_expired(account: Account, event: RecoveryExpired) -> Account:
    """Nobody completed the case."""
    if account.recovery is None or account.recovery.new_device != event.new_device:
        raise IllegalTransition("there is no recovery case of this phone")
    return case_ended(account, RecoveryEvent.EXPIRE, event.at)


def _pre_empted(account: Account, evidence: tuple[str, ...], at: int) -> Account:
    case = account.recovery
    if case is None or case.state is not RecoveryState.OPEN:
        return account
    _require_stronger(case, evidence)
    return case_ended(account, RecoveryEvent.PREEMPT, at)


def _require_stronger(case: Recovery, evidence: tuple[str, ...]) -> None:
    if not pre_empts(frozenset(evidence), frozenset(case.evidence)):
        raise IllegalTransition("one recovery case at a time")


# --- phones ---------------------------------------------------------------------------------------------------------


def _entered(account: Account, newcomer: Thumbprint, key: str, at: int) -> Account:
    if account.device(newcomer) is not None:
        raise IllegalTransition("a phone enters an account once")
    pending = Device(thumbprint=newcomer, key=key, state=DeviceState.PENDING, created_at=at, last_seen_at=at)
    return replace(account, devices=account.with_devices(pending))


def _without_newcomer(account: Account, newcomer: Thumbprint) -> tuple[Device, ...]:
    return account.with_devices(account.known(newcomer).after(DeviceEvent.DROP))


def device_activated(account: Account, event: DeviceActivated) -> Account:
    """The newcomer is verified; who leaves with that moment has left."""
    gone = tuple(_revoked(account, thumbprint) for thumbprint in event.revoked)
    left = _without_waiting(_admitted(account, event), gone, event.at)
    active = left.known(event.device).after(
        DeviceEvent.ACTIVATE, probation_until=event.probation_until, last_seen_at=event.at
    )
    entered = replace(left, devices=left.with_devices(active))
    return entered if event.new_wallet is None else _pinned(entered, event.new_wallet, event.at)


def _admitted(account: Account, event: DeviceActivated) -> Account:
    """With what let this phone in as completed; a phone that nothing let in is a bug."""
    migration, recovery = account.migration, account.recovery
    way_in = (event.device, event.approval)
    if migration is not None and (migration.new_device, migration.approval) == way_in:
        return replace(account, migration=migration.after(MigrationEvent.COMPLETE))
    if recovery is not None and (recovery.new_device, recovery.approval) == way_in:
        return _resolved(replace(account, recovery=recovery.after(RecoveryEvent.COMPLETE, event.at)))
    raise IllegalTransition("nothing let this phone in")


def _resolved(account: Account) -> Account:
    """A completed case ends every quarrel: the account is open, and nothing that waited on either side remains."""
    return replace(
        account,
        state=account.after(AccountEvent.RESOLVE),
        frozen_by=None,
        frozen_until=0,
        freezes=(),
        stopped_at=0,
        vouchers=(),
        protection=None,
        channel_change=None,
    )


def device_suspended(account: Account, event: DeviceSuspended) -> Account:
    """It can do nothing but object, and what waited on its word has ended."""
    account.verified(event.by)
    until = Suspension(event.request, event.revoke_at, event.approval)
    suspended = account.known(event.device).after(DeviceEvent.SUSPEND, suspension=until)
    return _without_waiting(account, (suspended,), event.at)


def device_revoked(account: Account, event: DeviceRevoked) -> Account:
    """It is gone, and with it what waited for it or on its word."""
    account.verified(event.by)
    return _without_waiting(account, (_revoked(account, event.device),), event.at)


def suspension_ended(account: Account, event: SuspensionEnded) -> Account:
    """Time has revoked it."""
    return replace(account, devices=account.with_devices(_revoked(account, event.device)))


def _revoked(account: Account, thumbprint: Thumbprint) -> Device:
    return account.known(thumbprint).after(DeviceEvent.REVOKE, suspension=None)


def _without_waiting(account: Account, gone: tuple[Device, ...], at: int) -> Account:
    """With ``gone`` as they are now, and without what waited for them or on their word."""
    left = replace(account, devices=account.with_devices(*gone))
    names = {device.thumbprint for device in gone}
    migration, recovery, protection = left.migration, left.recovery, left.protection
    if migration is not None and migration.state in OPEN_MIGRATIONS:
        if migration.new_device in names:
            left = replace(left, migration=migration.after(MigrationEvent.VETO))
        elif migration.old_device in names:
            # What a stolen phone approved does not outlive the removal of that phone.
            left = _migration_ended(left, migration.new_device, MigrationEvent.VETO)
    if recovery is not None and recovery.state is RecoveryState.OPEN and recovery.new_device in names:
        # The first release had no other way to object to a claim than to remove its phone.
        left = replace(left, recovery=recovery.after(RecoveryEvent.REJECT, at))
    if protection is not None and protection.by in names:
        left = replace(left, protection=None)
    if left.channel_change is not None and left.channel_change.by in names:
        left = replace(left, channel_change=None)
    return left


# --- wallets --------------------------------------------------------------------------------------------------------


def wallet_rotated(account: Account, event: WalletRotated) -> Account:
    """Another wallet, on a phone that stays. At once, it ends a weaker case; at the end of its own case, that one."""
    account.verified(event.device)
    case = account.recovery
    if case is not None and case.state is RecoveryState.OPEN and case.approval == event.approval:
        left = _resolved(replace(account, recovery=case.after(RecoveryEvent.COMPLETE, event.at)))
    else:
        left = _pre_empted(account, event.evidence, event.at)
    return _pinned(left, event.wallet, event.at)


def _pinned(account: Account, wallet: PinnedWallet, at: int) -> Account:
    if wallet == account.wallet or wallet in account.old_wallets:
        raise IllegalTransition("a wallet serves an account once")
    # The recovery codes were kept beside the wallet that is gone: new ones are made. Other guardians and codes that it
    # had asked for do not count either, or the thief would come back with them. What it alone was stopped from, and how
    # often it froze the account, says nothing of the new one. Offline codes were prepared with its signature.
    return replace(
        account,
        wallet=wallet,
        old_wallets=(*account.old_wallets, account.wallet),
        code_keys=(),
        protection=None,
        channel_change=None,
        freezes=(),
        stopped_at=0,
        pinned_at=at,
        backup_verified_at=0,
        offline=(),
    )
