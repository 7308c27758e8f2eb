"""A simulated operator and this deployment as its client, joined without a socket."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pteri.adapters.telecom.camara.exchange import Reply, Request
from pteri.adapters.telecom.camara.oauth import Client
from pteri.adapters.telecom.camara.operator import Access, CamaraOperator, Possession, Terms
from pteri.adapters.telecom.camara.subscribing import CamaraSubscriptions
from pteri.adapters.telecom.simulated import SimulatedNetwork
from pteri.adapters.telecom.simulated_camara import InMemoryTransport, SimulatedCamara
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber
from pteri.domain.signals import Finding, Question, Signal

if TYPE_CHECKING:
    from world import SimClock

AT = 1_795_000_000
DAY = 86_400
NUMBER = PhoneNumber("+4915112345678")
OTHER = PhoneNumber("+4915187654321")
OUR_KEY = DevicePrivateKey.from_random(bytes([1]) * 48)
ISSUER = "https://operator.example"


class StillClock:
    def __init__(self, at: int = AT) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def stepped_s(self) -> int:
        return 0


class CountingEntropy:
    """Never the same bytes twice, and the same ones in every run."""

    def __init__(self) -> None:
        self.drawn = 0

    def draw(self, size: int) -> bytes:
        self.drawn += 1
        return hashlib.shake_256(self.drawn.to_bytes(8, "big")).digest(size)


@dataclass
class Spoilt:
    """A transport that changes what comes back."""

    inner: InMemoryTransport
    change: Callable[[Request, Reply], Reply] = lambda _, reply: reply
    sent: list[Request] = field(default_factory=list)

    async def send(self, request: Request) -> Reply:
        self.sent.append(request)
        return self.change(request, await self.inner.send(request))

    async def close(self) -> None:
        await self.inner.close()


class Joined:
    """One operator with the line ``NUMBER`` in ``phone``, active for a year."""

    def __init__(
        self,
        name: str = "alpha",
        *,
        access: Access = Access.CLIENT,
        possession: Possession = Possession.CIBA,
        deadline_s: float = 1.5,
        clock: StillClock | SimClock | None = None,
    ) -> None:
        self.clock = clock or StillClock()
        self.network = SimulatedNetwork()
        self.network.connect(NUMBER, "phone", at=AT - 365 * DAY)
        self.camara = SimulatedCamara(
            self.network,
            issuer=ISSUER,
            clients={"pteri": OUR_KEY.public},
            random=bytes([2]) * 48,
            entropy=CountingEntropy(),
        )
        self.transport = Spoilt(InMemoryTransport(self.camara, self.clock, deadline_s=deadline_s))
        terms = Terms(
            name=name,
            api_url=ISSUER,
            token_url=f"{ISSUER}/token",
            start_url=f"{ISSUER}/bc-authorize",
            client=Client("pteri", OUR_KEY, ISSUER),
            access=access,
            possession=possession,
            keys=(self.camara.key.public,),
            deadline_s=deadline_s,
        )
        entropy = CountingEntropy()
        self.operator = CamaraOperator(terms, self.transport, entropy)
        self.subscriptions = CamaraSubscriptions(terms, self.transport, entropy)

    async def ask(self, *, since: int = AT - 30 * DAY, number: PhoneNumber = NUMBER) -> dict[Question, Signal]:
        signals = await self.operator.ask(number, since=since, at=self.clock.at)
        found = {signal.question: signal for signal in signals}
        assert len(found) == len(signals) == 3
        return found

    async def sim(self, *, since: int = AT - 30 * DAY) -> Signal:
        return (await self.ask(since=since))[Question.SIM_SWAP]

    def token(self, phone: str = "phone", spelt: str = "temporary-token") -> Secret:
        return Secret(self.network.temporary_token(phone, spelt, at=self.clock.at).encode())


def said(signals: dict[Question, Signal]) -> set[tuple[Finding, str]]:
    return {(signal.finding, signal.code) for signal in signals.values()}
