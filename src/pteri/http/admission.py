"""What the head of a request must be, whatever the route: cheap checks before dear ones (SV-18, DS-04).

Nothing here knows an application. Every refusal is a ``ProblemError`` and tells callers nothing but what they sent
themselves.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Never, TypeAlias
from urllib.parse import parse_qsl

from pteri.core.errors import Code
from pteri.http.problems import HttpCode, Kind, ProblemError
from pteri.http.proxies import Network
from pteri.http.ratelimit import Rate

__all__ = [
    "Bearer",
    "Limits",
    "Pairs",
    "Signature",
    "bearer_of",
    "body_timeout",
    "check_body",
    "check_framing",
    "check_media_type",
    "check_size",
    "doubled_names",
    "head_too_large",
    "query_of",
    "signature_of",
    "unreadable",
]

Pairs: TypeAlias = Sequence[tuple[bytes, bytes]]
Signature: TypeAlias = tuple[str, str, str, str]
"""The values of Content-Digest, Idempotency-Key, Signature-Input and Signature."""
Bearer: TypeAlias = tuple[str, str]
"""An idempotency key and a token."""

_CONTENT_TYPE: Final = re.compile(rb'application/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?', re.IGNORECASE)
_MAX_DIGITS: Final = 10
_ZERO: Final = ord("0")
_SIGNATURE: Final = frozenset((b"content-digest", b"signature-input", b"signature"))
_SIGNED: Final = _SIGNATURE | {b"idempotency-key"}
_BEARING: Final = frozenset((b"authorization", b"idempotency-key"))
_BEARER: Final = re.compile(rb"Bearer ([\x21-\x7e]{1,512})")
_NO_QUERY: Final[Mapping[str, str]] = {}
_NO_NAMES: Final[frozenset[bytes]] = frozenset()
_DEFAULT_RATE: Final = Rate("all", burst=600, per_s=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What any request may cost, whatever the route. ``rate`` counts all requests of one network together.

    ``max_waiting`` is how many requests this process has under way at once. ``head_timeout_s`` and ``write_timeout_s``
    say how long a connection may take to send a head, and to take any of an answer that is waiting for it. From
    ``trusted_proxies``, and nobody else, ``X-Forwarded-For`` is believed.
    """

    max_headers: int = 64
    max_header_bytes: int = 16_384
    max_target_bytes: int = 2048
    max_waiting: int = 512
    head_timeout_s: float = 10.0
    body_timeout_s: float = 10.0
    write_timeout_s: float = 30.0
    rate: Rate = _DEFAULT_RATE
    trusted_proxies: tuple[Network, ...] = ()


def check_size(target_bytes: int, headers: Pairs, at_most: int, limits: Limits) -> None:
    """Refuse with 413 a head or a target over the limits, before anything in them is read.

    The headers are added up only if ``at_most``, which they do not exceed, is over the limit.
    """
    if len(headers) > limits.max_headers or (
        at_most > limits.max_header_bytes
        and sum(len(name) + len(value) for name, value in headers) > limits.max_header_bytes
    ):
        raise head_too_large()
    if target_bytes > limits.max_target_bytes:
        raise _too_large(HttpCode.TARGET, "The address of the request is longer than is accepted.")


def head_too_large() -> ProblemError:
    """The refusal of a head over the limits."""
    return _too_large(HttpCode.REQUEST_HEADERS, "The headers of the request are larger than is accepted.")


def doubled_names(headers: Pairs, fields: Mapping[bytes, bytes]) -> frozenset[bytes]:
    """Names that come more than once. ``fields`` has each header once."""
    if len(fields) == len(headers):
        return _NO_NAMES
    return frozenset(name for name, times in Counter(name for name, _ in headers).items() if times > 1)


def query_of(text: bytes, declared: Mapping[str, str]) -> Mapping[str, str]:
    """The declared parameters that were sent, each once."""
    if not text:
        return _NO_QUERY
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:  # also what is not ASCII, and percent escapes that are not UTF-8
        _bad_query("The part of the address after the question mark cannot be read.")
    query = dict(pairs)
    # of two equal names one reader takes the first and the next one the last
    if len(query) != len(pairs):
        _bad_query("A parameter of the address comes twice.")
    if not query.keys() <= declared.keys():
        _bad_query("The address has a parameter that does not exist here.")
    return query


def check_framing(fields: Mapping[bytes, bytes], doubled: frozenset[bytes], max_bytes: int) -> None:
    """Refuse a body whose end two readers could see at different places, and one that is announced too large."""
    length, coding = fields.get(b"content-length"), fields.get(b"transfer-encoding")
    if length is not None:
        # digits only, no zero before them: one spelling
        if not length.isdigit() or len(length) > _MAX_DIGITS or (length[0] == _ZERO and length != b"0"):
            raise _bad_headers("Content-Length is not one number.")
        if doubled and b"content-length" in doubled:
            raise _bad_headers("Content-Length is not one number.")
        # both together are how one request is smuggled inside another (RFC 9112 section 6.1)
        if coding is not None:
            raise _bad_headers("Content-Length and Transfer-Encoding exclude each other.")
        check_body(int(length), max_bytes)
    elif coding is not None and (b"transfer-encoding" in doubled or coding.lower() != b"chunked"):
        raise _bad_headers("The only Transfer-Encoding here is chunked.")


def check_media_type(fields: Mapping[bytes, bytes], doubled: frozenset[bytes]) -> None:
    """Refuse with 415 whatever is not one JSON text in UTF-8."""
    type_ = fields.get(b"content-type")
    if (
        type_ is None
        or (type_ != b"application/json" and not _CONTENT_TYPE.fullmatch(type_))
        or b"content-type" in doubled
        # a content coding would let a small body become a large one after the size was checked
        or b"content-encoding" in fields
    ):
        raise ProblemError(Kind.UNSUPPORTED_MEDIA_TYPE, code=HttpCode.MEDIA_TYPE, close=True)


def signature_of(fields: Mapping[bytes, bytes], doubled: frozenset[bytes]) -> Signature:
    """The four headers of a signed request, each exactly once."""
    # of two equal headers one verifier reads the first, another joins both (RFC 9421 section 2.1)
    if not (doubled and not doubled.isdisjoint(_SIGNED)):
        try:
            return (
                fields[b"content-digest"].decode("latin-1"),
                fields[b"idempotency-key"].decode("latin-1"),
                fields[b"signature-input"].decode("latin-1"),
                fields[b"signature"].decode("latin-1"),
            )
        except KeyError:
            pass
    raise ProblemError(
        Kind.DENIED,
        code=Code.SIGNATURE_HEADERS,
        detail="This request must be signed. It needs the headers Content-Digest, Idempotency-Key, "
        "Signature-Input and Signature, each exactly once.",
        close=True,
    ) from None


def bearer_of(fields: Mapping[bytes, bytes], doubled: frozenset[bytes]) -> Bearer:
    """A token, once, beside one idempotency key and nothing of a signature.

    A request that carried both could be checked by the one and believed to be checked by the other.
    """
    found, key = _BEARER.fullmatch(fields[b"authorization"]), fields.get(b"idempotency-key")
    if found is None or key is None or not doubled.isdisjoint(_BEARING) or not _SIGNATURE.isdisjoint(fields):
        raise _bad_headers(
            "A token is sent as Authorization: Bearer and the token, once, with one Idempotency-Key and without the "
            "headers of a signature."
        )
    return key.decode("latin-1"), found[1].decode("ascii")


def body_timeout() -> ProblemError:
    """The refusal of a body that did not arrive in time."""
    return ProblemError(
        Kind.MALFORMED,
        code=HttpCode.BODY_TIMEOUT,
        detail="The body did not arrive in time. Send the request again.",
        close=True,
    )


def check_body(body_bytes: int, max_bytes: int) -> None:
    """Refuse a body over the limit of its route."""
    if body_bytes > max_bytes:
        raise _too_large(
            HttpCode.BODY_SIZE,
            f"A body here has at most {max_bytes} bytes." if max_bytes else "This request has no body.",
        )


def unreadable() -> ProblemError:
    """The refusal of bytes that are no request of HTTP/1.1."""
    return _bad_headers("This is not a request of HTTP/1.1 in its one form.")


def _bad_headers(detail: str) -> ProblemError:
    return ProblemError(Kind.MALFORMED, code=HttpCode.REQUEST_HEADERS, detail=detail, close=True)


def _bad_query(detail: str) -> Never:
    raise ProblemError(Kind.MALFORMED, code=HttpCode.TARGET, detail=detail)


def _too_large(code: HttpCode, detail: str) -> ProblemError:
    # the rest of an oversized request is not worth reading: the connection ends with the answer
    return ProblemError(Kind.TOO_LARGE, code=code, detail=detail, close=True)
