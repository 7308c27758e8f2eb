"""Abuse cases TE-04, TE-06 and TE-07 at the door that operators tell events at: it is public, and nobody signs."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from mobile import claim, kinds, line
from operators import NUMBER, OTHER, Joined
from phones import linked
from pteri.adapters.telecom.camara.webhooks import instant
from pteri.http.admission import Limits
from pteri.http.app import build_app
from pteri.http.ratelimit import Rate
from telling import BANK, Telling, account_of, changed
from world import LINE, Browser, SimClock, World

if TYPE_CHECKING:
    from pteri.adapters.telecom.camara.exchange import Request
    from pteri.app.ports import Store
    from worlds import Worlds

DAY = 86_400
HOUR = 3600


@pytest.fixture
def bank(worlds: Worlds) -> Telling:
    return Telling(worlds)


def subscribed(bank: Telling) -> tuple[Any, Request]:
    """The owner, and the event of a swap that nobody has brought yet."""
    held = linked(bank.world, line=LINE)
    bank.turn()
    bank.clock.advance(DAY)
    [event] = bank.swap()
    return held, event


def at(url: str, event: Request) -> Request:
    return type(event)("POST", url, event.headers, event.body)


def bearing(token: str, event: Request) -> Request:
    headers = {**event.headers, "authorization": token}
    return type(event)("POST", event.url, headers, event.body)


def with_body(body: bytes, event: Request) -> Request:
    return type(event)("POST", event.url, event.headers, body)


class Watched:
    """A store that says how often it was asked."""

    def __init__(self, inner: Store, asked: Counter[str], name: str = "") -> None:
        self._inner, self._asked, self._name = inner, asked, name

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in {"subscriptions", "anchors", "book"}:
            return Watched(found, self._asked, f"{name}.")
        self._asked[self._name + name] += 1
        return found


def watched(world: World) -> Counter[str]:
    asked: Counter[str] = Counter()
    deployment = replace(world.deployment, store=cast("Store", Watched(world.deployment.store, asked)))
    world.app = build_app(deployment, version="0", limits=Limits(rate=Rate("tests", 1_000_000, 1.0)), lifespan=None)
    return asked


def wrong(event: Request) -> dict[str, Request]:
    """What strangers send, and operators that are mistaken or worse."""
    before, _, sealed = event.url.rpartition("/")
    token = event.headers["authorization"]
    return {
        "nothing": with_body(b"", bearing("", event)),
        "no token": bearing("", event),
        "another token": bearing(f"{token[:-1]}{'A' if token[-1] != 'A' else 'B'}", event),
        "a token twice": bearing(f"{token}, {token}", event),
        "another address": at(f"{before}/{sealed[:-4]}{'AAAA' if sealed[-4:] != 'AAAA' else 'BBBB'}", event),
        "a made-up address": at(f"{before}/x", event),
        "a long address": at(f"{before}/{'A' * 1500}", event),
        "no JSON": with_body(b"\xff" * 100, event),
        "deep JSON": with_body(b"[" * 10_000, event),
        "another type": changed(event, type="org.camaraproject.sim-swap-subscriptions.v0.unswapped"),
        "another version": changed(event, specversion="0.3"),
        "a day and a second ago": changed(event, time=instant(1_795_000_000 + DAY - DAY - 1)),
        "of tomorrow": changed(event, time=instant(1_795_000_000 + 2 * DAY)),
        "as JSON": type(event)("POST", event.url, {**event.headers, "content-type": "application/json"}, event.body),
    }


def test_te_07_whatever_is_no_event_of_the_operator_hears_one_word_and_costs_no_look_into_the_store(
    bank: Telling,
) -> None:
    held, event = subscribed(bank)
    rows, asked = bank.world.rows(), watched(bank.world)
    told = {name: bank.post(each, host=name.encode()) for name, each in wrong(event).items()}
    assert {name: answer.status for name, answer in told.items()} == dict.fromkeys(told, 401)
    said = [{name: value for name, value in answer.json.items() if name != "request_id"} for answer in told.values()]
    assert said == [said[0]] * len(said)
    assert said[0]["code"] == "DENIED"
    assert asked == Counter()
    assert bank.world.rows() == rows
    assert line(held).state == "BOUND"


def test_te_07_an_operators_event_of_another_line_is_refused(worlds: Worlds) -> None:
    bank = Telling(worlds)
    _, of_alice = subscribed(bank)
    bank.network.connect(OTHER, "bob's phone", at=bank.clock.at - DAY)
    bob = bank.world.phone("bob's phone", index=7)
    started = bank.world.site().start_binding("bob@example.com", browser := Browser("bob"), OTHER.reveal())
    shown = bob.bind(started)
    assert bank.world.site().enter_code("bindings", started.id, shown.code, browser).status == 200
    bank.turn()
    bank.clock.advance(HOUR)
    bank.network.swap(OTHER, "a thief's phone", at=bank.clock.at)
    [of_bob] = bank.events()
    rows = bank.world.rows()
    replayed = {
        "another's event at this address with its own token": at(of_alice.url, of_bob),
        "another's body with this one's token": with_body(of_bob.body, of_alice),
        "another's number": changed(of_alice, data={"phoneNumber": OTHER.reveal()}),
        "another's subscription": changed(
            of_alice, data={"subscriptionId": json.loads(of_bob.body)["data"]["subscriptionId"]}
        ),
    }
    assert {name: bank.post(each).status for name, each in replayed.items()} == dict.fromkeys(replayed, 401)
    assert bank.world.rows() == rows
    assert bank.tell(of_bob, of_alice) == [204, 204]


def test_te_07_one_operator_does_not_speak_for_another(worlds: Worlds) -> None:
    clock = SimClock()
    alpha, beta = Joined("alpha", clock=clock), Joined("beta", clock=clock)
    bank = Telling(worlds, joined=alpha, clock=clock)
    desk = bank.world.deployment.events
    assert desk is not None
    both = {"alpha": alpha.subscriptions, "beta": beta.subscriptions}
    bank.world.deployment = replace(
        bank.world.deployment,
        events=replace(desk, subscribers=dict.fromkeys(desk.subscribers, both), wanted=frozenset(both)),
    )
    watched(bank.world)
    held = linked(bank.world, line=LINE)
    bank.turn(bank.new_loop())
    clock.advance(DAY)
    [of_alpha] = bank.swap()
    beta.network.swap(NUMBER, "thief's phone", at=clock.at)
    beta.camara.subscriptions.look(at=clock.at)
    [of_beta] = beta.camara.subscriptions.pending
    assert bank.tell(at(of_alpha.url, of_beta), at(of_beta.url, of_alpha)) == [401, 401]
    assert line(held).state == "BOUND"
    assert bank.tell(of_beta, of_alpha) == [204, 204], "what both say is one change"
    assert kinds(held).count("LINE_SUSPECT") == 1


def test_te_07_an_operator_that_is_gone_from_the_settings_tells_nothing(bank: Telling) -> None:
    held, event = subscribed(bank)
    desk = bank.world.deployment.events
    assert desk is not None
    for events in (None, replace(desk, subscribers={})):
        bank.world.deployment = replace(bank.world.deployment, events=events)
        asked = watched(bank.world)
        assert bank.tell(event) == [401]
        assert asked == Counter()
    assert line(held).state == "BOUND"


def test_re_16_a_clock_that_was_set_ends_no_claim_with_an_event(bank: Telling) -> None:
    held = linked(bank.world, line=LINE)
    bank.turn()
    claim(bank.world)
    bank.clock.advance(HOUR)
    bank.clock.set(15 * DAY)
    [event] = bank.swap()
    answer = bank.post(event)
    assert (answer.status, answer.code) == (503, "CLOCK_JUMPED")
    bank.clock.set(-15 * DAY)
    assert bank.tell(changed(event, time=instant(bank.clock.at))) == [204], "sent again, it counts"
    assert line(held).state == "SUSPECT"


def test_te_07_an_event_for_another_tenant_is_nobodys(bank: Telling) -> None:
    _, event = subscribed(bank)
    assert bank.tell(at(event.url.replace("/v1/bank/", "/v1/shop/"), event)) == [401]
    assert bank.tell(at(event.url.replace("/v1/bank/", "/v1/nobody/"), event)) == [404]


def test_te_07_an_event_by_a_subscription_that_is_gone_is_refused(bank: Telling) -> None:
    held, event = subscribed(bank)
    bank.network.connect(OTHER, "phone", at=bank.clock.at - DAY)
    held.phone().rebind_line(OTHER.reveal())
    unnamed = changed(event, data={"phoneNumber": None})
    assert bank.tell(event, unnamed) == [401, 401]
    bank.turn()
    bank.turn()
    rows = bank.world.rows()
    assert bank.tell(event) == [401]
    assert bank.world.rows() == rows
    assert line(held).state == "PROBATION"


@pytest.mark.parametrize("size", [16_385, 1_000_000])
def test_te_06_a_body_that_is_too_large_is_not_read(bank: Telling, size: int) -> None:
    held, event = subscribed(bank)
    asked = watched(bank.world)
    assert bank.post(with_body(b" " * size, event)).status == 413
    assert asked == Counter()
    assert line(held).state == "BOUND"


def test_te_06_a_thousand_of_a_stranger_are_a_hundred_and_twenty(bank: Telling) -> None:
    _, event = subscribed(bank)
    rows, asked = bank.world.rows(), watched(bank.world)
    stranger = bearing("Bearer guessed", event)

    async def flood() -> Counter[int]:
        return Counter([(await bank.apost(stranger, host=b"stranger")).status for _ in range(1000)])

    told = bank.world.run(flood())
    assert told[401] < 150
    assert told == {401: told[401], 429: 1000 - told[401]}
    assert asked == Counter()
    assert bank.world.rows() == rows
    assert bank.tell(event) == [204], "and the operator, elsewhere, is heard"


def test_te_07_a_hundred_of_the_same_event_at_once_are_one(bank: Telling) -> None:
    held, event = subscribed(bank)

    async def at_once() -> list[int]:
        return [answer.status for answer in await asyncio.gather(*(bank.apost(event) for _ in range(100)))]

    assert set(bank.world.run(at_once())) == {204}
    assert kinds(held).count("LINE_SUSPECT") == 1
    history = bank.world.run(bank.world.store.history(BANK, account_of(held), 0, 99))
    assert [recorded.event.name for recorded in history] == ["AccountBound", "LineObserved"]


def test_te_04_an_end_that_is_told_again_and_again_makes_no_subscription_all_the_time(bank: Telling) -> None:
    linked(bank.world, line=LINE)
    made = len(bank.joined.transport.sent)
    for _ in range(20):
        bank.turn()
        bank.there.end_all(at=bank.clock.at)
        bank.tell(*bank.events())
        bank.clock.advance(5)
    asked = [each for each in bank.joined.transport.sent[made:] if each.url.endswith("/subscriptions")]
    assert len(asked) <= 3


def test_te_07_a_line_of_the_log_says_neither_number_nor_token_nor_whose(
    bank: Telling, capsys: pytest.CaptureFixture[str]
) -> None:
    held, event = subscribed(bank)
    capsys.readouterr()
    token = event.headers["authorization"].removeprefix("Bearer ")
    bank.tell(changed(event, data={"phoneNumber": OTHER.reveal()}), bearing("Bearer guessed", event), event)
    said = capsys.readouterr().out
    assert "request_refused" in said
    for secret in (LINE, OTHER.reveal(), token, event.url.rpartition("/")[2], str(account_of(held))):
        assert secret not in said
