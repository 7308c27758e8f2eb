"""From a decision to events: what happened, in the words of the account (docs/spec section 8)."""

from __future__ import annotations

from dataclasses import dataclass

from pteri.core.acts import (
    ActivateDevice,
    ApproveMigration,
    Authenticate,
    BindWallet,
    RevokeDevice,
    SetupOtp,
    StartRecovery,
    StatementAct,
)
from pteri.core.ids import Digest, RequestId, Thumbprint, to_base64url
from pteri.core.statement import Statement
from pteri.domain.account import Account
from pteri.domain.decisions import Decision, Hold, Refuse
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
)
from pteri.domain.rules import Rules

__all__ = ["effects"]

_ENDED = frozenset({DeviceState.REVOKED, DeviceState.DROPPED})


@dataclass(frozen=True, slots=True)
class _Happening:
    """An act that happens at ``at``. What begins with it waits until ``held_until``."""

    statement: Statement
    sha256: Digest
    account: Account
    newcomer_key: str
    rules: Rules
    at: int
    held_until: int

    @property
    def request(self) -> RequestId:
        return self.statement.request_id


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

    A held migration or recovery begins now and waits; any other held act has not happened. ``bind``, ``authenticate``
    and ``setup-otp`` have no events yet: theirs are recorded when the code that belongs to them is typed.
    """
    act, request = statement.act, statement.request_id
    purpose, device, reason = act.purpose, act.device, decision.reason
    if isinstance(decision, Refuse):
        return (ActRefused(at=at, request=request, purpose=purpose, device=device, reason=reason),)
    held_until = decision.until if isinstance(decision, Hold) else at
    if isinstance(decision, Hold) and not isinstance(act, ApproveMigration | StartRecovery):
        return (ActHeld(at=at, request=request, purpose=purpose, device=device, reason=reason, until=held_until),)
    key = to_base64url(newcomer_key)
    return _happened(act, _Happening(statement, sha256, account, key, rules, at, held_until))


def _happened(act: StatementAct, now: _Happening) -> tuple[Event, ...]:
    match act:
        case BindWallet() | Authenticate() | SetupOtp():
            return ()
        case ApproveMigration():
            return (_migration_approved(act, now),)
        case StartRecovery():
            return (_recovery_started(act, now),)
        case ActivateDevice():
            return (_activated(act, now),)
        case _:
            return (_removed(act, now),)


def _migration_approved(act: ApproveMigration, now: _Happening) -> Event:
    return MigrationApproved(
        at=now.at,
        request=now.request,
        by=act.device,
        new_device=act.new_device,
        new_key=now.newcomer_key,
        approval=now.sha256,
        revoke_old=act.revoke_old,
        held_until=now.held_until,
        expires_at=now.at + now.rules.migration_open_s,
    )


def _recovery_started(act: StartRecovery, now: _Happening) -> Event:
    return RecoveryStarted(
        at=now.at,
        request=now.request,
        new_device=act.device,
        new_key=now.newcomer_key,
        approval=now.sha256,
        evidence=act.evidence,
        held_until=now.held_until,
        expires_at=now.held_until + now.rules.recovery_open_s,
    )


def _activated(act: ActivateDevice, now: _Happening) -> Event:
    return DeviceActivated(
        at=now.at,
        request=now.request,
        device=act.device,
        approval=act.approval,
        revoked=_leaving(now.account, act.device),
        probation_until=now.at + now.rules.probation_s,
    )


def _leaving(account: Account, newcomer: Thumbprint) -> tuple[Thumbprint, ...]:
    """Who goes when this phone comes: the old phone if it asked so; after a recovery everybody else."""
    migration = account.migration
    if migration is not None and migration.new_device == newcomer:
        return (migration.old_device,) if migration.revoke_old else ()
    return tuple(
        device.thumbprint for device in account.devices if device.thumbprint != newcomer and device.state not in _ENDED
    )


def _removed(act: RevokeDevice, now: _Happening) -> Event:
    target = now.account.known(act.target)
    if target.thumbprint == act.device or target.state is not DeviceState.ACTIVE:
        return DeviceRevoked(at=now.at, request=now.request, device=act.target, by=act.device)
    # Another verified phone is suspended first: it can do nothing at once, and its end is announced a day ahead.
    until = now.at + now.rules.revoke_other_s
    return DeviceSuspended(at=now.at, request=now.request, device=act.target, by=act.device, revoke_at=until)
