"""What an operator tells unasked: subscriptions to SIM swaps and their CloudEvents (docs/spec/operator.md section 6).

Pure. A subscription gives the operator a bearer token that only it knows; an event counts with that token, for that
subscription, and while it is fresh. It is answered 204; the same event twice is one signal twice, and so nothing more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

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
_SWAPPED: Final = "org.camaraproject.sim-swap-subscriptions.v0.swapped"
_ENDS: Final = "org.camaraproject.sim-swap-subscriptions.v0.subscription-ends"
_SINK: Final = re.compile(r"https://[!-~]{1,2000}")


@dataclass(frozen=True, slots=True)
class Subscription:
    """One that this deployment made. ``token`` came from our own generator and is used for nothing else."""

    operator: str
    id: str
    token: Secret


class _Data(msgspec.Struct, frozen=True):
    subscription: str = msgspec.field(name="subscriptionId")


class _Event(msgspec.Struct, frozen=True):
    id: str
    source: str
    type: str
    specversion: str
    time: str
    data: _Data


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


def read_event(headers: dict[str, str], body: bytes, *, expected: Subscription, at: int) -> Signal | None:
    """What an event says; ``None`` for the end of the subscription.

    1. The bearer token is ours, in constant time: ``NotAuthentic``, before a byte of the body is read. 2. The body is a
       CloudEvent 1.0 in JSON, under 16 KiB: ``Malformed``. 3. It is of this subscription: ``NotAuthentic``. 4. It is at
       most a day old and not from the future: ``OutOfWindow``. 5. It is of a type that we asked for: ``Malformed``.
    """
    shown = headers.get("authorization", "")
    if Secret(shown.encode()) != Secret(b"Bearer " + expected.token.reveal()):
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
    if event.specversion != "1.0" or not event.id:
        raise Malformed(Code.BODY, "not a CloudEvent 1.0")
    if event.data.subscription != expected.id:
        raise NotAuthentic(Code.MISMATCH, "an event of another subscription")
    if happened_at > at + _EARLY_S or at - happened_at > MAX_LATE_S:
        raise OutOfWindow(Code.EXPIRED, "an event of another time")
    if event.type == _ENDS:
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
