"""Abuse case RE-16: who sets the server's clock ends no wait with it."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from mail import delivered
from pteri.app.forget import KEPT_S, forget_old
from pteri.app.halting import MOST_S, ClockNews, watch_clock
from pteri.core.guardians import Guardians
from thieves import second_phone
from world import ORIGIN, Answered, Browser, Key, SimPhone, World

HOUR, DAY = 3600, 86_400
EMAIL = "alice@example.com"
CODE = Key("the code on paper")


def halted(answer: Answered) -> bool:
    return (answer.status, answer.code) == (503, "CLOCK_JUMPED") and answer.headers["retry-after"] == "60"


def signs_in(world: World, phone: SimPhone) -> bool:
    browser = Browser(f"at {world.clock.now()}")
    started = world.site().start_sign_in(EMAIL, browser, prompt=False)
    phone.look()
    shown = phone.scan(started)
    return world.site().enter_code("logins", started.id, shown.code, browser).status == 200


def states(phone: SimPhone) -> set[str]:
    return {seen.state for seen in phone.devices().phones}


@pytest.mark.parametrize("seconds", [72 * HOUR, 30 * DAY])
def test_re_16_a_clock_that_is_set_forward_ends_no_recovery(world: World, seconds: int) -> None:
    old = world.enrolled()
    thief = world.phone("the thief's phone")
    assert thief.start_recovery().decided.status == 202
    case_open = seconds < world.deployment.rules.recovery_hold_s + world.deployment.rules.recovery_open_s
    world.clock.set(seconds)
    if case_open:
        assert halted(thief.activate().decided)
    assert old.thumbprint in {seen.thumbprint for seen in old.devices().phones if seen.state == "ACTIVE"}
    world.clock.set(-seconds)
    assert old.veto().decided.status == 200
    assert states(old) == {"ACTIVE", "DROPPED"}


def test_re_16_set_right_again_the_wait_goes_on_where_it_was(world: World) -> None:
    world.enrolled()
    new = world.phone("new phone")
    new.start_recovery()
    world.clock.set(10 * DAY - 1)
    world.clock.set(1 - 10 * DAY)
    world.clock.advance(72 * HOUR - 1)
    assert new.start_activation().status == 403 or new.activate().decided.status == 403
    world.clock.advance(1)
    assert new.activate().decided.status == 200


@pytest.mark.parametrize("seconds", [MOST_S, -MOST_S, 1, 0])
def test_re_16_a_correction_of_the_clock_halts_nothing(world: World, seconds: int) -> None:
    world.enrolled()
    new = world.phone("new phone")
    new.start_recovery()
    world.clock.advance(72 * HOUR + MOST_S)
    world.clock.set(seconds)
    assert new.activate().decided.status == 200


@pytest.mark.parametrize("seconds", [MOST_S + 1, -MOST_S - 1])
def test_re_16_a_second_more_is_none_either_way(world: World, seconds: int) -> None:
    world.enrolled()
    new = world.phone("new phone")
    new.start_recovery()
    world.clock.advance(72 * HOUR + MOST_S + 1)
    world.clock.set(seconds)
    started = new.start_activation()
    assert halted(new.answered(started).decided)


def test_re_16_neither_a_new_phone_nor_other_guardians_nor_the_end_of_a_removed_phone_come_early(world: World) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    world.clock.advance(DAY)
    newcomer = world.phone("newcomer")
    assert old.approve_offer(newcomer.offer(), revoke_old=False).decided.status == 202
    strangers = Guardians(2, tuple(sorted(world.guardian(number).wallet.pinned.address for number in (1, 2))))
    assert old.protect(strangers).decided.status == 202
    world.clock.set(HOUR)
    assert halted(newcomer.activate().decided)
    world.clock.set(71 * HOUR)
    # Whatever comes next would first record that the guardians changed.
    assert halted(old.freeze().decided)
    world.clock.set(-72 * HOUR)
    assert second.devices().guardians is None
    assert second.veto(second.devices().protection.case).decided.status == 200  # type: ignore[union-attr]  # it waits
    assert second.devices().guardians is None


def test_re_16_what_time_does_not_give_goes_on(world: World) -> None:
    old = world.enrolled()
    assert old.protect(None, (CODE,)).decided.status == 200
    world.clock.set(10 * DAY)
    assert signs_in(world, old)
    assert old.freeze().decided.status == 200


HOME, THIEFS = "alice@mail.example", "mallory@thief.example"


def test_re_16_the_link_in_a_mail_ends_no_wait_that_only_a_wrong_clock_ended(world: World) -> None:
    """Nobody signs it: with it whoever reads the mail would make the owner deaf, days before the time."""
    old = world.enrolled()
    assert old.warn_at(HOME).decided.status == 200
    delivered(world)
    [link] = [line for line in world.courier.to(HOME)[-1].text.splitlines() if line.startswith(ORIGIN)]
    assert old.warn_at(THIEFS).decided.status == 202
    world.clock.set(4 * DAY)

    def stop() -> Answered:
        return world.run(world.ask("POST", link.removeprefix(ORIGIN), b"", {}, host=b"\1\2\3"))

    assert halted(stop())
    world.clock.set(-4 * DAY)
    assert (old.channels().addresses, old.devices().state) == (("a...@mail.example",), "OPEN")
    assert b"The account is stopped" in stop().body
    assert old.devices().channel_change is None


@pytest.mark.parametrize("days", [4, -4])
def test_re_16_reminders_and_letters_outlive_a_wrong_clock_and_what_happens_meanwhile_is_told(
    world: World, days: int
) -> None:
    old = world.enrolled()
    assert old.warn_at(HOME).decided.status == 200
    delivered(world)
    world.phone("the thief's phone").start_recovery()
    world.courier.refuses.add(HOME)
    assert delivered(world) == 0
    world.courier.letters.clear()
    world.clock.set(days * DAY)
    world.clock.advance(120)
    assert delivered(world) == 0  # nothing is late that only a wrong clock made so
    world.courier.refuses.clear()
    world.clock.advance(3600)
    assert old.freeze().decided.status == 200
    delivered(world)
    told = "".join(letter.text for letter in world.courier.letters)
    assert "Somebody claims your account" in told
    assert "is stopped until" in told
    assert "still waits" not in told


def test_re_16_set_right_again_the_reminders_come_when_they_are_due(world: World) -> None:
    old = world.enrolled()
    assert old.warn_at(HOME).decided.status == 200
    world.phone("the thief's phone").start_recovery()
    delivered(world)
    world.clock.set(20 * DAY)
    delivered(world)
    world.clock.set(-20 * DAY)
    world.courier.letters.clear()
    for hours in (24, 24, 23):
        world.clock.advance(hours * HOUR)
        delivered(world)
    assert ["still waits" in letter.text for letter in world.courier.to(HOME)] == [True] * 3


def test_re_16_nothing_is_forgotten_early_by_a_wrong_clock(world: World) -> None:
    """Or a repeat of a request of this minute would find no first answer."""
    assert signs_in(world, world.enrolled())
    before = world.rows()
    for days in (30, -60):
        world.clock.set(days * DAY)
        assert world.run(forget_old(world.deployment, world.clock.now())) == 0
        assert world.rows() == before
    world.clock.set(30 * DAY)
    world.clock.advance(30 * DAY)
    assert world.run(forget_old(world.deployment, world.clock.now())) > 0


def test_re_16_nor_does_the_loop_record_what_only_a_wrong_clock_ended(world: World) -> None:
    """A sign-in that lapsed is recorded with what time has ended before it: that waits, too."""
    old = world.enrolled()
    started = world.site().start_sign_in(EMAIL, Browser("left desk"))
    assert old.approve(started).decided.status == 200
    thief = world.phone("the thief's phone")
    thief.start_recovery()
    world.clock.set(30 * DAY)
    assert world.run(forget_old(world.deployment, world.clock.now())) == 0
    world.clock.set(-30 * DAY)
    world.clock.advance(KEPT_S + HOUR)
    assert world.run(forget_old(world.deployment, world.clock.now())) == 1
    assert old.devices().recovery.state == "OPEN"  # type: ignore[union-attr]  # it is there


def test_re_16_the_operator_hears_of_it_once_and_of_its_end(world: World) -> None:
    told: list[tuple[ClockNews, int]] = []
    steps = iter([0, 400, 1, -401, 0])

    class Turns:
        """A stop that comes after five looks, and sets the clock before each next one."""

        looks = 0

        def is_set(self) -> bool:
            return self.looks > 5

        async def wait(self, seconds: float) -> None:
            assert seconds == 10
            self.looks += 1
            world.clock.set(next(steps, 0))
            await asyncio.sleep(0)

    world.run(watch_clock(world.clock, stop=Turns(), tell=lambda news, seconds: told.append((news, seconds))))
    assert told == [(ClockNews.JUMPED, 400), (ClockNews.STEADY, 0)]


def test_re_16_a_halted_completion_is_in_the_operators_log(world: World) -> None:
    world.enrolled()
    thief = world.phone("the thief's phone")
    thief.start_recovery()
    world.clock.set(72 * HOUR)
    started = thief.start_activation()
    with capture_logs() as heard:
        assert halted(thief.answered(started).decided)
    assert [entry["code"] for entry in heard if entry["event"] == "request_refused"] == ["CLOCK_JUMPED"]


# --- RE-08 ----------------------------------------------------------------------------------------------------------


def test_re_08_five_wrong_recovery_codes_a_day_whoever_asks_and_the_right_one_counts_all_the_same(world: World) -> None:
    old = world.enrolled()
    assert old.protect(None, (CODE,)).decided.status == 200
    account = old.devices().account
    answers = [
        world.phone(f"guesser {number}").start_stop(account, code=Key(f"guess {number}")).status for number in range(7)
    ]
    assert answers == [201] * 5 + [429] * 2
    owner = world.phone("the owner's borrowed phone")
    assert owner.stop(account, code=CODE).decided.status == 200
    world.clock.advance(DAY)
    assert world.phone("guesser tomorrow").start_stop(account, code=Key("guess 9")).status == 201


def test_re_08_who_guesses_hears_the_same_of_an_account_that_is_none(world: World) -> None:
    nobody = world.enrolled("phone of bob", "bob@example.com", index=7).devices().account
    answers = [
        world.phone(f"guesser {number}").start_stop(nobody, code=Key(f"guess {number}")).status for number in range(7)
    ]
    made_up = nobody[:-1] + ("0" if nobody[-1] != "0" else "1")
    others = [
        world.phone(f"another guesser {number}").start_stop(type(nobody)(made_up), code=Key(f"guess {number}")).status
        for number in range(7)
    ]
    assert answers == others == [201] * 5 + [429] * 2


def test_re_08_no_code_lies_in_the_database_and_what_lies_there_is_no_quick_guess(world: World) -> None:
    """Only the public key of a key that Argon2id makes of code and account."""
    old = world.enrolled()
    assert old.protect(None, (CODE,)).decided.status == 200
    stolen = b"".join(world.stolen().values())
    assert CODE.private.secret.reveal() not in stolen
    assert CODE.private.public.thumbprint.encode() not in stolen
