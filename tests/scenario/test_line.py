"""The mobile line of an account, from end to end: phones, service, a simulated network and whoever wants a number.

Each story is a row of the table "what events look like" of the design. The operator is asked by the real client; its
network exists in memory, and says so.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from mobile import claim, kinds, line, signed_in, waits
from operators import NUMBER, OTHER, Joined
from phones import EMAIL, client, hand, linked, linked_also
from pteri.adapters.telecom.simulated import Lie, Outage
from pteri.app.forget import forget_old
from pteri.app.fsck import fsck
from pteri.app.observing import LineWatch
from pteri.app.sequence import give_positions
from pteri.core.keys.secret import Secret
from pteri.domain.signals import Finding, Signal
from pteri.wallet.refusals import SafetyCode, ServerError, UnsafeError
from whole import check_whole
from world import LINE, START, SimClock, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worlds import Worlds

MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
def clock() -> SimClock:
    return SimClock()


@pytest.fixture
def mobile(clock: SimClock) -> Joined:
    """The operator of ``LINE``; it has been in the phone called "phone" for a year."""
    return Joined(clock=clock)


@pytest.fixture
def world(worlds: Worlds, clock: SimClock, mobile: Joined) -> Iterator[World]:
    """A bank that asks it. After each story the log is read by somebody who believes nothing."""
    made = worlds(clock=clock, mobile=mobile.operator)
    yield made

    async def at_once(_: float) -> None:
        """Nobody else is at work here."""

    while made.run(give_positions(made.deployment.store)):
        pass
    made.run(check_whole(made.deployment.store, sequenced=True))
    report = made.run(fsck(made.deployment, pause=at_once, tell=lambda *_: None))
    assert report.findings == ()


def token(mobile: Joined, phone: str, spelt: str) -> Secret:
    return Secret(mobile.network.temporary_token(phone, spelt, at=mobile.clock.at).encode())


# --- nothing special ----------------------------------------------------------------------------------------------


def test_a_line_that_nothing_happens_to_makes_sign_ins_whole(world: World) -> None:
    held = linked(world, line=LINE)
    told = signed_in(world, held)
    assert (told.level, told.line, told.line_state, told.line_level) == ("FULL", "CONTINUOUS", "BOUND", 0)
    assert told.line_checked_at == world.clock.now()


def test_an_operator_is_asked_once_in_five_minutes(world: World, mobile: Joined) -> None:
    held = linked(world, line=LINE)
    signed_in(world, held)
    asked = len(mobile.transport.sent)
    signed_in(world, held)
    assert len(mobile.transport.sent) == asked
    world.clock.advance(5 * MINUTE)
    signed_in(world, held)
    assert len(mobile.transport.sent) > asked


def test_a_phone_that_shows_its_operators_token_is_seen_and_that_fades(world: World, mobile: Joined) -> None:
    held = linked(world, line=LINE)
    proved = held.phone().prove_line(token(mobile, "phone", "t1"))
    assert (proved.accepted, proved.code, line(held).level) == (True, "NUMBER_VERIFIED", 2)
    told = signed_in(world, held)
    assert (told.line_level, told.line_confirmed_at) == (2, world.clock.now())
    world.clock.advance(30 * DAY)
    assert (line(held).level, signed_in(world, held).line_level) == (0, 0)


def test_a_token_is_good_once_and_for_its_own_line(world: World, mobile: Joined) -> None:
    held = linked(world, line=LINE)
    spent = token(mobile, "phone", "t1").reveal()
    assert held.phone().prove_line(Secret(spent)).accepted
    assert not held.phone().prove_line(Secret(spent)).accepted
    mobile.network.connect(OTHER, "another phone", at=mobile.clock.at)
    other = held.phone().prove_line(token(mobile, "another phone", "t2"))
    assert (other.accepted, other.code) == (False, "ANOTHER_NUMBER")


def test_ten_proofs_an_hour_are_enough_for_anybody(world: World) -> None:
    held = linked(world, line=LINE)
    for number in range(10):
        assert not held.phone().prove_line(Secret(f"made up {number}".encode())).accepted
    with pytest.raises(ServerError) as refused:
        held.phone().prove_line(Secret(b"one more"))
    assert refused.value.status == 429
    world.clock.advance(HOUR)
    assert not held.phone().prove_line(Secret(b"later")).accepted


# --- the owner moves ----------------------------------------------------------------------------------------------


def test_a_move_that_was_announced_is_no_alarm_and_arrives(world: World, mobile: Joined) -> None:
    held = linked(world, line=LINE)
    held.phone().prove_line(token(mobile, "phone", "t1"))
    new = linked_also(world, held)
    world.clock.advance(3 * DAY)
    held.phone().announce_move(new.phone().thumbprint, within_s=DAY)
    world.clock.advance(HOUR)
    mobile.network.transfer(NUMBER, "new phone", at=mobile.clock.at)
    world.clock.advance(MINUTE)
    told = signed_in(world, held)
    assert (told.level, told.line, told.line_state) == ("REDUCED", "UNKNOWN", "PROBATION")
    assert "LINE_SUSPECT" not in kinds(held)
    assert new.phone().prove_line(token(mobile, "new phone", "t2")).accepted
    world.clock.advance(6 * MINUTE)
    assert (line(new).state, line(new).level) == ("MOVED", 2)
    assert signed_in(world, new).line == "CONTINUOUS"
    assert waits(world) == 7 * DAY
    world.clock.advance(7 * DAY)
    assert line(new).state == "BOUND"


def test_a_line_may_be_seen_on_its_new_phone_before_the_operator_tells_that_it_moved(
    world: World, mobile: Joined
) -> None:
    held = linked(world, line=LINE)
    held.phone().announce_move(held.phone().thumbprint, within_s=DAY)
    world.clock.advance(HOUR)
    mobile.network.transfer(NUMBER, "new phone", at=mobile.clock.at)
    assert held.phone().prove_line(token(mobile, "new phone", "t1")).accepted
    world.clock.advance(MINUTE)
    assert signed_in(world, held).line_state == "MOVED"


def test_a_proof_that_comes_after_the_announced_time_tells_of_the_alarm_that_time_made(
    world: World, mobile: Joined
) -> None:
    held = linked(world, line=LINE)
    held.phone().prove_line(token(mobile, "phone", "t1"))
    world.clock.advance(MINUTE)
    held.phone().announce_move(held.phone().thumbprint, within_s=DAY)
    world.clock.advance(HOUR)
    mobile.network.transfer(NUMBER, "new phone", at=mobile.clock.at)
    world.clock.advance(MINUTE)
    assert signed_in(world, held).line_state == "PROBATION"
    world.clock.advance(2 * DAY)
    held.phone().prove_line(token(mobile, "new phone", "t2"))
    assert line(held).state == "SUSPECT"
    assert kinds(held).count("LINE_SUSPECT") == 1


def test_also_a_sign_in_that_came_to_nothing_tells_of_the_alarm_that_time_made(world: World, mobile: Joined) -> None:
    held = linked(world, line=LINE)
    held.phone().prove_line(token(mobile, "phone", "t1"))
    world.clock.advance(MINUTE)
    held.phone().announce_move(held.phone().thumbprint, within_s=20 * MINUTE)
    world.clock.advance(MINUTE)
    mobile.network.transfer(NUMBER, "new phone", at=mobile.clock.at)
    world.clock.advance(6 * MINUTE)
    assert signed_in(world, held).line_state == "PROBATION"
    world.clock.advance(12 * MINUTE)
    site = client(world)
    waiting = site.start_sign_in(EMAIL, prompt=False)
    held.phone().approve(waiting.qr)
    world.clock.advance(25 * HOUR)
    world.run(forget_old(world.deployment, world.clock.now()))
    assert (line(held).state, kinds(held).count("LINE_SUSPECT")) == ("SUSPECT", 1)


def test_with_the_sim_in_the_new_phone_a_migration_is_announcement_enough(world: World, mobile: Joined) -> None:
    held = linked(world, line=LINE)
    new = linked_also(world, held)
    mobile.network.move(NUMBER, "new phone", at=mobile.clock.at)
    world.clock.advance(6 * MINUTE)
    assert signed_in(world, new).line_state == "PROBATION"
    assert new.phone().prove_line(token(mobile, "new phone", "t1")).accepted
    assert line(new).state == "MOVED"
    assert "LINE_SUSPECT" not in kinds(new)


def test_a_move_that_nobody_announced_is_an_alarm_and_the_owner_ends_it(world: World, mobile: Joined) -> None:
    held = linked(world, line=LINE)
    second = linked_also(world, held)
    world.clock.advance(4 * DAY)
    mobile.network.transfer(NUMBER, "new phone", at=mobile.clock.at)
    world.clock.advance(MINUTE)
    told = signed_in(world, held)
    assert (told.level, told.line, told.line_state) == ("REDUCED", "CHANGED", "SUSPECT")
    assert kinds(second).count("LINE_SUSPECT") == 1
    world.clock.advance(HOUR)
    assert signed_in(world, held).line_state == "SUSPECT"
    assert kinds(second).count("LINE_SUSPECT") == 1
    held.phone().rebind_line("+49 151 12345678")
    assert line(held).state == "PROBATION"
    assert "LINE_REBOUND" in kinds(second)
    world.clock.advance(7 * DAY)
    assert signed_in(world, held).line == "CONTINUOUS"


def test_another_number_is_told_to_the_other_phones_by_their_owner_only(world: World, mobile: Joined) -> None:
    mobile.network.connect(OTHER, "phone with another number", at=mobile.clock.at)
    held = linked(world, line=LINE)
    second = linked_also(world, held)
    held.phone().rebind_line(OTHER.reveal())
    assert signed_in(world, held).line_state == "PROBATION"
    with pytest.raises(UnsafeError) as refused:
        signed_in(world, second)
    assert (refused.value.code, refused.value.field) == (SafetyCode.FIELD_MISMATCH, "esim")
    assert "pteri wallet line accept" in refused.value.message
    with pytest.raises(UnsafeError) as other:
        second.phone().accept_line(LINE)
    assert other.value.code is SafetyCode.OTHER_LINE
    second.phone().accept_line("+49 (151) 8765-4321")
    assert signed_in(world, second, line=OTHER.reveal()).line_state == "PROBATION"


@pytest.mark.parametrize("typed", ["", "0151 12345678", "+0", "+49 151 1234567x", "not a number", "+49" + "1" * 20])
def test_what_is_no_number_is_refused_before_anything_is_sent(world: World, typed: str) -> None:
    held = linked(world, line=LINE)
    sent = len(held.wire.sent)
    for act in (held.phone().rebind_line, held.phone().accept_line):
        with pytest.raises(UnsafeError) as refused:
            act(typed)
        assert refused.value.code is SafetyCode.NO_ADDRESS
    assert len(held.wire.sent) == sent


def test_an_account_without_a_line_gets_one(world: World) -> None:
    held = linked(world)
    assert held.phone().devices().line is None
    assert not held.phone().prove_line(Secret(b"a token")).accepted
    held.phone().rebind_line(LINE)
    assert line(held).state == "PROBATION"
    world.clock.advance(7 * DAY)
    assert signed_in(world, held, line=LINE).line == "CONTINUOUS"


# --- whoever wants the number -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["swap", "port out"])
def test_a_thief_with_the_number_and_nothing_else_gains_nothing(world: World, mobile: Joined, how: str) -> None:
    held = linked(world, line=LINE)
    if how == "swap":
        mobile.network.swap(NUMBER, "thief's phone", at=mobile.clock.at)
    else:
        mobile.network.port_out(NUMBER)
    world.clock.advance(MINUTE)
    told = signed_in(world, held)
    assert (told.level, told.line, told.line_state) == ("REDUCED", "CHANGED", "SUSPECT")
    assert "LINE_SUSPECT" in kinds(held)
    # His phone passes every question of the operator, and is no phone of the account; and what passes clears nothing.
    if how == "swap":
        with pytest.raises(UnsafeError):
            hand(world, "thief's phone").phone().prove_line(token(mobile, "thief's phone", "t1"))
        held.phone().prove_line(token(mobile, "thief's phone", "t2"))
    assert line(held).state == "SUSPECT"
    assert waits(world) == 7 * DAY


def test_a_thief_with_the_words_alone_waits_and_with_the_number_too_he_waits_longer(
    world: World, mobile: Joined
) -> None:
    held = linked(world, line=LINE)
    assert waits(world) == 3 * DAY
    world.clock.advance(31 * DAY)
    thief, case = claim(world, "the thief's second try")
    world.clock.advance(DAY)
    mobile.network.swap(NUMBER, "thief's phone", at=mobile.clock.at)
    world.clock.advance(2 * DAY)
    with pytest.raises(ServerError) as held_up:
        thief.phone().activate()
    assert (held_up.value.code, held_up.value.until) == ("HELD", case.opened_at + 7 * DAY)
    held.phone().object_to(case.case)
    assert held.phone().devices().recovery.state == "REJECTED"  # type: ignore[union-attr]  # it is there


def test_a_thief_who_swaps_the_sim_of_a_quiet_account_before_its_first_act_waits_longer_all_the_same(
    world: World, mobile: Joined
) -> None:
    held = linked(world, line=LINE)
    held.phone().rebind_line(LINE)
    world.clock.advance(14 * DAY)
    mobile.network.swap(NUMBER, "thief's phone", at=mobile.clock.at)
    world.clock.advance(DAY)
    assert waits(world) == 7 * DAY
    assert line(held).state == "SUSPECT"


def test_a_number_of_somebody_else_is_detached_and_never_comes_back(world: World, mobile: Joined) -> None:
    held = linked(world, line=LINE)
    mobile.network.recycle(NUMBER, "somebody's phone", at=mobile.clock.at + DAY)
    world.clock.advance(2 * DAY)
    assert signed_in(world, held).line_state == "DETACHED"
    with pytest.raises(ServerError) as gone:
        held.phone().rebind_line(LINE)
    assert gone.value.code == "LINE_GONE"
    mobile.network.connect(OTHER, "phone", at=mobile.clock.at)
    held.phone().rebind_line(OTHER.reveal())
    assert line(held).state == "PROBATION"


# --- nobody answers -----------------------------------------------------------------------------------------------


def test_a_silent_operator_locks_nobody_out_and_confirms_nothing(world: World, mobile: Joined) -> None:
    held = linked(world, line=LINE)
    assert signed_in(world, held).line == "CONTINUOUS"
    mobile.network.outage = Outage.UNREACHABLE
    world.clock.advance(DAY)
    told = signed_in(world, held)
    assert (told.level, told.line, told.line_state) == ("REDUCED", "UNKNOWN", "BOUND")
    assert told.line_checked_at == world.clock.now() - DAY
    assert waits(world) == 3 * DAY
    world.clock.advance(2 * DAY)
    assert signed_in(world, held).line_state == "STALE"
    mobile.network.outage = None
    world.clock.advance(6 * MINUTE)
    assert signed_in(world, held).line_state == "BOUND"


def test_an_answer_about_another_line_is_an_alarm_for_whoever_runs_the_service(world: World, mobile: Joined) -> None:
    held = linked(world, line=LINE)
    heard: list[Signal] = []
    watch = world.deployment.line
    assert isinstance(watch, LineWatch)
    [account] = world.run(world.deployment.store.accounts(None, 10))
    assert held.phone().devices().account == account.id
    assert account.esim is not None
    mobile.network.lie = Lie.REPLAYED
    loud = dataclasses.replace(watch, alarm=heard.append)
    signed_in(world, held)
    world.clock.advance(10 * MINUTE)
    at = world.clock.now()
    world.run(loud.heard(account.tenant, account.id, account.esim, since=START, at=at))
    assert heard
    assert {signal.finding for signal in heard} == {Finding.CONTRADICTED}
    assert str(NUMBER) not in repr(heard)
    assert account.id not in repr(heard)
