"""The decision: pure and total over verified statements (docs/spec section 8).

Each purpose has one function that reads as its row in the spec; cases and objections are in
:mod:`pteri.domain.claims`. Positive telecom evidence never shortens or opens anything; a test walks every pair of line
statuses to see that.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from pteri.core.acts import (
    ActivateDevice,
    AnnounceMove,
    ApproveMigration,
    AttestIdentity,
    Authenticate,
    BindWallet,
    ChangeChannels,
    ChangeProtection,
    ConfirmBackup,
    FreezeAccount,
    RebindLine,
    RevokeDevice,
    RotateWallet,
    SetupOtp,
    StartRecovery,
    StatementAct,
    UnfreezeAccount,
    VetoChange,
    VouchForRecovery,
)
from pteri.domain import claims, continuity, guards, offline, warning
from pteri.domain.account import Account, AccountState
from pteri.domain.decisions import Decision, Hold, Level, Permit, Reason, Refuse
from pteri.domain.device import Device, DeviceState
from pteri.domain.facts import Facts, LineStatus
from pteri.domain.rules import Rules
from pteri.domain.seeing import Seen
from pteri.domain.standing import Strength, strength

__all__ = ["decide"]

_OfAnAccount = (
    Authenticate
    | ApproveMigration
    | ActivateDevice
    | StartRecovery
    | RevokeDevice
    | SetupOtp
    | RotateWallet
    | ChangeProtection
    | FreezeAccount
    | UnfreezeAccount
    | VetoChange
    | VouchForRecovery
    | AttestIdentity
    | ConfirmBackup
    | ChangeChannels
    | RebindLine
    | AnnounceMove
)
"""Every act but the binding. With one more, the last row of :func:`_decide` does not fit its type any longer."""
_ENDED: Final = frozenset({DeviceState.REVOKED, DeviceState.DROPPED})
_ANY_STATE: Final = frozenset(AccountState)
_ALLOWED_IN: Final[dict[type[StatementAct], frozenset[AccountState]]] = {
    # A claim, a voice, an objection and a freeze must find an account that is stopped, too, or stopping it would be
    # the thief's best move. Which of them count then is in their own rows.
    StartRecovery: _ANY_STATE,
    ActivateDevice: _ANY_STATE,
    VetoChange: _ANY_STATE,
    VouchForRecovery: _ANY_STATE,
    AttestIdentity: _ANY_STATE,
    RotateWallet: _ANY_STATE,
    SetupOtp: _ANY_STATE,
    FreezeAccount: frozenset({AccountState.OPEN, AccountState.FROZEN}),
    UnfreezeAccount: frozenset({AccountState.FROZEN}),
}
"""Everything that is not here needs an open account."""
_OPEN_ONLY: Final = frozenset({AccountState.OPEN})
_NAMES_NO_LINE: Final = (
    RevokeDevice,
    SetupOtp,
    RotateWallet,
    ChangeProtection,
    FreezeAccount,
    UnfreezeAccount,
    VetoChange,
    VouchForRecovery,
    AttestIdentity,
    ConfirmBackup,
    ChangeChannels,
)


def decide(act: StatementAct, facts: Facts, rules: Rules) -> Decision:
    """Permit, hold or refuse the act of a verified statement. Callers hand in ``Verified.act`` and nothing else."""
    account = facts.account
    if isinstance(act, BindWallet):
        return _bind(act, account, facts)
    if account is None or account.id != act.account or account.state not in _ALLOWED_IN.get(type(act), _OPEN_ONLY):
        return Refuse(Reason.ACCOUNT_NOT_OPEN)
    if act.epoch != account.epoch:
        return Refuse(Reason.STALE_EPOCH)
    if not isinstance(act, _NAMES_NO_LINE) and act.esim != account.esim:
        return Refuse(Reason.WRONG_LINE)
    seen = Seen(account, facts.circumstances, facts.signer, act.device)
    if facts.signer.code_key is not None and not seen.shows_code:
        # Nobody shows a code for nothing: weighing what is left would start another wait than the person expects.
        return Refuse(Reason.WRONG_CODE_KEY)
    return _decide(act, seen, rules)


def _decide(act: _OfAnAccount, seen: Seen, rules: Rules) -> Decision:  # noqa: C901, PLR0912  # one row per purpose
    match act:
        case Authenticate():
            return _authenticate(seen, rules)
        case ApproveMigration():
            return _approve_migration(act, seen, rules)
        case ActivateDevice():
            return _activate(act, seen, rules)
        case RevokeDevice():
            return _revoke(act, seen)
        case SetupOtp():
            return _set_up_codes(act, seen, rules)
        case ConfirmBackup():
            return _confirm_backup(seen)
        case StartRecovery():
            return claims.start_recovery(act, seen, rules)
        case RotateWallet():
            return claims.rotate_wallet(act, seen, rules)
        case VouchForRecovery():
            return claims.vouch(act, seen)
        case AttestIdentity():
            return claims.attest(act, seen)
        case VetoChange():
            return guards.veto(act, seen)
        case FreezeAccount():
            return guards.freeze(seen, rules)
        case UnfreezeAccount():
            return guards.unfreeze(seen)
        case ChangeChannels():
            return warning.change_channels(act, seen, rules)
        case RebindLine():
            return continuity.rebind_line(act, seen)
        case AnnounceMove():
            return continuity.announce_move(act, seen, rules)
        case _:
            return guards.protect(act, seen, rules)


def _permit(facts: Facts | Seen) -> Permit:
    if facts.circumstances.line is LineStatus.CONTINUOUS:
        return Permit(Reason.BOTH_KEYS, Level.FULL)
    return Permit(Reason.LINE_NOT_CONFIRMED, Level.REDUCED)


def _bind(act: BindWallet, account: Account | None, facts: Facts) -> Decision:
    if account is not None:
        return Refuse(Reason.ALREADY_BOUND)
    if act.epoch != 0:
        return Refuse(Reason.STALE_EPOCH)
    return _permit(facts)


def _authenticate(seen: Seen, rules: Rules) -> Decision:
    if not seen.by_verified_phone:
        return Refuse(Reason.DEVICE_NOT_ACTIVE)
    if not seen.by_own_wallet:
        return Refuse(Reason.WRONG_WALLET)
    permit = _permit(seen)
    if rules.backup_check_s and seen.at >= seen.account.backup_tried_at() + rules.backup_check_s:
        # Said and no more: who cannot sign in because of a missing backup has lost the account that it was for.
        return replace(permit, reason=Reason.BACKUP_CHECK_DUE)
    return permit


def _approve_migration(act: ApproveMigration, seen: Seen, rules: Rules) -> Decision:
    if (no := seen.may_not_change()) is not None:
        return no
    migration = seen.account.migration
    if migration is not None and migration.is_open(seen.at):
        return Refuse(Reason.MIGRATION_OPEN)
    if seen.account.device(act.new_device) is not None:
        return Refuse(Reason.DEVICE_TOMBSTONED)
    # Nothing shows yet that the two phones lie side by side, so a thief with an unlocked phone must wait visibly.
    return Hold(Reason.SECURITY_DELAY, seen.at + rules.migration_hold_s)


def _activate(act: ActivateDevice, seen: Seen, rules: Rules) -> Decision:
    migration, recovery = seen.account.migration, seen.account.recovery
    if recovery is not None and recovery.new_device == act.device and recovery.is_open(seen.at):
        return claims.complete(act, recovery, seen, rules)
    if seen.device is None or seen.device.state is not DeviceState.PENDING:
        return Refuse(Reason.NOTHING_TO_ACCEPT)
    if migration is None or migration.new_device != act.device or not migration.is_open(seen.at):
        return Refuse(Reason.NOTHING_TO_ACCEPT)
    if act.approval != migration.approval:
        return Refuse(Reason.WRONG_APPROVAL)
    if not migration.confirmed:
        return Refuse(Reason.NOTHING_TO_ACCEPT)
    if not seen.by_own_wallet:
        return Refuse(Reason.WRONG_WALLET)
    if seen.account.state is not AccountState.OPEN:
        return Refuse(Reason.ACCOUNT_NOT_OPEN)
    return seen.after(migration.held_until, Reason.SECURITY_DELAY)


def _revoke(act: RevokeDevice, seen: Seen) -> Decision:
    if not seen.by_verified_phone:
        return Refuse(Reason.DEVICE_NOT_ACTIVE)
    if not seen.by_own_wallet:
        return Refuse(Reason.WRONG_WALLET)
    account, device = seen.account, seen.device
    target = account.device(act.target)
    if target is None or target.state in _ENDED:
        return Refuse(Reason.UNKNOWN_TARGET)
    if target is not device and _would_stop_a_case(target, seen):
        return Refuse(Reason.VETO_INSTEAD)
    if target.state is DeviceState.PENDING:
        # Stopping a newcomer is the safe direction: every verified phone may, even a new one.
        return Permit(Reason.BOTH_KEYS)
    if target is not device and seen.on_probation:
        return Refuse(Reason.DEVICE_ON_PROBATION)
    if target.suspension is not None:
        # Removing it twice must not cut short the day between the notice and the end, unless a code says who you are.
        if seen.shows_code:
            return Permit(Reason.BOTH_KEYS)
        return seen.after(target.suspension.revoke_at, Reason.SECURITY_DELAY)
    if account.active_devices() == (target,):
        return Refuse(Reason.LAST_DEVICE)
    return Permit(Reason.BOTH_KEYS)


def _would_stop_a_case(target: Device, seen: Seen) -> bool:
    """Whether removing this phone would be an objection that nobody weighs: it claims, or guardians or officers speak.

    A phone that asks for another wallet with nothing but what an owner has may be removed, and may object to that.
    """
    case = seen.account.recovery
    if case is None or not case.is_open(seen.at) or case.new_device != target.thumbprint:
        return False
    return target.state is DeviceState.PENDING or strength(frozenset(case.evidence)) >= Strength.GUARDIANS


def _set_up_codes(act: SetupOtp, seen: Seen, rules: Rules) -> Decision:
    if act.chain_end is not None:
        return offline.prepare(act, seen, rules)
    if seen.device is not None and seen.device.state not in {DeviceState.ACTIVE, DeviceState.PENDING}:
        return Refuse(Reason.DEVICE_TOMBSTONED)
    return Permit(Reason.BOTH_KEYS)


def _confirm_backup(seen: Seen) -> Decision:
    if not seen.by_verified_phone:
        return Refuse(Reason.DEVICE_NOT_ACTIVE)
    return Permit(Reason.BOTH_KEYS) if seen.by_own_wallet else Refuse(Reason.WRONG_WALLET)
