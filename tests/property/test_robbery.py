"""No single factor takes an account over, and no thief keeps its owner out: over the real policy, and not blindly.

Policies from which one protection was taken away are run through the same machine: in each it must find the attack.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ledger import Policy
from pteri.core.acts import (
    ActivateDevice,
    ChangeChannels,
    ChangeProtection,
    FreezeAccount,
    RotateWallet,
    StartRecovery,
    StatementAct,
    VetoChange,
)
from pteri.core.offline import verify_offline_code
from pteri.domain.account import Account, AccountState, Voucher
from pteri.domain.decisions import Decision, Hold, Permit, Reason, Refuse
from pteri.domain.facts import Facts, LineStatus
from pteri.domain.guards import freeze_by_link
from pteri.domain.policy import decide
from pteri.domain.rules import Rules
from pteri.domain.tables import IllegalTransition
from robbery import OWNER, PEOPLE, THIEF, RobberyMachine
from side_doors import SAFE, Doors


def test_whatever_owner_and_thief_hold_the_promises_of_recovery_hold() -> None:
    run_state_machine_as_test(
        RobberyMachine, settings=settings(max_examples=400, stateful_step_count=30, deadline=None)
    )


# --- policies without one protection --------------------------------------------------------------------------------


def _saying(change: Callable[[StatementAct, Facts, Decision], Decision]) -> Policy:
    return lambda act, facts, rules: change(act, facts, decide(act, facts, rules))


def _seeing(change: Callable[[StatementAct, Facts, Account], Facts]) -> Policy:
    """The policy, shown other facts than there are."""

    def mutant(act: StatementAct, facts: Facts, rules: Rules) -> Decision:
        return decide(act, facts if facts.account is None else change(act, facts, facts.account), rules)

    return mutant


def _under(**changes: int) -> Policy:
    """The policy under rules that the software does not accept."""
    return lambda act, facts, rules: decide(act, facts, msgspec.structs.replace(rules, **changes))


def _account(facts: Facts, **changes: object) -> Facts:
    assert facts.account is not None
    return msgspec.structs.replace(facts, account=msgspec.structs.replace(facts.account, **changes))


def _at_once(*kinds: type[StatementAct]) -> Policy:
    def change(act: StatementAct, _facts: Facts, decision: Decision) -> Decision:
        return Permit(Reason.BOTH_KEYS) if isinstance(act, kinds) and isinstance(decision, Hold) else decision

    return _saying(change)


def _line_unlocks(act: StatementAct, facts: Facts, decision: Decision) -> Decision:
    unlocked = isinstance(act, StartRecovery | ActivateDevice) and facts.circumstances.line is LineStatus.CONTINUOUS
    return Permit(Reason.HOLD_OVER) if unlocked and isinstance(decision, Hold) else decision


def _every_objection_contests(act: StatementAct, _facts: Facts, decision: Decision) -> Decision:
    delayed = isinstance(act, VetoChange) and decision.reason in {Reason.DELAYED, Reason.VETO_SPENT}
    return Permit(Reason.CONTESTED) if delayed else decision


def _no_freeze(act: StatementAct, _facts: Facts, decision: Decision) -> Decision:
    return Refuse(Reason.WEAK_EVIDENCE) if isinstance(act, FreezeAccount) else decision


def _one_officer(_act: StatementAct, facts: Facts, account: Account) -> Facts:
    ghosts = tuple(
        Voucher(voucher.new_device, "A", "a ghost", voucher.until)
        for voucher in account.vouchers
        if voucher.letter == "A"
    )
    return _account(facts, vouchers=(*account.vouchers, *ghosts))


def _one_guardian(_act: StatementAct, facts: Facts, account: Account) -> Facts:
    if account.guardians is None:
        return facts
    return _account(facts, guardians=msgspec.structs.replace(account.guardians, needed=1))


def _voices_for_anybody(act: StatementAct, facts: Facts, account: Account) -> Facts:
    if not isinstance(act, StartRecovery):
        return facts
    voices = tuple(msgspec.structs.replace(voucher, new_device=act.device) for voucher in account.vouchers)
    return _account(facts, vouchers=voices)


def _old_wallets_count(_act: StatementAct, facts: Facts, account: Account) -> Facts:
    if facts.signer.wallet not in account.old_wallets:
        return facts
    return msgspec.structs.replace(facts, signer=msgspec.structs.replace(facts.signer, wallet=account.wallet))


def _code_is_as_good_as_the_wallet(_act: StatementAct, facts: Facts, account: Account) -> Facts:
    if facts.signer.code_key is None or facts.signer.code_key not in account.code_keys:
        return facts
    return msgspec.structs.replace(facts, signer=msgspec.structs.replace(facts.signer, wallet=account.wallet))


def _any_wallet_signs(act: StatementAct, facts: Facts, account: Account) -> Facts:
    if not isinstance(act, StartRecovery | RotateWallet):
        return facts
    return msgspec.structs.replace(facts, signer=msgspec.structs.replace(facts.signer, wallet=account.wallet))


def _contested_is_open(act: StatementAct, facts: Facts, account: Account) -> Facts:
    if not isinstance(act, StartRecovery | ActivateDevice | RotateWallet):
        return facts
    return facts if account.state is AccountState.OPEN else _account(facts, state=AccountState.OPEN)


def _never_stopped(_act: StatementAct, facts: Facts, account: Account) -> Facts:
    case = account.recovery
    forgotten = None if case is None else msgspec.structs.replace(case, ended_at=0)
    return _account(facts, stopped_at=0, recovery=forgotten)


def _freezes_forgotten(_act: StatementAct, facts: Facts, _account_now: Account) -> Facts:
    return _account(facts, freezes=())


MUTANTS: Final[dict[str, Policy]] = {
    "a claim is instant": _at_once(StartRecovery),
    "another wallet is instant": _at_once(RotateWallet),
    "a hold need not be over": _at_once(ActivateDevice),
    "other guardians and codes count at once": _at_once(ChangeProtection),
    "a line that answers shortens a hold": _saying(_line_unlocks),
    "wallet and code need not wait": _under(recovery_hold_code_s=1),
    "guardians and officers can be contested": _saying(_every_objection_contests),
    "nobody can freeze": _saying(_no_freeze),
    "one officer is enough": _seeing(_one_officer),
    "one guardian is enough": _seeing(_one_guardian),
    "a voice counts for any phone": _seeing(_voices_for_anybody),
    "the old wallet still counts": _seeing(_old_wallets_count),
    "a code is as good as the wallet": _seeing(_code_is_as_good_as_the_wallet),
    "any wallet signs": _seeing(_any_wallet_signs),
    "a contested account can be claimed with the wallet": _seeing(_contested_is_open),
    "a claim that was stopped comes again": _seeing(_never_stopped),
    "the wallet alone freezes for ever": _seeing(_freezes_forgotten),
    "who reads the mail is made deaf at once": _at_once(ChangeChannels),
}
DOORS: Final[dict[str, Doors]] = {
    "a link freezes for ever": SAFE._replace(
        links=lambda account, at, rules: freeze_by_link(msgspec.structs.replace(account, freezes=()), at, rules)
    ),
    "an offline code counts twice": SAFE._replace(
        verify=lambda typed, **shown: verify_offline_code(typed, **shown | {"spent": None})
    ),
}
"""The same for what is decided beside the policy; that a stopped account takes no code is many_phones' to find."""


_HIS: Final = {"knows_wallet": (THIEF,), "second_phone": (), "knows_code": (), "false_friends": 0, "false_officers": 0}
SCENES: Final[dict[str, dict[str, Any]]] = {
    "a claim is instant": _HIS | {"attentive": False, "holds_phone": ()},
    "another wallet is instant": _HIS | {"holds_phone": (THIEF,)},
    "a hold need not be over": _HIS | {"attentive": False, "holds_phone": ()},
    "other guardians and codes count at once": _HIS
    | {"holds_phone": (THIEF,), "knows_code": (OWNER,), "attentive": True, "guardians": False},
    "a line that answers shortens a hold": _HIS | {"attentive": False, "line": LineStatus.CONTINUOUS},
    "wallet and code need not wait": _HIS | {"attentive": False, "holds_phone": (), "knows_code": (THIEF,)},
    "guardians and officers can be contested": _HIS | {"holds_phone": (THIEF,), "proofing": True, "attentive": True},
    "nobody can freeze": _HIS | {"knows_wallet": PEOPLE, "knows_code": (OWNER,), "attentive": True},
    "one officer is enough": _HIS | {"knows_wallet": (), "holds_phone": (), "false_officers": 1, "guardians": False},
    "one guardian is enough": _HIS
    | {"knows_wallet": (), "holds_phone": (), "knows_code": (THIEF,), "guardians": True, "false_friends": 1},
    "a voice counts for any phone": _HIS | {"proofing": True, "knows_wallet": (), "guardians": True},
    "the old wallet still counts": _HIS | {"knows_wallet": PEOPLE, "holds_phone": (OWNER,), "knows_code": (OWNER,)},
    "a code is as good as the wallet": _HIS | {"knows_wallet": (), "knows_code": (THIEF,), "attentive": False},
    "any wallet signs": _HIS | {"knows_wallet": (), "attentive": False},
    "a contested account can be claimed with the wallet": _HIS | {"knows_code": (OWNER,)},
    "a claim that was stopped comes again": _HIS
    | {"knows_wallet": PEOPLE, "holds_phone": (OWNER,), "attentive": True, "reacts_after": 0},
    "the wallet alone freezes for ever": _HIS | {"holds_phone": ()},
    "who reads the mail is made deaf at once": _HIS | {"holds_phone": (THIEF,)},
    "a link freezes for ever": _HIS | {"holds_phone": (THIEF,), "attentive": False},
    "an offline code counts twice": _HIS | {"holds_phone": (THIEF,), "attentive": False},
}
"""What is given in each, so that the attack is found among hundreds of tries and not among thousands."""


@pytest.mark.parametrize("name", MUTANTS)
def test_without_this_protection_the_machine_finds_the_attack(name: str) -> None:
    mutant = type("Mutant", (RobberyMachine,), {"policy": staticmethod(MUTANTS[name]), "scene": SCENES[name]})
    with pytest.raises((AssertionError, IllegalTransition)):
        run_state_machine_as_test(mutant, settings=searching(1500))


@pytest.mark.parametrize("name", DOORS)
def test_without_this_check_beside_the_policy_the_machine_finds_the_attack(name: str) -> None:
    mutant = type("Mutant", (RobberyMachine,), {"doors": DOORS[name], "scene": SCENES[name]})
    with pytest.raises((AssertionError, IllegalTransition)):
        run_state_machine_as_test(mutant, settings=searching(1500))


@pytest.mark.parametrize("name", SCENES)
def test_with_every_protection_the_same_search_finds_none(name: str) -> None:
    class Scene(RobberyMachine):
        scene = SCENES[name]

    run_state_machine_as_test(Scene, settings=searching(10))


def searching(examples: int) -> settings:
    """The same tries each time, and none to make a found attack shorter."""
    return settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
