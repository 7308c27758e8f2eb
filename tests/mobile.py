"""A bank whose people have a mobile line at a simulated operator, and what a person or a thief sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators import NUMBER, Joined
from phones import EMAIL, Hand, client, hand
from pteri.core.keys.secret import Secret
from world import ORIGIN, SimClock

if TYPE_CHECKING:
    from pteri.core.wire import LineSeen, RecoverySeen, SignedIn
    from world import World
    from worlds import Worlds

__all__ = ["Mobile", "claim", "kinds", "line", "signed_in", "waits"]


class Mobile:
    """A world and its operator, on one clock. The line ``world.LINE`` has been in the phone "phone" for a year."""

    def __init__(self, worlds: Worlds) -> None:
        self.clock = SimClock()
        self.joined = Joined(clock=self.clock)
        self.network = self.joined.network
        self.world = worlds(clock=self.clock, mobile=self.joined.operator)

    def swap(self, phone: str = "thief's phone") -> None:
        """A new SIM, in another phone; and a minute later."""
        self.network.swap(NUMBER, phone, at=self.clock.at)
        self.clock.advance(60)

    def token(self, phone: str, spelt: str) -> Secret:
        """What the operator gives the phone that has a working SIM."""
        return Secret(self.network.temporary_token(phone, spelt, at=self.clock.at).encode())


def signed_in(world: World, held: Hand, *, line: str | None = None) -> SignedIn:
    """A sign-in by scanning, with its code typed."""
    site = client(world)
    waiting = site.start_sign_in(EMAIL, prompt=False)
    shown = held.phone().approve(waiting.qr, line=line)
    return site.enter_code(waiting.id, shown.code, waiting.session)


def line(held: Hand) -> LineSeen:
    found = held.phone().devices().line
    assert found is not None
    return found


def kinds(held: Hand) -> list[str]:
    """Of what the owner was told."""
    return [notice.kind for notice in held.phone().devices().notices]


def claim(world: World, label: str = "a thief's phone") -> tuple[Hand, RecoverySeen]:
    """Somebody with the wallet's words claims the account."""
    thief = hand(world, label)
    thief.phone().start_recovery(ORIGIN, "bank")
    case = thief.phone().devices().recovery
    assert case is not None
    return thief, case


def waits(world: World, label: str = "a thief's phone") -> int:
    """How long a claim with the wallet alone waits, in seconds; it is taken back at once."""
    thief, case = claim(world, label)
    thief.phone().object_to(case.case)
    return case.held_until - case.opened_at
