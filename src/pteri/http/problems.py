"""Every "no" of the web side in one form: ``application/problem+json`` (RFC 9457; docs/spec section 11).

The list of problem types is closed. A type says what kind of no it is, ``code`` which one exactly; both are
stable and may be switched on. ``detail`` is for the person: what happened, and what to do next.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pteri.core.errors import ProtocolError

__all__ = [
    "MEDIA_TYPE",
    "PROBLEM_TYPES",
    "HttpCode",
    "Kind",
    "Problem",
    "ProblemAnswer",
    "ProblemError",
    "ProblemType",
    "from_protocol_error",
    "problem_answer",
]

MEDIA_TYPE: Final = "application/problem+json"


class Kind(StrEnum):
    """The closed list of problem types; the value is the last part of the ``type`` path."""

    MALFORMED = "malformed"
    DENIED = "denied"
    NOT_ALLOWED = "not-allowed"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    CONFLICT = "conflict"
    GONE = "gone"
    TOO_LARGE = "too-large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type"
    SLOW_DOWN = "slow-down"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


class HttpCode(StrEnum):
    """Codes of the web side itself, beside those of ``pteri.core.errors.Code`` and of the domain."""

    DENIED = "DENIED"
    """The one public code of every failed proof: a thief learns nothing from it."""
    NOT_FOUND = "NOT_FOUND"
    """No such path, or no such thing of yours."""
    METHOD = "METHOD"
    """The path exists, but not with this method; ``Allow`` lists the methods."""
    REQUEST_HEADERS = "REQUEST_HEADERS"
    """Too many headers, too long ones, or a contradiction between them."""
    TARGET = "TARGET"
    """Path and query are too long, or a query parameter is unknown or comes twice."""
    BODY_SIZE = "BODY_SIZE"
    """The body is over the limit of this route."""
    BODY_TIMEOUT = "BODY_TIMEOUT"
    """The body did not arrive in time."""
    MEDIA_TYPE = "MEDIA_TYPE"
    """Not ``application/json`` in UTF-8 without content coding."""
    RATE = "RATE"
    """Too many requests from this network."""
    NAVIGATION = "NAVIGATION"
    """A browser would show the answer as a page; it is for programs."""
    INTERNAL = "INTERNAL"
    """Our fault."""


class ProblemType(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a problem type means to a person; served at ``GET {type}`` and shown by the app."""

    type: str
    title: str
    status: int
    meaning: str
    what_to_do: str


class Problem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of every answer that is not a success (RFC 9457).

    ``until`` is an RFC 3339 instant from which on the same request may succeed. Whoever asks for help quotes
    ``request_id``.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    retry_after_s: int | None = None
    until: str | None = None


class ProblemError(Exception):
    """Ends a request with a problem.

    ``detail`` is shown to the caller: it never holds a secret or a value that was received. Without it the
    words of the type are used, which is right wherever the reason is nobody's business. ``why`` is that reason, for
    the operator's log alone. ``close``: nothing more is read from this caller, the connection ends with the answer.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        code: str,
        detail: str = "",
        headers: Mapping[str, str] = MappingProxyType({}),
        retry_after_s: int | None = None,
        until: str | None = None,
        why: str = "",
        close: bool = False,
    ) -> None:
        super().__init__(f"{kind}: {code}")
        self.kind = kind
        self.code = code
        self.detail = detail
        self.headers = headers
        self.retry_after_s = retry_after_s
        self.until = until
        self.why = why
        self.close = close


def from_protocol_error(error: ProtocolError) -> ProblemError:
    """Translate: 400 for bytes that are wrong before any key was used, for all else the one 401."""
    if isinstance(error, Malformed):
        return ProblemError(Kind.MALFORMED, code=error.code, detail=f"Not the form asked for: {error.detail}.")
    return ProblemError(Kind.DENIED, code=HttpCode.DENIED)


class ProblemAnswer(msgspec.Struct, frozen=True):
    """A problem as it is sent: header names in lower case, the body encoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def problem_answer(error: ProblemError, request_id: str) -> ProblemAnswer:
    """Build the answer. Equal kind, code and detail give equal bytes but for the id, whoever asks."""
    about = PROBLEM_TYPES[error.kind]
    problem = Problem(
        type=about.type,
        title=about.title,
        status=about.status,
        detail=error.detail or f"{about.meaning} {about.what_to_do}",
        code=error.code,
        request_id=request_id,
        retry_after_s=error.retry_after_s,
        until=error.until,
    )
    headers = {**error.headers, "cache-control": "no-store"}
    if error.retry_after_s is not None:
        headers["retry-after"] = str(error.retry_after_s)
    if error.kind is Kind.DENIED:
        # RFC 9110 section 15.5.2 wants a challenge: it names the scheme, and nothing else
        headers["www-authenticate"] = 'Signature realm="pteri"'
    return ProblemAnswer(about.status, headers, msgspec.json.encode(problem))


def _type(kind: Kind, status: int, title: str, meaning: str, what_to_do: str) -> tuple[Kind, ProblemType]:
    return kind, ProblemType(f"/problems/{kind}", title, status, meaning, what_to_do)


PROBLEM_TYPES: Final[Mapping[Kind, ProblemType]] = MappingProxyType(
    dict(
        (
            _type(
                Kind.MALFORMED,
                400,
                "The request is not well-formed",
                "The request does not have the form that is asked for here. Nothing was changed.",
                "Update the app and try again. If you write software, compare it with the API description.",
            ),
            _type(
                Kind.DENIED,
                401,
                "Not accepted",
                "The proof in this request was not accepted: it may be wrong, used, too old or withdrawn.",
                "Start again on the phone that you registered. If this was not you, you can ignore it.",
            ),
            _type(
                Kind.NOT_ALLOWED,
                403,
                "Not allowed now",
                "Your phone was recognised, but the rules of this account do not allow this at present.",
                "Read the reason given. Where a time is given, try again after it.",
            ),
            _type(
                Kind.NOT_FOUND,
                404,
                "Not found",
                "There is nothing here, or nothing that you may see.",
                "Check the address. What has ended may no longer be found: start it again.",
            ),
            _type(
                Kind.METHOD_NOT_ALLOWED,
                405,
                "Another method is needed",
                "This address exists, but it does not do what was asked.",
                "Use one of the methods in the Allow header.",
            ),
            _type(
                Kind.CONFLICT,
                409,
                "Something else happened first",
                "The account changed meanwhile, or this request was sent before with other contents.",
                "Look at the account as it is now. If you still want the change, start it again.",
            ),
            _type(
                Kind.GONE,
                410,
                "Already over",
                "What this request belongs to has ended: it was finished or stopped, or its time ran out.",
                "Start it again.",
            ),
            _type(
                Kind.TOO_LARGE,
                413,
                "Too large",
                "The request is larger than is accepted here, so it was not read.",
                "Send less. An app that is up to date never sends this much.",
            ),
            _type(
                Kind.UNSUPPORTED_MEDIA_TYPE,
                415,
                "Not JSON",
                "Only JSON in UTF-8, not compressed, is read here.",
                "Send the body with the header Content-Type: application/json.",
            ),
            _type(
                Kind.SLOW_DOWN,
                429,
                "Too many requests",
                "There were too many requests of this kind in a short time. Your account is not locked.",
                "Wait for the time given, then try once.",
            ),
            _type(
                Kind.INTERNAL,
                500,
                "Our mistake",
                "Something went wrong on our side, and it has been noted.",
                "Send the same request once more: it has one effect, however often it is sent. "
                "If it fails again, tell the operator the request id.",
            ),
            _type(
                Kind.UNAVAILABLE,
                503,
                "Not ready",
                "A part of the service cannot be reached now, or the answer is not ready yet.",
                "Send the same request again after a while: it has one effect, however often it is sent.",
            ),
        )
    )
)
