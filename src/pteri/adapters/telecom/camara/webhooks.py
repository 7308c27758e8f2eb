"""What an operator tells unasked: sim-swap-subscriptions 0.3 and its CloudEvents (docs/spec/operator.md section 6).

Pure. A subscription gives the operator a bearer token that only it knows; an event counts with that token, for that
subscription, and while it is fresh. It is answered 204; the same event twice is one signal twice, and so nothing more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

from pteri.adapters.telecom.camara.exchange import MAX_REPLY_BYTES, NoReply
from pteri.adapters.telecom.camara.questions import read_instant
from pteri.adapters.telecom.camara.strict import read_json
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber
from pteri.domain.signals import Finding, Question, Signal

__all__ = ["ANSWERED", "Subscription", "read_event", "subscription_body"]

ANSWERED: Final = 204
MAX_LATE_S: Final = 86_400
"""An operator may try again for a while; what is older says nothing of now."""
_EARLY_S: Final = 300
_KIND: Final = "org.camaraproject.sim-swap-subscriptions.v0."
_SWAPPED: Final = f"{_KIND}swapped"
_OF_ITSELF: Final = frozenset(
    f"{_KIND}subscription-{what}"
    # The last one is how 0.2 spells the end.
    for what in ("started", "updated", "ended", "ends")
)
"""What a subscription tells of itself, whatever its types."""
_SINK: Final = re.compile(r"https://[!-~]{1,2000}")


_Filled = Annotated[str, msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Subscription:
    """One that this deployment made. ``token`` came from our own generator and is used for nothing else."""

    operator: str
    id: str
    token: Secret


class _Data(msgspec.Struct, frozen=True):
    subscription: str = msgspec.field(name="subscriptionId")
    number: str | None = msgspec.field(name="phoneNumber", default=None)


class _Event(msgspec.Struct, frozen=True):
    id: _Filled
    source: _Filled
    type: str
    specversion: Literal["1.0"]
    time: str
    data: _Data
    datacontenttype: Literal["application/json"] = "application/json"


def subscription_body(number: PhoneNumber | None, *, sink: str, token: Secret, token_until: str, ends_at: str) -> bytes:
    """Ask to be told of SIM swaps of this number, at an ``https`` address. Instants are RFC 3339, UTC.

    ``number``: as in every question, not beside a three-legged token.
    """
    if not _SINK.fullmatch(sink):
        raise ValueError("events are told to an https address only")
    detail = {} if number is None else {"phoneNumber": number.reveal()}
    credential = {
        "credentialType": "ACCESSTOKEN",
        "accessToken": token.reveal().decode("ascii"),
        "accessTokenExpiresUtc": token_until,
        "accessTokenType": "bearer",
    }
    return msgspec.json.encode(
        {
            "protocol": "HTTP",
            "sink": sink,
            "sinkCredential": credential,
            "types": [_SWAPPED],
            "config": {"subscriptionDetail": detail, "subscriptionExpireTime": ends_at},
        }
    )


def read_event(
    headers: dict[str, str], body: bytes, *, expected: Subscription, at: int, number: PhoneNumber | None = None
) -> Signal | None:
    """What an event says of the line; ``None`` for what a subscription tells of itself, such as its end.

    1. The bearer token is ours, in constant time: ``NotAuthentic``, before a byte of the body is read. 2. The body is a
       CloudEvent 1.0 in JSON, under 16 KiB: ``Malformed``. 3. It is of this subscription, and of ``number`` where both
       sides say one: ``NotAuthentic``. 4. It is at most a day old and not from the future: ``OutOfWindow``. 5. It is
       of a type that we asked for: ``Malformed``.
    """
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    # CAMARA writes the scheme in small letters where it is asked for, HTTP reads it in any.
    if scheme.lower() != "bearer" or Secret(shown.encode()) != expected.token:
        raise NotAuthentic(Code.MISMATCH, "not by the operator that this subscription is with")
    if headers.get("content-type", "").split(";")[0].strip().lower() != "application/cloudevents+json":
        raise Malformed(Code.FORMAT, "an event is application/cloudevents+json")
    if len(body) > MAX_REPLY_BYTES:
        raise Malformed(Code.TOO_LARGE, f"an event has at most {MAX_REPLY_BYTES} bytes")
    try:
        event = read_json(body, _Event)
        happened_at = read_instant(event.time)
    except NoReply:
        raise Malformed(Code.BODY, "not a CloudEvent") from None
    if event.data.subscription != expected.id:
        raise NotAuthentic(Code.MISMATCH, "an event of another subscription")
    if number is not None and event.data.number not in {None, number.reveal()}:
        raise NotAuthentic(Code.MISMATCH, "an event of another number")
    if happened_at > at + _EARLY_S or at - happened_at > MAX_LATE_S:
        raise OutOfWindow(Code.EXPIRED, "an event of another time")
    if event.type in _OF_ITSELF:
        return None
    if event.type != _SWAPPED:
        raise Malformed(Code.FIELD, "an event that nobody asked for")
    return Signal(
        operator=expected.operator,
        question=Question.SIM_SWAP,
        finding=Finding.CHANGED,
        code="SIM_SWAPPED",
        asked_at=at,
        changed_at=min(happened_at, at),
    )
