"""The subscribing loop killed before and after every request and every write: one is left, and it is known."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from phones import linked
from pteri.adapters.telecom.simulated import Outage
from pteri.app.ports import StoreUnavailable
from pteri.domain.subscription import LIFE_S
from telling import Telling, account_of
from world import LINE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from operators import Spoilt
    from pteri.adapters.telecom.camara.exchange import Reply, Request
    from pteri.app.subscription_ports import SubscriptionStore
    from pteri.domain.subscription import Subscription
    from worlds import Worlds

DAY = 86_400
HOUR = 3600


@pytest.fixture(params=["sqlite", "postgres"])
def kept_in(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Killed(BaseException):
    """The process is gone: nothing catches it."""


class Doom:
    """Kills at the n-th step that anybody outside sees. ``after``: when it has been done already."""

    def __init__(self, at_step: int, *, after: bool) -> None:
        self.left, self.after = at_step, after

    async def around(self, act: Callable[[], Awaitable[Any]]) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        done = await act()
        if self.left == 0:
            raise Killed
        return done


class DoomedBook:
    """The store's side of it."""

    def __init__(self, inner: SubscriptionStore, doom: Doom) -> None:
        self._inner, self._doom = inner, doom

    def __getattr__(self, name: str) -> Any:
        async def call(*values: Any) -> Any:
            act = getattr(self._inner, name)
            if name in {"keep", "drop"}:
                return await self._doom.around(lambda: act(*values))
            return await act(*values)

        return call


class DoomedTransport:
    """The operator's side."""

    def __init__(self, inner: Spoilt, doom: Doom) -> None:
        self._inner, self._doom = inner, doom

    async def send(self, request: Request) -> Reply:
        return cast("Reply", await self._doom.around(lambda: self._inner.send(request)))

    async def close(self) -> None:
        """As the one inside."""


def killed_turn(bank: Telling, doom: Doom) -> bool:
    """One turn of a process that dies in it; whether it did."""
    store = bank.world.deployment.store
    book, transport = store.subscriptions, bank.joined.transport
    store.subscriptions = DoomedBook(book, doom)  # type: ignore[misc]  # as a process sees it that dies
    bank.joined.subscriptions._transport = DoomedTransport(transport, doom)
    try:
        bank.turn(bank.new_loop())
    except Killed:
        return True
    finally:
        store.subscriptions = book  # type: ignore[misc]
        bank.joined.subscriptions._transport = transport
    return False


def recover(bank: Telling) -> None:
    """Other processes go on, as they would in the hours after."""
    for _ in range(4):
        bank.turn(bank.new_loop())
        bank.clock.advance(2 * HOUR)


def assert_one(bank: Telling, account: Any) -> None:
    [there] = bank.live()
    book = bank.book(account)
    assert book is not None
    assert (book.state, book.held.id, book.former) == ("LIVE", there["id"], None)


@pytest.mark.parametrize("after", [False, True])
def test_killed_while_one_is_made(worlds: Worlds, after: bool) -> None:
    step = 0
    died = True
    while died:
        step += 1
        bank = Telling(worlds)
        held = linked(bank.world, line=LINE)
        died = killed_turn(bank, Doom(step, after=after))
        recover(bank)
        assert_one(bank, account_of(held))
    assert step == 6, "begun, written down, a token, the request, its outcome; and one more than there are"


@pytest.mark.parametrize("after", [False, True])
def test_killed_while_another_takes_its_place(worlds: Worlds, after: bool) -> None:
    step = 0
    died = True
    while died:
        step += 1
        bank = Telling(worlds)
        held = linked(bank.world, line=LINE)
        bank.turn()
        bank.clock.advance(LIFE_S - DAY)
        died = killed_turn(bank, Doom(step, after=after))
        recover(bank)
        assert_one(bank, account_of(held))
    assert step > 8


@pytest.mark.parametrize("after", [False, True])
def test_killed_while_one_is_deleted(worlds: Worlds, after: bool) -> None:
    step = 0
    died = True
    while died:
        step += 1
        bank = Telling(worlds)
        held = linked(bank.world, line=LINE)
        bank.turn()
        desk = bank.world.deployment.events
        assert desk is not None
        bank.world.deployment = replace(bank.world.deployment, events=replace(desk, wanted=frozenset()))
        bank.clock.advance(HOUR)
        died = killed_turn(bank, Doom(step, after=after))
        recover(bank)
        assert bank.live() == []
        assert bank.book(account_of(held)) is None
    assert step == 6


@pytest.mark.parametrize("step", [4, 5])
@pytest.mark.parametrize("after", [False, True])
def test_one_that_was_made_unseen_and_is_not_wanted_any_more_is_found_and_deleted(
    worlds: Worlds, step: int, after: bool
) -> None:
    bank = Telling(worlds)
    held = linked(bank.world, line=LINE)
    assert killed_turn(bank, Doom(step, after=after))
    desk = bank.world.deployment.events
    assert desk is not None
    bank.world.deployment = replace(bank.world.deployment, events=replace(desk, wanted=frozenset()))
    bank.clock.advance(HOUR)
    recover(bank)
    assert bank.live() == []
    assert bank.book(account_of(held)) is None


class Hesitant:
    """A book whose readers all have read before the first of them writes."""

    def __init__(self, inner: SubscriptionStore) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def due(self, at: int, limit: int) -> list[Subscription]:
        found = await self._inner.due(at, limit)
        for _ in range(50):
            await asyncio.sleep(0)
        return found


def test_two_at_once_make_one(worlds: Worlds) -> None:
    bank = Telling(worlds)
    held = linked(bank.world, line=LINE)
    store = bank.world.deployment.store
    store.subscriptions = Hesitant(store.subscriptions)  # type: ignore[misc]  # the same, a moment later
    loops = [bank.new_loop() for _ in range(4)]

    async def at_once() -> None:
        await asyncio.gather(*(loop.turn() for loop in loops))

    bank.world.run(at_once())
    assert_one(bank, account_of(held))
    made = [each for each in bank.joined.transport.sent if each.url.endswith("/subscriptions")]
    assert len(made) == 1
    bank.clock.advance(LIFE_S - DAY)
    bank.world.run(at_once())
    recover(bank)
    assert_one(bank, account_of(held))


@pytest.mark.parametrize("tells_list", [True, False])
def test_an_answer_that_is_lost_makes_no_second_one_where_the_operator_tells_what_it_has(
    worlds: Worlds, tells_list: bool
) -> None:
    bank = Telling(worlds)
    held = linked(bank.world, line=LINE)
    bank.there.tells_list = tells_list
    lost = [True]

    def change(request: Request, reply: Reply) -> Reply:
        is_lost = request.method == "POST" and request.url.endswith("/subscriptions") and lost.pop(0) if lost else False
        return type(reply)(503, {}, b"") if is_lost else reply

    bank.joined.transport.change = change
    recover(bank)
    book = bank.book(account_of(held))
    assert book is not None
    assert book.state == "LIVE"
    assert len(bank.live()) == (1 if tells_list else 2)
    # Where there are two, both have one address and one token, and the one that we know nothing of ends by itself.
    assert len({book.held.generation}) == 1
    bank.clock.advance(LIFE_S)
    bank.events()
    recover(bank)
    assert_one(bank, account_of(held))


def test_one_that_was_made_twice_is_found_and_deleted(worlds: Worlds) -> None:
    bank = Telling(worlds)
    held = linked(bank.world, line=LINE)
    bank.turn()
    [request] = [each for each in bank.joined.transport.sent if each.url.endswith("/subscriptions")]
    account = account_of(held)
    # Somebody restored the database of before the answer; and the operator has it twice.
    again = replace(request, headers={**request.headers, "x-correlator": "again"})
    bank.joined.camara.handle(again, at=bank.clock.at)
    assert len(bank.live()) == 2
    book = bank.book(account)
    assert book is not None
    lost = book.renewed(book.held.generation, bank.clock.at).without_former(bank.clock.at).trying(bank.clock.at - HOUR)
    for change in (
        book.renewed(book.held.generation, bank.clock.at),
        book.renewed(book.held.generation, bank.clock.at).without_former(bank.clock.at),
        lost,
    ):
        assert bank.world.run(bank.world.store.subscriptions.keep(change))
    recover(bank)
    assert_one(bank, account)


def test_a_database_that_fails_stops_the_turn_and_nothing_else(worlds: Worlds) -> None:
    bank = Telling(worlds)
    held = linked(bank.world, line=LINE)
    store = bank.world.deployment.store
    book = store.subscriptions

    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise StoreUnavailable("away")

    store.subscriptions = cast("Any", Broken())  # type: ignore[misc]
    with pytest.raises(StoreUnavailable):
        bank.turn(bank.new_loop())
    store.subscriptions = book  # type: ignore[misc]
    recover(bank)
    assert_one(bank, account_of(held))


def test_an_operator_that_is_gone_from_the_settings_is_forgotten_with_its_last_day(worlds: Worlds) -> None:
    bank = Telling(worlds)
    held = linked(bank.world, line=LINE)
    bank.turn()
    bank.network.outage = Outage.UNREACHABLE
    desk = bank.world.deployment.events
    assert desk is not None
    bank.world.deployment = replace(bank.world.deployment, events=replace(desk, subscribers={}, wanted=frozenset()))
    for _ in range(80):
        bank.turn(bank.new_loop())
        bank.clock.advance(12 * HOUR)
    assert bank.book(account_of(held)) is None
    assert bank.news == []
