"""What an owner hears by mail, at the addresses that they named."""

from __future__ import annotations

from contextlib import AsyncExitStack
from email import message_from_string
from email.policy import default

from chains import OFFERED, enter, prepared
from mail import MailServer, delivered, mail_server
from pteri.adapters.smtp import SmtpCourier
from pteri.core.statement import instant_text
from thieves import second_phone
from world import NEW_WORDS, ORIGIN, Browser, SimPhone, SimWallet, World
from worlds import Worlds

HOUR = 3600
HOME, WORK, THIEFS = "alice@mail.example", "alice@work.example", "mallory@thief.example"


def warned(world: World, *addresses: str) -> SimPhone:
    """An owner with these addresses, who has heard of everything so far."""
    owner = world.enrolled()
    assert owner.warn_at(*addresses).decided.status == 200
    delivered(world)
    world.courier.letters.clear()
    return owner


def heard(world: World, address: str = HOME) -> int:
    delivered(world)
    return len(world.courier.to(address))


def test_an_owner_hears_of_a_claim_at_once_and_is_reminded(world: World) -> None:
    warned(world, HOME)
    began = world.clock.at
    world.phone("thief's phone").start_recovery()
    for hour, letters in ((0, 1), (23, 1), (24, 2), (47, 2), (48, 3), (70, 3), (71, 4), (72, 4), (90, 4)):
        world.clock.at = began + hour * HOUR
        assert heard(world) == letters, hour
    first, *_, last = world.courier.to(HOME)
    assert "Somebody claims your account from a new phone." in first.text
    assert f"It waits until {instant_text(began + 72 * HOUR)}" in first.text
    assert f"It still waits until {instant_text(began + 72 * HOUR)}" in last.text
    assert len({letter.id for letter in world.courier.letters}) == 4


def test_what_was_stopped_is_told_and_not_reminded_of(world: World) -> None:
    owner = warned(world, HOME)
    world.phone("thief's phone").start_recovery()
    owner.veto()
    assert heard(world) == 1
    assert "was stopped" in world.courier.letters[0].text
    world.clock.advance(72 * HOUR)
    assert heard(world) == 1


def test_a_letter_says_nothing_of_the_account_but_the_site(world: World) -> None:
    owner = warned(world, HOME)
    thief = world.phone("thief's phone")
    thief.start_recovery()
    heard(world)
    [letter] = world.courier.letters
    seen = owner.devices()
    assert "bank.example" in letter.subject
    for secret in (seen.account, seen.wallet, "alice@example.com", *(phone.name for phone in seen.phones), HOME):
        assert secret not in letter.text + letter.subject + letter.id
    assert HOME not in repr(letter)


def test_who_was_named_first_hears_first_and_each_hears_all_of_it_in_one_letter(world: World) -> None:
    owner = warned(world, WORK)
    world.clock.advance(1)
    owner.warn_at(WORK, HOME)
    world.clock.advance(1)
    second_phone(world, owner)
    assert heard(world) == 1
    assert [letter.to for letter in world.courier.letters] == [WORK, HOME]
    text = world.courier.letters[0].text
    assert text.index("one more address") < text.index("A new phone was let in") < text.index("A phone was added")


def test_an_address_that_is_taken_away_hears_of_that_and_of_everything_for_three_days(world: World) -> None:
    """RE-15."""
    owner = warned(world, HOME)
    began = world.clock.at
    owner.warn_at(THIEFS)
    assert (heard(world), heard(world, THIEFS)) == (1, 0)
    assert "Warnings are to go to other addresses" in world.courier.letters[0].text
    world.clock.at = began + 71 * HOUR
    assert heard(world) == 2  # of the two that were due in between and now, one letter
    world.clock.at = began + 72 * HOUR
    owner.rotate(SimWallet(NEW_WORDS))
    assert (heard(world), heard(world, THIEFS)) == (2, 1)


def test_the_same_is_not_sent_twice(world: World) -> None:
    warned(world, HOME)
    world.phone("thief's phone").start_recovery()
    assert heard(world) == heard(world) == 1
    assert world.rows()["deliveries"] == world.rows()["untold"][:0]


def test_a_real_mail_server_gets_what_the_owner_reads(world: World) -> None:
    async def listening() -> tuple[AsyncExitStack, MailServer]:
        stack = AsyncExitStack()
        return stack, await stack.enter_async_context(mail_server())

    warned(world, HOME)
    stack, server = world.run(listening())
    world.phone("thief's phone").start_recovery()
    delivered(world, SmtpCourier(host="127.0.0.1", port=server.port, tls="none", sender="warnings@bank.example"))
    world.run(stack.aclose())
    [(recipient, content)] = server.taken
    message = message_from_string(content.removesuffix(".\r\n"), policy=default)
    text = message.get_content()
    assert recipient == message["To"] == HOME
    assert "Somebody claims your account from a new phone." in text
    # A line may be longer than a mail's, and is whole again when it is read.
    [link] = [line for line in text.splitlines() if line.startswith("https://")]
    path = link.removeprefix(ORIGIN)
    assert b"<h1>The account is stopped</h1>" in world.run(world.ask("POST", path, b"", {}, host=b"\1\2\3")).body


def test_an_account_without_addresses_hears_on_its_phones_only(world: World) -> None:
    owner = world.enrolled()
    world.phone("thief's phone").start_recovery()
    delivered(world)
    assert world.courier.letters == []
    assert {notice.kind for notice in owner.devices().notices} == {"PHONE_ADDED", "RECOVERY_STARTED"}


def test_offline_codes_that_were_prepared_and_used_are_told_by_mail_and_hold_up_nobody(worlds: Worlds) -> None:
    world = worlds(rules=OFFERED)
    owner = warned(world, HOME)
    chain, _ = prepared(owner)
    assert heard(world) == 1
    browser = Browser("browser")
    begun = world.site().start_sign_in("alice@example.com", browser, prompt=False)
    assert enter(world.site(), begun, chain.shown(world.clock.now()), browser).status == 200
    assert heard(world) == 2
    assert "offline codes" in world.courier.letters[0].text
    assert "offline code" in world.courier.letters[1].text
