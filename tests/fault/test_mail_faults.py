"""Mail servers that are away, refuse or hang up, and a worker that dies between the mail and its mark."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from mail import MailServer, delivered, lost, mail_server
from pteri.adapters.smtp import SmtpCourier
from pteri.app.delivering import GaveUp
from pteri.app.ports import CourierUnavailable, Letter, LetterRefused, LetterRejected
from pteri.core.keys.secret import Secret
from world import SimCourier, SimPhone, World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HOUR, DAY = 3600, 86400
HOME, WORK = "alice@mail.example", "alice@work.example"
LETTER = Letter("one@bank.example", HOME, "Your account at bank.example", "Hello.\n.\nGoodbye.\n", 1_795_000_000)


@pytest.fixture(params=["sqlite", "postgres"])
def kept_in(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def warned(world: World, *addresses: str, label: str = "old phone", login: str = "alice@example.com") -> SimPhone:
    owner = world.enrolled(label, login)
    assert owner.warn_at(*addresses).decided.status == 200
    delivered(world)
    world.courier.letters.clear()
    world.phone(f"thief of {label}").start_recovery()
    return owner


class Killed(BaseException):
    """The process dies here."""


class DiesAfterwards:
    """Hands a letter on, and then the process is gone."""

    def __init__(self, courier: SimCourier) -> None:
        self._courier = courier

    async def send(self, letter: Letter) -> None:
        await self._courier.send(letter)
        raise Killed


def test_a_worker_that_dies_between_mail_and_mark_sends_it_again_under_the_same_id(world: World) -> None:
    warned(world, HOME, WORK)
    with pytest.raises(Killed):
        delivered(world, DiesAfterwards(world.courier))
    assert len(world.courier.letters) == 1
    delivered(world)
    told = [(letter.to, letter.id) for letter in world.courier.letters]
    assert told[0] == told[1]
    assert {address for address, _ in told} == {HOME, WORK}
    assert len(told) == 3
    assert world.rows()["deliveries"] == []


def test_a_mail_server_that_is_away_is_asked_less_and_less_often_and_nothing_is_lost(world: World) -> None:
    warned(world, HOME)
    world.courier.is_away = True
    world.courier.offered = 0
    began = world.clock.at
    tried = []
    for minute in range(8 * 60):
        world.clock.at = began + 60 * minute
        before = world.courier.offered
        delivered(world)
        if world.courier.offered > before:
            tried.append(minute)
    assert tried == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363, 423]
    world.courier.is_away = False
    world.clock.advance(HOUR)
    delivered(world)
    assert len(world.courier.to(HOME)) == 1


def test_after_three_days_it_is_given_up_and_said(world: World) -> None:
    warned(world, HOME)
    world.courier.refuses.add(HOME)
    assert delivered(world) == 0
    world.clock.advance(3 * DAY - 1)
    assert delivered(world) == 0
    world.clock.advance(1)
    assert lost(world) == [(1, GaveUp.TOO_LATE)]
    assert world.courier.letters == []


def test_what_is_rejected_is_given_up_at_once_and_said_and_the_next_warning_is_offered_again(world: World) -> None:
    owner = warned(world, WORK, HOME)
    world.courier.rejects.add(WORK)
    assert lost(world) == [(1, GaveUp.REJECTED)]
    assert [letter.to for letter in world.courier.letters] == [HOME]
    world.courier.offered = 0
    world.clock.advance(3 * DAY - 1)
    world.courier.rejects.clear()
    # The reminders of the claim that waits, and not what was given up before.
    assert lost(world) == []
    assert "Somebody claims" in world.courier.to(WORK)[0].text
    assert world.courier.to(WORK)[0].text.count("claims") == 3
    owner.veto()
    assert lost(world) == []
    assert len(world.courier.to(WORK)) == len(world.courier.to(HOME)) - 1 == 2


def test_a_letter_that_nobody_takes_does_not_stand_in_the_way_of_others(world: World) -> None:
    warned(world, WORK, HOME)
    world.courier.refuses.add(WORK)
    delivered(world)
    assert [letter.to for letter in world.courier.letters] == [HOME]
    world.courier.refuses.clear()
    world.clock.advance(60)
    delivered(world)
    assert [letter.to for letter in world.courier.letters] == [HOME, WORK]


# --- the real conversation ------------------------------------------------------------------------------------------


def talk(try_it: Callable[[MailServer, SmtpCourier], Awaitable[None]], **options: object) -> MailServer:
    async def conversation() -> MailServer:
        async with mail_server() as server:
            settings = {"tls": "none", "sender": "warnings@bank.example", **options}
            await try_it(server, SmtpCourier(host="127.0.0.1", port=server.port, **settings))  # type: ignore[arg-type]  # chosen by each test
            return server

    return asyncio.run(conversation())


def test_a_letter_arrives_as_it_was_written() -> None:
    async def send(_: MailServer, courier: SmtpCourier) -> None:
        await courier.send(LETTER)

    server = talk(send)
    [(recipient, content)] = server.taken
    head, _, text = content.partition("\r\n\r\n")
    assert recipient == HOME
    for line in (
        "From: warnings@bank.example",
        f"To: {HOME}",
        "Subject: Your account at bank.example",
        "Message-ID: <one@bank.example>",
        "Auto-Submitted: auto-generated",
    ):
        assert line in head.split("\r\n")
    assert text == "Hello.\r\n..\r\nGoodbye.\r\n.\r\n"
    assert server.said[0].lower() == "ehlo bank.example"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"refuses": {HOME: "550 no such mailbox"}}, LetterRejected),
        ({"refuses": {HOME: "450 come again"}}, LetterRefused),
        ({"refuses": {HOME: "552 full"}}, LetterRefused),
        ({"refuses": {HOME: "421 closing"}}, CourierUnavailable),
        ({"sender_answer": "550 not from you"}, LetterRefused),
        ({"data_answer": "554 no"}, LetterRejected),
        ({"data_answer": "552 full"}, LetterRefused),
        ({"data_answer": "452 not now"}, LetterRefused),
        ({"data_answer": "421 closing"}, CourierUnavailable),
        ({"data_answer": ""}, CourierUnavailable),
        ({"greeting": "554 go away"}, CourierUnavailable),
        ({"greeting": ""}, CourierUnavailable),
        ({"greeting": "what?"}, CourierUnavailable),
    ],
)
def test_what_the_server_says_is_understood_and_names_nobody(
    changes: dict[str, object], expected: type[Exception]
) -> None:
    async def send(server: MailServer, courier: SmtpCourier) -> None:
        for name, value in changes.items():
            setattr(server, name, value)
        with pytest.raises(expected) as caught:
            await courier.send(LETTER)
        assert HOME not in str(caught.value)
        assert caught.value.__suppress_context__ or HOME not in repr(caught.value.__cause__)

    assert talk(send).taken == []


def test_a_server_without_tls_gets_neither_password_nor_letter() -> None:
    async def send(_: MailServer, courier: SmtpCourier) -> None:
        with pytest.raises(CourierUnavailable):
            await courier.send(LETTER)

    # Without a user, too: a server that takes no password in the clear may well take a letter.
    of_a_user = {"user": "pteri", "password": Secret(b"mail password")}
    for options in ({"tls": "starttls"}, {"tls": "implicit"}, {"tls": "starttls"} | of_a_user):
        server = talk(send, **options)
        assert server.taken == []
        assert not any("AUTH" in line or "MAIL" in line for line in server.said)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    async def send(server: MailServer, _: SmtpCourier) -> None:
        nobody = SmtpCourier(host="127.0.0.1", port=1, tls="none", sender="warnings@bank.example")
        with pytest.raises(CourierUnavailable):
            await nobody.send(LETTER)

    talk(send)
