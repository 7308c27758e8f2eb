"""Real phones of the wallet library in the small world, and a server that lies when it is told to.

Answers come from the real service and are changed on the way back: whatever a lying server might say in a challenge.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from pteri.core import wire
from pteri.core.httpsig import SignedRequest
from pteri.core.keys.secret import Secret
from pteri.wallet.ceremony import Review
from pteri.wallet.client import Client, Waiting
from pteri.wallet.keystore import LIGHT, Keystore
from pteri.wallet.new_phone import NewPhone
from pteri.wallet.phone import Phone
from pteri.wallet.refusals import UNREACHABLE, ServerError
from pteri.wallet.server import Reply, Request, TokenRequest
from pteri.wallet.transferring import Moving
from world import ALICE_WORDS, ORIGIN, Answered, SimEntropy, World

EMAIL = "alice@example.com"
PASSPHRASE = Secret(b"correct horse battery")
HOUR = 3600
_SERIAL = itertools.count()
Lie = Callable[[wire.Claimed], wire.Claimed]


def honest(claimed: wire.Claimed) -> wire.Claimed:
    """What the server really said."""
    return claimed


def lie_about(purpose: str, **fields: Any) -> Lie:
    """Change fields of the act, the statement or the message around it, each found by its name, for one purpose.

    A value that is a function is given what the server really said.
    """

    def lie(claimed: wire.Claimed) -> wire.Claimed:
        statement = claimed.statement
        if statement.purpose != purpose:
            return claimed
        act = fields.get("act", statement.act)
        changed: dict[int, dict[str, Any]] = {0: {}, 1: {}, 2: {}}
        for name, value in fields.items():
            for place, struct in enumerate((act, statement, claimed)):
                if name != "act" and name in struct.__struct_fields__:
                    changed[place][name] = value(getattr(struct, name)) if callable(value) else value
                    break
        replace = msgspec.structs.replace
        told = replace(statement, act=replace(act, **changed[0]), **changed[1])
        return replace(claimed, **(changed[2] | {"statement": told}))

    return lie


def through(world: World, request: Request) -> Answered:
    """The world's answer to a request of the wallet library, signed or with a token."""
    if isinstance(request, SignedRequest):
        return world.send(request)

    headers = {**request.headers(), "content-type": "application/json"}
    path = request.target_uri.removeprefix(ORIGIN)
    if isinstance(request, TokenRequest):
        host = request.idempotency_key.encode()
    else:
        # One network per mailbox: how many of them one may open is tested elsewhere, not met by accident.
        host = hashlib.sha256(request.target_uri.encode() + request.body).digest()
    return world.run(world.ask(request.method, path, request.body, headers, host=host))


@dataclass
class Wire:
    """The way between a phone or a site and the world's service: lossy when told to, and with somebody in the middle.

    ``forge`` answers in the server's place.
    """

    world: World
    lie: Lie = honest
    forge: Callable[[Request], Reply | None] = lambda _: None
    requests_to_lose: int = 0
    answers_to_lose: int = 0
    sent: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Reply:
        self.sent.append(request)
        if self.requests_to_lose:
            self.requests_to_lose -= 1
            raise ServerError(UNREACHABLE, "lost on the way")
        reply = self.forge(request) or self._answer(request)
        if self.answers_to_lose:
            self.answers_to_lose -= 1
            raise ServerError(UNREACHABLE, "lost on the way back")
        return reply

    def close(self) -> None:
        pass

    @property
    def responses(self) -> list[SignedRequest]:
        """Every signed statement that left the phone."""
        signed = (request for request in self.sent if isinstance(request, SignedRequest))
        return [request for request in signed if request.target_uri.endswith("/response")]

    @property
    def tokens(self) -> list[TokenRequest]:
        """Every request that a token stood for."""
        return [request for request in self.sent if isinstance(request, TokenRequest)]

    @property
    def places(self) -> list[str]:
        """Where each request went, below the tenant: its last word."""
        return [request.target_uri.rpartition("/")[2] for request in self.sent]

    def _answer(self, request: Request) -> Reply:
        answered = through(self.world, request)
        if answered.status < 300 and b'"statement":' in answered.body:
            told = self.lie(msgspec.json.decode(answered.body, type=wire.Claimed))
            return Reply(answered.status, msgspec.json.encode(told))
        return Reply(answered.status, answered.body)


@dataclass
class Owner:
    """The person: says yes, but to one purpose, and remembers what was shown."""

    refuses: str = ""
    shown: list[Review] = field(default_factory=list)

    def __call__(self, review: Review) -> bool:
        self.shown.append(review)
        return review.statement.purpose != self.refuses


@dataclass
class Hand:
    """A phone in the hand: the same directory may be opened again, as after a restart."""

    world: World
    directory: Path
    wire: Wire
    owner: Owner
    label: str
    restarts: int = 0
    ahead_s: int = 0

    def phone(self) -> Phone:
        """Switched on; its clock is ``ahead_s`` ahead of the world's."""
        self.restarts += 1
        return Phone.open(
            Keystore(self.directory),
            PASSPHRASE,
            transport=self.wire,
            confirm=self.owner,
            clock=self,
            entropy=SimEntropy(f"{self.label} {self.restarts}"),
            network=self.world.network,
            may_make_key=True,
            cost=LIGHT,
        )

    def new_phone(self) -> NewPhone:
        """Switched on as a phone that is on its way in."""
        self.restarts += 1
        return NewPhone.open(
            Keystore(self.directory),
            PASSPHRASE,
            transport=self.wire,
            clock=self,
            entropy=SimEntropy(f"{self.label} {self.restarts}"),
            cost=LIGHT,
        )

    def now(self) -> int:
        return self.world.clock.now() + self.ahead_s


def hand(world: World, label: str = "old phone", words: str = ALICE_WORDS) -> Hand:
    """A phone with a wallet and nothing else."""
    directory = world.directory / label.replace(" ", "-")
    entropy = SimEntropy(f"{label} keystore")
    Keystore(directory).create_wallet(Secret(words.encode()), PASSPHRASE, entropy=entropy, cost=LIGHT)
    return Hand(world, directory, Wire(world), Owner(), label)


def empty_hand(world: World, label: str = "new phone") -> Hand:
    """A phone with nothing on it."""
    return Hand(world, world.directory / label.replace(" ", "-"), Wire(world), Owner(), label)


def let_in(old: Hand, new: Hand, *, revoke_old: bool = False, offer: str | None = None) -> Moving:
    """The two phones side by side, as far as the server's waiting time."""
    text = new.new_phone().offer(ORIGIN, "bank") if offer is None else offer
    assert old.phone().approve_offer(text, revoke_old=revoke_old).step == "greeted"
    assert new.new_phone().answer()
    moving = old.phone().approve_offer(text, revoke_old=revoke_old)
    new.new_phone().enter_code(moving.spaced)
    return old.phone().approve_offer(text, revoke_old=revoke_old)


def moved(old: Hand, new: Hand, *, revoke_old: bool = False) -> None:
    """The same, and the wallet handed over after the waiting time: the new phone can be activated."""
    let_in(old, new, revoke_old=revoke_old)
    old.world.clock.advance(HOUR)
    assert old.phone().hand_over().step == "delivered"
    assert new.new_phone().receive()


def client(world: World, name: str = "bank", *, carrier: Wire | None = None) -> Client:
    """The relying party, as the library has it."""
    return Client(
        ORIGIN,
        name,
        world.sites[name].private,
        transport=carrier or Wire(world),
        clock=world.clock,
        entropy=SimEntropy(f"client {name} {next(_SERIAL)}"),
    )


def linked(world: World, label: str = "old phone", *, line: str | None = None) -> Hand:
    """A phone whose account is linked, code typed."""
    held, site = hand(world, label), client(world)
    waiting = site.start_binding(EMAIL, line=line)
    shown = held.phone().enroll(waiting.qr, line=line)
    site.enter_code(waiting.id, shown.code, waiting.session)
    return held


def linked_also(world: World, first: Hand, label: str = "second phone") -> Hand:
    """Another verified phone of the account that ``first`` is in, let in by it."""
    new = empty_hand(world, label)
    moved(first, new)
    new.phone().activate()
    return new


def unasked(world: World, login: str = EMAIL) -> Waiting:
    """A sign-in that is shown as a code and on no phone: the server keeps nothing of it."""
    return client(world).start_sign_in(login, prompt=False)
