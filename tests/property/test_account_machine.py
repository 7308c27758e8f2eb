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

import quarrels
from chains import OFFERED
from ledger import DAY, HOUR, Ledger, Policy, opened
from many_phones import AccountMachine
from pteri.core.acts import (
    ActivateDevice,
    ApproveMigration,
    Authenticate,
    ChangeChannels,
    ChangeProtection,
    ConfirmBackup,
    RevokeDevice,
    RotateWallet,
    SetupOtp,
    StartRecovery,
    StatementAct,
    UnfreezeAccount,
)
from pteri.core.offline import verify_offline_code
from pteri.domain import offline
from pteri.domain.account import Account, AccountState
from pteri.domain.decisions import Decision, Hold, Level, Permit, Reason, Refuse
from pteri.domain.device import DeviceState
from pteri.domain.facts import Facts, LineStatus, Signer
from pteri.domain.guards import freeze_by_link
from pteri.domain.policy import decide
from pteri.domain.rules import Rules
from pteri.domain.tables import IllegalTransition
from side_doors import SAFE, Doors, preparing
from stories import STORIES, guarded

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
        return decide(shown, Facts(account, facts.circumstances, facts.signer), rules)

    return mutant


def signed_by(change: Callable[[StatementAct, Signer, Account], Signer]) -> Policy:
    """The policy, shown another signer than there is."""

    def mutant(act: StatementAct, facts: Facts, rules: Rules) -> Decision:
        if facts.account is None:
            return decide(act, facts, rules)
        return decide(act, msgspec.structs.replace(facts, signer=change(act, facts.signer, facts.account)), rules)

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


def _changed(**changes: object) -> Policy:
    return looking_at(lambda act, account: (act, msgspec.structs.replace(account, **changes)))


def _never_delayed(account: Account) -> Account:
    if account.recovery is None:
        return account
    return msgspec.structs.replace(account, recovery=msgspec.structs.replace(account.recovery, delayed=False))


def _opened(*acts: type[StatementAct]) -> Policy:
    def change(act: StatementAct, account: Account) -> tuple[StatementAct, Account]:
        shown = msgspec.structs.replace(account, state=AccountState.OPEN) if isinstance(act, acts) else account
        return act, shown

    return looking_at(change)


def _thawed_when_contested(act: StatementAct, account: Account) -> tuple[StatementAct, Account]:
    contested = isinstance(act, UnfreezeAccount) and account.state is AccountState.CONTESTED
    return act, msgspec.structs.replace(account, state=AccountState.FROZEN) if contested else account


def _with_the_right_wallet(act: StatementAct, signer: Signer, account: Account) -> Signer:
    return msgspec.structs.replace(signer, wallet=account.wallet)


def _of_the_case(act: StatementAct, signer: Signer, account: Account) -> Signer:
    case = account.recovery
    if not isinstance(act, ActivateDevice) or case is None or case.new_wallet is None:
        return signer
    return msgspec.structs.replace(signer, wallet=case.new_wallet)


def _with_a_code(act: StatementAct, signer: Signer, account: Account) -> Signer:
    return msgspec.structs.replace(signer, code_key=account.code_keys[0]) if account.code_keys else signer


def _old_wallets_count(act: StatementAct, signer: Signer, account: Account) -> Signer:
    return _with_the_right_wallet(act, signer, account) if signer.wallet in account.old_wallets else signer


def _one_guardian_less(act: StatementAct, account: Account) -> tuple[StatementAct, Account]:
    guardians = account.guardians
    if guardians is None:
        return act, account
    fewer = msgspec.structs.replace(guardians, needed=guardians.needed - 1)
    return act, msgspec.structs.replace(account, guardians=fewer)


def _voices_for_ever(act: StatementAct, account: Account) -> tuple[StatementAct, Account]:
    lasting = tuple(msgspec.structs.replace(voucher, until=2**40) for voucher in account.vouchers)
    return act, msgspec.structs.replace(account, vouchers=lasting)


def _voices_for_anybody(act: StatementAct, account: Account) -> tuple[StatementAct, Account]:
    if not isinstance(act, StartRecovery):
        return act, account
    voices = tuple(msgspec.structs.replace(voucher, new_device=act.device) for voucher in account.vouchers)
    return act, msgspec.structs.replace(account, vouchers=voices)


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


def _ignoring(kind: type[StatementAct], reason: Reason) -> Policy:
    return saying(
        lambda act, _, decision: (
            Permit(Reason.BOTH_KEYS) if isinstance(act, kind) and decision == Refuse(reason) else decision
        )
    )


def _waiting_twice(kind: type[StatementAct]) -> Policy:
    return saying(
        lambda act, facts, decision: (
            Hold(Reason.CHANGE_WAITS, facts.circumstances.at + 3 * DAY)
            if isinstance(act, kind) and decision == Refuse(Reason.CHANGE_WAITS)
            else decision
        )
    )


def _objected(ledger: Ledger) -> None:
    assert isinstance(quarrels.veto(ledger, 1), Permit)


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
    "a stopped recovery may be tried again": _changed(stopped_at=0),
    "a claimant is removed like any newcomer": _forgetting(Reason.VETO_INSTEAD),
    "guardians and officers are objected to again and again": looking_at(
        lambda act, account: (act, _never_delayed(account))
    ),
    "nothing need wait to be objected to": _forgetting(Reason.NOTHING_TO_VETO),
    "a stopped account goes on": _opened(Authenticate, ApproveMigration, RevokeDevice, ConfirmBackup),
    "a stopped account is claimed with anything": _opened(StartRecovery, ActivateDevice),
    "in a quarrel the wallet is replaced at once": _opened(RotateWallet),
    "a quarrel is unfrozen": looking_at(_thawed_when_contested),
    "the wallet alone freezes for ever": _changed(freezes=()),
    "anybody freezes": _forgetting(Reason.WEAK_EVIDENCE),
    "any wallet will do": signed_by(_with_the_right_wallet),
    "an old wallet will do": signed_by(_old_wallets_count),
    "a case is completed with any wallet": signed_by(_of_the_case),
    "a code need not be shown": signed_by(_with_a_code),
    "a wallet may come back": _forgetting(Reason.WALLET_TOMBSTONED),
    "a guardian fewer is enough": looking_at(_one_guardian_less),
    "a voice counts for ever": looking_at(_voices_for_ever),
    "a voice counts for any phone": looking_at(_voices_for_anybody),
    "other guardians and codes need not wait": saying(
        lambda act, _, decision: (
            Permit(Reason.BOTH_KEYS) if isinstance(act, ChangeProtection) and isinstance(decision, Hold) else decision
        )
    ),
    "two changes of guardians and codes wait": _waiting_twice(ChangeProtection),
    "an address that hears is taken away at once": saying(
        lambda act, _, decision: (
            Permit(Reason.BOTH_KEYS) if isinstance(act, ChangeChannels) and isinstance(decision, Hold) else decision
        )
    ),
    "an address that hears is taken away in a day": saying(
        lambda act, facts, decision: (
            Hold(Reason.CHANNELS_HOLD, facts.circumstances.at + DAY)
            if isinstance(act, ChangeChannels) and isinstance(decision, Hold)
            else decision
        )
    ),
    "two changes of addresses wait": _waiting_twice(ChangeChannels),
    "addresses change in a quarrel": _opened(ChangeChannels),
    "a new phone prepares offline codes": _ignoring(SetupOtp, Reason.DEVICE_ON_PROBATION),
    "a new phone changes addresses": _ignoring(ChangeChannels, Reason.DEVICE_ON_PROBATION),
    "any phone prepares offline codes": _ignoring(SetupOtp, Reason.DEVICE_NOT_ACTIVE),
    "a good line shortens a recovery": saying(_trusting_the_line),
    "a bad line gives more": saying(_suspecting_the_good),
    "a second removal ends a suspension": looking_at(
        lambda act, account: (act, _with_phones(account, suspension=None))
    ),
}


def _then(begin: Callable[[], Ledger], *acts: Callable[[Ledger], object]) -> Callable[[], Ledger]:
    def begun() -> Ledger:
        ledger = begin()
        for act in acts:
            act(ledger)
        return ledger

    return begun


def _even_if_spent(account: Account, at: int, rules: Rules) -> Decision:
    return freeze_by_link(msgspec.structs.replace(account, freezes=()), at, rules)


DOORS: Final[dict[str, Doors]] = {
    "a link freezes for ever": SAFE._replace(links=_even_if_spent),
    "a link stops a quarrel": SAFE._replace(links=lambda _account, _at, _rules: Permit(Reason.FROZEN)),
    "an offline code counts twice": SAFE._replace(
        verify=lambda typed, **at: verify_offline_code(typed, **at | {"spent": None})
    ),
    "an offline code counts in a stopped account": SAFE._replace(
        sign_in=lambda phone, account, rules: offline.sign_in(
            phone, msgspec.structs.replace(account, state=AccountState.OPEN), rules
        )
    ),
    "an offline code counts where none are offered": SAFE._replace(
        sign_in=lambda phone, account, rules: offline.sign_in(
            phone, account, msgspec.structs.replace(rules, offline_codes_s=1)
        )
    ),
}
"""The same for what is decided beside the policy."""


def _prepared() -> Ledger:
    ledger = opened(rules=OFFERED)
    assert isinstance(ledger.submit(preparing(ledger, 1)), Permit)
    return ledger


BEGUN: Final[dict[str, Callable[[], Ledger]]] = {
    "a removed phone may come back": STORIES["phone gone by itself"],
    "a second removal ends a suspension": STORIES["phone suspended"],
    "there is no probation": STORIES["new phone on probation"],
    "a stopped recovery may be tried again": _then(guarded, lambda it: quarrels.claim(it, 3, "W"), _objected),
    "a claimant is removed like any newcomer": STORIES["claimed with guardians"],
    "guardians and officers are objected to again and again": STORIES["claimed with guardians, and delayed"],
    "a stopped account goes on": STORIES["contested by a phone"],
    "a stopped account is claimed with anything": STORIES["contested by a phone"],
    "in a quarrel the wallet is replaced at once": STORIES["contested by a phone"],
    "a quarrel is unfrozen": STORIES["contested by a phone"],
    "an old wallet will do": STORIES["another wallet"],
    "a wallet may come back": STORIES["another wallet"],
    "a case is completed with any wallet": _then(STORIES["claimed with a code"], lambda it: it.wait(2 * DAY)),
    "a code need not be shown": guarded,
    "a guardian fewer is enough": _then(guarded, lambda it: quarrels.vouch(it, 91, 3)),
    "a voice counts for ever": _then(STORIES["voices for a newcomer"], lambda it: it.wait(8 * DAY)),
    "a voice counts for any phone": STORIES["voices for a newcomer"],
    "other guardians and codes need not wait": guarded,
    "an address that hears is taken away in a day": STORIES["warned"],
    "a new phone prepares offline codes": STORIES["new phone on probation"],
    "a new phone changes addresses": STORIES["new phone on probation"],
    "an offline code counts twice": _prepared,
    "an offline code counts in a stopped account": _then(_prepared, quarrels.freeze),
    "an offline code counts where none are offered": _then(_prepared, lambda it: setattr(it, "rules", Rules())),
    "two changes of guardians and codes wait": STORIES["guarded, its codes waiting to be replaced"],
}
"""Where the search begins in each, so that the gap is found among tens of tries; all others begin with a binding."""


@pytest.mark.parametrize("name", MUTANTS)
def test_a_policy_with_one_check_missing_is_caught(name: str) -> None:
    members: dict[str, object] = {"policy": staticmethod(MUTANTS[name])}
    if name in BEGUN:
        members["begun"] = staticmethod(BEGUN[name])
    machine = type("MutantMachine", (AccountMachine,), members)
    with pytest.raises((AssertionError, IllegalTransition)):
        run_state_machine_as_test(machine, settings=searching(800))


@pytest.mark.parametrize("name", DOORS)
def test_a_side_door_with_one_check_missing_is_caught(name: str) -> None:
    members: dict[str, object] = {"doors": DOORS[name]}
    if name in BEGUN:
        members["begun"] = staticmethod(BEGUN[name])
    machine = type("MutantMachine", (AccountMachine,), members)
    with pytest.raises((AssertionError, IllegalTransition)):
        run_state_machine_as_test(machine, settings=searching(800))


@pytest.mark.parametrize("name", BEGUN)
def test_with_every_check_the_same_search_finds_nothing(name: str) -> None:
    machine = type("BegunMachine", (AccountMachine,), {"begun": staticmethod(BEGUN[name])})
    run_state_machine_as_test(machine, settings=searching(5))


def searching(examples: int) -> settings:
    """The same tries each time, and none to make what was found shorter."""
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.too_slow],
    )
