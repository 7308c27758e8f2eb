"""The rows of the policy, each as a sentence; then all acts on all accounts at once."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, cast, get_args

import msgspec
import pytest

import chains
import quarrels
from builders import NOW, account_id, digest, sec1_text, thumbprint, wallet
from ledger import DAY, HOUR, MINUTE, Ledger, opened
from pteri.core.acts import ACTS, StatementAct
from pteri.domain import offline
from pteri.domain.account import AccountState
from pteri.domain.decisions import Decision, Hold, Level, Permit, Reason, Refuse, permissiveness
from pteri.domain.device import DeviceState
from pteri.domain.events import DeviceSuspended
from pteri.domain.facts import SEVERITY, LineStatus, Signer
from pteri.domain.policy import decide
from pteri.domain.rules import Rules, rules_from
from stories import STORIES, acts_on, grown, guarded

AGAINST = [LineStatus.CHANGED, LineStatus.CONTRADICTED]
every_line = pytest.mark.parametrize("line", list(LineStatus))
line_against = pytest.mark.parametrize("line", AGAINST)


def change(act: StatementAct, **changes: object) -> StatementAct:
    return msgspec.structs.replace(act, **changes)


# --- binding --------------------------------------------------------------------------------------------------------


def test_a_wallet_and_a_phone_bind_an_account_that_does_not_exist_yet() -> None:
    assert Ledger().bind() == Permit(Reason.BOTH_KEYS, Level.FULL)


@pytest.mark.parametrize("line", [line for line in LineStatus if line is not LineStatus.CONTINUOUS])
def test_a_line_that_is_not_confirmed_lowers_the_level_of_a_binding_and_never_stops_it(line: LineStatus) -> None:
    assert Ledger(line=line).bind() == Permit(Reason.LINE_NOT_CONFIRMED, Level.REDUCED)


def test_an_account_is_bound_once() -> None:
    assert opened().bind(2) == Refuse(Reason.ALREADY_BOUND)


def test_a_binding_names_epoch_0() -> None:
    ledger = opened()
    binding = next(attempt.act for attempt in acts_on(ledger) if attempt.act.purpose == "bind")
    facts = ledger.facts(None)
    assert isinstance(decide(binding, facts, ledger.rules), Permit)
    assert decide(change(binding, epoch=1), facts, ledger.rules) == Refuse(Reason.STALE_EPOCH)


# --- what every act of an account needs -----------------------------------------------------------------------------


def test_nothing_but_a_binding_is_decided_for_an_account_that_does_not_exist() -> None:
    ledger = opened()
    for attempt in acts_on(ledger):
        if attempt.act.purpose != "bind":
            facts = attempt.facts(ledger, None)
            assert decide(attempt.act, facts, ledger.rules) == Refuse(Reason.ACCOUNT_NOT_OPEN)


def test_an_account_in_a_state_that_no_row_speaks_of_does_nothing() -> None:
    """The states to come lock everything until a row says otherwise."""
    ledger = grown()
    account = msgspec.structs.replace(ledger.now(), state=cast("AccountState", "A STATE TO COME"))
    for attempt in acts_on(ledger):
        if attempt.act.purpose != "bind":
            facts = attempt.facts(ledger, account)
            assert decide(attempt.act, facts, ledger.rules) == Refuse(Reason.ACCOUNT_NOT_OPEN)


def test_a_statement_for_another_account_is_refused_before_anything_is_looked_at() -> None:
    ledger = grown()
    for attempt in acts_on(ledger):
        if attempt.act.purpose != "bind":
            other = attempt._replace(act=change(attempt.act, account=account_id(77)))
            assert other.on(ledger.copy()) == Refuse(Reason.ACCOUNT_NOT_OPEN)


@pytest.mark.parametrize("offset", [-1, 1])
def test_a_statement_of_another_epoch_is_refused_whatever_it_asks(offset: int) -> None:
    asked = set()
    for ledger in (grown(), STORIES["frozen"]()):
        for attempt in acts_on(ledger):
            act, account = attempt.act, ledger.now()
            if act.purpose == "bind" or act.account != account.id:
                continue
            decision = attempt._replace(act=change(act, epoch=account.epoch + offset)).on(ledger.copy())
            if decision != Refuse(Reason.ACCOUNT_NOT_OPEN):
                asked.add(act.purpose)
                assert decision == Refuse(Reason.STALE_EPOCH)
    assert asked == ACTS.keys() - {"bind"}


@pytest.mark.parametrize("esim", [None, digest("another line")])
def test_a_statement_that_names_another_line_is_refused(esim: object) -> None:
    ledger = opened()
    ledger.approve(1, 2)
    for act in (ledger.authenticate(1), ledger.approval(1, 4), ledger.acceptance(2), ledger.claim(3)):
        assert ledger.submit(change(act, esim=esim)) == Refuse(Reason.WRONG_LINE)


@pytest.mark.parametrize("story", ["just bound", "guarded", "another wallet", "contested by a phone"])
def test_a_code_that_is_not_of_this_account_spoils_whatever_it_is_shown_for(story: str) -> None:
    """Where it once was: a code that was replaced, or that went with the wallet."""
    ledger = STORIES[story]()
    key = sec1_text(quarrels.OTHER_CODE if story.startswith(("guarded", "contested")) else quarrels.CODE)
    signer = Signer(wallet=ledger.now().wallet, new_wallet=wallet(7), code_key=key)
    shown = quarrels.rotation(ledger, 1, new=7), quarrels.freezing(ledger, 1), ledger.claim(4), ledger.authenticate(1)
    for act in shown:
        if ledger.submit(act, signer=signer) != Refuse(Reason.ACCOUNT_NOT_OPEN):
            assert ledger.submit(act, signer=signer) == Refuse(Reason.WRONG_CODE_KEY)


# --- signing in -----------------------------------------------------------------------------------------------------


def test_a_verified_phone_signs_in() -> None:
    assert opened().sign_in(1) == Permit(Reason.BOTH_KEYS, Level.FULL)


@pytest.mark.parametrize("line", [line for line in LineStatus if line is not LineStatus.CONTINUOUS])
def test_a_sign_in_with_a_line_that_is_not_confirmed_is_reduced_and_never_stopped(line: LineStatus) -> None:
    ledger = opened()
    ledger.line = line
    assert ledger.sign_in(1) == Permit(Reason.LINE_NOT_CONFIRMED, Level.REDUCED)


CHECKED: Final = rules_from({"backup_check_s": 90 * DAY})


def test_who_has_not_tried_a_backup_for_long_signs_in_and_is_told_so() -> None:
    ledger = opened(rules=CHECKED)
    # Long ago is measured from the day on which the wallet came.
    assert ledger.wait(90 * DAY - 1).sign_in(1) == Permit(Reason.BOTH_KEYS, Level.FULL)
    assert ledger.wait(1).sign_in(1) == Permit(Reason.BACKUP_CHECK_DUE, Level.FULL)
    ledger.line = LineStatus.CHANGED
    assert ledger.sign_in(1) == Permit(Reason.BACKUP_CHECK_DUE, Level.REDUCED)


def test_a_backup_that_was_tried_is_good_for_as_long_as_the_rules_say() -> None:
    ledger = opened(rules=CHECKED).wait(200 * DAY)
    assert ledger.submit(quarrels.backup(ledger, 1)) == Permit(Reason.BOTH_KEYS)
    assert ledger.wait(90 * DAY - 1).sign_in(1) == Permit(Reason.BOTH_KEYS, Level.FULL)
    assert ledger.wait(1).sign_in(1) == Permit(Reason.BACKUP_CHECK_DUE, Level.FULL)


def test_another_wallet_has_its_own_time() -> None:
    ledger = quarrels.protected(opened(rules=CHECKED)).wait(80 * DAY)
    assert quarrels.rotate(ledger, 1, "WC") == Permit(Reason.BOTH_KEYS)
    assert ledger.wait(20 * DAY).sign_in(1) == Permit(Reason.BOTH_KEYS, Level.FULL)
    assert ledger.wait(70 * DAY).sign_in(1) == Permit(Reason.BACKUP_CHECK_DUE, Level.FULL)


def test_who_may_not_sign_in_is_not_told_of_backups() -> None:
    ledger = opened(rules=CHECKED).wait(365 * DAY)
    assert ledger.sign_in(9) == Refuse(Reason.DEVICE_NOT_ACTIVE)
    stranger = Signer(wallet=wallet(2))
    assert ledger.submit(ledger.authenticate(1), signer=stranger) == Refuse(Reason.WRONG_WALLET)


def test_nobody_is_told_of_backups_where_the_rules_do_not_ask_for_them() -> None:
    assert opened().wait(3650 * DAY).sign_in(1) == Permit(Reason.BOTH_KEYS, Level.FULL)


def test_a_phone_on_probation_signs_in() -> None:
    assert isinstance(opened().migrated(1, 2).sign_in(2), Permit)


@pytest.mark.parametrize(
    ("story", "number"),
    [
        ("just bound", 9),
        ("migration waits for its code", 2),
        ("migration inside its delay", 2),
        ("migration may be accepted", 2),
        ("migration was not accepted in time", 2),
        ("migration stopped", 2),
        ("recovery inside its hold", 3),
        ("recovery may be accepted", 3),
        ("recovery stopped", 3),
        ("new phone alone", 1),
        ("phone suspended", 1),
        ("phone suspended for long enough", 1),
        ("phone gone by itself", 1),
        ("recovered", 1),
    ],
)
@every_line
def test_a_phone_that_is_not_verified_does_nothing_whatever_the_line_says(
    story: str, number: int, line: LineStatus
) -> None:
    ledger = STORIES[story]()
    ledger.line = line
    not_active = Refuse(Reason.DEVICE_NOT_ACTIVE)
    assert ledger.sign_in(number) == not_active
    assert ledger.approve(number, 4) == not_active
    assert [ledger.revoke(number, target) for target in (1, 2, 3, number)] == [not_active] * 4


@pytest.mark.parametrize("purpose", ["authenticate", "migrate", "revoke", "backup-verified"])
def test_a_verified_phone_with_another_wallet_does_nothing_of_this(purpose: str) -> None:
    ledger = grown()
    acts: dict[str, StatementAct] = {
        "authenticate": ledger.authenticate(1),
        "migrate": ledger.approval(1, 4),
        "revoke": ledger.removal(1, 2),
        "backup-verified": quarrels.backup(ledger, 1),
    }
    assert ledger.submit(acts[purpose], signer=Signer(wallet=wallet(9))) == Refuse(Reason.WRONG_WALLET)


def test_a_newcomer_that_accepts_with_another_wallet_is_refused() -> None:
    ledger = STORIES["migration may be accepted"]()
    assert ledger.submit(ledger.acceptance(2), signer=Signer(wallet=wallet(9))) == Refuse(Reason.WRONG_WALLET)


def test_a_newcomer_is_not_let_in_while_the_account_is_stopped() -> None:
    """A stopped account has no open migration: two walls, not one."""
    ledger = STORIES["migration may be accepted"]()
    for state in (AccountState.FROZEN, AccountState.CONTESTED):
        facts = ledger.facts(msgspec.structs.replace(ledger.now(), state=state))
        assert decide(ledger.acceptance(2), facts, ledger.rules) == Refuse(Reason.ACCOUNT_NOT_OPEN)


@pytest.mark.parametrize("story", ["frozen", "contested by a phone"])
def test_a_stopped_account_signs_nobody_in_and_changes_nothing(story: str) -> None:
    ledger = STORIES[story]()
    not_open = Refuse(Reason.ACCOUNT_NOT_OPEN)
    assert [ledger.sign_in(1), ledger.approve(1, 4), ledger.revoke(1, 2), ledger.revoke(1, 1)] == [not_open] * 4
    assert ledger.submit(quarrels.backup(ledger, 1)) == not_open
    assert quarrels.protect(ledger, 1, None) == not_open


def test_a_verified_phone_records_that_a_backup_works_and_no_other_phone_does() -> None:
    ledger = STORIES["migration inside its delay"]()
    assert ledger.submit(quarrels.backup(ledger, 1)) == Permit(Reason.BOTH_KEYS)
    assert ledger.now().backup_verified_at == ledger.at
    assert ledger.submit(quarrels.backup(ledger, 2)) == Refuse(Reason.DEVICE_NOT_ACTIVE)


# --- migration ------------------------------------------------------------------------------------------------------


def test_a_new_phone_waits_an_hour() -> None:
    ledger = opened()
    assert ledger.approve(1, 2) == Hold(Reason.SECURITY_DELAY, ledger.at + HOUR)


def test_a_phone_on_probation_lets_nobody_in_until_its_last_second() -> None:
    ledger = opened().migrated(1, 2).wait(3 * DAY - 1)
    assert ledger.approve(2, 3) == Refuse(Reason.DEVICE_ON_PROBATION)
    ledger.wait(1)
    assert isinstance(ledger.approve(2, 3), Hold)


def test_one_migration_at_a_time() -> None:
    ledger = grown()
    assert isinstance(ledger.approve(1, 3), Hold)
    assert ledger.approve(2, 4) == Refuse(Reason.MIGRATION_OPEN)


@pytest.mark.parametrize(
    "story",
    ["migration without its code is over", "migration was not accepted in time", "migration ended by wrong codes"],
)
def test_after_a_migration_has_expired_another_one_may_begin_with_another_key(story: str) -> None:
    assert STORIES[story]().approve(1, 2) == Refuse(Reason.DEVICE_TOMBSTONED)
    assert isinstance(STORIES[story]().approve(1, 4), Hold)


def test_a_migration_can_be_taken_back_and_begun_again() -> None:
    assert isinstance(STORIES["migration stopped"]().approve(1, 4), Hold)


@pytest.mark.parametrize("known", [1, 2])
def test_a_phone_that_is_in_the_account_cannot_be_let_in_again(known: int) -> None:
    assert grown().approve(1, known) == Refuse(Reason.DEVICE_TOMBSTONED)


@pytest.mark.parametrize(
    ("story", "gone"),
    [
        ("new phone alone", 1),
        ("migration was not accepted in time", 2),
        ("migration stopped", 2),
        ("recovery stopped long ago", 3),
        ("phone gone by itself", 1),
    ],
)
def test_a_phone_that_has_left_never_returns_by_any_way_in(story: str, gone: int) -> None:
    ledger = STORIES[story]().wait(40 * DAY)
    active = next(number for number, state in ledger.states().items() if state == "ACTIVE")
    tombstoned = Refuse(Reason.DEVICE_TOMBSTONED)
    assert ledger.approve(active, gone) == tombstoned
    assert ledger.recover(gone) == tombstoned
    assert ledger.set_up_codes(gone) == tombstoned
    assert ledger.activate(gone) == Refuse(Reason.NOTHING_TO_ACCEPT)


# --- accepting ------------------------------------------------------------------------------------------------------


def test_a_new_phone_accepts_from_the_end_of_its_delay_until_a_day_later() -> None:
    ledger = opened()
    ledger.approve(1, 2)
    ledger.type_migration_code()
    start = ledger.at
    act = ledger.acceptance(2)
    expected: list[tuple[int, Decision]] = [
        (0, Hold(Reason.SECURITY_DELAY, start + HOUR)),
        (HOUR - 1, Hold(Reason.SECURITY_DELAY, start + HOUR)),
        (HOUR, Permit(Reason.HOLD_OVER)),
        (25 * HOUR - 1, Permit(Reason.HOLD_OVER)),
        (25 * HOUR, Refuse(Reason.NOTHING_TO_ACCEPT)),
    ]
    for seconds, decision in expected:
        ledger.at = start + seconds
        # Also an auditor, who has not settled the account, sees that the time is over.
        for account in (ledger.settled()[0], ledger.now()):
            assert decide(act, ledger.facts(account), ledger.rules) == decision


def test_a_claimant_accepts_from_the_end_of_the_hold_until_a_week_later() -> None:
    ledger = opened()
    ledger.recover(3)
    start, act = ledger.at, ledger.acceptance(3)
    expected: list[tuple[int, Decision]] = [
        (3 * DAY - 1, Hold(Reason.RECOVERY_HOLD, start + 3 * DAY)),
        (3 * DAY, Permit(Reason.HOLD_OVER)),
        (10 * DAY - 1, Permit(Reason.HOLD_OVER)),
        (10 * DAY, Refuse(Reason.NOTHING_TO_ACCEPT)),
    ]
    for seconds, decision in expected:
        ledger.at = start + seconds
        for account in (ledger.settled()[0], ledger.now()):
            assert decide(act, ledger.facts(account), ledger.rules) == decision


def test_a_phone_that_came_too_late_does_not_slip_in_by_the_recovery_of_another_one() -> None:
    ledger = opened()
    ledger.recover(3)
    ledger.approve(1, 2)
    ledger.wait(3 * DAY)
    slipping = change(ledger.acceptance(2), approval=ledger.acceptance(3).approval)
    for account in (ledger.settled()[0], ledger.now()):
        facts = ledger.facts(account)
        assert decide(slipping, facts, ledger.rules) == Refuse(Reason.NOTHING_TO_ACCEPT)


def test_a_new_phone_that_never_showed_the_code_accepts_nothing_at_any_time() -> None:
    for seconds in (0, 10 * MINUTE - 1, 10 * MINUTE, HOUR, 25 * HOUR):
        ledger = STORIES["migration waits for its code"]().wait(seconds)
        assert ledger.activate(2) == Refuse(Reason.NOTHING_TO_ACCEPT)


@pytest.mark.parametrize("story", ["migration may be accepted", "recovery may be accepted"])
def test_an_acceptance_of_something_else_than_was_approved_is_refused(story: str) -> None:
    ledger = STORIES[story]()
    newcomer = 2 if "migration" in story else 3
    other = change(ledger.acceptance(newcomer), approval=digest("another approval"))
    assert ledger.submit(other) == Refuse(Reason.WRONG_APPROVAL)
    assert ledger.states()[newcomer] == "PENDING"


def test_the_approval_of_a_migration_completes_no_recovery_and_the_reverse() -> None:
    ledger = STORIES["recovery races a migration"]()
    migration, recovery = ledger.acceptance(2), ledger.acceptance(3)
    crossed = [change(migration, approval=recovery.approval), change(recovery, approval=migration.approval)]
    assert [ledger.submit(act) for act in crossed] == [Refuse(Reason.WRONG_APPROVAL)] * 2


@pytest.mark.parametrize("number", [1, 4, 9])
def test_a_phone_that_nobody_let_in_accepts_nothing(number: int) -> None:
    assert STORIES["migration may be accepted"]().activate(number) == Refuse(Reason.NOTHING_TO_ACCEPT)


@pytest.mark.parametrize("story", ["migration may be accepted", "recovery may be accepted"])
@pytest.mark.parametrize("state", [state for state in DeviceState if state is not DeviceState.PENDING])
def test_a_phone_that_does_not_wait_accepts_nothing_even_if_something_were_open_for_it(
    story: str, state: DeviceState
) -> None:
    """An account that ``evolve`` never makes: two walls, not one."""
    ledger = STORIES[story]()
    newcomer = 2 if "migration" in story else 3
    known = ledger.now().known(thumbprint(newcomer))
    changed = ledger.now().with_devices(msgspec.structs.replace(known, state=state))
    account = msgspec.structs.replace(ledger.now(), devices=changed)
    facts = ledger.facts(account)
    assert decide(ledger.acceptance(newcomer), facts, ledger.rules) == Refuse(Reason.NOTHING_TO_ACCEPT)


def test_a_phone_accepts_once() -> None:
    ledger = opened().migrated(1, 2)
    assert ledger.activate(2) == Refuse(Reason.NOTHING_TO_ACCEPT)


def test_what_a_removed_phone_approved_is_over() -> None:
    ledger = grown()
    ledger.approve(2, 3)
    ledger.type_migration_code()
    assert isinstance(ledger.revoke(1, 2), Permit)
    assert ledger.states() == {1: "ACTIVE", 2: "SUSPENDED", 3: "DROPPED"}
    assert ledger.wait(HOUR).activate(3) == Refuse(Reason.NOTHING_TO_ACCEPT)
    assert isinstance(ledger.approve(1, 4), Hold)


def test_nobody_accepts_from_before_a_change_of_authority() -> None:
    ledger = STORIES["recovery races a migration"]()
    late = ledger.acceptance(3)
    assert isinstance(ledger.activate(2), Permit)
    assert ledger.submit(late) == Refuse(Reason.STALE_EPOCH)


# --- recovery -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [LineStatus.CONTINUOUS, LineStatus.UNKNOWN])
def test_the_wallet_alone_waits_three_days(line: LineStatus) -> None:
    ledger = opened()
    ledger.line = line
    assert ledger.recover(3) == Hold(Reason.RECOVERY_HOLD, ledger.at + 3 * DAY)


@line_against
def test_the_wallet_alone_waits_a_week_when_the_line_speaks_against_it(line: LineStatus) -> None:
    ledger = opened()
    ledger.line = line
    assert ledger.recover(3) == Hold(Reason.LINE_CHANGED_HOLD, ledger.at + 7 * DAY)


@line_against
def test_a_line_that_changes_while_a_case_is_open_lengthens_its_hold(line: LineStatus) -> None:
    ledger = STORIES["recovery may be accepted"]()
    ledger.line = line
    assert ledger.activate(3) == Hold(Reason.LINE_CHANGED_HOLD, ledger.at + 4 * DAY)
    assert ledger.wait(4 * DAY).activate(3) == Permit(Reason.HOLD_OVER)


@every_line
def test_a_good_line_never_shortens_a_hold_that_has_begun(line: LineStatus) -> None:
    ledger = opened()
    ledger.line = LineStatus.CHANGED
    ledger.recover(3)
    ledger.line = line
    assert isinstance(ledger.wait(7 * DAY - 1).activate(3), Hold)
    assert ledger.wait(1).activate(3) == Permit(Reason.HOLD_OVER)


@pytest.mark.parametrize("evidence", [("A",), ("C",), ("D",), ("G",), ("C", "W"), ("D", "W"), ("C", "D", "G"), ()])
def test_evidence_that_is_claimed_and_not_shown_makes_a_claim_worthless(evidence: tuple[str, ...]) -> None:
    for ledger in (opened(), guarded()):
        assert ledger.submit(change(ledger.claim(3), evidence=evidence)) == Refuse(Reason.WEAK_EVIDENCE)


@pytest.mark.parametrize("changes", [{"lost": (thumbprint(1),)}, {"new_wallet": "L" + "x" * 33}])
def test_a_recovery_leaves_out_no_phone_and_with_the_wallet_alone_keeps_it(changes: dict[str, object]) -> None:
    ledger = opened()
    assert ledger.submit(change(ledger.claim(3), **changes)) == Refuse(Reason.NOT_OFFERED)


@pytest.mark.parametrize("number", [1, 2])
def test_a_phone_of_the_account_recovers_nothing(number: int) -> None:
    assert grown().recover(number) == Refuse(Reason.DEVICE_TOMBSTONED)


def test_one_recovery_at_a_time() -> None:
    ledger = STORIES["recovery inside its hold"]()
    assert ledger.recover(4) == Refuse(Reason.RECOVERY_OPEN)
    ledger.wait(10 * DAY)
    assert isinstance(ledger.recover(4), Hold)


def test_after_a_phone_stopped_it_the_wallet_alone_opens_no_case_for_thirty_days() -> None:
    ledger = STORIES["recovery stopped"]()
    stopped = Refuse(Reason.RECOVERY_STOPPED)
    assert ledger.recover(4) == stopped
    assert ledger.wait(30 * DAY - 1).recover(4) == stopped
    assert isinstance(ledger.wait(1).recover(4), Hold)


@pytest.mark.parametrize("story", ["recovery was not accepted in time", "recovered"])
def test_a_case_that_ended_by_itself_blocks_no_other_one(story: str) -> None:
    assert isinstance(STORIES[story]().recover(4), Hold)


def test_a_recovery_takes_the_account_from_everybody_else() -> None:
    ledger = STORIES["recovered in spite of a migration"]()
    assert ledger.states() == {1: "REVOKED", 2: "REVOKED", 3: "ACTIVE", 4: "DROPPED"}


# --- removal --------------------------------------------------------------------------------------------------------


def test_a_phone_removes_itself_while_another_one_stays() -> None:
    assert grown().revoke(1, 1) == Permit(Reason.BOTH_KEYS)


@pytest.mark.parametrize("story", ["just bound", "new phone alone", "phone suspended", "recovery inside its hold"])
def test_the_last_verified_phone_stays(story: str) -> None:
    ledger = STORIES[story]()
    [last] = [number for number, state in ledger.states().items() if state == "ACTIVE"]
    assert ledger.revoke(last, last) == Refuse(Reason.LAST_DEVICE)


def test_a_phone_on_probation_removes_no_verified_phone_but_may_go_itself() -> None:
    ledger = opened().migrated(1, 2).wait(3 * DAY - 1)
    assert ledger.revoke(2, 1) == Refuse(Reason.DEVICE_ON_PROBATION)
    assert ledger.revoke(2, 2) == Permit(Reason.BOTH_KEYS)


def test_after_its_probation_a_phone_removes_another_one() -> None:
    assert grown().revoke(2, 1) == Permit(Reason.BOTH_KEYS)


@pytest.mark.parametrize("by", [1, 2])
def test_every_verified_phone_stops_a_newcomer_even_one_on_probation(by: int) -> None:
    ledger = opened().migrated(1, 2)
    ledger.approve(1, 3)
    assert ledger.revoke(by, 3) == Permit(Reason.BOTH_KEYS)
    assert ledger.states()[3] == "REVOKED"


@pytest.mark.parametrize("by", [1, 2])
@pytest.mark.parametrize("letters", ["W", "WC", "WG", "CG", "A"])
def test_a_phone_that_claims_is_not_removed_but_objected_to(letters: str, by: int) -> None:
    """Or who holds phone and wallet could end what guardians and officers say, for ever."""
    ledger = quarrels.spoken_for(guarded(), letters, 3)
    quarrels.claim(ledger, 3, letters)
    assert ledger.revoke(by, 3) == Refuse(Reason.VETO_INSTEAD)
    assert ledger.states()[3] == "PENDING"


def test_a_phone_for_which_others_speak_is_not_removed_either_while_it_asks_for_another_wallet() -> None:
    ledger = STORIES["another wallet waits with officers"]()
    assert ledger.revoke(2, 1) == Refuse(Reason.VETO_INSTEAD)
    assert quarrels.veto(ledger, 2) == Permit(Reason.DELAYED)
    assert isinstance(ledger.revoke(1, 1), Permit)


def test_a_phone_that_asks_for_another_wallet_with_what_an_owner_has_is_removed_and_may_object() -> None:
    ledger = STORIES["another wallet waits"]()
    assert ledger.revoke(2, 1) == Permit(Reason.BOTH_KEYS)
    removal = ledger.events[-1]
    assert isinstance(removal, DeviceSuspended)
    assert quarrels.veto(ledger, 1, removal.approval) == Permit(Reason.CONTESTED)


def test_who_claimed_too_late_is_removed_like_any_other_newcomer() -> None:
    ledger = STORIES["recovery inside its hold"]().wait(10 * DAY)
    facts = ledger.facts(ledger.now())
    assert decide(ledger.removal(1, 3), facts, ledger.rules) == Permit(Reason.BOTH_KEYS)


def test_a_recovery_code_ends_a_suspension_at_once() -> None:
    ledger = guarded()
    ledger.revoke(2, 1)
    coded = quarrels.signed_by(ledger, "WC")
    assert ledger.submit(ledger.removal(2, 1), signer=coded) == Permit(Reason.BOTH_KEYS)
    assert ledger.states()[1] == "REVOKED"


def test_with_a_recovery_code_another_phone_goes_at_once() -> None:
    ledger = guarded()
    coded = quarrels.signed_by(ledger, "WC")
    assert ledger.submit(ledger.removal(2, 1), signer=coded) == Permit(Reason.BOTH_KEYS)
    assert ledger.states()[1] == "REVOKED"


def test_removing_a_phone_twice_does_not_cut_its_suspension_short() -> None:
    ledger = grown()
    ledger.revoke(2, 1)
    until = ledger.at + DAY
    assert ledger.revoke(2, 1) == Hold(Reason.SECURITY_DELAY, until)
    assert ledger.wait(DAY - 1).revoke(2, 1) == Hold(Reason.SECURITY_DELAY, until)
    assert ledger.states()[1] == "SUSPENDED"
    assert ledger.wait(1).revoke(2, 1) == Refuse(Reason.UNKNOWN_TARGET)
    assert ledger.states()[1] == "REVOKED"


def test_an_auditor_who_has_not_settled_the_account_yet_reaches_no_shorter_suspension() -> None:
    ledger = grown()
    ledger.revoke(2, 1)
    ledger.wait(DAY)
    facts = ledger.facts(ledger.now())
    assert decide(ledger.removal(2, 1), facts, ledger.rules) == Permit(Reason.HOLD_OVER)


@pytest.mark.parametrize("target", [1, 9])
def test_a_phone_that_is_not_there_any_more_or_never_was_cannot_be_removed(target: int) -> None:
    assert STORIES["new phone alone"]().revoke(2, target) == Refuse(Reason.UNKNOWN_TARGET)


# --- codes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "number"),
    [("just bound", 1), ("just bound", 9), ("migration inside its delay", 2), ("recovery inside its hold", 3)],
)
def test_a_verified_phone_a_waiting_one_and_an_unknown_one_set_up_codes(story: str, number: int) -> None:
    """Who waits may come back with more, and then shows once more that it and the server derive the same codes."""
    assert STORIES[story]().set_up_codes(number) == Permit(Reason.BOTH_KEYS)


@pytest.mark.parametrize(
    ("story", "number"),
    [("phone suspended", 1), ("recovered", 1), ("migration stopped", 2), ("recovery taken back", 3)],
)
def test_a_phone_that_has_left_or_is_about_to_sets_up_no_codes(story: str, number: int) -> None:
    assert STORIES[story]().set_up_codes(number) == Refuse(Reason.DEVICE_TOMBSTONED)


def test_offline_codes_are_not_offered_unless_the_tenant_says_so() -> None:
    assert opened().submit(chains.preparing(opened(), 1)) == Refuse(Reason.NOT_OFFERED)
    assert chains.offering().submit(chains.preparing(chains.offering(), 1)) == Permit(Reason.BOTH_KEYS)


@pytest.mark.parametrize(
    "changes",
    [
        {"start": NOW - 301},
        {"start": NOW + 91},
        {"step": 29},
        {"step": 601},
        {"step": 0},
        {"length": 0},
        {"length": 30 * 2880 + 1},
    ],
)
def test_offline_codes_begin_now_and_last_no_longer_than_allowed(changes: dict[str, int]) -> None:
    ledger = chains.offering()
    assert ledger.submit(change(chains.preparing(ledger, 1), **changes)) == Refuse(Reason.NOT_OFFERED)
    assert ledger.submit(change(chains.preparing(ledger, 1), length=30 * 2880)) == Permit(Reason.BOTH_KEYS)


def test_offline_codes_are_prepared_by_a_verified_phone_that_is_not_new_in_an_open_account() -> None:
    ledger = chains.offering().migrated(1, 2)
    assert ledger.submit(chains.preparing(ledger, 2)) == Refuse(Reason.DEVICE_ON_PROBATION)
    assert ledger.submit(chains.preparing(ledger, 9)) == Refuse(Reason.DEVICE_NOT_ACTIVE)
    stranger = Signer(wallet=wallet(9))
    assert ledger.submit(chains.preparing(ledger, 1), signer=stranger) == Refuse(Reason.WRONG_WALLET)
    ledger.wait(3 * DAY)
    assert ledger.submit(chains.preparing(ledger, 2)) == Permit(Reason.BOTH_KEYS)
    quarrels.freeze(ledger, 2, "")
    assert ledger.submit(chains.preparing(ledger, 2)) == Refuse(Reason.ACCOUNT_NOT_OPEN)


def test_an_offline_code_opens_a_session_at_the_lower_level_while_phone_account_and_tenant_are_as_they_were() -> None:
    ledger = chains.offering().migrated(1, 2)
    chains.prepare(ledger, 1)
    account, rules = ledger.now(), ledger.rules
    assert offline.sign_in(thumbprint(1), account, rules) == Permit(Reason.OFFLINE_CODE, Level.REDUCED)
    assert offline.sign_in(thumbprint(9), account, rules) == Refuse(Reason.DEVICE_NOT_ACTIVE)
    assert offline.sign_in(thumbprint(1), account, Rules()) == Refuse(Reason.NOT_OFFERED)
    ledger.wait(3 * DAY)
    ledger.revoke(2, 1)
    assert offline.sign_in(thumbprint(1), ledger.now(), rules) == Refuse(Reason.DEVICE_NOT_ACTIVE)
    quarrels.freeze(ledger, 2, "")
    assert offline.sign_in(thumbprint(2), ledger.now(), rules) == Refuse(Reason.ACCOUNT_NOT_OPEN)


# --- all acts on all accounts ---------------------------------------------------------------------------------------

every_story = pytest.mark.parametrize("story", STORIES)
LATER = (0, HOUR, DAY, 3 * DAY, 7 * DAY, 40 * DAY)


@every_story
def test_every_act_on_every_account_is_decided_and_a_worse_line_never_gives_more(story: str) -> None:
    ledger = STORIES[story]()
    for wait in LATER:
        later = STORIES[story]().wait(wait)
        for account in (later.now(), later.settled()[0]):
            for attempt in acts_on(later):
                facts = [attempt.facts(later, account, line) for line in SEVERITY]
                decisions = [decide(attempt.act, seen, ledger.rules) for seen in facts]
                for better, worse in pairwise(decisions):
                    assert permissiveness(worse) <= permissiveness(better)


@every_story
def test_no_account_that_is_bound_is_bound_again(story: str) -> None:
    ledger = STORIES[story]()
    for attempt in acts_on(ledger):
        if attempt.act.purpose == "bind":
            assert attempt.on(ledger) == Refuse(Reason.ALREADY_BOUND)


def test_every_reason_is_given_somewhere_and_every_purpose_is_tried() -> None:
    reasons, purposes = set(), set()
    for story in STORIES.values():
        ledger = story()
        account = ledger.settled()[0]
        for attempt in acts_on(ledger):
            purposes.add(type(attempt.act))
            for line in LineStatus:
                reasons.add(decide(attempt.act, attempt.facts(ledger, account, line), ledger.rules).reason)
    assert purposes == set(get_args(StatementAct))
    # That of an offline code, which is no statement, has its own test.
    assert reasons | {Reason.OFFLINE_CODE} == set(Reason)


def test_longer_waiting_times_of_a_tenant_are_kept() -> None:
    rules = rules_from({"migration_hold_s": 2 * HOUR, "recovery_hold_s": 5 * DAY, "probation_s": 4 * DAY})
    ledger = opened(rules=rules)
    assert ledger.approve(1, 2) == Hold(Reason.SECURITY_DELAY, ledger.at + 2 * HOUR)
    assert ledger.recover(3) == Hold(Reason.RECOVERY_HOLD, ledger.at + 5 * DAY)
    ledger.type_migration_code()
    ledger.wait(2 * HOUR)
    ledger.activate(2)
    assert ledger.wait(4 * DAY - 1).approve(2, 4) == Refuse(Reason.DEVICE_ON_PROBATION)
