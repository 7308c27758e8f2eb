"""The decision: pure and total over verified statements (docs/spec section 8).

Each purpose has one function that reads as its row in the spec. Positive telecom evidence never shortens or opens
anything; a test walks every pair of line statuses to see that.
"""

from __future__ import annotations

from pteri.core.acts import (
    SAME_WALLET,
    ActivateDevice,
    ApproveMigration,
    Authenticate,
    BindWallet,
    RevokeDevice,
    SetupOtp,
    StartRecovery,
    StatementAct,
)
from pteri.domain.account import Account, AccountState
from pteri.domain.decisions import Decision, Hold, Level, Permit, Reason, Refuse
from pteri.domain.device import Device, DeviceState
from pteri.domain.facts import Circumstances, Facts, LineStatus
from pteri.domain.rules import Rules

__all__ = ["decide"]

_ENDED = frozenset({DeviceState.REVOKED, DeviceState.DROPPED})
_LINE_SPEAKS_AGAINST = frozenset({LineStatus.CHANGED, LineStatus.CONTRADICTED})
_AccountAct = Authenticate | ApproveMigration | ActivateDevice | StartRecovery | RevokeDevice | SetupOtp


def decide(act: StatementAct, facts: Facts, rules: Rules) -> Decision:
    """Permit, hold or refuse the act of a verified statement. Callers hand in ``Verified.act`` and nothing else."""
    account, now = facts.account, facts.circumstances
    if isinstance(act, BindWallet):
        return _bind(act, account, now)
    if account is None or account.id != act.account or account.state is not AccountState.OPEN:
        return Refuse(Reason.ACCOUNT_NOT_OPEN)
    if act.epoch != account.epoch:
        return Refuse(Reason.STALE_EPOCH)
    return _decide(act, account, now, rules)


def _decide(act: _AccountAct, account: Account, now: Circumstances, rules: Rules) -> Decision:
    if not isinstance(act, RevokeDevice | SetupOtp) and act.esim != account.esim:
        return Refuse(Reason.WRONG_LINE)
    match act:
        case Authenticate():
            return _authenticate(act, account, now)
        case ApproveMigration():
            return _approve_migration(act, account, now, rules)
        case ActivateDevice():
            return _activate(act, account, now, rules)
        case StartRecovery():
            return _start_recovery(act, account, now, rules)
        case RevokeDevice():
            return _revoke(act, account, now)
        case _:
            return _set_up_codes(act, account)


def _permit(now: Circumstances) -> Permit:
    if now.line is LineStatus.CONTINUOUS:
        return Permit(Reason.BOTH_KEYS, Level.FULL)
    return Permit(Reason.LINE_NOT_CONFIRMED, Level.REDUCED)


def _active(account: Account, act: StatementAct) -> Device | None:
    device = account.device(act.device)
    return device if device is not None and device.state is DeviceState.ACTIVE else None


def _bind(act: BindWallet, account: Account | None, now: Circumstances) -> Decision:
    if account is not None:
        return Refuse(Reason.ALREADY_BOUND)
    if act.epoch != 0:
        return Refuse(Reason.STALE_EPOCH)
    return _permit(now)


def _authenticate(act: Authenticate, account: Account, now: Circumstances) -> Decision:
    if _active(account, act) is None:
        return Refuse(Reason.DEVICE_NOT_ACTIVE)
    return _permit(now)


def _approve_migration(act: ApproveMigration, account: Account, now: Circumstances, rules: Rules) -> Decision:
    device = _active(account, act)
    if device is None:
        return Refuse(Reason.DEVICE_NOT_ACTIVE)
    if device.on_probation(now.at):
        return Refuse(Reason.DEVICE_ON_PROBATION)
    if account.migration is not None and account.migration.is_open(now.at):
        return Refuse(Reason.MIGRATION_OPEN)
    if account.device(act.new_device) is not None:
        return Refuse(Reason.DEVICE_TOMBSTONED)
    # Nothing shows yet that the two phones lie side by side, so a thief with an unlocked phone must wait visibly.
    return Hold(Reason.SECURITY_DELAY, now.at + rules.migration_hold_s)


def _activate(act: ActivateDevice, account: Account, now: Circumstances, rules: Rules) -> Decision:
    device = account.device(act.device)
    if device is None or device.state is not DeviceState.PENDING:
        return Refuse(Reason.NOTHING_TO_ACCEPT)
    migration, recovery = account.migration, account.recovery
    if migration is not None and migration.new_device == act.device and migration.is_open(now.at):
        if act.approval != migration.approval:
            return Refuse(Reason.WRONG_APPROVAL)
        if not migration.confirmed:
            return Refuse(Reason.NOTHING_TO_ACCEPT)
        return _after(migration.held_until, Reason.SECURITY_DELAY, now)
    if recovery is not None and recovery.new_device == act.device and recovery.is_open(now.at):
        if act.approval != recovery.approval:
            return Refuse(Reason.WRONG_APPROVAL)
        if now.line in _LINE_SPEAKS_AGAINST:
            # A line that changed while the case was open lengthens it; no line answer ever shortens one.
            longer = recovery.opened_at + rules.recovery_hold_line_changed_s
            return _after(max(longer, recovery.held_until), Reason.LINE_CHANGED_HOLD, now)
        return _after(recovery.held_until, Reason.RECOVERY_HOLD, now)
    return Refuse(Reason.NOTHING_TO_ACCEPT)


def _after(until: int, reason: Reason, now: Circumstances) -> Decision:
    return Permit(Reason.HOLD_OVER) if now.at >= until else Hold(reason, until)


def _start_recovery(act: StartRecovery, account: Account, now: Circumstances, rules: Rules) -> Decision:
    if act.evidence != ("W",):
        return Refuse(Reason.WEAK_EVIDENCE)
    if act.lost is not None or act.new_wallet != SAME_WALLET:
        return Refuse(Reason.NOT_OFFERED)
    if account.device(act.device) is not None:
        return Refuse(Reason.DEVICE_TOMBSTONED)
    if account.recovery is not None and account.recovery.is_open(now.at):
        return Refuse(Reason.RECOVERY_OPEN)
    if account.recovery is not None and account.recovery.stopped_since(now.at - rules.recovery_blocked_s):
        # Or a thief with the wallet could try again and again, until the owner looks away for three days.
        return Refuse(Reason.RECOVERY_STOPPED)
    if now.line in _LINE_SPEAKS_AGAINST:
        return Hold(Reason.LINE_CHANGED_HOLD, now.at + rules.recovery_hold_line_changed_s)
    return Hold(Reason.RECOVERY_HOLD, now.at + rules.recovery_hold_s)


def _revoke(act: RevokeDevice, account: Account, now: Circumstances) -> Decision:
    device = _active(account, act)
    if device is None:
        return Refuse(Reason.DEVICE_NOT_ACTIVE)
    target = account.device(act.target)
    if target is None or target.state in _ENDED:
        return Refuse(Reason.UNKNOWN_TARGET)
    if target.state is DeviceState.PENDING:
        # Stopping a newcomer is the safe direction: every verified phone may, even a new one.
        return Permit(Reason.BOTH_KEYS)
    if target is not device and device.on_probation(now.at):
        return Refuse(Reason.DEVICE_ON_PROBATION)
    if target.suspension is not None:
        # Removing it twice must not cut short the day between the notice and the end.
        return _after(target.suspension.revoke_at, Reason.SECURITY_DELAY, now)
    if account.active_devices() == (target,):
        return Refuse(Reason.LAST_DEVICE)
    return Permit(Reason.BOTH_KEYS)


def _set_up_codes(act: SetupOtp, account: Account) -> Decision:
    if act.chain_end is not None:
        return Refuse(Reason.NOT_OFFERED)
    device = account.device(act.device)
    if device is not None and device.state is not DeviceState.ACTIVE:
        return Refuse(Reason.DEVICE_TOMBSTONED)
    return Permit(Reason.BOTH_KEYS)
