"""Freezes, objections, guardians and codes: the fold of what stops others and of who may help."""

from __future__ import annotations

from msgspec.structs import replace

from pteri.domain.account import Account, AccountEvent, Protection, Voucher
from pteri.domain.device import DeviceEvent
from pteri.domain.entering import case_ended, open_case, without_migration, without_weak_case
from pteri.domain.events import (
    AccountContested,
    AccountFrozen,
    AccountUnfrozen,
    FreezeEnded,
    FrozenByLink,
    ProtectionChanged,
    ProtectionHeld,
    ProtectionStopped,
    ProtectionTookEffect,
    RecoveryContested,
    RecoveryDelayed,
    RecoveryStopped,
    RecoveryWithdrawn,
    SpokenFor,
    SuspensionObjected,
)
from pteri.domain.recovery import RecoveryEvent
from pteri.domain.rules import MOST_FREEZES
from pteri.domain.tables import IllegalTransition

__all__ = [
    "account_contested",
    "account_frozen",
    "account_unfrozen",
    "freeze_ended",
    "protection_changed",
    "protection_held",
    "protection_stopped",
    "protection_took_effect",
    "recovery_contested",
    "recovery_delayed",
    "recovery_stopped",
    "recovery_withdrawn",
    "spoken_for",
    "suspension_objected",
]

# --- objections -----------------------------------------------------------------------------------------------------


def recovery_stopped(account: Account, event: RecoveryStopped) -> Account:
    """The wallet alone was not enough against a verified phone."""
    account.verified(event.by)
    open_case(account, event.approval)
    return replace(case_ended(account, RecoveryEvent.REJECT, event.at), stopped_at=event.at)


def recovery_delayed(account: Account, event: RecoveryDelayed) -> Account:
    """It waits longer."""
    account.verified(event.by)
    case = open_case(account, event.approval)
    if case.delayed:
        raise IllegalTransition("a case is delayed once")
    return replace(account, recovery=case.delayed_by(event.delay_s, event.at))


def recovery_contested(account: Account, event: RecoveryContested) -> Account:
    """Nobody can say who is the owner: the case ends, and the account waits for somebody who is proved."""
    account.verified(event.by)
    open_case(account, event.approval)
    return _contested(case_ended(account, RecoveryEvent.CONTEST, event.at), event.at)


def recovery_withdrawn(account: Account, event: RecoveryWithdrawn) -> Account:
    """Taken back by who opened it."""
    if open_case(account, event.approval).new_device != event.by:
        raise IllegalTransition("a case is withdrawn by the phone that opened it")
    return case_ended(account, RecoveryEvent.WITHDRAW, event.at)


def suspension_objected(account: Account, event: SuspensionObjected) -> Account:
    """The removed phone is back, and neither of the two acts until somebody is proved."""
    back = account.known(event.device).after(DeviceEvent.REINSTATE, suspension=None)
    return _contested(replace(account, devices=account.with_devices(back)), event.at)


# --- freezes --------------------------------------------------------------------------------------------------------


def account_frozen(account: Account, event: AccountFrozen | FrozenByLink) -> Account:
    """A pause, and the end of whatever weak thing waited."""
    left = _without_weak(account, event.at)
    return replace(
        left,
        state=account.after(AccountEvent.FREEZE),
        frozen_by=event.request,
        frozen_until=event.until,
        # Those before can decide nothing more, and would pile up for as long as the account lives.
        freezes=(*account.freezes, event.at)[-MOST_FREEZES:],
    )


def freeze_ended(account: Account, event: FreezeEnded) -> Account:
    """The pause is over."""
    if account.frozen_by != event.request or event.at < account.frozen_until:
        raise IllegalTransition("no freeze ends here")
    return _thawed(account)


def account_unfrozen(account: Account, event: AccountUnfrozen) -> Account:
    """The same, early."""
    account.verified(event.by)
    return _thawed(account)


def account_contested(account: Account, event: AccountContested) -> Account:
    """Nobody acts until guardians or officers have spoken."""
    return _contested(account, event.at)


def _thawed(account: Account) -> Account:
    return replace(account, state=account.after(AccountEvent.THAW), frozen_by=None, frozen_until=0)


def _contested(account: Account, at: int) -> Account:
    left = _without_weak(account, at)
    return replace(left, state=account.after(AccountEvent.CONTEST), frozen_by=None, frozen_until=0)


def _without_weak(account: Account, at: int) -> Account:
    left = without_weak_case(without_migration(account), RecoveryEvent.CONTEST, at)
    return replace(left, protection=None, channel_change=None)


# --- who may help ---------------------------------------------------------------------------------------------------


def protection_changed(account: Account, event: ProtectionChanged) -> Account:
    """These count from now."""
    account.verified(event.device)
    return replace(account, guardians=event.guardians, code_keys=event.code_keys, protection=None)


def protection_held(account: Account, event: ProtectionHeld) -> Account:
    """These wait."""
    if account.protection is not None:
        raise IllegalTransition("one change of protection at a time")
    waiting = Protection(
        request=event.request,
        approval=event.approval,
        by=account.verified(event.device).thumbprint,
        guardians=event.guardians,
        code_keys=event.code_keys,
        held_until=event.held_until,
    )
    return replace(account, protection=waiting)


def protection_took_effect(account: Account, event: ProtectionTookEffect) -> Account:
    """What waited counts."""
    waiting = account.protection
    if waiting is None or waiting.request != event.request or event.at < waiting.held_until:
        raise IllegalTransition("no change of protection takes effect here")
    return replace(account, guardians=waiting.guardians, code_keys=waiting.code_keys, protection=None)


def protection_stopped(account: Account, event: ProtectionStopped) -> Account:
    """What waited is over."""
    account.verified(event.by)
    if account.protection is None or account.protection.approval != event.approval:
        raise IllegalTransition("there is no such change of protection")
    return replace(account, protection=None)


def spoken_for(account: Account, event: SpokenFor) -> Account:
    """One voice. Each guardian and officer has one at a time, so that nobody fills the list for the others."""
    kept = tuple(
        voucher
        for voucher in account.vouchers
        if event.at < voucher.until and (voucher.letter, voucher.by) != (event.letter, event.by)
    )
    voucher = Voucher(event.new_device, event.letter, event.by, event.until)
    return replace(account, vouchers=(*kept, voucher))
