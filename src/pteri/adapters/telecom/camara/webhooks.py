"""What an operator tells unasked: sim-swap-subscriptions 0.3 and its CloudEvents (docs/spec/operator.md section 6).

Pure: bodies go out, answers and events come in. A subscription gives the operator a bearer token that only it knows; an
event counts with that token, for that subscription, and while it is fresh.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated, Final, Literal

import msgspec

from pteri.adapters.telecom.camara.exchange import MAX_REPLY_BYTES, NoReply
from pteri.adapters.telecom.camara.questions import read_instant
from pteri.adapters.telecom.camara.strict import read_json, read_list
from pteri.app.subscription_ports import EventMessage, Found, Made, UnaskedEvent
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber
from pteri.domain.signals import Finding, Question, Signal

__all__ = [
    "CREATE_SCOPE",
    "DELETE_SCOPE",
    "KIND",
    "READ_SCOPE",
    "SUBSCRIPTIONS",
    "SWAPPED",
    "instant",
    "read_event",
    "read_found",
    "read_made",
    "subscription_body",
    "subscription_path",
]

SUBSCRIPTIONS: Final = "/sim-swap-subscriptions/v0.3/subscriptions"
KIND: Final = "org.camaraproject.sim-swap-subscriptions.v0."
SWAPPED: Final = f"{KIND}swapped"
CREATE_SCOPE: Final = f"sim-swap-subscriptions:{SWAPPED}:create"
READ_SCOPE: Final = "sim-swap-subscriptions:read"
DELETE_SCOPE: Final = "sim-swap-subscriptions:delete"
MAX_LATE_S: Final = 86_400
"""An operator may try again for a while; what is older says nothing of now."""
_EARLY_S: Final = 300
# The last one is how 0.2 spells the end.
_ENDS: Final = frozenset(f"{KIND}subscription-{what}" for what in ("ended", "ends"))
_OF_ITSELF: Final = _ENDS | frozenset(f"{KIND}subscription-{what}" for what in ("started", "updated"))
"""What a subscription tells of itself, whatever its types."""
_SINK: Final = re.compile(r"https://[!-~]{1,2000}")
_LOOPBACK: Final = re.compile(r"http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?/[!-~]{1,2000}")

_Filled = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9._~-]+$")]
"""It becomes a word of a path, where another character would mean something."""


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


class _Made(msgspec.Struct, frozen=True):
    id: _Id
    expires_at: str | None = msgspec.field(name="expiresAt", default=None)


class _Listed(msgspec.Struct, frozen=True):
    id: _Id
    sink: str
    expires_at: str | None = msgspec.field(name="expiresAt", default=None)


def instant(at: int) -> str:
    """Unix second ``at`` in RFC 3339, UTC."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def subscription_body(
    number: PhoneNumber | None, *, sink: str, token: Secret, ends_at: int, on_loopback: bool = False
) -> bytes:
    """Ask to be told of SIM swaps of this number, at an ``https`` address, until Unix second ``ends_at``.

    ``number``: as in every question, not beside a three-legged token. ``on_loopback``: the operator is on this very
    machine, as the simulator is; then, and only then, may the sink be there, too, and without TLS.
    """
    if not _SINK.fullmatch(sink) and not (on_loopback and _LOOPBACK.fullmatch(sink)):
        raise ValueError("events are told to an https address only")
    detail = {} if number is None else {"phoneNumber": number.reveal()}
    credential = {
        "credentialType": "ACCESSTOKEN",
        "accessToken": token.reveal().decode("ascii"),
        "accessTokenExpiresUtc": instant(ends_at),
        "accessTokenType": "bearer",
    }
    return msgspec.json.encode(
        {
            "protocol": "HTTP",
            "sink": sink,
            "sinkCredential": credential,
            "types": [SWAPPED],
            "config": {"subscriptionDetail": detail, "subscriptionExpireTime": instant(ends_at)},
        }
    )


def subscription_path(id_: str) -> str:
    """The address of one subscription, below that of the operator."""
    return f"{SUBSCRIPTIONS}/{id_}"


def read_made(body: bytes) -> Made:
    """What the operator says of one that it has made, or will have."""
    made = read_json(body, _Made)
    return Made(made.id, _second(made.expires_at))


def read_found(body: bytes) -> tuple[Found, ...]:
    """Those that it has of us."""
    return tuple(Found(each.id, each.sink, _second(each.expires_at)) for each in read_list(body, _Listed))


def _second(told: str | None) -> int | None:
    return None if told is None else read_instant(told)


def read_event(message: EventMessage, *, operator: str, token: Secret, at: int) -> UnaskedEvent:
    """What an event of this operator says.

    1. The bearer token is ours, in constant time: ``NotAuthentic``, before a byte of the body is read. 2. The body is a
       CloudEvent 1.0 in JSON, under 16 KiB: ``Malformed``. 3. It is at most a day old and not from the future:
       ``OutOfWindow``. 4. It is of a type that we asked for: ``Malformed``. Whether it is of this subscription and of
       its number is for whoever knows these.
    """
    scheme, _, shown = message.authorization.partition(" ")
    # CAMARA writes the scheme in small letters where it is asked for, HTTP reads it in any.
    if scheme.lower() != "bearer" or Secret(shown.encode()) != token:
        raise NotAuthentic(Code.MISMATCH, "not by the operator that this subscription is with")
    if message.content_type.split(";")[0].strip().lower() != "application/cloudevents+json":
        raise Malformed(Code.FORMAT, "an event is application/cloudevents+json")
    if len(message.body) > MAX_REPLY_BYTES:
        raise Malformed(Code.TOO_LARGE, f"an event has at most {MAX_REPLY_BYTES} bytes")
    try:
        event = read_json(message.body, _Event)
        happened_at = read_instant(event.time)
    except NoReply:
        raise Malformed(Code.BODY, "not a CloudEvent") from None
    if happened_at > at + _EARLY_S or at - happened_at > MAX_LATE_S:
        raise OutOfWindow(Code.EXPIRED, "an event of another time")
    if event.type != SWAPPED and event.type not in _OF_ITSELF:
        raise Malformed(Code.FIELD, "an event that nobody asked for")
    signal = Signal(
        operator=operator,
        question=Question.SIM_SWAP,
        finding=Finding.CHANGED,
        code="SIM_SWAPPED",
        asked_at=at,
        changed_at=min(happened_at, at),
    )
    return UnaskedEvent(
        id=event.id,
        source=event.source,
        subscription=event.data.subscription,
        number=event.data.number,
        signal=signal if event.type == SWAPPED else None,
        is_end=event.type in _ENDS,
    )
