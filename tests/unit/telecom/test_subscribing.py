"""Subscriptions at a simulated operator: every way in which it can say no, and what it is told."""

from __future__ import annotations

import asyncio
import json

import pytest

from operators import AT, DAY, NUMBER, OTHER, Joined
from pteri.adapters.telecom.camara.exchange import NoReply, Reply, Request
from pteri.adapters.telecom.camara.operator import Access
from pteri.adapters.telecom.sim_server import bring_events
from pteri.adapters.telecom.simulated import Lie, Outage
from pteri.app.subscription_ports import EventMessage, Made, OperatorAway, OperatorRefused
from pteri.core.keys.secret import Secret

SINK = "https://pteri.example/sink"
TOKEN = Secret(b"our-own-token")


def create(joined: Joined, *, sink: str = SINK, ends_at: int = AT + 30 * DAY) -> Made:
    return asyncio.run(joined.subscriptions.create(NUMBER, sink=sink, token=TOKEN, ends_at=ends_at, at=AT))


@pytest.mark.parametrize("access", list(Access))
def test_one_is_made_found_and_deleted(access: Access) -> None:
    joined = Joined(access=access)
    made = create(joined)
    assert made.ends_at == AT + 30 * DAY
    [found] = asyncio.run(joined.subscriptions.find(NUMBER, at=AT))
    assert (found.id, found.sink, found.ends_at) == (made.id, SINK, made.ends_at)
    for _ in range(2):
        asyncio.run(joined.subscriptions.delete(made.id, at=AT))
    assert asyncio.run(joined.subscriptions.find(NUMBER, at=AT)) == ()


def test_with_a_token_about_a_subscriber_only_theirs_are_found() -> None:
    joined = Joined(access=Access.SUBSCRIBER)
    joined.network.connect(OTHER, "another phone", at=AT)
    create(joined)
    assert asyncio.run(joined.subscriptions.find(OTHER, at=AT)) == ()
    assert len(asyncio.run(joined.subscriptions.find(None, at=AT))) == 1


def test_what_it_sends_is_read() -> None:
    joined = Joined()
    made = create(joined)
    there = joined.camara.subscriptions
    there.look(at=AT)
    assert there.pending == []
    joined.network.swap(NUMBER, "another phone", at=AT + 60)
    there.look(at=AT + 60)
    there.look(at=AT + 61)
    [event] = there.pending
    assert (event.method, event.url) == ("POST", SINK)
    message = EventMessage(event.headers["authorization"], event.headers["content-type"], event.body)
    told = joined.subscriptions.read(message, token=TOKEN, at=AT + 61)
    assert told.signal is not None
    assert (told.subscription, told.number, told.signal.changed_at) == (made.id, NUMBER.reveal(), AT + 60)
    assert told.signal.operator == "alpha"


def test_it_says_when_one_is_over() -> None:
    joined = Joined()
    create(joined, ends_at=AT + 60)
    there = joined.camara.subscriptions
    there.look(at=AT + 60)
    [event] = there.pending
    assert json.loads(event.body)["data"]["terminationReason"] == "SUBSCRIPTION_EXPIRED"
    assert there.of("pteri", None) == []


def test_an_operator_may_give_it_a_shorter_life() -> None:
    joined = Joined()
    joined.camara.subscriptions.most_s = 900
    assert create(joined).ends_at == AT + 900


def test_one_that_is_over_already_is_refused() -> None:
    with pytest.raises(OperatorRefused, match="INVALID_ARGUMENT"):
        create(Joined(), ends_at=AT)


def test_a_second_one_and_an_unknown_number_are_refused() -> None:
    joined = Joined()
    joined.camara.subscriptions.one_each = True
    create(joined)
    with pytest.raises(OperatorRefused, match="ALREADY_EXISTS"):
        create(joined)
    joined.network.port_out(NUMBER)
    with pytest.raises(OperatorRefused, match="IDENTIFIER_NOT_FOUND"):
        create(joined)


def test_a_list_that_is_not_told_is_a_no() -> None:
    joined = Joined()
    joined.camara.subscriptions.tells_list = False
    with pytest.raises(OperatorRefused, match="PERMISSION_DENIED"):
        asyncio.run(joined.subscriptions.find(NUMBER, at=AT))


@pytest.mark.parametrize("outage", list(Outage))
def test_of_an_operator_that_is_away_nothing_is_known(outage: Outage) -> None:
    joined = Joined()
    joined.network.outage = outage
    for ask in (
        joined.subscriptions.find(NUMBER, at=AT),
        joined.subscriptions.delete("sub-1", at=AT),
        joined.subscriptions.create(NUMBER, sink=SINK, token=TOKEN, ends_at=AT + 60, at=AT),
    ):
        with pytest.raises(OperatorAway):
            asyncio.run(ask)


@pytest.mark.parametrize(
    ("lie", "code"), [(Lie.STALE, "STALE_ANSWER"), (Lie.REPLAYED, "ANOTHER_ANSWER")], ids=["stale", "another"]
)
def test_an_answer_of_another_time_or_request_is_none(lie: Lie, code: str) -> None:
    joined = Joined()
    joined.network.lie = lie
    with pytest.raises(OperatorAway, match=code):
        create(joined)


def test_an_operator_that_never_answers_ends_with_the_deadline() -> None:
    joined = Joined(deadline_s=0.01)

    async def never() -> None:
        async def hang(request: Request) -> Reply:
            del request
            await asyncio.Event().wait()
            raise AssertionError

        joined.transport.send = hang  # type: ignore[method-assign]  # whatever is sent, nothing comes back
        with pytest.raises(OperatorAway, match="TIMEOUT"):
            await joined.subscriptions.delete("sub-1", at=AT)

    asyncio.run(never())


def test_an_answer_without_a_name_is_none() -> None:
    joined = Joined()
    joined.transport.change = lambda request, reply: (
        Reply(202, reply.headers, b"{}") if request.url.endswith("/subscriptions") else reply
    )
    with pytest.raises(OperatorAway, match="MALFORMED_ANSWER"):
        create(joined)


class Brought:
    """Takes events, or fails as it is told."""

    def __init__(self, *statuses: int) -> None:
        self.statuses, self.urls = list(statuses), list[str]()

    async def send(self, request: Request) -> Reply:
        self.urls.append(request.url)
        status = self.statuses.pop(0)
        if not status:
            raise NoReply("UNREACHABLE")
        return Reply(status, {}, b"")

    async def close(self) -> None:
        """Nothing."""


def test_the_simulator_brings_events_to_this_machine_only_and_again_until_they_are_taken() -> None:
    joined = Joined()
    there = joined.camara.subscriptions
    create(joined)
    joined.network.swap(NUMBER, "another phone", at=AT + 1)
    there.look(at=AT + 1)
    [event] = there.pending
    here = type(event)("POST", "http://127.0.0.1:9/x", event.headers, event.body)
    there.pending = [event, here]
    carrier = Brought(0, 503, 204, 401)
    assert asyncio.run(bring_events(joined.camara, carrier, at=AT + 1)) == 0
    assert asyncio.run(bring_events(joined.camara, carrier, at=AT + 1)) == 0
    assert asyncio.run(bring_events(joined.camara, carrier, at=AT + 1)) == 1
    assert carrier.urls == [here.url] * 3
    assert there.pending == []
