"""From a decision to events: what happened, in the words of the account (docs/spec section 8)."""

from __future__ import annotations

from pteri.core.acts import (
    ActivateDevice,
    ApproveMigration,
    Authenticate,
    BindWallet,
    RevokeDevice,
    SetupOtp,
    StartRecovery,
)
from pteri.core.ids import Digest, Thumbprint, to_base64url
from pteri.core.statement import Statement
from pteri.domain.account import Account
from pteri.domain.decisions import Decision, Hold, Permit, Refuse
from pteri.domain.device import DeviceState
from pteri.domain.events import (
    ActHeld,
    ActRefused,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    MigrationApproved,
    RecoveryStarted,
    SignInApproved,
)
from pteri.domain.rules import Rules

__all__ = ["effects"]

_GOES_WITH_RECOVERY = frozenset({DeviceState.PENDING, DeviceState.ACTIVE, DeviceState.SUSPENDED})


def effects(
    statement: Statement,
    sha256: Digest,
    decision: Decision,
    *,
    account: Account,
    newcomer_key: bytes,
    rules: Rules,
    at: int,
) -> tuple[Event, ...]:
    """Events of one decided statement on a bound account. ``newcomer_key`` is SEC1, used where a phone enters.

    ``bind`` and ``setup-otp`` have none yet: theirs are recorded when the code that belongs to them is typed.
    """
    act, request = statement.act, statement.request_id
    match decision:
        case Refuse(reason=reason):
            return (ActRefused(at=at, request=request, purpose=act.purpose, device=act.device, reason=reason),)
        case Hold(reason=reason, until=until):
            return _held(statement, sha256, Hold(reason, until), newcomer_key=newcomer_key, rules=rules, at=at)
        case Permit():
            pass
    match act:
        case Authenticate():
            return (SignInApproved(at=at, request=request, device=act.device),)
        case ActivateDevice():
            return (
                DeviceActivated(
                    at=at,
                    request=request,
                    device=act.device,
                    approval=act.approval,
                    revoked=_leaving(account, act.device),
                    probation_until=at + rules.probation_s,
                ),
            )
        case RevokeDevice():
            return (_removed(account, act, request_at=at, rules=rules, statement=statement),)
        case BindWallet() | SetupOtp() | ApproveMigration() | StartRecovery():
            return ()


def _held(
    statement: Statement, sha256: Digest, hold: Hold, *, newcomer_key: bytes, rules: Rules, at: int
) -> tuple[Event, ...]:
    act, request = statement.act, statement.request_id
    if isinstance(act, ApproveMigration):
        return (
            MigrationApproved(
                at=at,
                request=request,
                by=act.device,
                new_device=act.new_device,
                new_key=to_base64url(newcomer_key),
                approval=sha256,
                revoke_old=act.revoke_old,
                held_until=hold.until,
                expires_at=hold.until + rules.migration_accept_s,
            ),
        )
    if isinstance(act, StartRecovery):
        return (
            RecoveryStarted(
                at=at,
                request=request,
                new_device=act.device,
                new_key=to_base64url(newcomer_key),
                approval=sha256,
                evidence=act.evidence,
                held_until=hold.until,
                expires_at=hold.until + rules.recovery_open_s,
            ),
        )
    return (
        ActHeld(
            at=at,
            request=request,
            purpose=act.purpose,
            device=act.device,
            reason=hold.reason,
            until=hold.until,
        ),
    )


def _leaving(account: Account, newcomer: Thumbprint) -> tuple[Thumbprint, ...]:
    """Who goes when this phone comes: the old phone if it asked so; after a recovery everybody else."""
    migration = account.migration
    if migration is not None and migration.new_device == newcomer:
        old = account.device(migration.old_device)
        still_there = old is not None and old.state in {DeviceState.ACTIVE, DeviceState.SUSPENDED}
        return (migration.old_device,) if migration.revoke_old and still_there else ()
    return tuple(
        device.thumbprint
        for device in account.devices
        if device.thumbprint != newcomer and device.state in _GOES_WITH_RECOVERY
    )


def _removed(account: Account, act: RevokeDevice, *, request_at: int, rules: Rules, statement: Statement) -> Event:
    target = account.device(act.target)
    at, request = request_at, statement.request_id
    own = act.target == act.device
    waiting = target is not None and target.state is not DeviceState.ACTIVE
    if own or waiting:
        return DeviceRevoked(at=at, request=request, device=act.target, by=act.device)
    # Another verified phone is suspended first: it can do nothing, but an eviction by a thief can still be undone.
    return DeviceSuspended(
        at=at, request=request, device=act.target, by=act.device, revoke_at=at + rules.revoke_other_s
    )
