"""An operator tells of a SIM swap as it happens: nobody has to sign in first, and nothing gets better by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mobile import kinds, line, signed_in, waits
from operators import NUMBER, OTHER, Joined
from phones import linked
from pteri.adapters.telecom.camara.operator import Access
from pteri.adapters.telecom.camara.webhooks import instant
from pteri.adapters.telecom.simulated import Outage
from pteri.app.audit_ports import Halt
from pteri.app.fsck import fsck
from pteri.app.sequence import give_positions
from pteri.domain.subscription import LIFE_S, LOOK_EVERY_S
from rotation import Keys
from telling import BANK, Telling, account_of, changed
from whole import check_whole
from world import LINE, SimClock
from worlds import Worlds

MINUTE = 60
HOUR = 3600
DAY = 24 * HOUR


@pytest.fixture
def bank(worlds: Worlds) -> Iterator[Telling]:
    """After each story the log is read by somebody who believes nothing."""
    made = Telling(worlds)
    yield made
    check(made)


def check(bank: Telling) -> None:
    async def at_once(_: float) -> None:
        """Nobody else is at work here."""

    world = bank.world
    while world.run(give_positions(world.store)):
        pass
    world.run(check_whole(world.store, sequenced=True))
    assert world.run(fsck(world.deployment, pause=at_once, tell=lambda *_: None)).findings == ()


# --- what an event does ---------------------------------------------------------------------------------------------


def test_a_swap_at_the_desk_is_heard_at_once_and_nobody_had_to_sign_in(bank: Telling) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    bank.clock.advance(DAY)
    asked = len(bank.joined.transport.sent)
    assert bank.tell(*bank.swap()) == [204]
    assert len(bank.joined.transport.sent) == asked, "nobody was asked"
    assert line(held).state == "SUSPECT"
    assert kinds(held).count("LINE_SUSPECT") == 1
    assert waits(bank.world) == 7 * DAY


def test_what_is_told_of_a_halted_account_is_told_again_and_counts_when_the_halt_is_over(bank: Telling) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    bank.clock.advance(DAY)
    [event], audits = bank.swap(), bank.world.store.audits
    account = account_of(held)
    halt = Halt(tenant=BANK, account=account, at=bank.clock.now(), code="SNAPSHOT_DIFFERS", detail="another phone")
    assert bank.world.run(audits.halt(halt))
    assert bank.tell(event, event) == [409, 409]
    assert line(held).state != "SUSPECT"
    assert bank.world.run(audits.lift(BANK, account))
    assert bank.tell(event) == [204]
    assert line(held).state == "SUSPECT"


def test_before_the_first_turn_nobody_tells(bank: Telling) -> None:
    linked(bank.world, line=LINE)
    assert bank.swap() == []


def test_the_same_event_twice_is_one_and_the_answer_to_a_question_is_the_same_news(bank: Telling) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    bank.clock.advance(DAY)
    [event] = bank.swap()
    assert bank.tell(event, event, changed(event, id="of another attempt")) == [204, 204, 204]
    bank.clock.advance(HOUR)
    assert signed_in(bank.world, held).line_state == "SUSPECT"
    assert bank.tell(event) == [204]
    assert kinds(held).count("LINE_SUSPECT") == 1


def test_what_the_owner_had_announced_is_no_alarm_whoever_tells_first(worlds: Worlds) -> None:
    for operator_first in (True, False):
        bank = Telling(worlds)
        held = linked(bank.world, line=LINE)
        bank.turn()
        held.phone().announce_move(held.phone().thumbprint, within_s=DAY)
        bank.clock.advance(HOUR)
        events = bank.swap("new phone")
        if operator_first:
            assert bank.tell(*events) == [204]
            assert line(held).state == "PROBATION"
            signed_in(bank.world, held)
        else:
            signed_in(bank.world, held)
            bank.clock.advance(HOUR)
            assert bank.tell(*events) == [204]
        assert line(held).state == "PROBATION"
        assert "LINE_SUSPECT" not in kinds(held)
        assert bank.tell(*events, changed(events[0], id="told once more")) == [204, 204]
        assert line(held).state == "PROBATION"
        bank.clock.advance(MINUTE)
        again = changed(events[0], time=instant(bank.clock.at))
        assert bank.tell(again) == [204], "one event has one time: the first that it came with"
        assert line(held).state == "PROBATION"
        assert bank.tell(*bank.swap()) == [204], "a second swap was not announced"
        assert line(held).state == "SUSPECT"
        check(bank)


def test_an_event_that_comes_after_the_owner_has_said_that_all_is_well_says_nothing_new(bank: Telling) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    bank.clock.advance(DAY)
    [late] = bank.swap()
    bank.clock.advance(HOUR)
    assert signed_in(bank.world, held).line_state == "SUSPECT"
    held.phone().rebind_line(LINE)
    assert bank.tell(late) == [204]
    assert line(held).state == "PROBATION"
    assert kinds(held).count("LINE_SUSPECT") == 1


def test_no_event_makes_a_line_better_that_is_suspect_already(bank: Telling) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    bank.clock.advance(DAY)
    assert bank.tell(*bank.swap()) == [204]
    bank.clock.advance(HOUR)
    assert bank.tell(*bank.swap("phone")) == [204]
    assert line(held).state == "SUSPECT"


# --- subscriptions --------------------------------------------------------------------------------------------------


def test_each_line_is_told_of_once_and_a_turn_with_nothing_to_do_asks_nobody(bank: Telling) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    book = bank.book(account_of(held))
    [there] = bank.live()
    assert book is not None
    assert (book.state, book.held.id, book.held.ends_at) == ("LIVE", there["id"], bank.clock.at + LIFE_S)
    sent = len(bank.joined.transport.sent)
    for _ in range(3):
        assert not bank.turn()
        bank.clock.advance(LOOK_EVERY_S)
    assert len(bank.joined.transport.sent) == sent
    assert len(bank.live()) == 1


def test_after_another_deployment_key_the_operator_is_told_another_address_and_no_event_is_missed(
    bank: Telling,
) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    bank.clock.advance(DAY)
    bank.turn()
    [before] = bank.live()
    keys = Keys(bank.world).new()
    loop = bank.new_loop()
    bank.clock.advance(LOOK_EVERY_S)
    bank.turn(loop)
    assert bank.live() == [before], "a key that is only known changes nothing"
    keys.rotate()
    loop = bank.new_loop()
    [event] = bank.swap()
    assert bank.tell(event) == [204], "the address of before is still good"
    bank.clock.advance(LOOK_EVERY_S)
    bank.turn(loop)
    [after] = bank.live()
    assert after["id"] != before["id"]
    keys.settle()
    keys.rekey()
    assert signed_in(bank.world, held).line_state == "SUSPECT"
    keys.settle()
    held.phone().rebind_line(LINE)
    keys.rekey()
    keys.retire()
    loop = bank.new_loop()
    for _ in range(2):
        bank.clock.advance(LOOK_EVERY_S)
        bank.turn(loop)
    bank.clock.advance(8 * DAY)
    signed_in(bank.world, held)
    assert bank.tell(*bank.swap()) == [204]
    assert line(held).state == "SUSPECT"


def test_an_address_of_a_distrusted_key_is_no_sink_any_more(bank: Telling) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    bank.clock.advance(DAY)
    [of_old] = bank.swap()
    keys = Keys(bank.world).new().rotate().distrust()
    assert bank.tell(of_old) == [401]
    assert line(held).state == "BOUND"
    loop = bank.new_loop()
    bank.clock.advance(LOOK_EVERY_S)
    bank.turn(loop)
    keys.settle()
    assert bank.tell(*bank.swap()) == [204]
    assert line(held).state == "SUSPECT"


def test_neither_the_number_nor_the_token_is_in_what_is_kept(bank: Telling) -> None:
    linked(bank.world, line=LINE)
    bank.turn()
    [request] = [each for each in bank.joined.transport.sent if each.url.endswith("/subscriptions")]
    token = request.body.split(b'"accessToken":"')[1].split(b'"')[0]
    assert len(token) == 43
    for found in bank.world.stolen().values():
        assert LINE.encode() not in found
        assert token not in found


def test_another_one_takes_its_place_before_it_ends_and_events_of_both_count(bank: Telling) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    [first] = bank.live()
    bank.clock.advance(LIFE_S - DAY)
    [event] = bank.swap()
    bank.turn()
    [second] = bank.live()
    assert second["id"] != first["id"]
    book = bank.book(account_of(held))
    assert book is not None
    assert (book.held.id, book.former) == (second["id"], None)
    assert bank.tell(event) == [401], "what was sent by the one that is gone"
    bank.clock.advance(HOUR)
    assert bank.tell(*bank.swap("another")) == [204]
    assert line(held).state == "SUSPECT"


def test_an_operator_that_has_one_at_a_time_is_asked_to_end_the_first(bank: Telling) -> None:
    linked(bank.world, line=LINE)
    bank.there.one_each = True
    bank.turn()
    [first] = bank.live()
    bank.clock.advance(LIFE_S - DAY)
    bank.turn()
    [second] = bank.live()
    assert second["id"] != first["id"]


def test_a_rebound_line_is_told_of_and_the_old_one_no_more(bank: Telling) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    bank.network.connect(OTHER, "phone", at=bank.clock.at)
    held.phone().rebind_line(OTHER.reveal())
    bank.turn()
    bank.turn()
    [there] = bank.live()
    assert there["config"]["subscriptionDetail"]["phoneNumber"] == OTHER.reveal()
    bank.clock.advance(HOUR)
    assert bank.swap() == []


def test_a_number_that_is_somebody_elses_is_told_of_no_more(bank: Telling) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    bank.clock.advance(DAY)
    bank.network.recycle(NUMBER, "somebody's phone", at=bank.clock.at)
    bank.clock.advance(DAY)
    assert signed_in(bank.world, held).line_state == "DETACHED"
    events = bank.events()
    assert bank.tell(*events) == [204]
    assert line(held).state == "DETACHED"
    bank.turn()
    assert bank.live() == []
    assert bank.book(account_of(held)) is None
    bank.clock.advance(DAY)
    bank.turn()
    assert bank.live() == []


def test_one_that_the_operator_ended_is_made_again(bank: Telling) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    [first] = bank.live()
    bank.there.end_all(at=bank.clock.at)
    [end] = bank.events()
    assert bank.tell(end) == [204]
    bank.turn()
    assert bank.live() == [], "not at once"
    bank.clock.advance(MINUTE)
    bank.turn()
    [second] = bank.live()
    assert second["id"] != first["id"]
    assert bank.tell(end) == [401]
    assert line(held).state == "BOUND"


@pytest.mark.parametrize("outage", list(Outage))
def test_while_the_operator_is_away_nobody_waits_and_it_is_told_once(bank: Telling, outage: Outage) -> None:
    bank.network.outage = outage
    held = linked(bank.world, line=LINE)
    for _ in range(5):
        bank.turn()
        bank.clock.advance(10 * MINUTE)
    assert [news for news, *_ in bank.news] == ["operator_events_wait"]
    assert signed_in(bank.world, held).level == "REDUCED"
    bank.network.outage = None
    bank.clock.advance(HOUR)
    bank.turn()
    assert [news for news, *_ in bank.news] == ["operator_events_wait", "operator_events_go_on"]
    assert len(bank.live()) == 1


def test_an_operator_that_does_not_serve_the_line_is_asked_less_and_less_and_that_is_told_once(bank: Telling) -> None:
    bank.network.port_out(NUMBER)
    linked(bank.world, line=LINE)
    for _ in range(60):
        bank.turn()
        bank.clock.advance(10 * MINUTE)
    assert bank.news == [("operator_events_refused", "alpha", "IDENTIFIER_NOT_FOUND")]
    asked = [each for each in bank.joined.transport.sent if each.url.endswith("/subscriptions")]
    assert {each.method for each in asked} == {"POST"}, "nobody looks for what was refused"
    assert len(asked) == 10
    bank.network.connect(NUMBER, "phone", at=bank.clock.at)
    bank.clock.advance(6 * HOUR)
    bank.turn()
    assert len(bank.live()) == 1


def test_a_line_that_is_no_number_is_nobodys_to_tell_of(bank: Telling) -> None:
    linked(bank.world, line="8949020000012345678")
    bank.turn()
    assert bank.joined.transport.sent == []
    assert bank.world.run(bank.world.store.subscriptions.due(bank.clock.at + DAY, 9)) == []


def test_many_lines_wait_for_the_rest_of_an_operator_that_is_away(bank: Telling) -> None:
    for number in range(5):
        bank.world.enrolled(f"phone {number}", f"person-{number}@example.com", index=number)
    bank.network.outage = Outage.UNREACHABLE
    sent = len(bank.joined.transport.sent)
    bank.turn()
    assert len(bank.joined.transport.sent) == sent + 1


def test_with_tokens_about_the_subscriber_the_number_stands_in_no_body(worlds: Worlds) -> None:
    clock = SimClock()
    bank = Telling(worlds, joined=Joined(clock=clock, access=Access.SUBSCRIBER), clock=clock)
    held = linked(bank.world, line=LINE)
    bank.turn()
    [there] = bank.live()
    assert there["config"]["subscriptionDetail"]["phoneNumber"] == LINE
    [asked] = [each for each in bank.joined.transport.sent if each.url.endswith("/subscriptions")]
    assert LINE.encode() not in asked.body
    bank.clock.advance(DAY)
    assert bank.tell(*bank.swap()) == [204]
    assert line(held).state == "SUSPECT"
    account = bank.world.run(bank.world.store.account(BANK, account_of(held)))
    assert account is not None
