"""Two phones in a move, either of which may be killed between any two things that it writes or sends.

Whatever is killed, and whether its owner goes on or never comes back: at the end the move is done, or nothing has
happened; and there is one new phone, never two.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from insiders import logged, with_log
from phones import HOUR, Hand, client, empty_hand, linked
from pteri import durable
from pteri.app.ports import StoreUnavailable
from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, TenantId
from pteri.wallet.errors import WalletError
from pteri.wallet.keystore import Keystore
from pteri.wallet.refusals import SafetyCode, ServerError, UnsafeError
from pteri.wallet.server import Reply, Request
from thieves import rewired
from world import ORIGIN, World
from worlds import Worlds

if TYPE_CHECKING:
    from pteri.app.ports import Store

POINTS = 33
"""One more than a phone writes and sends in a move, so that the last run is of a move that nobody interrupts. The old
phone does two less.
"""
LOG_POINTS = 39
"""The same where both phones compare what they are shown of a log; the old phone does one less."""
DAY = 24 * HOUR


class Killed(BaseException):
    """The power went: nobody catches this."""


@dataclass
class Killer:
    """Lets so many writes and sendings of one phone happen, and kills it before the next one."""

    hand: Hand
    after: int
    seen: int = 0
    is_done: bool = field(default=False)

    def around(self, act: Callable[[], Any]) -> Any:
        if not self.is_done:
            self.seen += 1
            if self.seen > self.after:
                self.is_done = True
                raise Killed
        return act()

    @contextmanager
    def watching(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """For the length of a move; what is looked at afterwards is safe from it."""
        self.watch(monkeypatch)
        yield
        self.is_done = True

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("replace", "create", "remove"):
            monkeypatch.setattr(durable, name, self._watched(getattr(durable, name)))
        send = self.hand.wire.send
        self.hand.wire.send = lambda request: self._sent(send, request)  # type: ignore[method-assign]  # the wire of one phone

    def _watched(self, write: Callable[..., None]) -> Callable[..., None]:
        def watched(path: Any, *rest: Any) -> None:
            if path.is_relative_to(self.hand.directory):
                self.around(lambda: write(path, *rest))
            else:
                write(path, *rest)

        return watched

    def _sent(self, send: Callable[[Request], Reply], request: Request) -> Reply:
        return self.around(lambda: send(request))  # type: ignore[no-any-return]  # what send gives


@dataclass
class Move:
    """One person with two phones, who does what the screens ask."""

    world: World
    old: Hand
    new: Hand
    offer: str = ""
    code: str = ""

    def steps(self) -> Iterator[Callable[[], object]]:
        yield self._show
        yield self._approve
        yield lambda: self.new.new_phone().answer()
        yield self._approve
        yield lambda: self.new.new_phone().enter_code(self.code)
        yield self._approve
        yield lambda: self.world.clock.advance(HOUR)
        yield lambda: self.old.phone().hand_over()
        yield lambda: self.new.new_phone().receive()
        yield lambda: self.new.phone().activate()
        yield lambda: self.old.phone().hand_over()

    def _show(self) -> None:
        self.offer = self.new.new_phone().offer(ORIGIN, "bank")

    def _approve(self) -> None:
        moving = self.old.phone().approve_offer(self.offer, revoke_old=True)
        self.code = moving.code or self.code

    def play(self, *, goes_on: bool) -> None:
        """To its end. After a kill the owner switches the phone on and does the same again, or never comes back."""
        for step in self.steps():
            try:
                step()
            except Killed:
                if not goes_on:
                    return
                if not self.is_in():  # killed after all was done: there is nothing to do again
                    step()
                else:
                    self._look()

    def _look(self) -> None:
        """What a person does whose new phone says that it is in: finish there, and look on the old one."""
        with suppress(WalletError):
            self.new.phone().activate()
        with suppress(WalletError):
            self.old.phone().hand_over()

    def states(self) -> dict[str, str]:
        """What the server says of each phone."""
        held = self.new if self.is_in() else self.old
        return {phone.thumbprint: phone.state for phone in held.phone().devices().phones}

    def is_in(self) -> bool:
        """Whether the new phone belongs to the account."""
        try:
            return any(phone.this_phone and phone.state == "ACTIVE" for phone in self.new.phone().devices().phones)
        except (WalletError, ProtocolError):
            return False


@pytest.fixture
def move(world: World) -> Move:
    return Move(world, linked(world), empty_hand(world))


@pytest.fixture
def watched(worlds: Worlds) -> Move:
    """Where the service keeps a log, and the old phone has seen it."""
    world = with_log(worlds)
    old = linked(world)
    logged(world)
    assert old.phone().audit_log().alarm is None
    return Move(world, old, empty_hand(world))


KILLS = pytest.mark.parametrize("after", range(POINTS))
WHO = pytest.mark.parametrize("who", ["old", "new"])


@WHO
@KILLS
def test_mi_08_a_phone_that_is_killed_and_goes_on_ends_where_it_would_have_ended(
    move: Move, who: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Killer(getattr(move, who), after).watching(monkeypatch):
        move.play(goes_on=True)
    old, new = move.old.phone(), move.new.phone()
    assert move.states() == {old.thumbprint: "REVOKED", new.thumbprint: "ACTIVE"}
    assert not Keystore(move.new.directory).directory.joinpath("transfer.json").exists()
    old.wipe_after_move()
    waiting = client(move.world).start_sign_in("alice@example.com")
    code = move.new.phone().approve(waiting.qr).code
    assert client(move.world).enter_code(waiting.id, code, waiting.session).device == new.thumbprint


@WHO
@KILLS
def test_mi_08_a_phone_that_never_comes_back_leaves_it_done_or_undone(
    move: Move, who: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Killer(getattr(move, who), after).watching(monkeypatch):
        move.play(goes_on=False)
    move.world.clock.advance(2 * DAY)
    if move.is_in():
        assert sorted(move.states().values()) == ["ACTIVE", "REVOKED"]
        return
    assert move.states()[move.old.phone().thumbprint] == "ACTIVE"
    waiting = client(move.world).start_sign_in("alice@example.com")
    code = move.old.phone().approve(waiting.qr).code
    assert client(move.world).enter_code(waiting.id, code, waiting.session).state == "COMPLETED"
    with pytest.raises(UnsafeError) as refused:
        move.old.phone().wipe_after_move()
    assert refused.value.code in {SafetyCode.MOVE_UNDER_WAY, SafetyCode.NO_MOVE}
    if Keystore(move.new.directory).has_device():
        move.new.new_phone().give_up()
    assert not Keystore(move.new.directory).has_wallet()
    move.old.phone().give_up_move()


@WHO
@pytest.mark.parametrize("after", range(LOG_POINTS))
def test_sv_10_a_phone_that_is_killed_while_both_compare_the_log_ends_where_it_would_have_ended(
    watched: Move, who: str, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Killer(getattr(watched, who), after).watching(monkeypatch):
        watched.play(goes_on=True)
    old, new = watched.old.phone(), watched.new.phone()
    assert watched.states() == {old.thumbprint: "REVOKED", new.thumbprint: "ACTIVE"}
    moving = old.move()
    assert moving is not None
    assert (moving.step, moving.compared) == ("completed", "same")
    old.wipe_after_move()
    assert new.audit_log().alarm is None
    assert not [*watched.old.directory.glob("evidence*"), *watched.new.directory.glob("evidence*")]


# --- the server -----------------------------------------------------------------------------------------------------


class DyingStore:
    """The real store; the process that uses it dies once, before or after its ``at``-th write."""

    def __init__(self, store: Store, at: int, *, wrote: bool) -> None:
        self._store, self._at, self._wrote = store, at, wrote
        self.writes = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        return self._deadly(method) if name in WRITING else method

    def _deadly(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def write(*args: Any, **named: Any) -> Any:
            self.writes += 1
            if self.writes != self._at:
                return await method(*args, **named)
            if self._wrote:
                await method(*args, **named)
            raise StoreUnavailable("the process is gone")

        return write


WRITING = frozenset({"commit", "keep_mailbox"})
WRITES = 11
"""How often the server writes in a move."""


def moved(move: Move, at: int, *, wrote: bool) -> DyingStore:
    """The whole move; where a person hears that the service is not there, they do the same again."""
    real = move.world.deployment.store
    dying = DyingStore(real, at, wrote=wrote)
    rewired(move.world, store=cast("Store", dying))
    for step in move.steps():
        try:
            step()
        except ServerError as error:
            if error.may_repeat:
                step()
            else:
                move._look()
    rewired(move.world, store=real)
    return dying


@pytest.mark.parametrize("wrote", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
def test_mi_08_a_server_that_dies_before_or_after_a_write_leaves_a_move_that_ends_once(
    move: Move, at: int, wrote: bool
) -> None:
    assert moved(move, at, wrote=wrote).writes >= WRITES
    old, new = move.old.phone(), move.new.phone()
    assert move.states() == {old.thumbprint: "REVOKED", new.thumbprint: "ACTIVE"}
    account = AccountId(new.devices().account)
    history = move.world.run(move.world.store.history(TenantId("bank"), account, 0, 100))
    names = [each.event.name for each in history]
    assert [names.count(name) for name in ("MigrationApproved", "DeviceActivated")] == [1, 1]
    # Both phones and the server agree: the old one may wipe, and the new one signs in.
    old.wipe_after_move()
    waiting = client(move.world).start_sign_in("alice@example.com")
    code = move.new.phone().approve(waiting.qr).code
    assert client(move.world).enter_code(waiting.id, code, waiting.session).device == new.thumbprint


def test_these_are_all_the_writes_of_a_move(move: Move) -> None:
    assert moved(move, 0, wrote=False).writes == WRITES


def test_the_points_reach_to_the_end_of_a_move(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or points were left out."""
    killers = [Killer(hand, 10**6) for hand in (move.old, move.new)]
    for killer in killers:
        killer.watch(monkeypatch)
    move.play(goes_on=True)
    assert [killer.seen + 1 for killer in killers] == [POINTS - 2, POINTS]


def test_nor_were_points_of_a_move_with_a_log_left_out(watched: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    killers = [Killer(hand, 10**6) for hand in (watched.old, watched.new)]
    for killer in killers:
        killer.watch(monkeypatch)
    watched.play(goes_on=True)
    assert [killer.seen + 1 for killer in killers] == [LOG_POINTS - 1, LOG_POINTS]
