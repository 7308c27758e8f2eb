"""What operators say of a line, and what its owner says: the table of events, row by row, on one account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

import lines
import quarrels
from builders import NOW, digest, request_id, thumbprint
from ledger import DAY, HOUR, MINUTE, Ledger, opened
from lines import announce, clear, hear, rebind, recycled, says, see, silence, swap
from pteri.domain.continuity import line_level, line_status, observed, seen_alive
from pteri.domain.decisions import Hold, Level, Permit, Reason, Refuse
from pteri.domain.events import LineAged, LineObserved, LineRebound, MoveAnnounced
from pteri.domain.evolving import evolve
from pteri.domain.facts import LineStatus
from pteri.domain.line import MAX_EXPLAINED, Line, LineEvent, LineState
from pteri.domain.rules import Rules, rules_from
from pteri.domain.signals import Finding, Question
from pteri.domain.tables import IllegalTransition
from stories import grown

if TYPE_CHECKING:
    from collections.abc import Callable

    from pteri.domain.events import Event
    from pteri.domain.signals import Signal

YES = Permit(Reason.BOTH_KEYS)
WEEK = 7 * DAY


def line(ledger: Ledger) -> Line:
    found = ledger.settled()[0].mobile_line
    assert found is not None
    return found


def state(ledger: Ledger) -> LineState:
    return line(ledger).state


def happened(events: tuple[Event, ...]) -> list[LineEvent]:
    return [event.happened for event in events if isinstance(event, LineObserved)]


def waits(ledger: Ledger) -> int:
    """How long a claim with the wallet alone would wait now, in seconds."""
    decision = ledger.copy().recover(9)
    assert isinstance(decision, Hold)
    return decision.until - ledger.at


# --- nothing happened ---------------------------------------------------------------------------------------------


def test_a_line_is_bound_from_the_first_day_on_and_known_at_no_level() -> None:
    ledger = opened()
    assert line(ledger) == Line(LineState.BOUND, since=NOW)
    assert line_level(line(ledger), ledger.at, ledger.rules) == 0


def test_an_account_without_a_line_has_none_and_nothing_is_heard_of_it() -> None:
    ledger = opened(has_line=False)
    assert ledger.now().mobile_line is None
    assert hear(ledger, swap(ledger)) == ()
    assert see(ledger, 1) == ()


@pytest.mark.parametrize("answer", [clear, silence])
def test_no_change_and_no_answer_change_nothing(answer: Callable[[Ledger], Signal]) -> None:
    ledger = grown()
    before = ledger.now()
    assert hear(ledger, answer(ledger)) == ()
    assert ledger.now() == before


def test_what_happened_before_the_line_was_bound_is_no_change_of_it() -> None:
    ledger = grown()
    assert hear(ledger, swap(ledger, ago=ledger.at - NOW + 1)) == ()
    assert hear(ledger, swap(ledger, ago=ledger.at - NOW)) != ()


@pytest.mark.parametrize("age", [300, -1])
def test_an_answer_of_another_time_says_nothing(age: int) -> None:
    ledger = grown()
    late = says(ledger.at - age, Finding.CHANGED)
    assert hear(ledger, late) == ()
    assert hear(ledger, msgspec.structs.replace(late, asked_at=ledger.at - 299)) != ()


# --- fraud: a swap that nobody announced --------------------------------------------------------------------------


@pytest.mark.parametrize("question", [Question.SIM_SWAP, Question.DEVICE_SWAP])
def test_an_unannounced_swap_makes_the_line_suspect_and_the_wallet_alone_wait_a_week(question: Question) -> None:
    ledger = grown()
    assert waits(ledger) == 3 * DAY
    [event] = hear(ledger, swap(ledger, question))
    assert isinstance(event, LineObserved)
    assert (event.happened, state(ledger)) == (LineEvent.CHANGE, LineState.SUSPECT)
    assert waits(ledger) == WEEK


def test_a_suspect_line_is_not_made_suspect_again_with_every_act() -> None:
    ledger = grown()
    hear(ledger, swap(ledger))
    assert hear(ledger, swap(ledger)) == ()


def test_the_phone_goes_on_signing_in_at_the_lower_level() -> None:
    ledger = grown()
    hear(ledger, swap(ledger))
    assert line_status(line(ledger), [clear(ledger)], ledger.at) is LineStatus.CHANGED
    ledger.line = LineStatus.CHANGED
    assert ledger.sign_in(1) == Permit(Reason.LINE_NOT_CONFIRMED, Level.REDUCED)


def test_no_good_word_and_no_time_clears_a_suspect_line() -> None:
    ledger = grown()
    hear(ledger, swap(ledger))
    for _ in range(5):
        hear(ledger.wait(30 * DAY), clear(ledger))
        see(ledger, 1)
        assert (state(ledger), waits(ledger)) == (LineState.SUSPECT, WEEK)


def test_wallet_and_phone_make_it_good_again_after_a_week_and_then_it_is_bound() -> None:
    ledger = grown()
    hear(ledger, swap(ledger))
    assert rebind(ledger.wait(HOUR), 1, "esim 1") == YES
    assert (state(ledger), waits(ledger)) == (LineState.PROBATION, WEEK)
    assert hear(ledger, swap(ledger, ago=2)) == ()  # the same swap, told again
    ledger.wait(WEEK)
    assert (state(ledger), waits(ledger)) == (LineState.BOUND, 3 * DAY)


def test_rebinding_is_for_a_verified_phone_with_the_wallet_only() -> None:
    ledger = grown()
    act = lines.rebinding(ledger, 9)
    assert ledger.submit(act) == Refuse(Reason.DEVICE_NOT_ACTIVE)
    mine = lines.rebinding(ledger, 1)
    assert ledger.submit(mine, signer=quarrels.signed_by(ledger, "")) == Refuse(Reason.WRONG_WALLET)
    assert ledger.copy().submit(mine) == YES


def test_a_new_phone_on_probation_may_not_rebind() -> None:
    ledger = opened().migrated(1, 2)
    assert rebind(ledger, 2) == Refuse(Reason.DEVICE_ON_PROBATION)


def test_an_account_without_a_line_gets_one() -> None:
    ledger = opened(has_line=False)
    assert rebind(ledger, 1) == YES
    assert (ledger.now().esim, state(ledger)) == (lines.OTHER_LINE, LineState.PROBATION)


# --- a move that was announced ------------------------------------------------------------------------------------


def announced() -> Ledger:
    """The SIM is to move to phone 2 within a day."""
    ledger = grown()
    assert announce(ledger, 1, 2) == YES
    return ledger.wait(HOUR)


def test_an_announced_move_is_no_alarm_and_still_makes_the_wallet_alone_wait() -> None:
    ledger = announced()
    [event] = hear(ledger, swap(ledger))
    assert isinstance(event, LineObserved)
    assert (event.happened, state(ledger), waits(ledger)) == (LineEvent.EXPLAIN, LineState.PROBATION, WEEK)
    assert line_status(line(ledger), [clear(ledger)], ledger.at) is LineStatus.UNKNOWN


def test_seen_on_the_phone_that_it_was_to_move_to_it_has_moved() -> None:
    ledger = announced()
    hear(ledger, swap(ledger), swap(ledger, Question.DEVICE_SWAP))
    assert see(ledger, 1) == ()  # on another one it has not arrived
    assert len(see(ledger.wait(MINUTE), 2)) == 1
    found = line(ledger)
    assert (found.state, found.confirmed_on, found.confirmed_at) == (LineState.MOVED, thumbprint(2), ledger.at)
    assert line_level(found, ledger.at, ledger.rules) == 2
    assert line_status(found, [clear(ledger)], ledger.at) is LineStatus.CONTINUOUS
    assert waits(ledger) == WEEK
    ledger.wait(WEEK)
    assert (state(ledger), waits(ledger)) == (LineState.BOUND, 3 * DAY)


def test_it_may_be_seen_there_before_the_operator_tells_of_the_change() -> None:
    ledger = announced()
    see(ledger, 2)
    heard = hear(ledger.wait(MINUTE), swap(ledger))
    assert happened(heard) == [LineEvent.EXPLAIN, LineEvent.CONFIRM]
    assert state(ledger) is LineState.MOVED


def test_a_phone_that_was_seen_before_the_announcement_has_not_arrived() -> None:
    ledger = grown()
    see(ledger, 2)
    announce(ledger.wait(MINUTE), 1, 2)
    hear(ledger.wait(MINUTE), swap(ledger))
    assert state(ledger) is LineState.PROBATION


def test_a_second_swap_in_the_same_days_is_not_the_one_that_was_announced() -> None:
    ledger = announced()
    hear(ledger, swap(ledger))
    hear(ledger.wait(HOUR), swap(ledger))
    assert state(ledger) is LineState.SUSPECT


def test_the_other_half_of_the_same_move_may_be_told_later() -> None:
    ledger = announced()
    hear(ledger, swap(ledger))
    hear(ledger.wait(HOUR), swap(ledger, Question.DEVICE_SWAP))
    assert state(ledger) is LineState.PROBATION


@pytest.mark.parametrize("after_s", [0, 1])
def test_a_swap_before_or_after_the_announced_time_is_an_alarm(after_s: int) -> None:
    early = grown().wait(HOUR)
    changed = swap(early, ago=1)
    announce(early, 1, 2)
    hear(early, changed)
    assert state(early) is LineState.SUSPECT
    late = grown()
    announce(late, 1, 2, within=DAY)
    hear(late.wait(DAY + after_s), swap(late))
    assert state(late) is LineState.SUSPECT


def test_what_was_announced_and_does_not_arrive_in_time_is_suspect_if_the_line_was_ever_seen() -> None:
    ledger = grown()
    see(ledger, 1)
    announce(ledger, 1, 2)
    hear(ledger.wait(HOUR), swap(ledger))
    ledger.wait(DAY - HOUR - 1)
    assert state(ledger) is LineState.PROBATION
    ledger.wait(1)
    assert state(ledger) is LineState.SUSPECT


def test_where_no_phone_can_show_a_token_nobody_misses_one() -> None:
    ledger = announced()
    hear(ledger, swap(ledger))
    cooled = line(ledger).cooling_until
    ledger.wait(cooled - ledger.at - 1)
    assert (state(ledger), waits(ledger)) == (LineState.PROBATION, WEEK)
    assert (state(ledger.wait(1)), waits(ledger)) == (LineState.BOUND, 3 * DAY)


def test_an_announcement_for_longer_than_the_change_is_recent_stays_one_to_its_end() -> None:
    ledger = opened(rules=rules_from({"move_window_s": 14 * DAY})).migrated(1, 2).wait(3 * DAY)
    announce(ledger, 1, 2, within=14 * DAY)
    until = ledger.at + 14 * DAY
    hear(ledger.wait(HOUR), swap(ledger))
    ledger.wait(until - ledger.at - 1)
    assert state(ledger) is LineState.PROBATION
    assert state(ledger.wait(1)) is LineState.BOUND


def test_an_announcement_that_nothing_followed_leaves_nothing() -> None:
    ledger = announced()
    ledger.wait(30 * DAY)
    assert (state(ledger), waits(ledger)) == (LineState.BOUND, 3 * DAY)


def test_only_so_far_ahead_and_never_afterwards_is_a_move_announced() -> None:
    ledger = grown()
    window = ledger.rules.move_window_s
    for within in (0, -1, window + 1):
        assert announce(ledger.copy(), 1, 2, within=within) == Refuse(Reason.NOT_OFFERED)
    assert announce(ledger.copy(), 1, 2, within=window) == YES
    hear(ledger, swap(ledger))
    assert announce(ledger, 1, 2) == Refuse(Reason.REBIND_INSTEAD)
    assert announce(opened(has_line=False), 1, 2) == Refuse(Reason.NO_LINE)
    assert announce(opened(has_line=False), 9, 2) == Refuse(Reason.DEVICE_NOT_ACTIVE)


# --- a phone that is let in takes the SIM with it -----------------------------------------------------------------


def test_a_migration_explains_a_change_of_the_line_once() -> None:
    ledger = opened()
    ledger.approve(1, 2)
    ledger.type_migration_code()
    hear(ledger.wait(MINUTE), swap(ledger))
    assert (state(ledger), waits(ledger)) == (LineState.PROBATION, WEEK)
    hear(ledger.wait(MINUTE), swap(ledger))
    assert state(ledger) is LineState.SUSPECT


def test_it_does_so_until_the_new_phone_is_past_its_probation() -> None:
    for after_s, then in ((3 * DAY - 1, LineState.PROBATION), (3 * DAY, LineState.SUSPECT)):
        ledger = opened().migrated(1, 2).wait(after_s)
        hear(ledger, swap(ledger))
        assert state(ledger) is then


def test_the_new_phone_is_where_the_line_arrives() -> None:
    ledger = opened().migrated(1, 2)
    hear(ledger, swap(ledger))
    assert see(ledger, 1) == ()
    see(ledger.wait(MINUTE), 2)
    assert state(ledger) is LineState.MOVED


def test_a_migration_that_was_stopped_explains_nothing() -> None:
    ledger = opened()
    ledger.approve(1, 2)
    ledger.revoke(1, 2)
    hear(ledger.wait(MINUTE), swap(ledger))
    assert state(ledger) is LineState.SUSPECT


def test_a_claim_with_the_wallet_alone_explains_nothing() -> None:
    """Whoever found the words could claim, and then talk the shop into a new SIM."""
    ledger = grown()
    ledger.recover(3)
    hear(ledger.wait(MINUTE), swap(ledger))
    assert state(ledger) is LineState.SUSPECT


def test_a_change_while_a_claim_is_open_lengthens_it() -> None:
    ledger = grown()
    claimed = ledger.at
    ledger.recover(3)
    hear(ledger.wait(3 * DAY), swap(ledger))
    assert ledger.activate(3) == Hold(Reason.LINE_CHANGED_HOLD, claimed + WEEK)


# --- a number that is somebody else's, and operators that are silent -----------------------------------------------


def test_a_recycled_number_is_detached_for_ever_and_that_line_never_comes_back() -> None:
    ledger = grown()
    hear(ledger, recycled(ledger), swap(ledger))
    assert (state(ledger), waits(ledger)) == (LineState.DETACHED, WEEK)
    see(ledger, 1)
    hear(ledger.wait(MINUTE), clear(ledger))
    assert line(ledger.wait(365 * DAY)) == line(ledger)
    assert state(ledger) is LineState.DETACHED
    assert rebind(ledger, 1, "esim 1") == Refuse(Reason.LINE_GONE)
    assert rebind(ledger, 1) == YES
    assert rebind(ledger, 1, "esim 1") == Refuse(Reason.LINE_GONE)


def test_silence_for_days_makes_the_line_stale_and_locks_nobody_out() -> None:
    ledger = grown()
    limit = ledger.rules.line_silent_s
    assert hear(ledger, silence(ledger), silent_s=limit - 1) == ()
    [event] = hear(ledger, silence(ledger), silent_s=limit)
    assert isinstance(event, LineObserved)
    assert (event.happened, state(ledger), waits(ledger)) == (LineEvent.SILENCE, LineState.STALE, WEEK)
    assert isinstance(ledger.sign_in(1), Permit)
    hear(ledger, clear(ledger))
    assert (state(ledger), waits(ledger)) == (LineState.BOUND, 3 * DAY)


def test_where_nobody_ever_answered_nobody_is_missed() -> None:
    ledger = grown()
    events = observed(
        ledger.now(), [silence(ledger)], request=request_id(9), at=ledger.at, answered_at=None, rules=ledger.rules
    )
    assert events == ()


# --- seen alive ---------------------------------------------------------------------------------------------------


def test_a_proof_counts_for_a_month_and_then_no_more() -> None:
    ledger = grown()
    see(ledger, 1)
    month = ledger.rules.line_confirmed_s
    assert line_level(line(ledger), ledger.at + month - 1, ledger.rules) == 2
    assert line_level(line(ledger), ledger.at + month, ledger.rules) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"finding": Finding.UNKNOWN},
        {"finding": Finding.CONTRADICTED},
        {"question": Question.SIM_SWAP},
        {"asked_at": NOW},
    ],
)
def test_nothing_else_is_a_proof(change: dict[str, object]) -> None:
    ledger = grown()
    proof = says(ledger.at, Finding.CLEAR, Question.POSSESSION)
    whose = {"device": thumbprint(1), "request": request_id(9), "at": ledger.at}
    assert len(seen_alive(ledger.now(), proof, **whose)) == 1  # type: ignore[arg-type]  # by name
    other = msgspec.structs.replace(proof, **change)
    assert seen_alive(ledger.now(), other, **whose) == ()  # type: ignore[arg-type]  # by name


def test_only_a_verified_phone_can_show_where_the_line_is() -> None:
    ledger = grown()
    ledger.approve(1, 3)
    ledger.type_migration_code()
    ledger.revoke(1, 2)
    for number in (2, 3, 9):
        assert see(ledger, number) == ()
    assert len(see(ledger, 1)) == 1


def test_a_proof_that_is_older_than_the_last_one_does_not_turn_time_back() -> None:
    ledger = grown()
    see(ledger, 1)
    last = line(ledger).confirmed_at
    proof = says(ledger.at - 10, Finding.CLEAR, Question.POSSESSION)
    [event] = seen_alive(ledger.now(), proof, device=thumbprint(2), request=request_id(9), at=ledger.at)
    ledger.record(event)
    assert (line(ledger).confirmed_at, line(ledger).confirmed_on) == (last, thumbprint(1))


# --- status -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("findings", "status"),
    [
        ((), LineStatus.UNKNOWN),
        ((Finding.CLEAR,), LineStatus.CONTINUOUS),
        ((Finding.CLEAR, Finding.UNKNOWN), LineStatus.UNKNOWN),
        ((Finding.CLEAR, Finding.UNKNOWN, Finding.CHANGED), LineStatus.CHANGED),
        ((Finding.CLEAR, Finding.CONTRADICTED, Finding.CHANGED), LineStatus.CONTRADICTED),
    ],
)
def test_of_a_line_that_is_not_bound_yet_the_worst_answer_counts(
    findings: tuple[Finding, ...], status: LineStatus
) -> None:
    assert line_status(None, [says(NOW, finding) for finding in findings], NOW) is status


def test_an_answer_of_before_is_none() -> None:
    assert line_status(None, [says(NOW - 300, Finding.CLEAR)], NOW) is LineStatus.UNKNOWN
    assert line_status(Line(LineState.BOUND, NOW), [says(NOW - 300, Finding.CLEAR)], NOW) is LineStatus.UNKNOWN


def test_an_answer_about_another_line_contradicts_whatever_the_line_was() -> None:
    for known in LineState:
        answers = [says(NOW, Finding.CLEAR), says(NOW, Finding.CONTRADICTED)]
        assert line_status(Line(known, NOW), answers, NOW) is LineStatus.CONTRADICTED


# --- what cannot be -----------------------------------------------------------------------------------------------


def heard_of(happened: LineEvent, **more: object) -> LineObserved:
    return LineObserved(NOW + DAY, request_id(9), happened=happened, **more)  # type: ignore[arg-type]  # by name


def test_what_cannot_follow_is_a_bug_that_says_so() -> None:
    account = opened().now()
    suspect = evolve(account, heard_of(LineEvent.CHANGE))
    gone = evolve(account, heard_of(LineEvent.RECYCLE))
    assert account.esim is not None
    impossible = (
        (account, heard_of(LineEvent.EXPLAIN)),  # nobody announced it
        (account, heard_of(LineEvent.CONFIRM, device=thumbprint(9))),  # a stranger's phone
        (account, LineAged(NOW, request_id(9), happened=LineEvent.SETTLE)),
        (account, LineAged(NOW, request_id(9), happened=LineEvent.RUN_OUT)),
        (opened(has_line=False).now(), heard_of(LineEvent.CHANGE)),
        (suspect, heard_of(LineEvent.EXPLAIN)),
        (suspect, MoveAnnounced(NOW, request_id(9), thumbprint(1), digest("a"), thumbprint(2), NOW + DAY)),
        (gone, LineRebound(NOW, request_id(9), thumbprint(1), digest("a"), account.esim, NOW + DAY)),
        (account, LineRebound(NOW, request_id(9), thumbprint(9), digest("a"), lines.OTHER_LINE, NOW + DAY)),
    )
    for before, event in impossible:
        with pytest.raises(IllegalTransition):
            evolve(before, event)


@pytest.mark.parametrize("days", [1, 6, 7, 9])
def test_a_swap_that_nobody_heard_of_while_the_line_settled_is_an_alarm_all_the_same(days: int) -> None:
    ledger = grown()
    assert rebind(ledger, 1) == YES
    ledger.wait(10 * DAY)
    [event] = hear(ledger, swap(ledger, ago=(10 - days) * DAY))
    assert (happened((event,)), state(ledger)) == ([LineEvent.CHANGE], LineState.SUSPECT)


def test_a_settled_line_is_asked_about_from_an_hour_after_what_was_explained() -> None:
    ledger = grown()
    assert rebind(ledger, 1) == YES
    rebound_at = ledger.at
    settled = line(ledger.wait(WEEK))
    assert (settled.state, settled.since) == (LineState.BOUND, rebound_at + HOUR + 1)
    assert hear(ledger, swap(ledger, ago=ledger.at - rebound_at - HOUR)) == ()


def test_a_line_does_not_settle_before_its_time() -> None:
    ledger = grown()
    rebind(ledger, 1)
    for early in (LineEvent.SETTLE, LineEvent.RUN_OUT):
        with pytest.raises(IllegalTransition):
            evolve(ledger.now(), LineAged(ledger.at, ledger.events[-1].request, happened=early))


def test_a_tenant_may_make_a_change_count_for_longer_and_never_for_less() -> None:
    ledger = opened(rules=rules_from({"line_cooldown_s": 9 * DAY}))
    rebind(ledger, 1)
    assert line(ledger).cooling_until == ledger.at + 9 * DAY
    assert Rules().line_cooldown_s == WEEK


def test_the_same_answer_of_two_operators_is_one_change() -> None:
    ledger = announced()
    changed = swap(ledger)
    other = msgspec.structs.replace(changed, operator="operator-b")
    [event] = hear(ledger, changed, other, changed)
    assert isinstance(event, LineObserved)
    assert (event.happened, len(line(ledger).explained)) == (LineEvent.EXPLAIN, 1)
    assert hear(ledger, other, changed) == ()


def test_an_answer_without_a_date_is_the_known_change_while_that_is_recent() -> None:
    ledger = announced()
    hear(ledger, says(ledger.at, Finding.CHANGED))
    for _ in range(3):
        ledger.wait(HOUR)
        assert hear(ledger, says(ledger.at, Finding.CHANGED)) == ()
    undated = [says(ledger.at, Finding.CHANGED)]
    assert line_status(Line(LineState.BOUND, NOW), undated, ledger.at) is LineStatus.UNKNOWN
    hear(ledger.wait(WEEK), says(ledger.at, Finding.CHANGED))
    assert state(ledger) is LineState.SUSPECT


def test_after_a_rebinding_the_change_that_led_to_it_is_no_news() -> None:
    ledger = grown()
    hear(ledger, says(ledger.at, Finding.CHANGED))
    rebind(ledger, 1, "esim 1")
    for question in (Question.SIM_SWAP, Question.DEVICE_SWAP):
        assert hear(ledger.wait(HOUR), says(ledger.at, Finding.CHANGED, question)) == ()
    assert hear(ledger, swap(ledger, ago=HOUR)) != ()  # and one with a date is


def test_no_more_changes_are_explained_than_a_person_makes() -> None:
    ledger = grown()
    for _ in range(MAX_EXPLAINED):
        announce(ledger.wait(MINUTE), 1, 2)
        hear(ledger.wait(MINUTE), swap(ledger))
        assert state(ledger) is LineState.PROBATION
    announce(ledger.wait(MINUTE), 1, 2)
    hear(ledger.wait(MINUTE), swap(ledger))
    assert state(ledger) is LineState.SUSPECT
