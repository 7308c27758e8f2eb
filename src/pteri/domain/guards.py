"""Stopping others: objections, freezes, and who may help (docs/spec section 8.5).

Whoever stops somebody must not gain by it: an objection and a freeze leave the account where it is, and neither stops a
claim for which guardians or officers speak.
"""

from __future__ import annotations

from pteri.core.acts import ChangeProtection, VetoChange
from pteri.core.keys.recovery import codes_digest
from pteri.domain.account import Account, AccountState
from pteri.domain.decisions import Decision, Hold, Permit, Reason, Refuse
from pteri.domain.rules import Rules
from pteri.domain.seeing import Seen
from pteri.domain.standing import ALL_OF_THE_OWNER, WALLET_ALONE, Strength, strength

__all__ = ["codes_digest", "freeze", "freeze_by_link", "protect", "unfreeze", "veto"]


def veto(act: VetoChange, seen: Seen) -> Decision:
    """A verified phone with the wallet objects to what waits; who opened a case takes it back by the same words."""
    account = seen.account
    case, migration = account.recovery, account.migration
    if case is not None and case.is_open(seen.at) and case.approval == act.case:
        if case.new_device == seen.phone:
            own = seen.signer.wallet in {seen.account.wallet, case.new_wallet}
            return Permit(Reason.STOPPED) if own else Refuse(Reason.WRONG_WALLET)
        if (no := _may_not_object(seen)) is not None:
            return no
        evidence = frozenset(case.evidence)
        if strength(evidence) >= Strength.GUARDIANS:
            return Refuse(Reason.VETO_SPENT) if case.delayed else Permit(Reason.DELAYED)
        return Permit(Reason.STOPPED if evidence == WALLET_ALONE else Reason.CONTESTED)
    device = seen.device
    if device is not None and device.suspension is not None and device.suspension.approval == act.case:
        return Permit(Reason.CONTESTED) if seen.by_own_wallet else Refuse(Reason.WRONG_WALLET)
    if (no := _may_not_object(seen)) is not None:
        return no
    waits = (migration is not None and migration.is_open(seen.at) and migration.approval == act.case) or any(
        change is not None and change.approval == act.case for change in (account.protection, account.channel_change)
    )
    return Permit(Reason.STOPPED) if waits else Refuse(Reason.NOTHING_TO_VETO)


def _may_not_object(seen: Seen) -> Refuse | None:
    # Objecting is the safe direction: a phone on probation may, too.
    if not seen.by_verified_phone:
        return Refuse(Reason.DEVICE_NOT_ACTIVE)
    return None if seen.by_own_wallet else Refuse(Reason.WRONG_WALLET)


def freeze(seen: Seen, rules: Rules) -> Decision:
    """One factor is enough to stop the account: a phone, a code or an officer until somebody is proved."""
    if seen.by_verified_phone or seen.shows_code or seen.signer.officer is not None:
        return Permit(Reason.CONTESTED)
    return _pause(seen.account, seen.at, rules) if seen.by_own_wallet else Refuse(Reason.WEAK_EVIDENCE)


def freeze_by_link(account: Account, at: int, rules: Rules) -> Decision:
    """Whoever reads the warnings may do what the wallet alone may, out of the same few times; nothing else, ever."""
    return _pause(account, at, rules)


def _pause(account: Account, at: int, rules: Rules) -> Decision:
    if account.state is not AccountState.OPEN:
        return Refuse(Reason.ACCOUNT_NOT_OPEN)
    recent = [frozen_at for frozen_at in account.freezes if frozen_at > at - rules.freezes_window_s]
    # Or who stole the mnemonic, or reads the mail, could keep the owner out with it for ever.
    return Refuse(Reason.FREEZES_SPENT) if len(recent) >= rules.freezes else Permit(Reason.FROZEN)


def unfreeze(seen: Seen) -> Decision:
    """Whoever holds everything that an owner holds need not wait."""
    if not seen.by_verified_phone:
        return Refuse(Reason.DEVICE_NOT_ACTIVE)
    return Permit(Reason.BOTH_KEYS) if seen.evidence() >= ALL_OF_THE_OWNER else Refuse(Reason.WEAK_EVIDENCE)


def protect(act: ChangeProtection, seen: Seen, rules: Rules) -> Decision:
    """Other guardians or codes: at once where nothing is replaced or a present code is shown, else after a wait."""
    account = seen.account
    if not seen.by_verified_phone:
        return Refuse(Reason.DEVICE_NOT_ACTIVE)
    if not seen.by_own_wallet:
        return Refuse(Reason.WRONG_WALLET)
    if act.guardians is not None and account.wallet.address in act.guardians.wallets:
        return Refuse(Reason.NOT_A_GUARDIAN)
    if _is_fresh(act, seen, rules):
        return Permit(Reason.BOTH_KEYS)
    if seen.on_probation:
        return Refuse(Reason.DEVICE_ON_PROBATION)
    if seen.shows_code:
        return Permit(Reason.BOTH_KEYS)
    if account.protection is not None:
        return Refuse(Reason.CHANGE_WAITS)
    return Hold(Reason.PROTECTION_HOLD, seen.at + rules.protection_hold_s)


def _is_fresh(act: ChangeProtection, seen: Seen, rules: Rules) -> bool:
    """The wallet has just come, with this phone, and nothing that protects the account is replaced.

    There was no time yet to steal anything. Later, who holds phone and wallet could make codes of his own, and with
    them all that an owner has.
    """
    account, device = seen.account, seen.device
    came_at = account.pinned_at or account.bound_at
    assert device is not None
    replaces = account.code_keys or (account.guardians is not None and act.guardians != account.guardians)
    return not replaces and device.created_at <= came_at and seen.at < came_at + rules.protection_fresh_s
