"""ES2+: what an SM-DP+ tells an operator, as JSON (SGP.22 sections 5.3.6 and 6.5.2).

``handleDownloadProgressInfo`` is the server's own word, level 1, of use against a binding only. With ``resultData`` it
carries what the chip signed, and then that is the evidence, to be verified like any other: the words around it stay
words.
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

__all__ = ["ACKNOWLEDGED", "Acknowledged", "HandleDownloadProgressInfo", "Progress"]

_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:Z|[+-][0-9]{2}:[0-9]{2})")

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
        padded = self.iccid[:-1] if len(self.iccid) == 20 and self.iccid[-1] in "Ff" else self.iccid
        evidence = None if not self.result_data else from_base64(self.result_data)
        return Progress(
            eid=None if self.eid is None else eid(self.eid),
            iccid=iccid(padded),
            step=self.notification_point_id,
            succeeded=self.notification_point_status.status == "Executed-Success",
            said_at=_instant(self.timestamp),
            evidence=evidence,
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


class Acknowledged(_Body, frozen=True):
    """The answer."""

    header: ResponseHeader


ACKNOWLEDGED: Final = Acknowledged(EXECUTED)
"""It was received. Nothing is said of what is made of it."""


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
