"""Subscriptions at a simulated operator, and the events that it sends. THIS IS A SIMULATOR.

sim-swap-subscriptions 0.3, held to its shape. Pure: what is to be sent waits in ``pending`` until whoever carries bytes
has brought it.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

import msgspec

from pteri.adapters.telecom.camara.exchange import Request
from pteri.adapters.telecom.camara.webhooks import KIND, SWAPPED, instant
from pteri.adapters.telecom.simulated import NoSuchLine, SimulatedNetwork
from pteri.app.ports import Entropy
from pteri.core.ids import to_base64url
from pteri.core.phone_number import PhoneNumber

__all__ = ["Asked", "SimulatedSubscriptions"]

_SINK: Final = re.compile(r"https://[!-~]+|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]+)?/[!-~]*")
_Number = Annotated[str, msgspec.Meta(pattern=r"^\+[1-9][0-9]{4,14}$")]
_Sink = Annotated[str, msgspec.Meta(max_length=2048)]


class _Credential(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    credential_type: Literal["ACCESSTOKEN"]
    access_token: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]
    access_token_expires_utc: dt.datetime
    access_token_type: Literal["bearer"]


class _Detail(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    phone_number: _Number | None = None


class _Config(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    subscription_detail: _Detail
    subscription_expire_time: dt.datetime


class Asked(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The body of a request for one. Another protocol, credential or type is refused."""

    protocol: Literal["HTTP"]
    sink: _Sink
    sink_credential: _Credential
    types: tuple[Literal["org.camaraproject.sim-swap-subscriptions.v0.swapped"]]
    config: _Config

    @property
    def number(self) -> str | None:
        """Whom it is about, where it says so."""
        return self.config.subscription_detail.phone_number


@dataclass
class _Subscription:
    client: str
    id: str
    number: PhoneNumber
    sink: str
    token: str = field(repr=False)
    until: int
    starts_at: int
    iccid: str = field(repr=False)
    """Of the SIM that is known of."""


class SimulatedSubscriptions:
    """All that this operator has. ``most_s``: the longest life that it gives; ``one_each``: one a client and number."""

    def __init__(self, network: SimulatedNetwork, *, source: str, entropy: Entropy) -> None:
        self.most_s: int | None = None
        self.one_each = False
        self.tells_list = True
        self.pending: list[Request] = []
        self._network, self._source, self._entropy = network, source, entropy
        self._all: dict[str, _Subscription] = {}

    def create(self, client: str, number: PhoneNumber, asked: Asked, *, at: int) -> dict[str, Any] | None:
        """What is answered; ``None``: it has one already. ``ValueError``: for no such sink or time."""
        until = int(asked.config.subscription_expire_time.timestamp())
        if not _SINK.fullmatch(asked.sink) or until <= at:
            raise ValueError("no sink, or over already")
        if self.one_each and any((each.client, each.number) == (client, number) for each in self._all.values()):
            return None
        made = _Subscription(
            client=client,
            id=to_base64url(self._entropy.draw(9)),
            number=number,
            sink=asked.sink,
            token=asked.sink_credential.access_token,
            until=until if self.most_s is None else min(until, at + self.most_s),
            starts_at=at,
            iccid=self._network.line(number).iccid,
        )
        self._all[made.id] = made
        return self._shown(made)

    def of(self, client: str, number: PhoneNumber | None) -> list[dict[str, Any]]:
        """Those of a client; with a three-legged token, of its number."""
        mine = (each for each in self._all.values() if each.client == client)
        return [self._shown(each) for each in mine if number is None or each.number == number]

    def told_of(self, number: PhoneNumber) -> int:
        """How many are told of this number."""
        return sum(each.number == number for each in self._all.values())

    def delete(self, client: str, id_: str) -> bool:
        """Whether there was one."""
        if id_ not in self._all or self._all[id_].client != client:
            return False
        del self._all[id_]
        return True

    def end_all(self, *, at: int) -> None:
        """The operator stops telling."""
        for each in self._all.values():
            self._tell(each, f"{KIND}subscription-ended", at, terminationReason="NETWORK_TERMINATED")
        self._all.clear()

    def look(self, *, at: int) -> None:
        """What has happened since the last look becomes events."""
        for each in list(self._all.values()):
            if at >= each.until:
                self._tell(each, f"{KIND}subscription-ended", at, terminationReason="SUBSCRIPTION_EXPIRED")
                del self._all[each.id]
                continue
            try:
                line = self._network.line(each.number)
            except NoSuchLine:
                continue
            if line.iccid != each.iccid:
                each.iccid = line.iccid
                self._tell(each, SWAPPED, line.sim_at, phoneNumber=each.number.reveal())

    def _tell(self, subscription: _Subscription, kind: str, at: int, **data: str) -> None:
        event = {
            "id": to_base64url(self._entropy.draw(9)),
            "source": self._source,
            "type": kind,
            "specversion": "1.0",
            "datacontenttype": "application/json",
            "time": instant(at),
            "data": {"subscriptionId": subscription.id, **data},
        }
        headers = {
            "authorization": f"Bearer {subscription.token}",
            "content-type": "application/cloudevents+json",
        }
        self.pending.append(Request("POST", subscription.sink, headers, msgspec.json.encode(event)))

    def _shown(self, subscription: _Subscription) -> dict[str, Any]:
        return {
            "protocol": "HTTP",
            "sink": subscription.sink,
            "types": [SWAPPED],
            "config": {"subscriptionDetail": {"phoneNumber": subscription.number.reveal()}},
            "id": subscription.id,
            "startsAt": instant(subscription.starts_at),
            "expiresAt": instant(subscription.until),
            "status": "ACTIVE",
        }
