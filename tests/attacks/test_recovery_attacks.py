"""Abuse cases RE: the owner lost something, and so did the thief's conscience.

Each is a story on one account, with its time. Wallets, guardians, officers and codes are those of ``quarrels``; the
owner has phones 1 and 2, the thief brings phone 3.
"""

from __future__ import annotations

import msgspec
import pytest

import quarrels
from builders import thumbprint, wallet
from ledger import DAY, HOUR, Ledger, opened
from pteri.core.acts import ACTS, AttestIdentity
from pteri.domain.account import AccountState
from pteri.domain.decisions import Decision, Hold, Permit, Reason, Refuse
from pteri.domain.events import ActRefused, DeviceActivated, RecoveryDelayed, RecoveryStarted, SpokenFor
from pteri.domain.facts import LineStatus, Signer
from quarrels import NEW_WALLET, OFFICERS, STRANGER, attest, claim, complete, freeze, rotate, spoken_for, veto, vouch
from stories import Attempt, acts_on, guarded

YES = Permit(Reason.BOTH_KEYS)
DONE = Permit(Reason.HOLD_OVER)
WEAK = Refuse(Reason.WEAK_EVIDENCE)
every_line = pytest.mark.parametrize("line", list(LineStatus))


def owner_of(ledger: Ledger) -> tuple[str, ...]:
    """The verified phones: whose they are is whose the account is."""
    return tuple(device.thumbprint for device in ledger.settled()[0].active_devices())


# --- RE-01 ----------------------------------------------------------------------------------------------------------


def test_re_01_who_stole_the_mnemonic_waits_three_days_in_which_any_phone_ends_it() -> None:
    for hours in (1, 24, 71):
        ledger = guarded()
        assert claim(ledger, 3, "W") == Hold(Reason.RECOVERY_HOLD, ledger.at + 72 * HOUR)
        ledger.wait(hours * HOUR)
        assert veto(ledger, 1) == Permit(Reason.STOPPED)
        ledger.wait(72 * HOUR)
        assert complete(ledger) == Refuse(Reason.NOTHING_TO_ACCEPT)
        assert owner_of(ledger) == (thumbprint(1), thumbprint(2))


def test_re_01_for_thirty_days_after_that_the_mnemonic_alone_opens_no_other_claim() -> None:
    ledger = guarded()
    claim(ledger, 3, "W")
    veto(ledger, 2)
    stopped = ledger.at
    for days in range(30):
        ledger.at = stopped + days * DAY
        assert claim(ledger, 4 + days % 5, "W") == Refuse(Reason.RECOVERY_STOPPED)
    assert isinstance(claim(ledger.wait(DAY), 4, "W"), Hold)


def test_re_01_the_owner_who_was_warned_replaces_the_wallet_and_the_thief_has_nothing() -> None:
    ledger = guarded()
    claim(ledger, 3, "W")
    veto(ledger, 1)
    assert rotate(ledger, 1, "WC") == YES
    ledger.wait(31 * DAY)
    stolen = Signer(wallet=wallet(1))
    assert ledger.submit(ledger.claim(4), newcomer=4, signer=stolen) == WEAK


# --- RE-02 ----------------------------------------------------------------------------------------------------------


@every_line
@pytest.mark.parametrize("story", ["guarded", "opened"])
def test_re_02_nothing_accepts_the_phone_line_as_authority(line: LineStatus, story: str) -> None:
    """The thief swapped the SIM. He has a phone and a wallet of his own, and tries everything there is."""
    ledger = guarded() if story == "guarded" else opened()
    ledger.line = line
    his = Signer(wallet=wallet(NEW_WALLET), new_wallet=wallet(NEW_WALLET))
    tried = set()
    for attempt in acts_on(ledger):
        if attempt.act.device != thumbprint(9) or attempt.act.purpose == "bind":
            continue
        tried.add(attempt.act.purpose)
        decision = attempt._replace(signer=his).on(ledger.copy())
        # Setting up codes grants nothing: it shows that a phone and the server derive the same ones.
        assert isinstance(decision, Refuse) or attempt.act.purpose == "setup-otp"
    assert tried == ACTS.keys() - {"bind"}


# --- RE-03 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [LineStatus.CHANGED, LineStatus.CONTRADICTED])
def test_re_03_a_line_that_changed_makes_the_thief_with_the_mnemonic_wait_a_week(line: LineStatus) -> None:
    ledger = guarded()
    ledger.line = line
    assert claim(ledger, 3, "W") == Hold(Reason.LINE_CHANGED_HOLD, ledger.at + 7 * DAY)


@every_line
def test_re_03_an_operator_who_says_the_line_goes_on_shortens_nothing(line: LineStatus) -> None:
    ledger = guarded()
    ledger.line = LineStatus.CHANGED
    claim(ledger, 3, "W")
    begun = ledger.at
    ledger.line = line
    for hours in range(1, 7 * 24):
        ledger.at = begun + hours * HOUR
        assert isinstance(complete(ledger.copy()), Hold)
    assert owner_of(ledger) == (thumbprint(1), thumbprint(2))


def test_re_03_the_best_line_gives_no_more_than_none_at_all() -> None:
    decisions = set()
    for line in (LineStatus.CONTINUOUS, LineStatus.UNKNOWN):
        ledger = guarded()
        ledger.line = line
        decisions.add(claim(ledger, 3, "W"))
    assert decisions == {Hold(Reason.RECOVERY_HOLD, ledger.at + 3 * DAY)}


# --- RE-05 ----------------------------------------------------------------------------------------------------------


def robbed() -> Ledger:
    """A thief holds phone 1, its mnemonic and nothing else; the owner's other phone is gone."""
    ledger = guarded()
    assert ledger.revoke(2, 2) == YES
    return ledger


@pytest.mark.parametrize(("letters", "hours"), [("WG", 24), ("CG", 24), ("A", 72)])
def test_re_05_a_thief_who_objects_to_everything_delays_guardians_and_officers_by_a_day_and_stops_nothing(
    letters: str, hours: int
) -> None:
    ledger = robbed()
    spoken_for(ledger, letters, 4)
    assert isinstance(claim(ledger, 4, letters), Hold)
    assert veto(ledger, 1) == Permit(Reason.DELAYED)
    begun = ledger.at
    for tick in range(2 * (hours + 24) // 24):
        ledger.at = begun + tick * 12 * HOUR
        assert veto(ledger, 1) == Refuse(Reason.VETO_SPENT)
        assert ledger.revoke(1, 4) in {Refuse(Reason.VETO_INSTEAD), Refuse(Reason.ACCOUNT_NOT_OPEN)}
        freeze(ledger, 1, "W")
        assert isinstance(complete(ledger), Hold)
    ledger.at = begun + (hours + 24) * HOUR
    assert complete(ledger) == DONE
    assert owner_of(ledger) == (thumbprint(4),)
    assert (ledger.now().state, ledger.now().wallet) == (AccountState.OPEN, wallet(NEW_WALLET))


def test_re_05_what_the_thief_holds_counts_for_nothing_after_that() -> None:
    ledger = robbed()
    spoken_for(ledger, "A", 4)
    claim(ledger, 4, "A")
    complete(ledger.wait(3 * DAY))
    his = Signer(wallet=wallet(1))
    for act in (ledger.authenticate(1), quarrels.freezing(ledger, 1), ledger.removal(1, 4), ledger.approval(1, 3)):
        assert isinstance(ledger.submit(act, newcomer=3, signer=his), Refuse)


def test_re_05_a_thief_who_claims_again_and_again_does_not_stand_in_the_owners_way() -> None:
    ledger = robbed()
    rotate(ledger, 1, new=7)
    spoken_for(ledger, "A", 4)
    assert isinstance(claim(ledger, 4, "A"), Hold)
    assert rotate(ledger, 1, new=8) == Refuse(Reason.RECOVERY_OPEN)
    assert claim(ledger, 3, "W") == Refuse(Reason.RECOVERY_OPEN)
    assert complete(ledger.wait(3 * DAY)) == DONE


# --- RE-06 ----------------------------------------------------------------------------------------------------------


def test_re_06_the_mnemonic_alone_freezes_for_a_day_twice_a_week_and_then_no_more() -> None:
    ledger = guarded()
    begun, stopped = ledger.at, 0
    for hour in range(4 * 7 * 24):
        ledger.at = begun + hour * HOUR
        decision = freeze(ledger)
        assert decision in {
            Permit(Reason.FROZEN),
            Refuse(Reason.FREEZES_SPENT),
            Refuse(Reason.ACCOUNT_NOT_OPEN),
        }
        stopped += ledger.settled()[0].state is not AccountState.OPEN
    assert stopped == 4 * 2 * 24
    ledger.at = begun + 28 * DAY - 1
    assert ledger.sign_in(1) == YES


def test_re_06_in_the_days_between_the_owner_ends_it_for_ever() -> None:
    ledger = guarded()
    freeze(ledger)
    assert quarrels.unfreeze(ledger, 1, "WC") == YES
    assert rotate(ledger, 1, "WC") == YES
    assert freeze(ledger, STRANGER, "") == WEAK
    stolen = Signer(wallet=wallet(1))
    assert ledger.submit(quarrels.freezing(ledger, STRANGER), signer=stolen) == WEAK


# --- RE-07 ----------------------------------------------------------------------------------------------------------


@every_line
def test_re_07_who_finds_a_recovery_code_gets_nothing_with_it_alone(line: LineStatus) -> None:
    ledger = guarded()
    ledger.line = line
    for letters in ("C", "DC", "WC", "CG", "CA"):
        act = quarrels.claiming(ledger, 3, letters)
        found = quarrels.signed_by(ledger, "C", new=NEW_WALLET)
        assert ledger.submit(act, newcomer=3, signer=found) == WEAK
    assert rotate(ledger, 3, "C") == Refuse(Reason.DEVICE_NOT_ACTIVE)
    assert quarrels.unfreeze(ledger, 3, "C") == Refuse(Reason.ACCOUNT_NOT_OPEN)
    assert quarrels.protect(ledger, 3, None, letters="C") == Refuse(Reason.DEVICE_NOT_ACTIVE)
    assert owner_of(ledger) == (thumbprint(1), thumbprint(2))


def test_re_07_not_even_with_the_phone_in_his_hand() -> None:
    ledger = guarded()
    assert rotate(ledger, 1, "C") == WEAK
    assert quarrels.protect(ledger, 1, None, letters="C") == Refuse(Reason.WRONG_WALLET)


# --- RE-09, RE-10, RE-11 --------------------------------------------------------------------------------------------


def test_re_09_one_officer_opens_nothing_however_often_he_speaks() -> None:
    ledger = guarded()
    assert attest(ledger, OFFICERS[0], 3) == YES
    assert attest(ledger, OFFICERS[0], 3) == Refuse(Reason.ALREADY_SPOKEN)
    other_phone = quarrels.attesting(ledger, 3, by=82)
    again = Signer(wallet=wallet(82), officer=OFFICERS[0])
    assert ledger.submit(other_phone, newcomer=82, signer=again) == Refuse(Reason.ALREADY_SPOKEN)
    assert claim(ledger, 3, "A") == WEAK
    assert attest(ledger, None, 3) == Refuse(Reason.NOT_AN_OFFICER)
    assert claim(ledger, 3, "A") == WEAK


def test_re_09_an_officer_who_claims_for_himself_needs_two_others() -> None:
    ledger = guarded()
    his_own = Attempt(quarrels.attesting(ledger, 3, by=3), 3, Signer(wallet=wallet(81), officer=OFFICERS[0]))
    assert his_own.on(ledger) == Refuse(Reason.NOT_AN_OFFICER)
    assert attest(ledger, OFFICERS[1], 3) == YES
    assert claim(ledger, 3, "A") == WEAK


def test_re_09_two_officers_wait_three_days_and_one_more_if_the_owner_objects() -> None:
    ledger = spoken_for(guarded(), "A", 3)
    begun = ledger.at
    assert claim(ledger, 3, "A") == Hold(Reason.EVIDENCE_HOLD, begun + 3 * DAY)
    assert veto(ledger, 1) == Permit(Reason.DELAYED)
    ledger.at = begun + 4 * DAY - 1
    assert isinstance(complete(ledger), Hold)


def test_re_10_two_corrupt_officers_are_seen_for_three_days_and_named_for_ever() -> None:
    ledger = spoken_for(guarded(), "A", 3)
    claim(ledger, 3, "A")
    begun = ledger.at
    voices = [event for event in ledger.events if isinstance(event, SpokenFor)]
    assert [(event.letter, event.by, event.new_device) for event in voices] == [
        ("A", officer, thumbprint(3)) for officer in OFFICERS
    ]
    assert all((event.wallet, event.device) == (wallet(81), thumbprint(81)) for event in voices)
    [case] = [event for event in ledger.events if isinstance(event, RecoveryStarted)]
    assert (case.evidence, case.held_until) == (("A",), begun + 3 * DAY)
    assert veto(ledger, 2) == Permit(Reason.DELAYED)
    assert isinstance(ledger.events[-1], RecoveryDelayed)
    ledger.at = begun + 4 * DAY
    assert complete(ledger) == DONE
    # What they did is on record with its evidence; the phone and the wallet are the claimant's, never theirs.
    taken = ledger.events[-1]
    assert isinstance(taken, DeviceActivated)
    assert (taken.device, taken.new_wallet) == (thumbprint(3), wallet(NEW_WALLET))


def test_re_11_an_officer_names_a_phone_and_neither_makes_nor_sees_a_key() -> None:
    """What an officer signs has no room for one, and it grants nothing."""
    assert AttestIdentity.__struct_fields__ == ("account", "device", "epoch", "new_device")
    ledger = guarded()
    before = ledger.now()
    attest(ledger, OFFICERS[0], 3)
    after = ledger.now()
    assert msgspec.structs.replace(after, vouchers=(), version=before.version) == before


def test_re_11_the_new_wallet_is_the_one_that_the_claimants_phone_signs_with() -> None:
    ledger = spoken_for(guarded(), "A", 3)
    act = quarrels.claiming(ledger, 3, "A", new=7)
    officers_choice = Signer(wallet=wallet(81), new_wallet=wallet(81), officer=OFFICERS[0])
    assert ledger.submit(act, newcomer=3, signer=officers_choice) == Refuse(Reason.NEW_WALLET_NEEDED)
    signed_by_another = Signer(wallet=wallet(81), new_wallet=wallet(7), officer=OFFICERS[0])
    assert ledger.submit(act, newcomer=3, signer=signed_by_another) == Refuse(Reason.WRONG_WALLET)
    own = Signer(wallet=wallet(7), new_wallet=wallet(7))
    assert isinstance(ledger.submit(act, newcomer=3, signer=own), Hold)


# --- RE-14 ----------------------------------------------------------------------------------------------------------


def test_re_14_of_a_thousand_claims_one_is_opened_and_after_an_objection_none() -> None:
    ledger = guarded()
    decisions = [claim(ledger, 1000 + number, "W") for number in range(500)]
    assert sum(isinstance(decision, Hold) for decision in decisions) == 1
    assert set(decisions[1:]) == {Refuse(Reason.RECOVERY_OPEN)}
    veto(ledger, 1)
    later = {claim(ledger, 2000 + number, "W") for number in range(500)}
    assert later == {Refuse(Reason.RECOVERY_STOPPED)}
    started = [event for event in ledger.events if isinstance(event, RecoveryStarted)]
    refused = [event for event in ledger.events if isinstance(event, ActRefused)]
    assert (len(started), len(refused)) == (1, 999)
    assert len(ledger.now().devices) == 3


def test_re_14_guardians_who_change_their_mind_a_thousand_times_fill_no_list() -> None:
    ledger = guarded()
    decisions: set[Decision] = {vouch(ledger, 91, 1000 + number) for number in range(1000)}
    assert decisions == {YES}
    assert len(ledger.now().vouchers) == 1
