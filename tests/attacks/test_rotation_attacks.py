"""Abuse cases of migration and of another wallet, seen from the phone that stays: who may replace what, and when.

The owner has phones 1 and 2, guardians and a code; the thief brings phone 3.
"""

from __future__ import annotations

import msgspec
import pytest

import quarrels
from builders import thumbprint, wallet
from ledger import DAY, HOUR, Ledger, opened
from pteri.core.ids import Digest
from pteri.domain.account import AccountState
from pteri.domain.decisions import Hold, Permit, Reason, Refuse
from pteri.domain.events import DeviceActivated, MigrationApproved
from pteri.domain.facts import Signer
from quarrels import NEW_WALLET, STRANGER, claim, complete, freeze, protect, protected, rotate, spoken_for, veto
from stories import guarded

YES = Permit(Reason.BOTH_KEYS)
DONE = Permit(Reason.HOLD_OVER)
PROBATION = Refuse(Reason.DEVICE_ON_PROBATION)
NOT_ACTIVE = Refuse(Reason.DEVICE_NOT_ACTIVE)
NOTHING = Refuse(Reason.NOTHING_TO_ACCEPT)


def begun(ledger: Ledger) -> MigrationApproved:
    event = ledger.events[-1]
    assert isinstance(event, MigrationApproved)
    return event


# --- migration ------------------------------------------------------------------------------------------------------


def test_mi_06_who_stole_the_mnemonic_lets_no_phone_in_and_has_only_the_slow_way() -> None:
    ledger = guarded()
    for phone in (3, 9):
        assert ledger.approve(phone, 3) == NOT_ACTIVE
    assert ledger.activate(3) == NOTHING
    assert claim(ledger, 3, "W") == Hold(Reason.RECOVERY_HOLD, ledger.at + 3 * DAY)
    assert ledger.approve(3, 4) == NOT_ACTIVE


def test_mi_07_of_two_new_phones_for_one_epoch_one_is_let_in() -> None:
    ledger = guarded()
    acts = [ledger.approval(1, 3), ledger.approval(2, 4)]
    assert isinstance(ledger.submit(acts[0], newcomer=3), Hold)
    assert ledger.submit(acts[1], newcomer=4) == Refuse(Reason.MIGRATION_OPEN)
    ledger.type_migration_code()
    ledger.wait(HOUR)
    assert ledger.activate(3) == DONE
    # The epoch has moved: what was signed for the old one is worth nothing, also when nothing is open any more.
    assert ledger.submit(acts[1], newcomer=4) == Refuse(Reason.STALE_EPOCH)
    assert ledger.states() == {1: "ACTIVE", 2: "ACTIVE", 3: "ACTIVE"}


def test_mi_07_of_a_new_phone_and_another_wallet_for_one_epoch_one_counts() -> None:
    ledger = guarded()
    late = quarrels.rotation(ledger, 1)
    signer = quarrels.signed_by(ledger, "WC", new=NEW_WALLET)
    assert rotate(ledger, 2, "WC", new=7) == YES
    assert ledger.submit(late, signer=signer) == Refuse(Reason.STALE_EPOCH)
    assert ledger.now().wallet == wallet(7)


@pytest.mark.parametrize("number", [1, 2, 4, 9])
def test_mi_11_no_other_phone_than_the_approved_one_accepts(number: int) -> None:
    ledger = guarded()
    ledger.approve(1, 3)
    ledger.type_migration_code()
    ledger.wait(HOUR)
    approval = begun_approval(ledger)
    act = ledger.acceptance(number)
    assert ledger.submit(msgspec.structs.replace(act, approval=approval)) == NOTHING
    assert ledger.states() == {1: "ACTIVE", 2: "ACTIVE", 3: "PENDING"}


def begun_approval(ledger: Ledger) -> Digest:
    migration = ledger.now().migration
    assert migration is not None
    return migration.approval


def test_mi_13_malware_that_lets_its_own_phone_in_is_stopped_from_the_other_phone_within_the_hour() -> None:
    ledger = guarded()
    assert ledger.approve(1, 3, revoke_old=True) == Hold(Reason.SECURITY_DELAY, ledger.at + HOUR)
    approval = begun(ledger).approval
    ledger.type_migration_code()
    ledger.wait(HOUR - 1)
    assert veto(ledger, 2, approval) == Permit(Reason.STOPPED)
    assert ledger.wait(1).activate(3) == NOTHING
    assert ledger.states() == {1: "ACTIVE", 2: "ACTIVE", 3: "REVOKED"}


def test_mi_13_malware_that_was_not_stopped_meets_the_other_phone_and_the_code_during_its_probation() -> None:
    """It holds mnemonic and a new phone. The owner has the other phone and the code: one signature ends it."""
    ledger = guarded()
    ledger.approve(1, 3, revoke_old=True)
    ledger.type_migration_code()
    ledger.wait(HOUR)
    assert ledger.activate(3) == DONE
    assert [ledger.revoke(3, 2), ledger.approve(3, 4), rotate(ledger, 3), protect(ledger, 3, None)] == [PROBATION] * 4
    ledger.wait(2 * DAY)
    assert rotate(ledger, 2, "WC") == YES
    stolen = Signer(wallet=wallet(1))
    assert ledger.submit(ledger.authenticate(3), signer=stolen) == Refuse(Reason.WRONG_WALLET)
    assert ledger.revoke(2, 3) == YES
    assert ledger.states() == {1: "REVOKED", 2: "ACTIVE", 3: "SUSPENDED"}
    # It objects to that with the mnemonic that it stole, which counts for nothing.
    suspended = ledger.now().known(thumbprint(3)).suspension
    assert suspended is not None
    objection = quarrels.objection(ledger, 3, suspended.approval)
    assert ledger.submit(objection, signer=stolen) == Refuse(Reason.WRONG_WALLET)
    assert ledger.wait(DAY).states()[3] == "REVOKED"


def test_mi_13_an_owner_who_was_removed_by_malware_objects_and_is_back() -> None:
    ledger = guarded()
    assert ledger.revoke(1, 2) == YES
    removed = ledger.now().known(thumbprint(2)).suspension
    assert removed is not None
    assert veto(ledger.wait(DAY - 1), 2, removed.approval) == Permit(Reason.CONTESTED)
    assert (ledger.states(), ledger.now().state) == ({1: "ACTIVE", 2: "ACTIVE"}, AccountState.CONTESTED)
    spoken_for(ledger, "G", 2)
    assert isinstance(rotate(ledger, 2, "W"), Hold)
    assert complete(ledger.wait(DAY)) == DONE
    assert (ledger.now().state, ledger.now().wallet) == (AccountState.OPEN, wallet(NEW_WALLET))


def test_mi_14_a_phone_on_probation_signs_in_and_changes_nothing_of_authority() -> None:
    ledger = protected(opened().wait(1)).migrated(1, 2).wait(3 * DAY - 1)
    assert ledger.sign_in(2) == YES
    assert ledger.approve(2, 3) == PROBATION
    assert ledger.revoke(2, 1) == PROBATION
    for letters in ("W", "WC"):
        assert rotate(ledger, 2, letters) == PROBATION
        assert protect(ledger, 2, None, letters=letters) == PROBATION
        assert ledger.submit(ledger.removal(2, 1), signer=quarrels.signed_by(ledger, letters)) == PROBATION
    assert ledger.states() == {1: "ACTIVE", 2: "ACTIVE"}
    assert isinstance(ledger.wait(1).approve(2, 3), Hold)


def test_mi_14_stopping_others_is_the_safe_direction_and_free_to_it() -> None:
    ledger = protected(opened().wait(1)).migrated(1, 2)
    claim(ledger, 3, "W")
    assert veto(ledger, 2) == Permit(Reason.STOPPED)
    ledger.approve(1, 4)
    assert ledger.revoke(2, 4) == YES
    assert freeze(ledger, 2, "") == Permit(Reason.CONTESTED)


def test_mi_15_a_thief_with_an_unlocked_phone_waits_an_hour_and_is_seen() -> None:
    """Until a beacon shows that both phones are in one place, nobody waits less."""
    ledger = opened()
    assert ledger.approve(1, 3) == Hold(Reason.SECURITY_DELAY, ledger.at + HOUR)
    ledger.type_migration_code()
    for minutes in range(60):
        held = ledger.copy().wait(minutes * 60)
        assert isinstance(held.activate(3), Hold)
    assert ledger.wait(HOUR).activate(3) == DONE


def test_mi_15_and_everything_else_that_he_could_do_with_it_waits_longer() -> None:
    ledger = guarded()
    assert rotate(ledger, 1) == Hold(Reason.EVIDENCE_HOLD, ledger.at + 3 * DAY)
    assert protect(ledger, 1, None) == Hold(Reason.PROTECTION_HOLD, ledger.at + 3 * DAY)
    ledger.revoke(1, 2)
    assert ledger.states()[2] == "SUSPENDED"


# --- another wallet -------------------------------------------------------------------------------------------------


def test_re_04_who_has_phone_and_mnemonic_waits_three_days_for_another_wallet() -> None:
    ledger = guarded()
    assert rotate(ledger, 1) == Hold(Reason.EVIDENCE_HOLD, ledger.at + 3 * DAY)
    assert isinstance(complete(ledger.wait(3 * DAY - 1)), Hold)
    assert ledger.now().wallet == wallet(1)


@pytest.mark.parametrize("stop", ["code", "other phone", "objection"])
def test_re_04_and_the_owners_code_or_other_phone_ends_it_and_leaves_it_to_others(stop: str) -> None:
    ledger = guarded()
    rotate(ledger, 1)
    ledger.wait(3 * DAY - 1)
    decision = {
        "code": lambda: freeze(ledger, STRANGER, "C"),
        "other phone": lambda: freeze(ledger, 2, ""),
        "objection": lambda: veto(ledger, 2),
    }[stop]()
    assert decision == Permit(Reason.CONTESTED)
    assert complete(ledger.wait(DAY)) == NOTHING
    assert rotate(ledger, 1) == Refuse(Reason.ACCOUNT_NOT_OPEN)
    spoken_for(ledger, "G", 4)
    assert isinstance(claim(ledger, 4, "CG"), Hold)
    assert complete(ledger.wait(DAY)) == DONE
    assert ledger.states() == {1: "REVOKED", 2: "REVOKED", 4: "ACTIVE"}


def test_re_04_making_codes_of_his_own_first_takes_him_as_long() -> None:
    """Phone and mnemonic would otherwise make a code, and have all that an owner has."""
    ledger = guarded()
    assert protect(ledger, 1, None, quarrels.OTHER_CODE) == Hold(Reason.PROTECTION_HOLD, ledger.at + 3 * DAY)
    own = quarrels.signed_by(ledger, "W", new=7)
    coded = msgspec.structs.replace(own, code_key=quarrels.code_keys(quarrels.OTHER_CODE)[0])
    assert ledger.submit(quarrels.rotation(ledger, 1, 7), signer=coded) == Refuse(Reason.WRONG_CODE_KEY)
    ledger.wait(3 * DAY - 1)
    assert freeze(ledger, STRANGER, "C") == Permit(Reason.CONTESTED)
    assert ledger.wait(DAY).settled()[0].code_keys == quarrels.code_keys(quarrels.CODE)


def test_re_04_guardians_and_codes_that_a_thief_asked_for_do_not_outlive_his_wallet() -> None:
    """The owner replaced the wallet with the code at once, and thinks himself safe."""
    ledger = guarded()
    protect(ledger, 1, quarrels.friends(95, 96), quarrels.OTHER_CODE)
    assert rotate(ledger, 2, "WC") == YES
    account = ledger.wait(4 * DAY).settled()[0]
    assert (account.guardians, account.code_keys) == (quarrels.friends(), ())


def test_re_12_who_kept_phone_and_code_replaces_the_mnemonic_at_once() -> None:
    ledger = guarded()
    assert rotate(ledger, 1, "WC") == YES
    assert (ledger.now().wallet, ledger.now().old_wallets) == (wallet(NEW_WALLET), (wallet(1),))
    assert ledger.sign_in(1) == YES
    assert ledger.states() == {1: "ACTIVE", 2: "ACTIVE"}


def test_re_12_who_lost_the_wallet_too_is_helped_by_officers_or_guardians_on_the_same_phone() -> None:
    for letters, hours in (("A", 72), ("CG", 24)):
        ledger = spoken_for(guarded(), letters, 1)
        assert rotate(ledger, 1, letters) == Hold(Reason.EVIDENCE_HOLD, ledger.at + hours * HOUR)
        assert complete(ledger.wait(hours * HOUR)) == DONE
        assert ledger.now().wallet == wallet(NEW_WALLET)
        assert ledger.sign_in(1) == YES


@pytest.mark.parametrize("way", ["at once", "after a wait", "with a recovery"])
def test_re_13_the_old_wallet_counts_for_nothing_for_ever(way: str) -> None:
    ledger = guarded()
    if way == "at once":
        rotate(ledger, 1, "WC")
    elif way == "after a wait":
        rotate(ledger, 1)
        complete(ledger.wait(3 * DAY))
    else:
        spoken_for(ledger, "A", 4)
        claim(ledger, 4, "A")
        complete(ledger.wait(3 * DAY))
        ledger.wait(3 * DAY)
    phone = 4 if way == "with a recovery" else 1
    old, own = Signer(wallet=wallet(1)), quarrels.signed_by(ledger)
    ledger.approve(phone, 5)
    waiting = begun_approval(ledger)
    for wait in (0, 400 * DAY):
        ledger.wait(wait)
        wrong = Refuse(Reason.WRONG_WALLET)
        assert ledger.submit(ledger.authenticate(phone), signer=old) == wrong
        assert ledger.submit(quarrels.objection(ledger, phone, waiting), signer=old) == wrong
        assert ledger.submit(ledger.approval(phone, 6), newcomer=6, signer=old) == wrong
        assert ledger.submit(quarrels.protection(ledger, phone, None), signer=old) == wrong
        assert ledger.submit(quarrels.freezing(ledger, STRANGER), signer=old) == Refuse(Reason.WEAK_EVIDENCE)
        assert ledger.submit(ledger.claim(7), newcomer=7, signer=old) == Refuse(Reason.WEAK_EVIDENCE)
        assert rotate(ledger, phone, new=1) in {Refuse(Reason.WALLET_TOMBSTONED), PROBATION}
        assert ledger.submit(ledger.authenticate(phone), signer=own) == YES


def test_re_13_what_waited_for_the_old_wallet_does_not_complete_with_it() -> None:
    """A newcomer that was approved before accepts with the wallet of now, which the thief does not have."""
    ledger = guarded()
    ledger.approve(1, 3)
    ledger.type_migration_code()
    rotate(ledger, 2, "WC")
    ledger.wait(HOUR)
    assert ledger.submit(ledger.acceptance(3), signer=Signer(wallet=wallet(1))) == Refuse(Reason.WRONG_WALLET)
    assert ledger.activate(3) == DONE
    assert isinstance(ledger.events[-1], DeviceActivated)
