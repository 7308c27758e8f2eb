"""A bank whose operator tells of swaps as they happen, and what comes to its sink."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from operators import NUMBER, Joined
from pteri.app.subscribing import Subscribing
from pteri.core.ids import AccountId, TenantId
from world import Answered, SimClock, World

if TYPE_CHECKING:
    from phones import Hand
    from pteri.adapters.telecom.camara.exchange import Request
    from pteri.domain.subscription import Subscription
    from worlds import Worlds

__all__ = ["BANK", "Telling", "account_of", "changed"]

BANK = TenantId("bank")
HOST = b"operator"


class Telling:
    """A world, its operator "alpha" and its loop, on one clock. The line ``world.LINE`` is in the phone "phone"."""

    def __init__(self, worlds: Worlds, *, joined: Joined | None = None, clock: SimClock | None = None) -> None:
        self.clock = clock or SimClock()
        self.joined = joined or Joined(clock=self.clock)
        self.network, self.there = self.joined.network, self.joined.camara.subscriptions
        self.world: World = worlds(
            clock=self.clock, mobile=self.joined.operator, telling={"alpha": self.joined.subscriptions}
        )
        self.news: list[tuple[str, str, str]] = []
        self.loop = self.new_loop()

    def new_loop(self, world: World | None = None) -> Subscribing:
        """As a process has one that begins now."""
        deployment = (world or self.world).deployment
        assert deployment.events is not None
        return Subscribing(deployment, deployment.events, lambda *told: self.news.append((str(told[0]), *told[1:])))

    def turn(self, loop: Subscribing | None = None) -> bool:
        return self.world.run((loop or self.loop).turn())

    def book(self, account: AccountId, operator: str = "alpha") -> Subscription | None:
        """What is written down of the account's subscription."""
        return self.world.run(self.world.store.subscriptions.of(BANK, account, operator))

    def live(self) -> list[dict[str, Any]]:
        """What the operator has of us."""
        return self.there.of("pteri", None)

    def events(self) -> list[Request]:
        """What the operator is about to send."""
        self.there.look(at=self.clock.at)
        waiting, self.there.pending = self.there.pending, []
        return waiting

    def swap(self, phone: str = "thief's phone") -> list[Request]:
        self.network.swap(NUMBER, phone, at=self.clock.at)
        return self.events()

    def post(self, event: Request, *, world: World | None = None, host: bytes = HOST, **headers: str) -> Answered:
        return (world or self.world).run(self.apost(event, world=world, host=host, **headers))

    async def apost(
        self, event: Request, *, world: World | None = None, host: bytes = HOST, **headers: str
    ) -> Answered:
        """Bring it to its sink over HTTP."""
        path = urlsplit(event.url).path
        sent = {**event.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await (world or self.world).ask("POST", path, event.body, sent, host=host)

    def tell(self, *events: Request) -> list[int]:
        return [self.post(event).status for event in events]


def account_of(held: Hand) -> AccountId:
    return held.phone().devices().account


def changed(event: Request, **fields: object) -> Request:
    """The same event with other fields; of ``data`` those that are named in a mapping."""
    body: dict[str, Any] = json.loads(event.body)
    data = fields.pop("data", {})
    assert isinstance(data, dict)
    body = {**body, **fields, "data": {**body["data"], **data}}
    return type(event)(event.method, event.url, event.headers, msgspec.json.encode(body))
