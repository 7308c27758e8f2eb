"""What tells two rows of one purpose apart that decide alike (docs/spec section 8.1): see :mod:`pteri.domain.rows`."""

from __future__ import annotations

from pteri.core.acts import (
    ActivateDevice,
    FreezeAccount,
    RevokeDevice,
    RotateWallet,
    SetupOtp,
    StartRecovery,
    StatementAct,
    VetoChange,
)
from pteri.domain.account import AccountState
from pteri.domain.device import DeviceState
from pteri.domain.recovery import Recovery
from pteri.domain.seeing import Seen
from pteri.domain.standing import line_counts

__all__ = [
    "in_own_case",
    "line_lengthens",
    "names_case",
    "names_lost",
    "names_own_case",
    "names_own_removal",
    "not_the_one",
    "nothing_waits",
    "shows_no_code",
    "target_pending",
    "target_suspended",
    "with_chain",
]


def not_the_one(act: StatementAct, seen: Seen) -> bool:
    """Whether the account is another one, or in a state that the purpose may not meet at all."""
    if act.account != seen.account.id:
        return True
    match act:
        case StartRecovery() | ActivateDevice() | RotateWallet() | SetupOtp():
            return False
        case FreezeAccount():
            return seen.account.state is AccountState.CONTESTED
        case _:
            return True


def _own_case(_: StatementAct, seen: Seen) -> Recovery | None:
    case = seen.account.recovery
    return case if case is not None and case.new_device == seen.phone and case.is_open(seen.at) else None


def in_own_case(act: StatementAct, seen: Seen) -> bool:
    """Whether an open case is this phone's."""
    return _own_case(act, seen) is not None


def line_lengthens(act: StatementAct, seen: Seen) -> bool:
    """Whether the wait of its open case is longer by the line."""
    case = _own_case(act, seen)
    return case is not None and line_counts(frozenset(case.evidence)) and seen.line_changed


def nothing_waits(act: StatementAct, seen: Seen) -> bool:
    """Whether no open migration waits for this phone."""
    device, migration = seen.device, seen.account.migration
    if device is None or device.state is not DeviceState.PENDING:
        return True
    return migration is None or migration.new_device != act.device or not migration.is_open(seen.at)


def names_lost(act: StatementAct, _: Seen) -> bool:
    """Whether a claim says which phones are lost."""
    return isinstance(act, StartRecovery) and act.lost is not None


def _target_in(act: StatementAct, seen: Seen, state: DeviceState) -> bool:
    target = seen.account.device(act.target) if isinstance(act, RevokeDevice) else None
    return target is not None and target.state is state


def target_pending(act: StatementAct, seen: Seen) -> bool:
    """Whether the phone to be removed is pending."""
    return _target_in(act, seen, DeviceState.PENDING)


def target_suspended(act: StatementAct, seen: Seen) -> bool:
    """Whether the phone to be removed is suspended."""
    return _target_in(act, seen, DeviceState.SUSPENDED)


def names_case(act: StatementAct, seen: Seen) -> bool:
    """Whether an objection is against the open case."""
    case = seen.account.recovery
    named = isinstance(act, VetoChange) and case is not None and case.approval == act.case
    return named and case is not None and case.is_open(seen.at)


def names_own_case(act: StatementAct, seen: Seen) -> bool:
    """Whether it is against the phone's own case."""
    return names_case(act, seen) and in_own_case(act, seen)


def names_own_removal(act: StatementAct, seen: Seen) -> bool:
    """Whether a suspended phone objects to its removal."""
    suspension = None if seen.device is None else seen.device.suspension
    return isinstance(act, VetoChange) and suspension is not None and suspension.approval == act.case


def shows_no_code(_: StatementAct, seen: Seen) -> bool:
    """Whether no recovery code of the account is shown."""
    # An account that has codes is never fresh, so a code that is shown is what decided.
    return not seen.shows_code


def with_chain(act: StatementAct, _: Seen) -> bool:
    """Whether offline codes are prepared."""
    return isinstance(act, SetupOtp) and act.chain_end is not None
