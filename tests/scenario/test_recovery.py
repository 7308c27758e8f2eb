"""Accounts lost, stolen, quarrelled about and won back, from end to end; the log proves each story afterwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from pteri.app.fsck import fsck
from pteri.app.sequence import give_positions
from pteri.audit.rechecking import Unchecked
from pteri.core import ids, wire
from pteri.core.guardians import Guardians
from pteri.core.ids import TenantId
from pteri.domain.facts import LineStatus
from pteri.domain.rules import Rules
from thieves import EMAIL, assert_denied, digest, guarded_by, history_of, refusal, second_phone, signing_in, type_code
from whole import check_whole
from world import (
    ALICE_WORDS,
    FRIENDS_WORDS,
    MALLORY_WORDS,
    NEW_WORDS,
    Answered,
    Browser,
    Key,
    Shown,
    SimPhone,
    SimWallet,
    World,
)
from worlds import Worlds

HOUR = 3600
DAY = 24 * HOUR
CODE = Key("the code on paper")
OTHER_CODE = Key("the other code on paper")


@pytest.fixture(autouse=True)
def _the_log_proves_it(world: World) -> object:
    """After each story somebody looks at everything: nothing is wrong, and every signature and decision is checked."""
    yield
    prove(world)


def prove(world: World) -> None:
    async def at_once(_: float) -> None:
        """Nobody else is at work here."""

    while world.run(give_positions(world.deployment.store)):
        pass
    world.run(check_whole(world.deployment.store, sequenced=True))
    report = world.run(fsck(world.deployment, pause=at_once, tell=lambda *_: None))
    assert report.findings == ()
    # The key of a phone that never entered is not kept, nor which half of a second came first.
    assert set(report.unchecked) <= {Unchecked.PHONE_UNKNOWN, Unchecked.OTHER_MOMENT}


def reason(shown: Shown) -> tuple[int, str]:
    """What was decided, and why."""
    decided = shown.decided
    return (decided.status, decided.code if decided.status >= 400 else decided.as_(wire.Decided).reason)


def until(shown: Shown) -> int | None:
    return shown.decided.as_(wire.Decided).until


def new_wallet() -> SimWallet:
    return SimWallet(NEW_WORDS)


def protected(world: World, guardians: Guardians | None = None, *codes: Key) -> SimPhone:
    """The owner's phone, with an account that others or codes can help to recover."""
    old = world.enrolled()
    assert reason(old.protect(guardians, codes)) == (200, "BOTH_KEYS")
    return old


def can_sign_in(world: World, phone: SimPhone) -> bool:
    browser = Browser(f"{phone.key.label} at {world.clock.now()}")
    started = world.site().start_sign_in(EMAIL, browser)
    claimed = phone.claim(started.id)
    if claimed.status != 200:
        return False
    shown = phone.answered(claimed)
    return world.site().enter_code("logins", started.id, shown.code, browser).status == 200


def states(phone: SimPhone) -> dict[str, str]:
    return {str(seen.thumbprint): seen.state for seen in phone.devices().phones}


def events(world: World, account: ids.AccountId) -> list[str]:
    return [event.name for event in history_of(world, account)]


# --- wallet and code ------------------------------------------------------------------------------------------------


def test_a_lost_phone_is_replaced_with_wallet_and_code_and_the_old_wallet_is_unknown_after_that(world: World) -> None:
    """RE-13."""
    old = protected(world, None, CODE)
    second = second_phone(world, old)
    new = world.phone("new phone")
    claimed = new.claim_account("CW", code=CODE, new_wallet=new_wallet())
    assert (reason(claimed), until(claimed)) == ((202, "EVIDENCE_HOLD"), world.clock.now() + 48 * HOUR)
    world.clock.advance(48 * HOUR - 1)
    assert refusal(new.start_activation()) == (403, "HELD")
    world.clock.advance(1)
    assert reason(new.activate()) == (200, "HOLD_OVER")
    assert states(new) == {old.thumbprint: "REVOKED", second.thumbprint: "REVOKED", new.thumbprint: "ACTIVE"}
    seen = new.devices()
    assert (seen.wallet, seen.recovery_codes) == (new_wallet().pinned.address, 0)
    new.wallet = new_wallet()
    assert can_sign_in(world, new)

    thief = world.phone("a finder of the old words")
    set_up = thief.set_up_codes()
    assert set_up.statement.act.account != seen.account
    assert_denied(set_up.decided, thief.stop().decided, old.start_freeze())
    # Nor does the old wallet come back as a new one.
    newer = new.rotate(SimWallet(ALICE_WORDS))
    assert newer.decided.status in {403, 409}


def test_all_that_an_owner_has_beats_a_thief_with_wallet_and_code(world: World) -> None:
    old = protected(world, None, CODE)
    thief = world.phone("thief's phone")
    assert reason(thief.claim_account("CW", code=CODE, new_wallet=SimWallet(MALLORY_WORDS))) == (202, "EVIDENCE_HOLD")
    assert reason(old.rotate(new_wallet(), code=CODE)) == (200, "BOTH_KEYS")
    assert_denied(thief.start_activation())
    assert can_sign_in(world, old)


# --- a thief with the mnemonic --------------------------------------------------------------------------------------


def test_a_thief_with_the_mnemonic_is_stopped_by_the_second_phone_for_a_month(world: World) -> None:
    """RE-01."""
    old = world.enrolled()
    second = second_phone(world, old)
    thief = world.phone("thief's phone")
    assert reason(thief.start_recovery()) == (202, "RECOVERY_HOLD")
    assert "RECOVERY_STARTED" in {notice.kind for notice in second.devices().notices}
    assert reason(second.veto()) == (200, "STOPPED")
    world.clock.advance(30 * DAY - 1)
    assert reason(world.phone("thief's next phone").start_recovery()) == (403, "RECOVERY_STOPPED")
    world.clock.advance(1)
    assert reason(world.phone("thief's third phone").start_recovery()) == (202, "RECOVERY_HOLD")
    assert can_sign_in(world, old)


def test_who_claimed_by_mistake_takes_it_back(world: World) -> None:
    old = protected(world, None, CODE)
    new, other = world.phone("new phone"), world.phone("other new phone")
    new.start_recovery()
    assert reason(new.veto()) == (200, "STOPPED")
    assert reason(other.claim_account("CW", code=CODE, new_wallet=new_wallet())) == (202, "EVIDENCE_HOLD")
    assert reason(other.veto()) == (200, "STOPPED")
    assert events(world, old.devices().account).count("RecoveryWithdrawn") == 2
    assert can_sign_in(world, old)


# --- a thief with a phone -------------------------------------------------------------------------------------------


def test_a_thief_with_the_old_phone_can_delay_the_owner_and_not_stop_them(world: World) -> None:
    """RE-05."""
    stolen = protected(world, None, CODE)
    account = stolen.devices().account
    owner = world.phone("owner's new phone")
    assert reason(owner.claim_account("CW", code=CODE, new_wallet=new_wallet())) == (202, "EVIDENCE_HOLD")
    assert reason(stolen.veto()) == (200, "CONTESTED")
    assert stolen.devices().state == "CONTESTED"
    assert not can_sign_in(world, stolen)
    assert reason(stolen.rotate(SimWallet(MALLORY_WORDS))) == (403, "ACCOUNT_NOT_OPEN")

    again = world.phone("owner's newest phone")
    for name in ("ofc-1", "ofc-2"):
        assert reason(world.officer(name).attest(account, again)) == (200, "BOTH_KEYS")
    claimed = again.claim_account("ACW", account=account, code=CODE, new_wallet=new_wallet())
    assert until(claimed) == world.clock.now() + 72 * HOUR
    assert reason(stolen.veto()) == (200, "DELAYED")
    assert reason(stolen.veto()) == (403, "VETO_SPENT")
    world.clock.advance(72 * HOUR)
    assert refusal(again.start_activation()) == (403, "HELD")
    world.clock.advance(24 * HOUR)
    assert reason(again.activate()) == (200, "HOLD_OVER")
    again.wallet = new_wallet()
    assert again.devices().state == "OPEN"
    assert can_sign_in(world, again)
    assert_denied(stolen.start_freeze(), stolen.post("/devices", wire.Nothing()))


def test_a_claimants_phone_is_not_removed_behind_the_back_of_an_objection(world: World) -> None:
    stolen = protected(world, None, CODE)
    owner = world.phone("owner's new phone")
    owner.claim_account("CW", code=CODE, new_wallet=new_wallet())
    assert reason(stolen.revoke(owner.thumbprint)) == (403, "VETO_INSTEAD")


def test_a_removed_phone_sees_what_was_done_to_it_and_objects(world: World) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    account = old.devices().account
    assert reason(old.revoke(second.thumbprint)) == (200, "BOTH_KEYS")
    seen = second.devices()
    assert (seen.notices, [phone.thumbprint for phone in seen.phones]) == ((), [second.thumbprint])
    case = seen.phones[0].case
    assert case is not None
    assert reason(second.veto(case)) == (200, "CONTESTED")
    assert old.devices().state == "CONTESTED"
    assert "SuspensionObjected" in events(world, account)


def test_the_removal_is_final_after_a_day(world: World) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    old.revoke(second.thumbprint)
    case = second.devices().phones[0].case
    assert case is not None
    world.clock.advance(DAY)
    assert_denied(second.start_veto(case), second.post("/devices", wire.Nothing()))


# --- everything lost ------------------------------------------------------------------------------------------------


def test_an_officer_who_left_speaks_for_nobody(world: World) -> None:
    account, new = world.enrolled().devices().account, world.phone("new phone", NEW_WORDS)
    bank, tenants = TenantId("bank"), dict(world.deployment.tenants)
    left = {key: dataclasses.replace(each, is_former=True) for key, each in tenants[bank].officers.items()}
    tenants[bank] = dataclasses.replace(tenants[bank], officers=left)
    assert world.officer("ofc-1").start_attest(account, new).status == 201
    object.__setattr__(world.deployment, "tenants", tenants)  # as after a restart with other settings
    assert_denied(world.officer("ofc-1").start_attest(account, new))


def test_who_lost_everything_is_proofed_again_by_two_officers(world: World) -> None:
    """RE-09, RE-10, RE-11."""
    account = world.enrolled().devices().account
    new = world.phone("new phone", NEW_WORDS)
    first, second = world.officer("ofc-1"), world.officer("ofc-2")
    assert_denied(nobody_yet(new, account))
    assert reason(first.attest(account, new)) == (200, "BOTH_KEYS")
    assert reason(first.attest(account, new)) == (403, "ALREADY_SPOKEN")
    assert reason(new.claim_account("A", account=account)) == (403, "WEAK_EVIDENCE")
    assert reason(second.attest(account, new)) == (200, "BOTH_KEYS")
    claimed = new.claim_account("A", account=account)
    assert until(claimed) == world.clock.now() + 72 * HOUR
    world.clock.advance(72 * HOUR)
    assert reason(new.activate()) == (200, "HOLD_OVER")
    assert new.devices().wallet == new_wallet().pinned.address
    assert can_sign_in(world, new)


def nobody_yet(new: SimPhone, account: ids.AccountId) -> Answered:
    """A phone for which nobody speaks, and which shows nothing."""
    return new.answered(new.start_set_up(account=account, brings=True)).decided


def test_an_officer_cannot_speak_for_their_own_phone(world: World) -> None:
    account = world.enrolled().devices().account
    officer = world.officer("ofc-1")
    assert reason(officer.attest(account, officer)) == (403, "NOT_AN_OFFICER")


def test_the_word_of_an_officer_ends_after_a_week(world: World) -> None:
    account = world.enrolled().devices().account
    new = world.phone("new phone", NEW_WORDS)
    world.officer("ofc-1").attest(account, new)
    world.clock.advance(7 * DAY)
    world.officer("ofc-2").attest(account, new)
    assert reason(new.claim_account("A", account=account)) == (403, "WEAK_EVIDENCE")


@pytest.mark.parametrize("shows", ["W", "C"])
def test_two_of_three_guardians_help_who_has_the_wallet_or_a_code(world: World, shows: str) -> None:
    old = protected(world, guarded_by(world, 1, 2, 3), CODE)
    account = old.devices().account
    new = world.phone("new phone", ALICE_WORDS if shows == "W" else NEW_WORDS)
    code, wallet = (None, new_wallet()) if shows == "W" else (CODE, None)

    def claim(letters: str = f"G{shows}") -> Shown:
        return new.claim_account(letters, account=account, code=code, new_wallet=wallet)

    assert reason(claim()) == (403, "WEAK_EVIDENCE")
    friend = world.guardian(1)
    assert reason(friend.vouch(account, new)) == (200, "BOTH_KEYS")
    assert reason(friend.vouch(account, new)) == (403, "ALREADY_SPOKEN")
    assert reason(claim()) == (403, "WEAK_EVIDENCE")
    assert reason(world.guardian(3).vouch(account, new)) == (200, "BOTH_KEYS")
    claimed = claim()
    assert (reason(claimed), until(claimed)) == ((202, "EVIDENCE_HOLD"), world.clock.now() + DAY)
    assert reason(old.veto()) == (200, "DELAYED")
    world.clock.advance(2 * DAY - 1)
    assert refusal(new.start_activation()) == (403, "HELD")
    world.clock.advance(1)
    assert reason(new.activate()) == (200, "HOLD_OVER")
    new.wallet = new_wallet()
    assert can_sign_in(world, new)
    assert_denied(old.start_freeze())


def test_guardians_alone_take_nothing(world: World) -> None:
    account = protected(world, guarded_by(world, 1, 2, 3)).devices().account
    thief = world.phone("a friend's other phone", NEW_WORDS)
    for number in (1, 2, 3):
        assert world.guardian(number).vouch(account, thief).decided.status == 200
    assert reason(thief.claim_account("G", account=account)) == (403, "WEAK_EVIDENCE")


# --- freezes --------------------------------------------------------------------------------------------------------


def test_the_wallet_alone_stops_the_account_for_a_day_twice_a_week(world: World) -> None:
    """RE-06."""
    old = world.enrolled()
    for number in range(2):
        stopped = world.phone(f"borrowed phone {number}").stop()
        assert reason(stopped) == (200, "FROZEN")
        assert old.devices().frozen_until == world.clock.now() + DAY
        assert not can_sign_in(world, old)
        world.clock.advance(DAY)
        assert can_sign_in(world, old)
    assert reason(world.phone("borrowed phone 2").stop()) == (403, "FREEZES_SPENT")
    world.clock.advance(5 * DAY + 1)
    assert reason(world.phone("borrowed phone 3").stop()) == (200, "FROZEN")


def test_a_code_stops_the_account_until_somebody_is_proved(world: World) -> None:
    old = protected(world, None, CODE)
    seen = old.devices()
    stopped = world.phone("borrowed phone", FRIENDS_WORDS, index=9).stop(seen.account, code=CODE)
    assert reason(stopped) == (200, "CONTESTED")
    world.clock.advance(100 * DAY)
    assert old.devices().state == "CONTESTED"
    assert not can_sign_in(world, old)


def test_a_phone_stops_the_account_until_somebody_is_proved(world: World) -> None:
    old = world.enrolled()
    assert reason(old.freeze()) == (200, "CONTESTED")
    assert not can_sign_in(world, old)


def test_who_holds_all_that_an_owner_has_ends_a_freeze(world: World) -> None:
    old = protected(world, None, CODE)
    assert reason(world.phone("thief's phone").stop()) == (200, "FROZEN")
    assert refusal(old.start_unfreeze(OTHER_CODE)) == (403, "WRONG_CODE_KEY")
    assert reason(old.unfreeze(CODE)) == (200, "BOTH_KEYS")
    assert can_sign_in(world, old)


# --- another wallet -------------------------------------------------------------------------------------------------


def test_with_a_code_the_wallet_is_replaced_at_once(world: World) -> None:
    """RE-04."""
    old = protected(world, None, CODE)
    thief = world.phone("thief's phone")
    thief.start_recovery()
    assert reason(old.rotate(new_wallet(), code=CODE)) == (200, "BOTH_KEYS")
    assert old.devices().wallet == new_wallet().pinned.address
    assert can_sign_in(world, old)
    assert_denied(thief.start_activation(), world.phone("thief's other phone").set_up_codes().decided)


def test_without_a_code_it_waits_and_every_other_phone_can_object(world: World) -> None:
    """RE-12."""
    old = world.enrolled()
    second = second_phone(world, old)
    held = old.rotate(SimWallet(MALLORY_WORDS))
    assert held.decided.status == 202
    assert until(held) == world.clock.now() + 72 * HOUR
    assert reason(second.veto())[0] == 200
    world.clock.advance(72 * HOUR)
    assert old.start_activation().status in {401, 403}
    assert second.devices().wallet == SimWallet(ALICE_WORDS).pinned.address


def test_without_a_code_and_an_objection_the_wallet_is_replaced_after_the_wait(world: World) -> None:
    old = world.enrolled()
    old.rotate(new_wallet())
    assert can_sign_in(world, old)
    world.clock.advance(72 * HOUR - 1)
    assert refusal(old.start_activation()) == (403, "HELD")
    world.clock.advance(1)
    assert reason(old.activate()) == (200, "HOLD_OVER")
    old.wallet = new_wallet()
    assert old.devices().wallet == new_wallet().pinned.address
    assert can_sign_in(world, old)


# --- codes ----------------------------------------------------------------------------------------------------------


def test_a_recovery_code_alone_opens_nothing(world: World) -> None:
    """RE-07."""
    old = protected(world, None, CODE)
    account = old.devices().account
    finder = world.phone("finder's phone", MALLORY_WORDS)
    assert reason(finder.claim_account("C", account=account, code=CODE)) == (403, "WEAK_EVIDENCE")
    assert old.devices().recovery is None
    assert can_sign_in(world, old)


def test_codes_are_guessed_five_times_a_day_and_the_right_one_still_counts(world: World) -> None:
    """RE-08."""
    old = protected(world, None, CODE)
    account = old.devices().account
    thief = world.phone("thief's phone", MALLORY_WORDS)
    for number in range(5):
        guess = thief.start_stop(account, code=Key(f"guess {number}"))
        assert guess.status == 201
        assert_denied(thief.answered(guess).decided)
    assert refusal(thief.start_stop(account, code=Key("one guess more"))) == (429, "SLOW_DOWN")
    assert refusal(old.start_rotation(new_wallet(), code=Key("a slip"))) == (429, "SLOW_DOWN")
    assert reason(old.rotate(new_wallet(), code=CODE)) == (200, "BOTH_KEYS")


def test_guesses_are_slowed_down_also_where_there_is_no_account(world: World) -> None:
    world.enrolled()
    nobody = ids.account_id("acct_5X3N8J2K7Q4M")
    thief = world.phone("thief's phone", MALLORY_WORDS)
    for number in range(5):
        assert thief.start_stop(nobody, code=Key(f"guess {number}")).status == 201
    assert refusal(thief.start_stop(nobody, code=CODE)) == (429, "SLOW_DOWN")


# --- who may help ---------------------------------------------------------------------------------------------------


def test_other_helpers_wait_and_take_effect(world: World) -> None:
    old = protected(world, guarded_by(world, 1, 2, 3), CODE)
    held = old.protect(guarded_by(world, 4, 5), (OTHER_CODE,))
    assert (reason(held), until(held)) == ((202, "PROTECTION_HOLD"), world.clock.now() + 72 * HOUR)
    assert reason(old.protect()) == (403, "CHANGE_WAITS")
    assert old.devices().guardians == guarded_by(world, 1, 2, 3)
    world.clock.advance(72 * HOUR)
    assert old.devices().guardians == guarded_by(world, 4, 5)
    assert can_sign_in(world, old)
    assert refusal(old.start_rotation(new_wallet(), code=CODE)) == (403, "WRONG_CODE_KEY")
    assert reason(old.rotate(new_wallet(), code=OTHER_CODE)) == (200, "BOTH_KEYS")


def test_other_helpers_are_objected_to(world: World) -> None:
    old = protected(world, guarded_by(world, 1, 2, 3), CODE)
    second = second_phone(world, old)
    old.protect(guarded_by(world, 4, 5))
    waiting = second.devices().protection
    assert waiting is not None
    assert reason(second.veto(waiting.case)) == (200, "STOPPED")
    assert reason(second.veto(waiting.case)) == (403, "NOTHING_TO_VETO")
    world.clock.advance(72 * HOUR)
    assert old.devices().guardians == guarded_by(world, 1, 2, 3)


def test_with_a_present_code_other_helpers_count_at_once(world: World) -> None:
    old = protected(world, None, CODE)
    assert reason(old.protect(None, (OTHER_CODE,), code=CODE)) == (200, "BOTH_KEYS")
    assert refusal(old.start_rotation(new_wallet(), code=CODE)) == (403, "WRONG_CODE_KEY")


def test_guardians_change_and_the_codes_on_paper_stay(world: World) -> None:
    old = protected(world, guarded_by(world, 1, 2, 3), CODE, OTHER_CODE)
    changed = old.answered(old.start_protection(guarded_by(world, 4, 5), code=CODE, keep_codes=True))
    assert reason(changed) == (200, "BOTH_KEYS")
    seen = old.devices()
    assert (seen.guardians, seen.recovery_codes) == (guarded_by(world, 4, 5), 2)
    assert reason(old.rotate(new_wallet(), code=OTHER_CODE)) == (200, "BOTH_KEYS")


def test_without_a_code_guardians_wait_also_where_the_codes_stay(world: World) -> None:
    """Not even on the day of the link: what the account has already may not be got round by whoever holds the phone."""
    old = protected(world, None, CODE)
    held = old.answered(old.start_protection(guarded_by(world, 4, 5), keep_codes=True))
    assert reason(held) == (202, "PROTECTION_HOLD")
    world.clock.advance(72 * HOUR)
    assert (old.devices().guardians, old.devices().recovery_codes) == (guarded_by(world, 4, 5), 1)
    assert reason(old.rotate(new_wallet(), code=CODE)) == (200, "BOTH_KEYS")


def test_codes_are_kept_or_replaced_and_not_both(world: World) -> None:
    old = protected(world, None, CODE)
    assert refusal(old.start_protection(None, (OTHER_CODE,), code=CODE, keep_codes=True)) == (400, "FIELD")


def test_a_statement_that_keeps_codes_is_worth_nothing_once_there_are_others(world: World) -> None:
    old = protected(world, None, CODE)
    keeping = old.start_protection(guarded_by(world, 4, 5), code=CODE, keep_codes=True)
    assert reason(old.protect(None, (OTHER_CODE,), code=CODE)) == (200, "BOTH_KEYS")
    assert old.answered(keeping).decided.status in {401, 403}
    assert refusal(old.start_rotation(new_wallet(), code=CODE)) == (403, "WRONG_CODE_KEY")
    assert reason(old.rotate(new_wallet(), code=OTHER_CODE)) == (200, "BOTH_KEYS")


def test_a_backup_that_was_opened_is_recorded(world: World) -> None:
    old = world.enrolled()
    assert reason(old.answered(old.start_backup_check(digest("a backup")))) == (200, "BOTH_KEYS")
    assert old.devices().backup_verified_at == world.clock.now()


# --- strangers ------------------------------------------------------------------------------------------------------

STRANGE: dict[str, Callable[[SimPhone, ids.AccountId], Answered]] = {
    "vouches": lambda stranger, account: stranger.start_vouch(account, stranger),
    "stops it by name": lambda stranger, account: stranger.start_stop(account),
    "stops it with a wrong code": lambda stranger, account: stranger.start_stop(account, code=Key("a guess")),
    "introduces itself": lambda stranger, account: stranger.start_set_up(account=account, brings=True),
    "introduces itself with a wrong code": lambda stranger, account: stranger.start_set_up(
        account=account, code=Key("a guess"), brings=True
    ),
}


@pytest.mark.parametrize("how", STRANGE)
def test_who_has_no_standing_writes_nothing_into_any_log_and_learns_nothing(world: World, how: str) -> None:
    old = protected(world, guarded_by(world, 1, 2, 3), CODE)
    account = old.devices().account
    before = events(world, account), old.devices()
    stranger = world.phone("a stranger", MALLORY_WORDS)
    started = [STRANGE[how](stranger, named) for named in (account, ids.account_id("acct_5X3N8J2K7Q4M"))]
    assert [answer.status for answer in started] == [201, 201]
    assert_denied(*(stranger.answered(answer).decided for answer in started))
    assert (events(world, account), old.devices()) == before


def test_nobody_but_an_officer_attests(world: World) -> None:
    old = world.enrolled()
    account = old.devices().account
    assert_denied(old.start_attest(account, old), world.guardian(1).start_attest(account, old))


# --- the line -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [LineStatus.CHANGED, LineStatus.CONTRADICTED])
def test_after_a_swapped_line_the_wallet_alone_waits_a_week(worlds: Worlds, kept_in: str, status: LineStatus) -> None:
    """RE-02, RE-03."""
    del kept_in
    world = worlds(line=LineStatus.CONTINUOUS)
    old = world.enrolled()
    assert world.operator is not None
    world.operator.status_now = status
    thief = world.phone("thief's phone")
    claimed = thief.start_recovery()
    assert (reason(claimed), until(claimed)) == ((202, "LINE_CHANGED_HOLD"), world.clock.now() + 7 * DAY)
    # That the line looks well again shortens nothing.
    world.operator.status_now = LineStatus.CONTINUOUS
    world.clock.advance(7 * DAY - 1)
    assert refusal(thief.start_activation()) == (403, "HELD")
    assert reason(old.veto()) == (200, "STOPPED")
    prove(world)


@pytest.mark.parametrize("letters", [("W", "W"), ("W", "C"), ("W", "X"), ("W", "w"), ("C,D", "W")])
def test_letters_that_are_no_evidence_are_refused_before_anybody_signs(world: World, letters: tuple[str, ...]) -> None:
    world.enrolled()
    new = world.phone("new phone")
    set_up = new.set_up_codes()
    wanted = wire.StartRecovery(set_up.statement.request_id, set_up.code, letters)
    answer = new.post("/recoveries", wanted)
    assert refusal(answer) == (400, "FIELD")


def test_a_backup_that_is_tried_between_approval_and_code_is_no_finding(worlds: Worlds) -> None:
    """The approval said that a check was due, and by the time of its code none is: both are right."""
    world = worlds(rules=Rules(backup_check_s=DAY))
    owner = world.enrolled()
    world.clock.advance(DAY)
    stand = signing_in(world, owner)
    request = stand.request(stand.payload(stand.statement))
    assert world.send(request).as_(wire.Decided).reason == "BACKUP_CHECK_DUE"
    world.clock.advance(1)
    assert reason(owner.answered(owner.start_backup_check(digest("a backup")))) == (200, "BOTH_KEYS")
    assert type_code(stand, owner.code_of(request, stand.statement)).status == 200
    prove(world)
