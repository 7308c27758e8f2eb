"""Who may claim an account, and who may speak for a claimant: the rows of the policy about cases (docs/spec 8.4).

A claim is weighed by what is shown, never by what it says of itself: a letter in the statement that nothing shows makes
it worthless, so that the person, the log and the policy speak of the same thing.
"""

from __future__ import annotations

from pteri.core.acts import (
    SAME_WALLET,
    ActivateDevice,
    AttestIdentity,
    RotateWallet,
    StartRecovery,
    VouchForRecovery,
)
from pteri.core.ids import Thumbprint
from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account, AccountState
from pteri.domain.decisions import Decision, Hold, Permit, Reason, Refuse
from pteri.domain.device import DeviceState
from pteri.domain.recovery import CaseKind, Recovery
from pteri.domain.rules import Rules
from pteri.domain.seeing import Seen
from pteri.domain.standing import (
    WALLET_ALONE,
    Evidence,
    Strength,
    is_enough,
    line_counts,
    pre_empts,
    replaces_wallet,
    strength,
    wait_s,
)

__all__ = ["attest", "complete", "rotate_wallet", "start_recovery", "vouch"]


def start_recovery(act: StartRecovery, seen: Seen, rules: Rules) -> Decision:
    """A new phone asks for the account."""
    claimed, shown = frozenset(act.evidence), seen.evidence()
    if not claimed <= shown or not is_enough(claimed):
        return Refuse(Reason.WEAK_EVIDENCE)
    if act.lost is not None:
        return Refuse(Reason.NOT_OFFERED)
    if (no := _wrong_wallet(act.new_wallet, seen, replaces=replaces_wallet(claimed))) is not None:
        return no
    if seen.device is not None and not _is_its_own_case(seen):
        return Refuse(Reason.DEVICE_TOMBSTONED)
    return _open(claimed, seen, rules)


def rotate_wallet(act: RotateWallet, seen: Seen, rules: Rules) -> Decision:
    """A phone that is still there asks for another wallet: at once with a recovery code, else after a wait."""
    if not seen.by_verified_phone:
        return Refuse(Reason.DEVICE_NOT_ACTIVE)
    if seen.on_probation:
        return Refuse(Reason.DEVICE_ON_PROBATION)
    shown = seen.evidence()
    if not is_enough(shown):
        return Refuse(Reason.WEAK_EVIDENCE)
    if (no := _wrong_wallet(act.new_wallet, seen, replaces=True)) is not None:
        return no
    return _open(shown, seen, rules)


def _wrong_wallet(named: str, seen: Seen, *, replaces: bool) -> Refuse | None:
    """The wallet that is named must be there, must have signed, and must never have been this account's."""
    new, account = seen.signer.new_wallet, seen.account
    if not replaces:
        return None if named == SAME_WALLET and new is None else Refuse(Reason.NOT_OFFERED)
    if named == SAME_WALLET or new is None or new.address != named:
        return Refuse(Reason.NEW_WALLET_NEEDED)
    if not seen.by_own_wallet and seen.signer.wallet != new:
        return Refuse(Reason.WRONG_WALLET)
    if _was_here(new, account):
        return Refuse(Reason.WALLET_TOMBSTONED)
    return None


def _was_here(wallet: PinnedWallet, account: Account) -> bool:
    return wallet.address in {one.address for one in (account.wallet, *account.old_wallets)}


def _is_its_own_case(seen: Seen) -> bool:
    """Whether the phone waits in an open case already, and comes back with more."""
    case = seen.account.recovery
    assert seen.device is not None
    return (
        seen.device.state is DeviceState.PENDING
        and case is not None
        and case.is_open(seen.at)
        and case.new_device == seen.phone
    )


def _open(evidence: Evidence, seen: Seen, rules: Rules) -> Decision:
    account = seen.account
    strong = strength(evidence) >= Strength.GUARDIANS
    if account.state is not AccountState.OPEN and not strong:
        return Refuse(Reason.ACCOUNT_NOT_OPEN)
    case = account.recovery
    if case is not None and case.is_open(seen.at) and not pre_empts(evidence, frozenset(case.evidence)):
        return Refuse(Reason.RECOVERY_OPEN)
    if evidence == WALLET_ALONE and _was_stopped(account, seen.at - rules.recovery_blocked_s):
        # Or a thief with the wallet could try again and again, until the owner looks away for three days.
        return Refuse(Reason.RECOVERY_STOPPED)
    quarrel = account.state is not AccountState.OPEN
    wait = wait_s(evidence, rules, line_changed=seen.line_changed, quarrel=quarrel)
    if wait == 0:
        return Permit(Reason.BOTH_KEYS)
    return Hold(_why(evidence, seen), seen.at + wait)


def _was_stopped(account: Account, since: int) -> bool:
    """Whether a phone rejected a claim of this wallet alone after ``since``: this way, or the first release's."""
    case = account.recovery
    # Of a wallet that came later, what the one before it was stopped from says nothing.
    since = max(since, account.pinned_at, 0)
    removed = case is not None and case.stopped_since(since)
    return removed or account.stopped_at > since


def _why(evidence: Evidence, seen: Seen) -> Reason:
    if evidence != WALLET_ALONE:
        return Reason.EVIDENCE_HOLD
    return Reason.LINE_CHANGED_HOLD if seen.line_changed else Reason.RECOVERY_HOLD


def complete(act: ActivateDevice, case: Recovery, seen: Seen, rules: Rules) -> Decision:
    """The phone of an open case says that the wait is over: with the wallet that the account will have."""
    if act.approval != case.approval:
        return Refuse(Reason.WRONG_APPROVAL)
    if seen.signer.wallet != (seen.account.wallet if case.new_wallet is None else case.new_wallet):
        return Refuse(Reason.WRONG_WALLET)
    wanted = DeviceState.ACTIVE if case.kind is CaseKind.ROTATE else DeviceState.PENDING
    if seen.device is None or seen.device.state is not wanted:
        return Refuse(Reason.NOTHING_TO_ACCEPT)
    if case.new_wallet is not None and _was_here(case.new_wallet, seen.account):
        # Another act has pinned it since the case began.
        return Refuse(Reason.WALLET_TOMBSTONED)
    evidence = frozenset(case.evidence)
    if seen.account.state is not AccountState.OPEN and strength(evidence) < Strength.GUARDIANS:
        return Refuse(Reason.ACCOUNT_NOT_OPEN)
    if line_counts(evidence) and seen.line_changed:
        # A line that changed while the case was open lengthens it; no line answer ever shortens one.
        longer = case.opened_at + rules.recovery_hold_line_changed_s
        return seen.after(max(longer, case.held_until), Reason.LINE_CHANGED_HOLD)
    return seen.after(case.held_until, Reason.RECOVERY_HOLD if evidence == WALLET_ALONE else Reason.EVIDENCE_HOLD)


def vouch(act: VouchForRecovery, seen: Seen) -> Decision:
    """A guardian speaks for a claimant's phone."""
    guardians = seen.account.guardians
    if guardians is None or seen.by_own_wallet or seen.signer.wallet.address not in guardians.wallets:
        return Refuse(Reason.NOT_A_GUARDIAN)
    if seen.phone == act.new_device:
        # A guardian who claims the account for himself needs the others.
        return Refuse(Reason.NOT_A_GUARDIAN)
    return _spoken(act.new_device, "G", seen.signer.wallet.address, seen)


def attest(act: AttestIdentity, seen: Seen) -> Decision:
    """An officer speaks for a claimant's phone."""
    officer = seen.signer.officer
    if officer is None or seen.phone == act.new_device:
        return Refuse(Reason.NOT_AN_OFFICER)
    return _spoken(act.new_device, "A", officer, seen)


def _spoken(newcomer: Thumbprint, letter: str, by: str, seen: Seen) -> Decision:
    if by in seen.account.spoken_for(newcomer, letter, seen.at):
        return Refuse(Reason.ALREADY_SPOKEN)
    return Permit(Reason.BOTH_KEYS)
