"""ES2+: what an SM-DP+ tells an operator, as JSON (SGP.22 sections 5.3 and 6.5.2).

``handleDownloadProgressInfo`` of version 2 and ``handleNotification`` of version 3 are the server's own word, level 1,
of use against a binding only. With ``resultData`` they carry what the chip signed, and then that is the evidence, to be
verified like any other: the words around it stay words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final

import msgspec

from pteri.core.errors import Code, MalformedEvidence
from pteri.core.euicc.es9 import EXECUTED, MAX_BASE64, RequestHeader, ResponseHeader, from_base64
from pteri.core.euicc.numbers import Eid, Iccid, eid, iccid

__all__ = [
    "ACKNOWLEDGED",
    "Acknowledged",
    "HandleDownloadProgressInfo",
    "HandleOrderNotification",
    "OrderNotified",
    "Progress",
]

_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})")

_DONE: Final = "Executed-Success"
_PADDED: Final = 20

_Text = Annotated[str, msgspec.Meta(max_length=255)]


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    pass


class ReportedStatusCode(_Body, frozen=True):
    """Why something failed, in the numbers of SGP.22 section 5.2.6."""

    subject_code: _Text
    reason_code: _Text
    subject_identifier: _Text = ""
    message: _Text = ""


class ReportedStatus(_Body, frozen=True):
    """How a step ended: ``Executed-Success``, ``Executed-WithWarning``, ``Failed`` or ``Expired``."""

    status: _Text
    status_code_data: ReportedStatusCode | None = None


class HandleDownloadProgressInfo(_Body, frozen=True, kw_only=True):
    """One step of one download: 1 eligibility, 2 confirmation, 3 download, 4 installation; others are the SM-DP+'s own.

    Its ``repr`` shows neither chip nor profile nor phone.
    """

    header: RequestHeader
    eid: _Text | None = None
    iccid: _Text
    profile_type: _Text
    timestamp: _Text
    notification_point_id: Annotated[int, msgspec.Meta(ge=0, le=9999)]
    notification_point_status: ReportedStatus
    result_data: Annotated[str, msgspec.Meta(max_length=MAX_BASE64)] | None = None
    tac: _Text | None = None
    imei: _Text | None = None

    def __repr__(self) -> str:
        return f"HandleDownloadProgressInfo({self.notification_point_id}, {self.notification_point_status.status!r})"

    def progress(self) -> Progress:
        """What it says, with each value in its one spelling; ``MalformedEvidence`` where one has none."""
        return Progress(
            eid=None if self.eid is None else eid(self.eid),
            iccid=_iccid(self.iccid),
            step=self.notification_point_id,
            succeeded=self.notification_point_status.status == _DONE,
            said_at=_instant(self.timestamp),
            evidence=_evidence(self.result_data),
        )


class HandleOrderNotification(_Body, frozen=True, kw_only=True):
    """``handleNotification`` of version 3: something happened to an order or its profile, and when by its own clock.

    Events of the standard are small numbers or names; what one is called decides nothing here. Its ``repr`` shows
    neither chip nor profile.
    """

    header: RequestHeader
    eid: _Text | None = None
    iccid: _Text | None = None
    profile_type: _Text | None = None
    timestamp: _Text
    notification_event: (
        Annotated[int, msgspec.Meta(ge=0, le=9999)] | Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    )
    notification_event_status: ReportedStatus | None = None
    notification_receiver_identifier: _Text | None = None
    notification_identifier: _Text | None = None
    result_data: Annotated[str, msgspec.Meta(max_length=MAX_BASE64)] | None = None

    def __repr__(self) -> str:
        return f"HandleOrderNotification({self.notification_event!r})"

    def notified(self) -> OrderNotified:
        """What it says, with each value in its one spelling; ``MalformedEvidence`` where one has none."""
        status = self.notification_event_status
        return OrderNotified(
            eid=None if self.eid is None else eid(self.eid),
            iccid=None if self.iccid is None else _iccid(self.iccid),
            event=str(self.notification_event),
            succeeded=status is None or status.status == _DONE,
            said_at=_instant(self.timestamp),
            evidence=_evidence(self.result_data),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """An SM-DP+'s word about a download. ``evidence`` is what the chip signed, not verified; ``None``: nothing is.

    ``said_at`` (Unix seconds) is the SM-DP+'s own clock.
    """

    eid: Eid | None = field(repr=False)
    iccid: Iccid = field(repr=False)
    step: int
    succeeded: bool
    said_at: int
    evidence: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotified:
    """An SM-DP+'s word about an order; the rest as in :class:`Progress`."""

    eid: Eid | None = field(repr=False)
    iccid: Iccid | None = field(repr=False)
    event: str
    succeeded: bool
    said_at: int
    evidence: bytes | None = field(repr=False)


class Acknowledged(_Body, frozen=True):
    """The answer."""

    header: ResponseHeader


ACKNOWLEDGED: Final = Acknowledged(EXECUTED)
"""It was received. Nothing is said of what is made of it."""


def _iccid(text: str) -> Iccid:
    """An ICCID of 19 digits may have an F behind it, as chips pack it."""
    return iccid(text[:-1] if len(text) == _PADDED and text[-1] in "Ff" else text)


def _evidence(result_data: str | None) -> bytes | None:
    return from_base64(result_data) if result_data else None


def _instant(text: str) -> int:
    if _INSTANT.fullmatch(text) is None:
        raise MalformedEvidence(Code.FIELD, "not an instant to the second with its zone")
    try:
        at = int(datetime.fromisoformat(text).timestamp())
    except ValueError as error:
        raise MalformedEvidence(Code.FIELD, "an instant that no calendar has") from error
    if at < 0:
        raise MalformedEvidence(Code.FIELD, "an instant before 1970")
    return at
