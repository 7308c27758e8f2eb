"""Abuse cases against the relay: MI-16 and MI-17, over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import msgspec
import pytest

from pteri.app.forget import forget_old
from pteri.core import wire
from pteri.core.ids import to_base64url
from pteri.domain.mailbox import GONE_S, LIFE_S
from world import Answered, World

ID = to_base64url(bytes(range(16)))


def ask(world: World, method: str, path: str = "", message: msgspec.Struct | None = None, **given: Any) -> Answered:
    """A request that nobody has signed, from the network ``given`` as ``host``."""
    body = b"" if message is None else msgspec.json.encode(message)
    headers = {"content-type": "application/json"} if body else {}
    headers |= given.get("headers", {})
    host = hashlib.sha256(given.get("host", "somebody").encode()).digest()
    return world.run(world.ask(method, f"/v1/bank/mailboxes{path}", body, headers, host=host))


def opened(world: World, mailbox: str = ID, **given: Any) -> Answered:
    return ask(world, "POST", message=wire.OpenMailbox(mailbox), **given)


def put(world: World, place: int, message: bytes, mailbox: str = ID, **given: Any) -> Answered:
    return ask(world, "PUT", f"/{mailbox}", wire.PutMessage(place, to_base64url(message)), **given)


def read(world: World, mailbox: str = ID, **given: Any) -> Answered:
    return ask(world, "GET", f"/{mailbox}", **given)


def test_two_phones_leave_each_other_messages(world: World) -> None:
    seen = opened(world).as_(wire.MailboxSeen)
    assert (seen.id, seen.expires_at, seen.messages) == (ID, world.clock.now() + LIFE_S, ())
    assert put(world, 0, b"hello").status == put(world, 1, b"ok").status == 200
    seen = read(world, host="the other phone").as_(wire.MailboxSeen)
    assert seen.messages == (to_base64url(b"hello"), to_base64url(b"ok"))


def test_every_request_may_be_sent_again(world: World) -> None:
    assert opened(world).body == opened(world).body
    assert put(world, 0, b"hello").body == put(world, 0, b"hello").body == read(world).body
    assert [ask(world, "DELETE", f"/{ID}").status for _ in range(2)] == [200, 200]


def test_mi_16_yesterdays_mailbox_is_gone(world: World) -> None:
    opened(world)
    put(world, 0, b"hello")
    world.clock.advance(LIFE_S)
    forgotten = 0
    for hours in (0, 24, 24):
        world.clock.advance(hours * 3600)
        for answer in (opened(world, host=str(hours)), read(world), put(world, 1, b"again")):
            assert (answer.status, answer.code) == (410, "MAILBOX_ENDED")
        while dropped := world.run(forget_old(world.deployment, world.clock.now())):
            forgotten += dropped
    assert forgotten == 1, "it was emptied, and its id is still used up"
    assert b"hello" not in b"".join(world.stolen().values())


def test_mi_16_who_ends_a_mailbox_uses_its_id_up(world: World) -> None:
    opened(world)
    put(world, 0, b"hello")
    assert ask(world, "DELETE", f"/{ID}").status == 200
    assert {answer.status for answer in (opened(world), read(world), put(world, 0, b"hello"))} == {410}
    world.clock.advance(LIFE_S + 1 + GONE_S)
    while world.run(forget_old(world.deployment, world.clock.now())):
        pass
    assert read(world).status == 404


def test_mi_17_a_message_of_five_kilobytes_is_not_taken(world: World) -> None:
    opened(world)
    assert put(world, 0, bytes(4096)).status == 200
    assert (put(world, 1, bytes(4097)).status, put(world, 1, bytes(4097)).code) == (413, "MESSAGE_SIZE")
    assert (put(world, 1, bytes(5120)).status, put(world, 1, bytes(5120)).code) == (413, "BODY_SIZE")
    assert put(world, 1, b"").status == 400
    assert len(read(world).as_(wire.MailboxSeen).messages) == 1


def test_mi_17_of_a_thousand_messages_eight_are_kept(world: World) -> None:
    opened(world)
    answers = [put(world, place, b"%d" % place) for place in range(20)]
    assert [answer.status for answer in answers] == [200] * 8 + [413] * 12
    assert {answer.code for answer in answers[8:]} == {"MAILBOX_FULL"}


def test_mi_17_a_network_opens_ten_mailboxes_an_hour(world: World) -> None:
    ids = [to_base64url(bytes((number,)) * 16) for number in range(11)]
    answers = [opened(world, mailbox) for mailbox in ids]
    assert [answer.status for answer in answers] == [201] * 10 + [429]
    assert answers[-1].code == "RATE"
    assert int(answers[-1].headers["retry-after"]) > 0
    assert opened(world, ids[-1], host="another network").status == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
        {"sec-fetch-mode": "navigate"},
        {"sec-fetch-dest": "document"},
        {"sec-fetch-dest": "iframe"},
        {"sec-fetch-dest": "image", "sec-fetch-mode": "no-cors"},
    ],
    ids=str,
)
def test_mi_17_a_mailbox_cannot_be_browsed(world: World, headers: dict[str, str]) -> None:
    opened(world)
    put(world, 0, b"<script>")
    answer = read(world, headers=headers)
    assert (answer.status, answer.code) == (403, "NAVIGATION")
    assert read(world, headers={"sec-fetch-dest": "empty", "sec-fetch-mode": "cors"}).status == 200


def test_mi_17_nothing_keeps_a_copy_of_what_a_mailbox_holds(world: World) -> None:
    answers = [opened(world), put(world, 0, b"hello"), read(world), ask(world, "DELETE", f"/{ID}"), read(world)]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


def test_mi_17_who_does_not_know_the_id_finds_nothing(world: World) -> None:
    opened(world)
    assert read(world, to_base64url(bytes(16))).status == 404
    for text in ("", "x", ID[:-1], ID + "A", ID[:-1] + "9", ID[:-1] + "%0A"):
        assert read(world, text).status in {400, 404, 405}
    other = world.run(world.ask("GET", f"/v1/shop/mailboxes/{ID}", b"", {}, host=bytes(3)))
    assert other.status == 404, "a mailbox is of one service"


def test_mi_17_somebody_who_is_faster_is_noticed_and_changes_nothing(world: World) -> None:
    opened(world)
    put(world, 0, b"the thief's hello")
    answer = put(world, 0, b"the owner's hello")
    assert (answer.status, answer.code) == (409, "PLACE_TAKEN")
    assert put(world, 5, b"out of turn").code == "PLACE_TAKEN"


def test_many_at_once_each_get_a_place_or_a_no(world: World) -> None:
    opened(world)

    async def race() -> list[Answered]:
        async def one(number: int) -> Answered:
            body = msgspec.json.encode(wire.PutMessage(0, to_base64url(b"%d" % number)))
            headers = {"content-type": "application/json"}
            return await world.ask("PUT", f"/v1/bank/mailboxes/{ID}", body, headers, host=bytes(3))

        return await asyncio.gather(*(one(number) for number in range(8)))

    answers = world.run(race())
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    assert len(read(world).as_(wire.MailboxSeen).messages) == 1
