"""The invariants of docs/spec section 7 hold whatever the phones do, and the machine that says so is not blind.

Policies with one check missing are run through the same machine: each of them must be caught.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ledger import HOUR, Policy
from many_phones import AccountMachine
from pteri.core.acts import ActivateDevice, ApproveMigration, StartRecovery, StatementAct
from pteri.domain.account import Account
from pteri.domain.decisions import Decision, Hold, Level, Permit, Reason, Refuse
from pteri.domain.device import DeviceState
from pteri.domain.facts import Facts, LineStatus
from pteri.domain.policy import decide
from pteri.domain.rules import Rules
from pteri.domain.tables import IllegalTransition

ENDED: Final = frozenset({DeviceState.REVOKED, DeviceState.DROPPED})


def test_the_invariants_hold_whatever_the_phones_do() -> None:
    run_state_machine_as_test(
        AccountMachine,
        settings=settings(max_examples=100, stateful_step_count=40, deadline=None),
    )


# --- policies with one check missing --------------------------------------------------------------------------------


def looking_at(change: Callable[[StatementAct, Account], tuple[StatementAct, Account]]) -> Policy:
    """The policy, shown another act or account than there is."""

    def mutant(act: StatementAct, facts: Facts, rules: Rules) -> Decision:
        if facts.account is None:
            return decide(act, facts, rules)
        shown, account = change(act, facts.account)
        return decide(shown, Facts(account, facts.circumstances), rules)

    return mutant


def saying(change: Callable[[StatementAct, Facts, Decision], Decision]) -> Policy:
    """The policy, with another answer."""
    return lambda act, facts, rules: change(act, facts, decide(act, facts, rules))


def _with_phones(account: Account, **changes: object) -> Account:
    phones_now = tuple(msgspec.structs.replace(device, **changes) for device in account.devices)
    return msgspec.structs.replace(account, devices=phones_now)


def _confirmed(account: Account) -> Account:
    if account.migration is None:
        return account
    return msgspec.structs.replace(account, migration=msgspec.structs.replace(account.migration, confirmed=True))


def _only_present(account: Account) -> Account:
    present = tuple(device for device in account.devices if device.state not in ENDED)
    return msgspec.structs.replace(account, devices=present)


def _named(act: StatementAct, **values: object) -> StatementAct:
    known = {name: value for name, value in values.items() if name in act.__struct_fields__}
    return msgspec.structs.replace(act, **known)


def _as_approved(act: StatementAct, account: Account) -> StatementAct:
    ways = [way for way in (account.migration, account.recovery) if way is not None and way.new_device == act.device]
    return _named(act, approval=ways[0].approval) if ways else act


def _without_migration(act: StatementAct, account: Account) -> Account:
    return msgspec.structs.replace(account, migration=None) if isinstance(act, ApproveMigration) else account


def _without_recovery(act: StatementAct, account: Account) -> Account:
    return msgspec.structs.replace(account, recovery=None) if isinstance(act, StartRecovery) else account


def _never_stopped(account: Account) -> Account:
    if account.recovery is None:
        return account
    return msgspec.structs.replace(account, recovery=msgspec.structs.replace(account.recovery, ended_at=0))


def _in_time(act: StatementAct, facts: Facts, decision: Decision) -> Decision:
    return Permit(Reason.HOLD_OVER) if isinstance(act, ActivateDevice) and isinstance(decision, Hold) else decision


def _trusting_the_line(act: StatementAct, facts: Facts, decision: Decision) -> Decision:
    good = facts.circumstances.line is LineStatus.CONTINUOUS
    if isinstance(act, StartRecovery) and isinstance(decision, Hold) and good:
        return Hold(Reason.RECOVERY_HOLD, facts.circumstances.at + HOUR)
    return decision


def _suspecting_the_good(act: StatementAct, facts: Facts, decision: Decision) -> Decision:
    if isinstance(decision, Permit) and facts.circumstances.line is LineStatus.CONTINUOUS:
        return Permit(decision.reason, Level.REDUCED)
    return Permit(decision.reason) if isinstance(decision, Permit) else decision


def _forgetting(reason: Reason) -> Policy:
    return saying(lambda _, __, decision: Permit(Reason.BOTH_KEYS) if decision == Refuse(reason) else decision)


MUTANTS: Final[dict[str, Policy]] = {
    "a stale epoch will do": looking_at(lambda act, account: (_named(act, epoch=account.epoch), account)),
    "another account will do": looking_at(lambda act, account: (_named(act, account=account.id), account)),
    "another line will do": looking_at(lambda act, account: (_named(act, esim=account.esim), account)),
    "the last phone may go": _forgetting(Reason.LAST_DEVICE),
    "any phone may act": _forgetting(Reason.DEVICE_NOT_ACTIVE),
    "a new phone waits for nothing": saying(_in_time),
    "a migration needs no code": looking_at(lambda act, account: (act, _confirmed(account))),
    "there is no probation": looking_at(lambda act, account: (act, _with_phones(account, probation_until=0))),
    "a removed phone may come back": looking_at(lambda act, account: (act, _only_present(account))),
    "another approval will do": looking_at(lambda act, account: (_as_approved(act, account), account)),
    "two migrations at a time": looking_at(lambda act, account: (act, _without_migration(act, account))),
    "two recoveries at a time": looking_at(lambda act, account: (act, _without_recovery(act, account))),
    "a stopped recovery may be tried again": looking_at(lambda act, account: (act, _never_stopped(account))),
    "a good line shortens a recovery": saying(_trusting_the_line),
    "a bad line gives more": saying(_suspecting_the_good),
    "a second removal ends a suspension": looking_at(
        lambda act, account: (act, _with_phones(account, suspension=None))
    ),
}


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS.keys())
def test_a_policy_with_one_check_missing_is_caught(mutant: Policy) -> None:
    machine = type("MutantMachine", (AccountMachine,), {"policy": staticmethod(mutant)})
    with pytest.raises((AssertionError, IllegalTransition)):
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=200,
                stateful_step_count=40,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate],
                report_multiple_bugs=False,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
