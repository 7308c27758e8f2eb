"""Stopping others, and who may help: the rows about objections, freezes and protection, each as a sentence."""

from __future__ import annotations

import msgspec
import pytest

import quarrels
from builders import digest, sec1_text, wallet
from ledger import DAY, HOUR, Ledger, opened
from pteri.core.guardians import Guardians
from pteri.core.ids import Digest
from pteri.domain.account import AccountState
from pteri.domain.decisions import Hold, Permit, Reason, Refuse
from pteri.domain.events import DeviceSuspended, MigrationApproved, ProtectionHeld
from pteri.domain.facts import Signer
from pteri.domain.guards import codes_digest
from pteri.domain.policy import decide
from pteri.domain.rules import rules_from
from quarrels import (
    CODE,
    NEW_WALLET,
    OFFICERS,
    OTHER_CODE,
    STRANGER,
    attest,
    claim,
    code_keys,
    complete,
    freeze,
    friends,
    protect,
    protected,
    rotate,
    signed_by,
    spoken_for,
    unfreeze,
    veto,
)
from stories import STORIES, guarded

YES = Permit(Reason.BOTH_KEYS)
STOPPED, CONTESTED, DELAYED = Permit(Reason.STOPPED), Permit(Reason.CONTESTED), Permit(Reason.DELAYED)
NOT_ACTIVE, WRONG_WALLET = Refuse(Reason.DEVICE_NOT_ACTIVE), Refuse(Reason.WRONG_WALLET)
STRONG = ("WG", "CG", "WCG", "A", "WA", "CA", "GA")


def claimed(letters: str) -> Ledger:
    """Two verified phones, and a third one that claims with this."""
    ledger = spoken_for(guarded(), letters, 3)
    assert isinstance(claim(ledger, 3, letters), Hold)
    return ledger


def removal_of(ledger: Ledger) -> Digest:
    """The digest by which the removed phone names its removal."""
    removed = ledger.events[-1]
    assert isinstance(removed, DeviceSuspended)
    return removed.approval


# --- objections to claims -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [1, 2])
def test_a_verified_phone_with_the_wallet_ends_a_claim_of_the_wallet_alone(by: int) -> None:
    ledger = claimed("W")
    assert veto(ledger, by) == STOPPED
    assert (ledger.states()[3], ledger.now().state) == ("DROPPED", AccountState.OPEN)
    assert ledger.now().stopped_at == ledger.at
    assert ledger.recover(4) == Refuse(Reason.RECOVERY_STOPPED)


def test_against_wallet_and_code_an_objection_only_shows_that_nobody_can_say_who_the_owner_is() -> None:
    ledger = claimed("WC")
    assert veto(ledger, 1) == CONTESTED
    assert (ledger.states()[3], ledger.now().state) == ("DROPPED", AccountState.CONTESTED)
    assert ledger.sign_in(1) == Refuse(Reason.ACCOUNT_NOT_OPEN)


def test_against_wallet_and_phone_it_is_the_same() -> None:
    ledger = guarded()
    rotate(ledger, 1)
    assert veto(ledger, 2) == CONTESTED
    assert (ledger.states(), ledger.now().state) == ({1: "ACTIVE", 2: "ACTIVE"}, AccountState.CONTESTED)


@pytest.mark.parametrize("letters", STRONG)
def test_against_guardians_and_officers_an_objection_buys_a_day_and_only_once(letters: str) -> None:
    ledger = claimed(letters)
    case = ledger.now().recovery
    assert case is not None
    assert veto(ledger, 1) == DELAYED
    assert veto(ledger, 1) == Refuse(Reason.VETO_SPENT)
    assert veto(ledger, 2) == Refuse(Reason.VETO_SPENT)
    later = ledger.now().recovery
    assert later is not None
    assert (later.held_until, later.expires_at) == (case.held_until + DAY, case.expires_at + DAY)
    ledger.at = case.held_until
    assert complete(ledger) == Hold(Reason.EVIDENCE_HOLD, case.held_until + DAY)
    assert isinstance(complete(ledger.wait(DAY)), Permit)


def test_objecting_is_the_safe_direction_so_a_phone_on_probation_may_too() -> None:
    ledger = opened().migrated(1, 2)
    ledger.recover(3)
    assert veto(ledger, 2) == STOPPED


@pytest.mark.parametrize("letters", ["W", "WC", "WG", "A"])
def test_nobody_objects_without_a_verified_phone_and_the_wallet(letters: str) -> None:
    ledger = claimed(letters)
    assert veto(ledger, 9) == NOT_ACTIVE
    assert veto(ledger, 9, letters="WC") == NOT_ACTIVE
    assert veto(ledger, 1, letters="") == WRONG_WALLET
    assert veto(ledger, 1, letters="C") == WRONG_WALLET
    ledger.revoke(1, 2)
    assert veto(ledger, 2) == NOT_ACTIVE


@pytest.mark.parametrize("story", ["frozen", "contested by a phone"])
def test_guardians_are_objected_to_in_a_stopped_account_too(story: str) -> None:
    ledger = spoken_for(STORIES[story](), "G", 4)
    claim(ledger, 4, "WG")
    assert veto(ledger, 1) == DELAYED


# --- taking back ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letters", ["W", "WC", "WG", "CG", "A"])
@pytest.mark.parametrize("delayed", [False, True])
def test_who_opened_a_claim_takes_it_back_with_the_wallet_of_before_or_after(letters: str, delayed: bool) -> None:
    ledger = claimed(letters)
    if delayed and letters in STRONG:
        veto(ledger, 1)
    case = quarrels.case_of(ledger)
    for own in {wallet(1), wallet(1) if letters == "W" else wallet(NEW_WALLET)}:
        back = ledger.copy()
        assert back.submit(quarrels.objection(back, 3, case), signer=Signer(wallet=own)) == STOPPED
        assert (back.states()[3], back.now().state) == ("DROPPED", AccountState.OPEN)
        assert isinstance(claim(spoken_for(back, letters, 4), 4, letters), Hold)
    stranger = quarrels.objection(ledger, 3, case)
    assert ledger.submit(stranger, signer=Signer(wallet=wallet(7))) == WRONG_WALLET


def test_who_asked_for_another_wallet_takes_it_back_and_stays() -> None:
    ledger = guarded()
    rotate(ledger, 1)
    assert veto(ledger, 1) == STOPPED
    assert (ledger.states(), ledger.now().state) == ({1: "ACTIVE", 2: "ACTIVE"}, AccountState.OPEN)
    assert isinstance(rotate(ledger, 1), Hold)


# --- objections to everything else ----------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [1, 2])
def test_a_verified_phone_ends_a_migration(by: int) -> None:
    ledger = guarded()
    ledger.approve(1, 4)
    begun = ledger.events[-1]
    assert isinstance(begun, MigrationApproved)
    assert veto(ledger, by, begun.approval) == STOPPED
    assert ledger.states()[4] == "REVOKED"
    assert veto(ledger, by, begun.approval) == Refuse(Reason.NOTHING_TO_VETO)


@pytest.mark.parametrize("by", [1, 2])
def test_a_verified_phone_ends_the_wait_of_other_guardians_and_codes(by: int) -> None:
    ledger = guarded()
    protect(ledger, 1, None, OTHER_CODE)
    begun = ledger.events[-1]
    assert isinstance(begun, ProtectionHeld)
    assert veto(ledger, by, begun.approval) == STOPPED
    ledger.wait(3 * DAY)
    account = ledger.settled()[0]
    assert (account.guardians, account.code_keys, account.protection) == (friends(), code_keys(CODE), None)
    assert veto(ledger, by, begun.approval) == Refuse(Reason.NOTHING_TO_VETO)


def test_a_removed_phone_that_objects_with_the_wallet_is_back_and_both_wait_for_others() -> None:
    ledger = guarded()
    ledger.revoke(2, 1)
    removal = removal_of(ledger)
    assert veto(ledger, 1, removal, letters="") == WRONG_WALLET
    assert veto(ledger, 1, removal) == CONTESTED
    assert (ledger.states(), ledger.now().state) == ({1: "ACTIVE", 2: "ACTIVE"}, AccountState.CONTESTED)
    assert ledger.now().devices[0].suspension is None


def test_a_removed_phone_has_a_day_to_object() -> None:
    ledger = guarded()
    ledger.revoke(2, 1)
    removal = removal_of(ledger)
    late = ledger.copy().wait(DAY)
    assert veto(ledger.wait(DAY - 1), 1, removal) == CONTESTED
    assert veto(late, 1, removal) == NOT_ACTIVE


def test_only_the_removed_phone_objects_to_its_removal() -> None:
    ledger = guarded()
    ledger.revoke(2, 1)
    removal = removal_of(ledger)
    assert veto(ledger, 2, removal) == Refuse(Reason.NOTHING_TO_VETO)
    assert veto(ledger, 9, removal) == NOT_ACTIVE
    assert veto(ledger, 1, digest("something else")) == NOT_ACTIVE


def test_who_is_removed_objects_in_a_stopped_account_too() -> None:
    ledger = guarded()
    ledger.revoke(2, 1)
    removal = removal_of(ledger)
    freeze(ledger)
    assert veto(ledger, 1, removal) == CONTESTED
    assert ledger.now().state is AccountState.CONTESTED


@pytest.mark.parametrize("story", ["two phones", "recovery stopped", "recovered", "another wallet", "guarded"])
def test_where_nothing_waits_there_is_nothing_to_object_to(story: str) -> None:
    ledger = STORIES[story]()
    [by, *_] = [number for number, state in ledger.states().items() if state == "ACTIVE"]
    assert veto(ledger, by, digest("something")) == Refuse(Reason.NOTHING_TO_VETO)


def test_a_case_that_is_over_is_not_objected_to() -> None:
    ledger = claimed("W")
    case = quarrels.case_of(ledger)
    ledger.wait(10 * DAY)
    for account in (ledger.settled()[0], ledger.now()):
        facts = ledger.facts(account)
        assert decide(quarrels.objection(ledger, 1, case), facts, ledger.rules) == Refuse(Reason.NOTHING_TO_VETO)


def test_a_migration_that_is_over_is_not_objected_to() -> None:
    ledger = STORIES["migration inside its delay"]()
    migration = ledger.now().migration
    assert migration is not None
    facts = ledger.wait(25 * HOUR).facts(ledger.now())
    late = quarrels.objection(ledger, 1, migration.approval)
    assert decide(late, facts, ledger.rules) == Refuse(Reason.NOTHING_TO_VETO)


# --- freezing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "letters", "officer"),
    [(1, "", None), (1, "W", None), (2, "WC", None), (STRANGER, "C", None), (STRANGER, "WC", None), (9, "", "officer")],
)
@pytest.mark.parametrize("story", ["guarded", "frozen"])
def test_a_phone_a_code_or_an_officer_stops_an_account_until_others_speak(
    story: str, by: int, letters: str, officer: str | None
) -> None:
    ledger = STORIES[story]()
    assert freeze(ledger, by, letters, officer=officer) == CONTESTED
    assert ledger.now().state is AccountState.CONTESTED
    ledger.wait(300 * DAY)
    assert ledger.settled()[0].state is AccountState.CONTESTED
    assert unfreeze(ledger) == Refuse(Reason.ACCOUNT_NOT_OPEN)
    assert freeze(ledger, by, letters, officer=officer) == Refuse(Reason.ACCOUNT_NOT_OPEN)


def test_even_a_phone_on_probation_stops_an_account() -> None:
    assert freeze(opened().migrated(1, 2), 2, "") == CONTESTED


def test_who_shows_nothing_stops_nothing() -> None:
    for ledger in (opened(), guarded(), STORIES["another wallet"]()):
        assert freeze(ledger, letters="") == Refuse(Reason.WEAK_EVIDENCE)


@pytest.mark.parametrize("story", ["phone suspended", "migration inside its delay", "recovery inside its hold"])
def test_a_phone_that_is_not_verified_stops_nothing(story: str) -> None:
    ledger = STORIES[story]()
    for number, state in ledger.states().items():
        expected = CONTESTED if state == "ACTIVE" else Refuse(Reason.WEAK_EVIDENCE)
        assert freeze(ledger.copy(), number, "") == expected


def test_the_wallet_alone_stops_an_account_for_a_day() -> None:
    ledger = guarded()
    assert freeze(ledger) == Permit(Reason.FROZEN)
    assert ledger.now().frozen_until == ledger.at + DAY
    assert freeze(ledger) == Refuse(Reason.ACCOUNT_NOT_OPEN)
    assert ledger.wait(DAY - 1).sign_in(1) == Refuse(Reason.ACCOUNT_NOT_OPEN)
    assert ledger.wait(1).sign_in(1) == YES


def test_it_may_do_so_twice_in_a_week_and_again_when_the_first_time_is_a_week_ago() -> None:
    ledger = guarded()
    begun = ledger.at
    for _ in range(2):
        assert freeze(ledger) == Permit(Reason.FROZEN)
        ledger.wait(DAY)
    assert freeze(ledger) == Refuse(Reason.FREEZES_SPENT)
    ledger.at = begun + 7 * DAY - 1
    assert freeze(ledger) == Refuse(Reason.FREEZES_SPENT)
    assert freeze(ledger.wait(1)) == Permit(Reason.FROZEN)
    assert freeze(ledger.wait(DAY)) == Permit(Reason.FROZEN)
    assert freeze(ledger.wait(DAY)) == Refuse(Reason.FREEZES_SPENT)


def test_freezes_of_the_wallet_before_this_one_do_not_count() -> None:
    ledger = STORIES["frozen twice, and over"]()
    assert rotate(ledger, 1, "WC") == YES
    assert freeze(ledger) == Permit(Reason.FROZEN)


def test_a_freeze_of_a_tenant_is_as_long_and_as_often_as_its_rules_say() -> None:
    ledger = opened(rules=rules_from({"freeze_s": HOUR, "freezes": 1, "freezes_window_s": 2 * HOUR}))
    assert freeze(ledger) == Permit(Reason.FROZEN)
    assert freeze(ledger.wait(HOUR)) == Refuse(Reason.FREEZES_SPENT)
    assert freeze(ledger.wait(HOUR)) == Permit(Reason.FROZEN)


# --- unfreezing -----------------------------------------------------------------------------------------------------


def test_wallet_phone_and_code_together_end_a_freeze_early() -> None:
    ledger = STORIES["frozen"]()
    assert unfreeze(ledger) == YES
    assert (ledger.now().state, ledger.now().frozen_until) == (AccountState.OPEN, 0)
    assert ledger.sign_in(1) == YES


@pytest.mark.parametrize("letters", ["", "W", "C"])
def test_less_ends_no_freeze(letters: str) -> None:
    assert unfreeze(STORIES["frozen"](), 1, letters) == Refuse(Reason.WEAK_EVIDENCE)


def test_a_phone_that_is_not_verified_ends_no_freeze() -> None:
    assert unfreeze(STORIES["frozen"](), 9) == NOT_ACTIVE


@pytest.mark.parametrize("story", ["guarded", "unfrozen", "frozen twice, and over", "contested by a phone"])
def test_what_is_not_frozen_is_not_unfrozen(story: str) -> None:
    assert unfreeze(STORIES[story]()) == Refuse(Reason.ACCOUNT_NOT_OPEN)


# --- who may help ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("guardians", "codes"), [(friends(), ()), (None, (CODE,)), (friends(), (CODE, OTHER_CODE))])
def test_on_the_day_of_binding_the_first_guardians_and_codes_count_at_once(
    guardians: Guardians | None, codes: tuple[int, ...]
) -> None:
    ledger = opened().wait(DAY - 1)
    assert protect(ledger, 1, guardians, *codes) == YES
    assert (ledger.now().guardians, ledger.now().code_keys) == (guardians, code_keys(*codes))


def test_guardians_first_and_codes_afterwards_replace_nothing() -> None:
    ledger = opened()
    assert protect(ledger, 1, friends()) == YES
    assert protect(ledger, 1, friends(), CODE) == YES
    assert isinstance(protect(ledger, 1, friends(91, 92), CODE), Hold)


def test_later_they_wait_so_that_the_owner_can_object() -> None:
    """Or who holds phone and wallet made codes of his own, and had all that an owner has."""
    ledger = opened().wait(DAY)
    assert protect(ledger, 1, None, CODE) == Hold(Reason.PROTECTION_HOLD, ledger.at + 3 * DAY)
    assert ledger.now().code_keys == ()
    ledger.wait(3 * DAY - 1)
    assert rotate(ledger, 1, "W") != YES
    veto(ledger, 1)
    assert ledger.settled()[0].code_keys == ()
    ledger.wait(1)
    assert ledger.settled()[0].code_keys == code_keys(CODE)
    assert rotate(ledger, 1, "WC") == YES


def test_a_phone_that_came_later_is_not_there_from_the_first_day() -> None:
    ledger = opened().wait(1).migrated(1, 2)
    assert protect(ledger, 2, friends()) == Refuse(Reason.DEVICE_ON_PROBATION)
    assert protect(ledger, 1, friends()) == YES


@pytest.mark.parametrize("replaced", [(None, CODE), (friends(91, 92), CODE), (friends(), OTHER_CODE), (friends(),)])
def test_on_the_same_day_others_wait_like_on_any_other(replaced: tuple[Guardians | None, int]) -> None:
    ledger = protected(opened())
    guardians, *codes = replaced
    assert protect(ledger, 1, guardians, *codes) == Hold(Reason.PROTECTION_HOLD, ledger.at + 3 * DAY)
    assert (ledger.now().guardians, ledger.now().code_keys) == (friends(), code_keys(CODE))


def test_a_present_code_makes_other_guardians_and_codes_count_at_once() -> None:
    ledger = guarded()
    assert protect(ledger, 1, None, OTHER_CODE, letters="WC") == YES
    assert (ledger.now().guardians, ledger.now().code_keys) == (None, code_keys(OTHER_CODE))
    assert protect(ledger, 1, friends(), CODE, letters="WC") == Refuse(Reason.WRONG_CODE_KEY)


def test_what_waits_is_over_when_something_else_counts() -> None:
    ledger = guarded()
    protect(ledger, 1, None)
    assert protect(ledger, 2, friends(91, 92), CODE, letters="WC") == YES
    ledger.wait(3 * DAY)
    assert ledger.settled()[0].guardians == friends(91, 92)


def test_one_change_waits_at_a_time() -> None:
    ledger = guarded()
    protect(ledger, 1, None, OTHER_CODE)
    for by in (1, 2):
        assert protect(ledger, by, friends(91, 92)) == Refuse(Reason.CHANGE_WAITS)
    assert isinstance(protect(ledger.wait(3 * DAY), 2, friends(91, 92)), Hold)


@pytest.mark.parametrize("letters", ["W", "WC"])
def test_a_phone_on_probation_changes_nothing_of_it(letters: str) -> None:
    ledger = protected(opened()).migrated(1, 2).wait(3 * DAY - 1)
    assert protect(ledger, 2, None, letters=letters) == Refuse(Reason.DEVICE_ON_PROBATION)
    assert isinstance(protect(ledger.wait(1), 2, None, letters=letters), Permit if letters == "WC" else Hold)


def test_nobody_changes_it_without_a_verified_phone_and_the_wallet() -> None:
    ledger = guarded()
    assert protect(ledger, 9, None, letters="WC") == NOT_ACTIVE
    for letters in ("", "C"):
        assert protect(ledger, 1, None, letters=letters) == WRONG_WALLET


def test_the_owner_is_no_guardian_of_himself() -> None:
    """Or who has the wallet needed one friend fewer."""
    ledger = opened()
    assert protect(ledger, 1, friends(1, 91)) == Refuse(Reason.NOT_A_GUARDIAN)
    assert protect(ledger, 1, friends(91, 92)) == YES


def test_a_phone_that_recovered_makes_new_codes_on_its_first_day() -> None:
    """Its codes went with the old wallet; nothing is left to be replaced."""
    ledger = claimed("WG").wait(DAY)
    complete(ledger)
    assert ledger.now().code_keys == ()
    assert protect(ledger.wait(DAY - 1), 3, friends(), OTHER_CODE) == YES
    assert rotate(ledger, 3, "W", new=7) == Refuse(Reason.DEVICE_ON_PROBATION)


def test_a_phone_that_recovered_with_the_wallet_alone_does_not() -> None:
    """A thief with the wallet whom nobody stopped would have all that an owner has at once."""
    ledger = opened().wait(2 * DAY).recovered(3)
    assert protect(ledger, 3, friends(), CODE) == Refuse(Reason.DEVICE_ON_PROBATION)
    assert isinstance(protect(ledger.wait(3 * DAY), 3, friends(), CODE), Hold)


def test_after_another_wallet_new_codes_count_at_once_for_a_day() -> None:
    ledger = guarded()
    rotate(ledger, 1, "WC")
    later = ledger.copy().wait(DAY)
    assert protect(ledger.wait(DAY - 1), 2, friends(), OTHER_CODE) == YES
    assert isinstance(protect(later, 2, friends(), OTHER_CODE), Hold)


@pytest.mark.parametrize("stop", ["W", "D", "C"])
def test_stopping_the_account_ends_the_wait_of_other_guardians_and_codes(stop: str) -> None:
    ledger = guarded()
    protect(ledger, 1, None, OTHER_CODE)
    freeze(ledger, 2 if stop == "D" else STRANGER, stop)
    assert ledger.now().protection is None


def test_removing_the_phone_that_asked_for_it_ends_it_too() -> None:
    ledger = guarded()
    protect(ledger, 1, None, OTHER_CODE)
    ledger.revoke(2, 1)
    assert ledger.now().protection is None
    assert ledger.wait(3 * DAY).settled()[0].code_keys == code_keys(CODE)


def test_a_digest_of_codes_sees_every_code_and_their_order() -> None:
    digests = {codes_digest(code_keys(*codes)) for codes in ((), (71,), (72,), (71, 72), (72, 71), (71, 71))}
    assert len(digests) == 6
    assert codes_digest(()) is None


def test_the_digest_of_codes_is_stable() -> None:
    assert codes_digest((sec1_text(71), sec1_text(72))) == "YN5FcnYBBvO8wCvtTm0uvi3d03jrRuH9jzSkUu20cQM"


# --- officers -------------------------------------------------------------------------------------------------------


def test_an_officer_alone_stops_an_account_and_gives_it_to_nobody() -> None:
    ledger = guarded()
    assert freeze(ledger, letters="", officer=OFFICERS[0]) == CONTESTED
    assert attest(ledger, OFFICERS[0], 3) == YES
    assert claim(ledger, 3, "A") == Refuse(Reason.WEAK_EVIDENCE)
    officer = msgspec.structs.replace(signed_by(ledger, ""), officer=OFFICERS[0])
    assert ledger.submit(quarrels.unfreezing(ledger, 9), signer=officer) == Refuse(Reason.ACCOUNT_NOT_OPEN)
