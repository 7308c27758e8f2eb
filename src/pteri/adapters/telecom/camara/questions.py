"""The questions to an operator, and what its answers say: bytes in, findings out (docs/spec/operator.md section 4).

sim-swap 2.1, device-swap 1.0, number-recycling 0.2, number-verification 2.1. Pure.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import re
from typing import Annotated, Final, NamedTuple

import msgspec

from pteri.adapters.telecom.camara.exchange import NoReply, Reply
from pteri.adapters.telecom.camara.oauth import Refused
from pteri.adapters.telecom.camara.strict import read_json
from pteri.core.phone_number import PhoneNumber
from pteri.domain.signals import Finding, Question

__all__ = [
    "APIS",
    "MAX_AGE_H",
    "RECYCLING",
    "RECYCLING_SCOPE",
    "VERIFY",
    "VERIFY_SCOPE",
    "AnotherAnswer",
    "Api",
    "Told",
    "check_body",
    "date_body",
    "hours_since",
    "read_answer",
    "read_check",
    "read_date",
    "read_instant",
    "read_recycled",
    "read_verified",
    "recycling_body",
    "verify_body",
]

MAX_AGE_H: Final = 2400
FRESH_S: Final = 300
"""How old an answer may be, and how far its clock may be off."""
_ANSWERED: Final = frozenset({200})
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_RFC3339: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.\d{1,9})?(?:[Zz]|([+-]\d\d:\d\d))", re.ASCII)


class Api(NamedTuple):
    """One level 1 question that has a ``check`` and a ``retrieve-date``."""

    question: Question
    base: str
    scope: str
    yes: str
    no: str


APIS: Final = (
    Api(Question.SIM_SWAP, "/sim-swap/v2", "sim-swap", "SIM_SWAPPED", "NO_SIM_SWAP"),
    Api(Question.DEVICE_SWAP, "/device-swap/v1", "device-swap", "DEVICE_SWAPPED", "NO_DEVICE_SWAP"),
)
RECYCLING: Final = "/number-recycling/v0.2/check"
RECYCLING_SCOPE: Final = "number-recycling:check"
VERIFY: Final = "/number-verification/v2/verify"
VERIFY_SCOPE: Final = "openid number-verification:verify"


class Told(NamedTuple):
    """What an answer says: the part of a signal that is not about who was asked."""

    finding: Finding
    code: str
    changed_at: int | None = None
    watched_s: int | None = None


class AnotherAnswer(Exception):
    """A reply that belongs to another request: about another line, or an old one played back (TE-07)."""


class _Error(msgspec.Struct, frozen=True):
    status: int
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=96)]


class _Swapped(msgspec.Struct, frozen=True):
    swapped: bool


_Days = Annotated[int, msgspec.Meta(ge=0, le=36_525)]


class _SimDate(msgspec.Struct, frozen=True):
    latest: str | None = msgspec.field(name="latestSimChange")
    monitored_days: _Days | None = msgspec.field(name="monitoredPeriod", default=None)


class _DeviceDate(msgspec.Struct, frozen=True):
    latest: str | None = msgspec.field(name="latestDeviceChange")
    monitored_days: _Days | None = msgspec.field(name="monitoredPeriod", default=None)


class _Recycled(msgspec.Struct, frozen=True):
    changed: bool = msgspec.field(name="phoneNumChanged")


class _Verified(msgspec.Struct, frozen=True):
    verified: bool = msgspec.field(name="devicePhoneNumberVerified")


def hours_since(since: int, at: int) -> int:
    """Whole hours that reach back to ``since``: rounded up, or the last part of an hour would go unwatched."""
    return max(1, -(-(at - since) // _HOUR_S))


def check_body(number: PhoneNumber | None, hours: int) -> bytes:
    """``number``: with a two-legged token; with a three-legged one the token names it, and the body must not."""
    return _body(number, maxAge=hours)


def date_body(number: PhoneNumber | None) -> bytes:
    """Ask when it changed last."""
    return _body(number)


def recycling_body(number: PhoneNumber | None, since: int) -> bytes:
    """Ask whether it has another subscriber than on that day (UTC)."""
    return _body(number, specifiedDate=dt.datetime.fromtimestamp(since, dt.UTC).date().isoformat())


def verify_body(number: PhoneNumber) -> bytes:
    """Ask whether it is the number of the phone that the token came from."""
    return _body(number)


def _body(number: PhoneNumber | None, **fields: str | int) -> bytes:
    named = {} if number is None else {"phoneNumber": number.reveal()}
    return msgspec.json.encode({**named, **fields})


def read_answer(reply: Reply, *, correlator: str, at: int, good: frozenset[int] = _ANSWERED) -> bytes:
    """The body of an answer to this very question, given now.

    1. It carries the correlator of our request, which nobody else has; CAMARA demands the echo. Without one it is no
       answer (``NoReply``), with another one :class:`AnotherAnswer`. 2. It is dated, within five minutes of ``at``, and
       has not lain in a cache for longer: ``NoReply(STALE_ANSWER)``. 3. A refusal is :class:`Refused`, with the status
       that its own body says. ``good``: the statuses that are none.
    """
    echoed = reply.headers.get("x-correlator")
    if echoed is not None and echoed != correlator:
        raise AnotherAnswer
    if echoed is None:
        raise NoReply("MALFORMED_ANSWER" if reply.status < 500 else "UNAVAILABLE")
    if not _is_fresh(reply.headers, at):
        raise NoReply("STALE_ANSWER")
    if reply.status in good:
        return reply.body
    error = read_json(reply.body, _Error)
    if error.status != reply.status:
        raise NoReply("MALFORMED_ANSWER")
    raise Refused(reply.status, error.code)


def _is_fresh(headers: dict[str, str], at: int) -> bool:
    try:
        dated = int(email.utils.parsedate_to_datetime(headers["date"]).timestamp())
        age = int(headers.get("age", "0"))
    except (KeyError, ValueError, OverflowError):
        return False
    return abs(at - dated) <= FRESH_S and 0 <= age <= FRESH_S


def read_check(api: Api, body: bytes, *, hours: int) -> Told | None:
    """What a ``check`` says. ``None``: it did change within the hours, and only its date can tell when."""
    if read_json(body, _Swapped).swapped:
        return None
    return Told(Finding.CLEAR, api.no, watched_s=hours * _HOUR_S)


def read_date(api: Api, body: bytes, *, since: int, at: int, yes_h: int | None) -> Told:
    """What a ``retrieve-date`` says of the time from ``since`` to ``at``.

    ``yes_h``: to so many hours a ``check`` has said yes; they are at most one more than ours. ``null`` with
    ``monitoredPeriod`` is "nothing in that window", not "never"; ``null`` alone says nothing (TE-04).
    """
    is_sim = api.question is Question.SIM_SWAP
    answer = read_json(body, _SimDate) if is_sim else read_json(body, _DeviceDate)
    if answer.latest is not None:
        changed_at = min(read_instant(answer.latest), at)
        if changed_at >= since:
            return Told(Finding.CHANGED, api.yes, changed_at=changed_at)
        if yes_h is not None and changed_at < at - yes_h * _HOUR_S - FRESH_S:
            # Yes within the hours, and a date long before them: one of the two is wrong, and the worse one counts.
            return Told(Finding.CHANGED, api.yes)
        return Told(Finding.CLEAR, api.no, watched_s=at - changed_at)
    if yes_h is not None:
        return Told(Finding.CHANGED, api.yes)
    if answer.monitored_days is None:
        return Told(Finding.UNKNOWN, "NO_DATE")
    watched_s = answer.monitored_days * _DAY_S
    if watched_s < at - since:
        return Told(Finding.UNKNOWN, "WINDOW_TOO_SHORT", watched_s=watched_s)
    return Told(Finding.CLEAR, api.no, watched_s=watched_s)


def read_recycled(body: bytes, *, since: int, at: int) -> Told:
    """What number recycling says: of whole days."""
    if read_json(body, _Recycled).changed:
        return Told(Finding.CHANGED, "RECYCLED")
    return Told(Finding.CLEAR, "NOT_RECYCLED", watched_s=at - since)


def read_verified(body: bytes) -> Told:
    """What number verification says: of the phone that the token came from, at this moment."""
    if read_json(body, _Verified).verified:
        return Told(Finding.CLEAR, "NUMBER_VERIFIED")
    return Told(Finding.CONTRADICTED, "ANOTHER_NUMBER")


def read_instant(text: str) -> int:
    """Unix second of an RFC 3339 date and time with its offset; anything else is ``NoReply(MALFORMED_ANSWER)``."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise NoReply("MALFORMED_ANSWER")
    day, clock, offset = found.groups()
    try:
        # Fractions are cut off: a change in the second of the binding counts.
        return int(dt.datetime.fromisoformat(f"{day}T{clock}{offset or '+00:00'}").timestamp())
    except ValueError:
        raise NoReply("MALFORMED_ANSWER") from None
