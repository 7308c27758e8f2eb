"""Who may claim an account, and who may speak for a claimant: the rows about cases, each as a sentence."""

from __future__ import annotations

import msgspec
import pytest

import quarrels
from builders import digest, thumbprint, wallet
from ledger import DAY, HOUR, Ledger, opened
from pteri.core.acts import SAME_WALLET
from pteri.domain.account import Account, AccountState
from pteri.domain.decisions import Decision, Hold, Permit, Reason, Refuse
from pteri.domain.device import DeviceState
from pteri.domain.events import DeviceRevoked
from pteri.domain.facts import LineStatus, Signer
from pteri.domain.policy import decide
from pteri.domain.recovery import CaseKind
from pteri.domain.rules import rules_from
from quarrels import (
    CODE,
    GUARDIANS,
    NEW_WALLET,
    OFFICERS,
    attest,
    claim,
    claiming,
    complete,
    freeze,
    friends,
    protect,
    protected,
    rotate,
    rotation,
    signed_by,
    spoken_for,
    veto,
    vouch,
)
from stories import STORIES, guarded

YES = Permit(Reason.BOTH_KEYS)
DONE = Permit(Reason.HOLD_OVER)
WAYS = {"W": 72, "WC": 48, "WG": 24, "CG": 24, "WCG": 24, "A": 72, "CA": 72, "GA": 72}
OWN_WAYS, STRONG_WAYS = ("W", "WC"), tuple(letters for letters in WAYS if set(letters) & set("GA"))
every_way = pytest.mark.parametrize("letters", WAYS)
strong_way = pytest.mark.parametrize("letters", STRONG_WAYS)
LINE_AGAINST = (LineStatus.CHANGED, LineStatus.CONTRADICTED)


def heard(letters: str = "GA", *, story: str = "guarded", number: int = 3) -> Ledger:
    """An account for whose claimant these voices have spoken."""
    return spoken_for(STORIES[story](), letters, number)


def case_state(account: Account) -> str:
    assert account.recovery is not None
    return str(account.recovery.state)


# --- claims: how long -----------------------------------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("line", list(LineStatus))
def test_a_claim_waits_as_long_as_its_evidence_takes(letters: str, line: LineStatus) -> None:
    ledger = heard()
    ledger.line = line
    longer = letters == "W" and line in LINE_AGAINST
    reason = Reason.EVIDENCE_HOLD if letters != "W" else Reason.RECOVERY_HOLD
    hours = 168 if longer else WAYS[letters]
    expected = Hold(Reason.LINE_CHANGED_HOLD if longer else reason, ledger.at + hours * HOUR)
    assert claim(ledger, 3, letters) == expected


@every_way
def test_a_claim_is_completed_from_the_end_of_its_wait_until_a_week_later(letters: str) -> None:
    ledger = heard()
    claim(ledger, 3, letters)
    start, hold = ledger.at, WAYS[letters] * HOUR
    reason = Reason.EVIDENCE_HOLD if letters != "W" else Reason.RECOVERY_HOLD
    act, own = quarrels.completing(ledger.now())
    expected: list[tuple[int, Decision]] = [
        (hold - 1, Hold(reason, start + hold)),
        (hold, DONE),
        (hold + 7 * DAY - 1, DONE),
        (hold + 7 * DAY, Refuse(Reason.NOTHING_TO_ACCEPT)),
    ]
    for seconds, decision in expected:
        ledger.at = start + seconds
        for account in (ledger.settled()[0], ledger.now()):
            assert decide(act, ledger.facts(account, signer=Signer(wallet=own)), ledger.rules) == decision


@every_way
def test_who_completes_has_the_account_alone_and_another_wallet_unless_the_wallet_was_all(letters: str) -> None:
    ledger = heard()
    first = ledger.now().wallet
    claim(ledger, 3, letters)
    ledger.wait(WAYS[letters] * HOUR)
    assert complete(ledger) == DONE
    account = ledger.now()
    assert [device.thumbprint for device in account.active_devices()] == [thumbprint(3)]
    assert account.wallet == (first if letters == "W" else wallet(NEW_WALLET))
    assert account.old_wallets == (() if letters == "W" else (first,))
    assert (account.state, account.vouchers, account.protection) == (AccountState.OPEN, (), None)
    assert bool(account.code_keys) is (letters == "W")
    assert account.guardians == friends()


def test_waiting_times_that_a_tenant_has_made_longer_are_kept() -> None:
    names = {"WC": "recovery_hold_code_s", "WG": "recovery_hold_guardians_s", "A": "recovery_hold_proofed_s"}
    for letters, name in names.items():
        ledger = heard()
        ledger.rules = rules_from({name: 9 * DAY})
        assert claim(ledger, 3, letters) == Hold(Reason.EVIDENCE_HOLD, ledger.at + 9 * DAY)


# --- claims: what must be shown -------------------------------------------------------------------------------------


@pytest.mark.parametrize("letters", ["C", "G", "D", "DC", "DG", "DCG", "CG", "WC", "WG", "A", "WA", "WD", "WDC"])
def test_a_letter_that_nothing_shows_makes_a_claim_worthless(letters: str) -> None:
    """Signed by the wallet alone, over an account for which nobody has spoken."""
    ledger = guarded()
    act = claiming(ledger, 3, letters)
    signer = Signer(wallet=ledger.now().wallet, new_wallet=wallet(NEW_WALLET))
    assert ledger.submit(act, newcomer=3, signer=signer) == Refuse(Reason.WEAK_EVIDENCE)


@pytest.mark.parametrize("letters", ["C", "G", "DC", "DG", "D"])
def test_evidence_that_is_too_weak_opens_nothing_even_if_it_is_shown(letters: str) -> None:
    ledger = heard("G")
    act = claiming(ledger, 3, letters)
    signer = Signer(wallet=wallet(NEW_WALLET), new_wallet=wallet(NEW_WALLET), code_key=signed_by(ledger, "C").code_key)
    assert ledger.submit(act, newcomer=3, signer=signer) == Refuse(Reason.WEAK_EVIDENCE)


def test_a_new_phone_is_no_verified_phone_whatever_it_says() -> None:
    ledger = heard()
    for letters in ("WD", "WDC", "DA", "WDCGA"):
        assert claim(ledger, 3, letters) == Refuse(Reason.WEAK_EVIDENCE)


def test_one_guardian_or_one_officer_is_not_enough() -> None:
    ledger = guarded()
    vouch(ledger, 91, 3)
    attest(ledger, OFFICERS[0], 3)
    for letters in ("WG", "CG", "A", "GA"):
        assert claim(ledger, 3, letters) == Refuse(Reason.WEAK_EVIDENCE)
    vouch(ledger, 92, 3)
    assert isinstance(claim(ledger, 3, "WG"), Hold)


def test_as_many_guardians_must_speak_as_the_account_says() -> None:
    ledger = opened()
    protect(ledger, 1, friends(needed=3))
    for guardian in GUARDIANS[:2]:
        vouch(ledger, guardian, 3)
    assert claim(ledger, 3, "WG") == Refuse(Reason.WEAK_EVIDENCE)
    vouch(ledger, GUARDIANS[2], 3)
    assert isinstance(claim(ledger, 3, "WG"), Hold)


def test_a_voice_for_one_phone_counts_for_no_other() -> None:
    ledger = heard("GA", number=3)
    for letters in ("WG", "CG", "A"):
        assert claim(ledger, 4, letters) == Refuse(Reason.WEAK_EVIDENCE)


@pytest.mark.parametrize(("seconds", "counts"), [(7 * DAY - 1, True), (7 * DAY, False)])
def test_a_voice_counts_for_a_week(seconds: int, counts: bool) -> None:
    for letters in ("WG", "A"):
        assert isinstance(claim(heard().wait(seconds), 3, letters), Hold if counts else Refuse)


def test_guardians_who_were_replaced_speak_for_nobody() -> None:
    ledger = heard("G")
    protect(ledger, 1, friends(92, 93), CODE, letters="WC")
    assert claim(ledger, 3, "WG") == Refuse(Reason.WEAK_EVIDENCE)
    vouch(ledger, 93, 3)
    assert isinstance(claim(ledger, 3, "WG"), Hold)


def test_a_guardian_who_has_become_the_owner_is_no_guardian_of_himself() -> None:
    """Or who has the wallet needed one friend fewer."""
    ledger = spoken_for(guarded(), "G", 3)
    assert rotate(ledger, 1, "WC", new=92) == YES
    assert vouch(ledger, 92, 4) == Refuse(Reason.NOT_A_GUARDIAN)
    assert claim(ledger, 3, "WG") == Refuse(Reason.WEAK_EVIDENCE)
    vouch(ledger, 93, 3)
    assert isinstance(claim(ledger, 3, "WG"), Hold)


# --- claims: which wallet -------------------------------------------------------------------------------------------


def signed_claim(ledger: Ledger, letters: str, named: str, signer: Signer) -> Decision:
    act = msgspec.structs.replace(claiming(ledger, 3, letters), new_wallet=named)
    return ledger.submit(act, newcomer=3, signer=signer)


def test_the_wallet_alone_takes_no_other_wallet() -> None:
    ledger = guarded()
    own, new = ledger.now().wallet, wallet(NEW_WALLET)
    not_offered = Refuse(Reason.NOT_OFFERED)
    assert signed_claim(ledger, "W", new.address, Signer(wallet=own, new_wallet=new)) == not_offered
    assert signed_claim(ledger, "W", new.address, Signer(wallet=own)) == not_offered
    assert signed_claim(ledger, "W", SAME_WALLET, Signer(wallet=own, new_wallet=new)) == not_offered


@pytest.mark.parametrize("letters", ["WC", "WG", "A"])
def test_more_than_the_wallet_takes_another_one_that_signs_too(letters: str) -> None:
    ledger = heard()
    new, other = wallet(NEW_WALLET), wallet(NEW_WALLET + 1)
    signer = signed_by(ledger, letters, new=NEW_WALLET)
    needed = Refuse(Reason.NEW_WALLET_NEEDED)
    assert signed_claim(ledger, letters, SAME_WALLET, signer) == needed
    assert signed_claim(ledger, letters, SAME_WALLET, msgspec.structs.replace(signer, new_wallet=None)) == needed
    assert signed_claim(ledger, letters, new.address, msgspec.structs.replace(signer, new_wallet=None)) == needed
    assert signed_claim(ledger, letters, other.address, signer) == needed


@pytest.mark.parametrize("letters", ["CG", "A"])
def test_where_the_wallet_is_lost_the_new_one_signs_in_its_place(letters: str) -> None:
    ledger = heard()
    signer = msgspec.structs.replace(signed_by(ledger, letters, new=NEW_WALLET), wallet=wallet(7))
    assert signed_claim(ledger, letters, wallet(NEW_WALLET).address, signer) == Refuse(Reason.WRONG_WALLET)


@pytest.mark.parametrize("letters", ["WC", "WG", "CG", "A"])
def test_a_wallet_that_was_here_never_comes_back(letters: str) -> None:
    ledger = heard(story="another wallet", letters="")
    protect(ledger, 1, friends(), CODE)
    spoken_for(ledger, letters, 3)
    for wallet_number in (1, NEW_WALLET):
        assert claim(ledger, 3, letters, new=wallet_number) == Refuse(Reason.WALLET_TOMBSTONED)
    assert isinstance(claim(ledger, 3, letters, new=7), Hold)


# --- claims: which phone --------------------------------------------------------------------------------------------


@every_way
def test_a_phone_that_is_or_was_in_the_account_claims_nothing(letters: str) -> None:
    ledger = heard(letters, story="new phone alone", number=1) if letters == "W" else heard("GA", number=1)
    assert claim(ledger, 1, letters) == Refuse(Reason.DEVICE_TOMBSTONED)


def test_a_claimant_may_come_back_with_more_and_waits_anew() -> None:
    ledger = guarded()
    claim(ledger, 3, "W")
    ledger.wait(DAY)
    spoken_for(ledger, "GA", 3)
    assert claim(ledger, 3, "WG") == Hold(Reason.EVIDENCE_HOLD, ledger.at + DAY)
    assert claim(ledger, 3, "A") == Hold(Reason.EVIDENCE_HOLD, ledger.at + 3 * DAY)
    assert claim(ledger, 3, "A") == Refuse(Reason.RECOVERY_OPEN)
    assert ledger.states()[3] == "PENDING"


def test_a_claimant_whose_time_is_over_needs_another_key() -> None:
    ledger = guarded()
    claim(ledger, 3, "W")
    ledger.wait(10 * DAY)
    spoken_for(ledger, "G", 3)
    assert claim(ledger, 3, "WG") == Refuse(Reason.DEVICE_TOMBSTONED)
    # Also for an auditor, who has not settled the account.
    facts = ledger.facts(ledger.now(), signer=signed_by(ledger, "WG", new=NEW_WALLET))
    assert decide(claiming(ledger, 3, "WG"), facts, ledger.rules) == Refuse(Reason.DEVICE_TOMBSTONED)


def test_a_newcomer_of_a_migration_is_no_claimant() -> None:
    ledger = guarded()
    ledger.approve(1, 3)
    spoken_for(ledger, "GA", 3)
    for letters in WAYS:
        assert claim(ledger, 3, letters) == Refuse(Reason.DEVICE_TOMBSTONED)


# --- claims: one at a time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "then", "decision"),
    [
        ("W", "W", Refuse),
        ("W", "WC", Refuse),
        ("WC", "W", Refuse),
        ("W", "WG", Hold),
        ("WC", "CG", Hold),
        ("W", "A", Hold),
        ("WG", "W", Refuse),
        ("WG", "CG", Refuse),
        ("CG", "A", Hold),
        ("A", "WG", Refuse),
        ("A", "A", Refuse),
    ],
)
def test_only_stronger_evidence_takes_the_place_of_an_open_claim(
    first: str, then: str, decision: type[Hold | Refuse]
) -> None:
    ledger = spoken_for(guarded(), "GA", 3)
    claim(ledger, 3, first)
    spoken_for(ledger, "GA", 4)
    decided = claim(ledger, 4, then, new=7)
    assert isinstance(decided, decision)
    if isinstance(decided, Hold):
        assert ledger.states() == {1: "ACTIVE", 2: "ACTIVE", 3: "DROPPED", 4: "PENDING"}
    else:
        assert decided == Refuse(Reason.RECOVERY_OPEN)
        assert ledger.states() == {1: "ACTIVE", 2: "ACTIVE", 3: "PENDING"}


def test_a_claim_and_another_wallet_are_cases_of_one_account() -> None:
    ledger = guarded()
    rotate(ledger, 1)
    assert claim(ledger, 3, "W") == Refuse(Reason.RECOVERY_OPEN)
    spoken_for(ledger, "G", 3)
    assert isinstance(claim(ledger, 3, "WG", new=7), Hold)
    assert rotate(ledger, 1, new=8) == Refuse(Reason.RECOVERY_OPEN)


@pytest.mark.parametrize("letters", ["WC", "WG", "CG", "A"])
def test_what_stops_the_wallet_alone_for_a_month_stops_nobody_who_shows_more(letters: str) -> None:
    ledger = guarded()
    claim(ledger, 3, "W")
    assert veto(ledger, 1) == Permit(Reason.STOPPED)
    spoken_for(ledger, letters, 4)
    assert claim(ledger, 5, "W") == Refuse(Reason.RECOVERY_STOPPED)
    assert isinstance(claim(ledger, 4, letters), Hold)


def test_a_claim_that_was_stopped_in_the_first_release_stops_the_next_one_too() -> None:
    """There the phone was removed, and the account kept no other sign of it."""
    ledger = guarded()
    claim(ledger, 3, "W")
    ledger.record(DeviceRevoked(ledger.at, ledger.next_request(), thumbprint(3), by=thumbprint(1)))
    assert ledger.now().stopped_at == 0
    assert claim(ledger.wait(30 * DAY - 1), 4, "W") == Refuse(Reason.RECOVERY_STOPPED)
    assert isinstance(claim(ledger.wait(1), 4, "W"), Hold)


def test_a_wallet_that_came_later_is_not_stopped_for_what_the_old_one_did() -> None:
    """Its owner was told to replace the wallet, and may lose the phone in the same month."""
    ledger = guarded()
    claim(ledger, 3, "W")
    veto(ledger, 1)
    assert rotate(ledger, 1, "WC") == YES
    assert isinstance(ledger.recover(4), Hold)


# --- claims: stopped accounts ---------------------------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("story", ["frozen", "contested by a phone", "contested by an objection"])
def test_a_stopped_account_hears_only_guardians_and_officers(story: str, letters: str) -> None:
    ledger = heard(story=story, number=4)
    decided = claim(ledger, 4, letters)
    if letters in OWN_WAYS:
        assert decided == Refuse(Reason.ACCOUNT_NOT_OPEN)
        return
    assert decided == Hold(Reason.EVIDENCE_HOLD, ledger.at + WAYS[letters] * HOUR)
    ledger.wait(WAYS[letters] * HOUR)
    assert complete(ledger) == DONE
    account = ledger.now()
    assert (account.state, account.frozen_by, account.frozen_until) == (AccountState.OPEN, None, 0)
    assert ledger.sign_in(4) == YES


@pytest.mark.parametrize("letters", OWN_WAYS)
@pytest.mark.parametrize("stop", ["W", "D", "C"])
def test_stopping_an_account_ends_a_claim_without_guardians_or_officers(letters: str, stop: str) -> None:
    ledger = guarded()
    claim(ledger, 3, letters)
    freeze(ledger, 1 if stop == "D" else quarrels.STRANGER, stop)
    assert case_state(ledger.now()) == "CONTESTED"
    assert ledger.states()[3] == "DROPPED"


@strong_way
@pytest.mark.parametrize("stop", ["W", "D", "C"])
def test_stopping_an_account_stops_no_guardians_and_no_officers(letters: str, stop: str) -> None:
    ledger = heard()
    claim(ledger, 3, letters)
    freeze(ledger, 1 if stop == "D" else quarrels.STRANGER, stop)
    ledger.wait(WAYS[letters] * HOUR)
    assert complete(ledger) == DONE


def test_a_weak_case_that_were_still_open_in_a_stopped_account_completes_not() -> None:
    """An account that ``evolve`` never makes: two walls, not one."""
    for story in ("recovery may be accepted", "claimed with a code", "another wallet waits"):
        ledger = STORIES[story]().wait(3 * DAY)
        act, own = quarrels.completing(ledger.now())
        for state in (AccountState.FROZEN, AccountState.CONTESTED):
            facts = ledger.facts(msgspec.structs.replace(ledger.now(), state=state), signer=Signer(wallet=own))
            assert decide(act, facts, ledger.rules) == Refuse(Reason.ACCOUNT_NOT_OPEN)


# --- completing -----------------------------------------------------------------------------------------------------


@every_way
def test_a_case_is_completed_with_the_wallet_that_the_account_will_have(letters: str) -> None:
    ledger = heard()
    claim(ledger, 3, letters)
    ledger.wait(WAYS[letters] * HOUR)
    act, own = quarrels.completing(ledger.now())
    others = {wallet(1), wallet(NEW_WALLET), wallet(7)} - {own}
    assert {ledger.submit(act, signer=Signer(wallet=other)) for other in others} == {Refuse(Reason.WRONG_WALLET)}
    assert ledger.submit(act, signer=Signer(wallet=own)) == DONE


def test_a_case_is_completed_by_its_own_statement() -> None:
    ledger = STORIES["claimed with a code"]().wait(2 * DAY)
    act, own = quarrels.completing(ledger.now())
    other = msgspec.structs.replace(act, approval=digest("another approval"))
    assert ledger.submit(other, signer=Signer(wallet=own)) == Refuse(Reason.WRONG_APPROVAL)


@pytest.mark.parametrize("story", ["claimed with a code", "another wallet waits"])
def test_a_case_is_completed_by_a_phone_that_waits_or_that_is_still_verified(story: str) -> None:
    """Accounts that ``evolve`` never makes: two walls, not one."""
    ledger = STORIES[story]().wait(3 * DAY)
    act, own = quarrels.completing(ledger.now())
    known = ledger.now().known(act.device)
    for state in set(DeviceState) - {known.state}:
        devices = ledger.now().with_devices(msgspec.structs.replace(known, state=state))
        facts = ledger.facts(msgspec.structs.replace(ledger.now(), devices=devices), signer=Signer(wallet=own))
        assert decide(act, facts, ledger.rules) == Refuse(Reason.NOTHING_TO_ACCEPT)
    gone = tuple(device for device in ledger.now().devices if device is not known)
    facts = ledger.facts(msgspec.structs.replace(ledger.now(), devices=gone), signer=Signer(wallet=own))
    assert decide(act, facts, ledger.rules) == Refuse(Reason.NOTHING_TO_ACCEPT)


def test_a_case_whose_wallet_has_come_meanwhile_completes_not() -> None:
    """An account that ``evolve`` never makes, since a wallet comes at once by ending what waits: two walls, not one."""
    ledger = STORIES["claimed with guardians"]().wait(DAY)
    act, own = quarrels.completing(ledger.now())
    for changes in ({"wallet": own}, {"old_wallets": (own,)}):
        facts = ledger.facts(msgspec.structs.replace(ledger.now(), **changes), signer=Signer(wallet=own))
        assert decide(act, facts, ledger.rules) == Refuse(Reason.WALLET_TOMBSTONED)


@pytest.mark.parametrize("line", LINE_AGAINST)
@pytest.mark.parametrize(("story", "hours"), [("recovery inside its hold", 168), ("another wallet waits", 168)])
def test_a_line_that_changes_meanwhile_lengthens_a_wait_with_wallet_and_phone(
    story: str, hours: int, line: LineStatus
) -> None:
    ledger = STORIES[story]()
    begun = ledger.at
    ledger.wait(3 * DAY)
    ledger.line = line
    assert complete(ledger) == Hold(Reason.LINE_CHANGED_HOLD, begun + hours * HOUR)
    ledger.at = begun + hours * HOUR
    assert complete(ledger) == DONE


@pytest.mark.parametrize("line", LINE_AGAINST)
@pytest.mark.parametrize("letters", ["WC", "WG", "CG", "A"])
def test_a_line_that_changes_meanwhile_lengthens_nothing_else(letters: str, line: LineStatus) -> None:
    ledger = heard()
    claim(ledger, 3, letters)
    ledger.wait(WAYS[letters] * HOUR)
    ledger.line = line
    assert complete(ledger) == DONE


# --- another wallet on a phone that stays ---------------------------------------------------------------------------


def test_wallet_phone_and_code_replace_the_wallet_at_once() -> None:
    ledger = guarded()
    assert rotate(ledger, 1, "WC") == YES
    account = ledger.now()
    assert (account.wallet, account.old_wallets) == (wallet(NEW_WALLET), (wallet(1),))
    assert ledger.states() == {1: "ACTIVE", 2: "ACTIVE"}


@pytest.mark.parametrize(("letters", "hours"), [("W", 72), ("G", None), ("CG", 24), ("WG", 24), ("A", 72), ("WA", 72)])
def test_with_less_another_wallet_waits_as_its_evidence_takes(letters: str, hours: int | None) -> None:
    ledger = spoken_for(guarded(), letters, 1)
    decided = rotate(ledger, 1, letters)
    if hours is None:
        assert decided == Refuse(Reason.WEAK_EVIDENCE)
        return
    assert decided == Hold(Reason.EVIDENCE_HOLD, ledger.at + hours * HOUR)
    case = ledger.now().recovery
    assert case is not None
    assert (case.kind, case.new_device) == (CaseKind.ROTATE, thumbprint(1))
    assert complete(ledger.wait(hours * HOUR)) == DONE
    assert (ledger.now().wallet, ledger.states()) == (wallet(NEW_WALLET), {1: "ACTIVE", 2: "ACTIVE"})


@pytest.mark.parametrize("letters", ["", "C"])
def test_a_phone_without_the_wallet_replaces_it_with_nothing_less_than_guardians_or_officers(letters: str) -> None:
    assert rotate(guarded(), 1, letters) == Refuse(Reason.WEAK_EVIDENCE)


def test_a_changed_line_makes_wallet_and_phone_wait_a_week() -> None:
    ledger = guarded()
    ledger.line = LineStatus.CHANGED
    assert rotate(ledger, 1) == Hold(Reason.EVIDENCE_HOLD, ledger.at + 7 * DAY)


@pytest.mark.parametrize("letters", ["W", "WC"])
def test_only_a_verified_phone_past_its_probation_replaces_the_wallet(letters: str) -> None:
    ledger = protected(opened()).migrated(1, 2).wait(3 * DAY - 1)
    assert rotate(ledger, 2, letters) == Refuse(Reason.DEVICE_ON_PROBATION)
    assert rotate(ledger, 9, letters) == Refuse(Reason.DEVICE_NOT_ACTIVE)
    assert isinstance(rotate(ledger.wait(1), 2, letters), Permit if letters == "WC" else Hold)


def test_the_new_wallet_signs_too_is_the_one_that_is_named_and_was_never_here() -> None:
    ledger = guarded()
    own, new = ledger.now().wallet, wallet(NEW_WALLET)
    act = rotation(ledger, 1)
    needed = Refuse(Reason.NEW_WALLET_NEEDED)
    assert ledger.submit(act, signer=Signer(wallet=own)) == needed
    assert ledger.submit(act, signer=Signer(wallet=own, new_wallet=wallet(7))) == needed
    same = msgspec.structs.replace(act, new_wallet=SAME_WALLET)
    assert ledger.submit(same, signer=Signer(wallet=own, new_wallet=new)) == needed
    assert rotate(ledger, 1, new=1) == Refuse(Reason.WALLET_TOMBSTONED)
    rotate(ledger, 1, "WC")
    assert rotate(ledger, 1, new=1) == Refuse(Reason.WALLET_TOMBSTONED)


def test_a_phone_whose_wallet_is_lost_lets_no_third_one_sign() -> None:
    ledger = spoken_for(guarded(), "A", 1)
    signer = Signer(wallet=wallet(7), new_wallet=wallet(NEW_WALLET))
    assert ledger.submit(rotation(ledger, 1), signer=signer) == Refuse(Reason.WRONG_WALLET)


@pytest.mark.parametrize("story", ["frozen", "contested by a phone"])
def test_in_a_quarrel_nobody_replaces_the_wallet_at_once(story: str) -> None:
    """Who was robbed of everything has the time in which officers can still speak for him."""
    ledger = STORIES[story]()
    assert rotate(ledger, 1, "WC") == Refuse(Reason.ACCOUNT_NOT_OPEN)
    spoken_for(ledger, "G", 1)
    assert rotate(ledger, 1, "WC") == Hold(Reason.EVIDENCE_HOLD, ledger.at + DAY)


def test_whoever_speaks_for_an_owner_who_has_everything_does_not_make_him_wait() -> None:
    ledger = spoken_for(guarded(), "GA", 1)
    assert rotate(ledger, 1, "WC") == YES


@pytest.mark.parametrize("letters", ["W", "WC"])
def test_everything_an_owner_has_ends_a_claim_with_less_at_once(letters: str) -> None:
    """The thief found mnemonic and code on one sheet of paper; nobody else need be asked."""
    ledger = guarded()
    claim(ledger, 3, letters)
    assert rotate(ledger, 1, "WC", new=7) == YES
    assert case_state(ledger.now()) == "PREEMPTED"
    assert ledger.states() == {1: "ACTIVE", 2: "ACTIVE", 3: "DROPPED"}
    assert ledger.now().wallet == wallet(7)


def test_everything_an_owner_has_ends_the_wait_of_another_phone_for_another_wallet() -> None:
    ledger = guarded()
    rotate(ledger, 2)
    assert rotate(ledger, 1, "WC", new=7) == YES
    assert (case_state(ledger.now()), ledger.now().wallet) == ("PREEMPTED", wallet(7))
    assert ledger.states() == {1: "ACTIVE", 2: "ACTIVE"}


@pytest.mark.parametrize(("letters", "more", "ended"), [("WG", "", False), ("CG", "A", True), ("A", "A", False)])
def test_everything_an_owner_has_ends_no_claim_of_guardians_or_officers_unless_more_speaks_for_him(
    letters: str, more: str, ended: bool
) -> None:
    ledger = guarded()
    spoken_for(ledger, letters, 3)
    claim(ledger, 3, letters)
    spoken_for(ledger, more, 1)
    assert rotate(ledger, 1, "WC", new=7) == (YES if ended else Refuse(Reason.RECOVERY_OPEN))
    assert case_state(ledger.now()) == ("PREEMPTED" if ended else "OPEN")


def test_another_wallet_at_once_ends_what_the_old_one_had_begun() -> None:
    ledger = guarded()
    freeze(ledger)
    ledger.wait(DAY)
    claim(ledger, 3, "W")
    veto(ledger, 1)
    protect(ledger, 2, None, quarrels.OTHER_CODE)
    ledger.submit(quarrels.backup(ledger, 1))
    assert rotate(ledger, 1, "WC") == YES
    account = ledger.now()
    assert (account.protection, account.code_keys, account.stopped_at, account.freezes) == (None, (), 0, ())
    assert (account.pinned_at, account.backup_verified_at) == (ledger.at, 0)
    assert (account.guardians, account.state) == (friends(), AccountState.OPEN)


# --- voices ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("story", ["guarded", "frozen", "contested by a phone", "claimed with a code"])
def test_guardians_and_officers_are_heard_in_every_state(story: str) -> None:
    ledger = STORIES[story]()
    assert vouch(ledger, 91, 4) == YES
    assert attest(ledger, OFFICERS[0], 4) == YES
    assert ledger.now().spoken_for(thumbprint(4), "G", ledger.at) == {wallet(91).address}
    assert ledger.now().spoken_for(thumbprint(4), "A", ledger.at) == {OFFICERS[0]}


@pytest.mark.parametrize("number", [1, 9, NEW_WALLET])
def test_who_is_no_guardian_does_not_speak_as_one(number: int) -> None:
    for ledger in (guarded(), opened()):
        assert vouch(ledger, number, 3) == Refuse(Reason.NOT_A_GUARDIAN)


def test_guardians_whose_time_has_not_come_do_not_speak_yet() -> None:
    ledger = opened().wait(2 * DAY)
    assert isinstance(protect(ledger, 1, friends()), Hold)
    assert vouch(ledger, 91, 3) == Refuse(Reason.NOT_A_GUARDIAN)
    assert vouch(ledger.wait(3 * DAY), 91, 3) == YES


def test_an_officer_is_whom_the_settings_know_as_one() -> None:
    assert attest(guarded(), None, 3) == Refuse(Reason.NOT_AN_OFFICER)


def test_nobody_speaks_for_his_own_phone() -> None:
    ledger = guarded()
    assert vouch(ledger, 91, 91) == Refuse(Reason.NOT_A_GUARDIAN)
    assert attest(ledger, OFFICERS[0], quarrels.OFFICE) == Refuse(Reason.NOT_AN_OFFICER)


def test_each_has_one_voice_which_he_may_give_to_another_phone() -> None:
    """So nobody fills the list for the others, and nobody speaks for two claimants."""
    ledger = heard()
    assert vouch(ledger, 91, 3) == Refuse(Reason.ALREADY_SPOKEN)
    assert attest(ledger, OFFICERS[0], 3) == Refuse(Reason.ALREADY_SPOKEN)
    assert vouch(ledger, 91, 4) == YES
    assert attest(ledger, OFFICERS[0], 4) == YES
    for letters in ("WG", "A"):
        assert claim(ledger, 3, letters) == Refuse(Reason.WEAK_EVIDENCE)
    assert len(ledger.now().vouchers) == 4


def test_a_voice_that_has_lapsed_may_be_given_again() -> None:
    ledger = heard().wait(7 * DAY)
    assert vouch(ledger, 91, 3) == YES
    assert len(ledger.now().vouchers) == 1
