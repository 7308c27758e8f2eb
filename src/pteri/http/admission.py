"""From an ASGI request to a :class:`Call`: limits first, cheap before dear, the body last (SV-18, DS-04).

Nothing here knows an application. Every refusal is a ``ProblemError`` or ``Malformed`` and tells callers
nothing but what they sent themselves.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Never
from urllib.parse import parse_qsl

from starlette.datastructures import Headers

from pteri.core.errors import Code
from pteri.core.httpsig import SignedRequest
from pteri.http import strictjson
from pteri.http.problems import HttpCode, Kind, ProblemError
from pteri.http.ratelimit import Rate
from pteri.http.routing import Auth, Call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope

    from pteri.http.routing import AnyRoute

__all__ = ["ClientGoneError", "Limits", "admit", "check_request_size", "client_host"]

_SIGNATURE_HEADERS: Final = ("content-digest", "idempotency-key", "signature-input", "signature")
_CONTENT_TYPE: Final = re.compile(rb'application/json(?:[ \t]*;[ \t]*charset=(?:utf-8|"utf-8"))?', re.IGNORECASE)
_CONTENT_LENGTH: Final = re.compile(rb"0|[1-9][0-9]{0,9}")
_CLOSE: Final = {"connection": "close"}
_DEFAULT_RATE: Final = Rate("all", burst=600, per_s=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What any request may cost, whatever the route. ``rate`` counts all requests of one network together."""

    max_headers: int = 64
    max_header_bytes: int = 16_384
    max_target_bytes: int = 2048
    body_timeout_s: float = 10.0
    rate: Rate = _DEFAULT_RATE


class ClientGoneError(Exception):
    """The caller hung up before the body was there: nobody is left to answer."""


def check_request_size(scope: Scope, limits: Limits) -> None:
    """Refuse with 413 a head or a target over the limits, before anything in them is read."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > limits.max_headers or size > limits.max_header_bytes:
        _too_large(HttpCode.REQUEST_HEADERS, "The headers of the request are larger than is accepted.")
    if len(_raw_path(scope)) + len(scope["query_string"]) > limits.max_target_bytes:
        _too_large(HttpCode.TARGET, "The address of the request is longer than is accepted.")


def client_host(scope: Scope) -> str:
    """Return the peer's address as the server saw it; empty without one (a Unix socket)."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def admit(
    route: AnyRoute,
    scope: Scope,
    receive: Receive,
    *,
    public_origin: str,
    limits: Limits,
    request_id: str,
) -> Call[object]:
    """Return the call for ``route``. Headers are judged before a byte of the body is read."""
    headers = Headers(scope=scope)
    # 1. one spelling of the address: what is matched, signed and seen by a proxy are the same characters
    if _raw_path(scope) != scope["path"].encode("utf-8") or b"%" in _raw_path(scope):
        raise ProblemError(Kind.NOT_FOUND, code=HttpCode.NOT_FOUND)
    query = _query(scope, route.query)
    # 2. framing and type of the body
    max_bytes = route.max_body_bytes if route.body is not None else 0
    _check_framing(headers, max_bytes)
    if route.body is not None:
        _check_media_type(headers)
    # 3. the signature headers, each exactly once
    signature = _signature_headers(headers) if route.auth is not Auth.NONE else None
    # 4. the body
    raw = await _read_body(receive, max_bytes=max_bytes, timeout_s=limits.body_timeout_s)
    return Call(
        request_id=request_id,
        client_host=client_host(scope),
        path=scope["path_params"],
        query=query,
        headers=headers,
        body=None if route.body is None else strictjson.decode(raw, route.body, max_bytes=max_bytes),
        raw=raw,
        signed=None if signature is None else _signed(scope, public_origin, raw, signature),
    )


def _raw_path(scope: Scope) -> bytes:
    raw_path: bytes = scope["raw_path"]
    return raw_path


def _query(scope: Scope, declared: Mapping[str, str]) -> dict[str, str]:
    if not scope["query_string"]:
        return {}
    try:
        text = scope["query_string"].decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:  # also what is not ASCII, and percent escapes that are not UTF-8
        _bad_query("The part of the address after the question mark cannot be read.")
    query = dict(pairs)
    # of two equal names one reader takes the first and the next one the last
    if len(query) != len(pairs):
        _bad_query("A parameter of the address comes twice.")
    if not query.keys() <= declared.keys():
        _bad_query("The address has a parameter that does not exist here.")
    return query


def _check_framing(headers: Headers, max_bytes: int) -> None:
    lengths = _values(headers, "content-length")
    if len(lengths) > 1 or any(not _CONTENT_LENGTH.fullmatch(length) for length in lengths):
        _bad_headers("Content-Length is not one number.")
    # both together are how one request is smuggled inside another (RFC 9112 section 6.1)
    if lengths and _values(headers, "transfer-encoding"):
        _bad_headers("Content-Length and Transfer-Encoding exclude each other.")
    if lengths and int(lengths[0]) > max_bytes:
        _body_too_large(max_bytes)


def _check_media_type(headers: Headers) -> None:
    types = _values(headers, "content-type")
    # a content coding would let a small body become a large one after the size was checked
    if len(types) != 1 or not _CONTENT_TYPE.fullmatch(types[0]) or _values(headers, "content-encoding"):
        raise ProblemError(Kind.UNSUPPORTED_MEDIA_TYPE, code=HttpCode.MEDIA_TYPE, headers=_CLOSE)


def _signature_headers(headers: Headers) -> tuple[str, ...]:
    values = [headers.getlist(name) for name in _SIGNATURE_HEADERS]
    # of two equal headers one verifier reads the first, another joins both (RFC 9421 section 2.1)
    if any(len(found) != 1 for found in values):
        raise ProblemError(
            Kind.DENIED,
            code=Code.SIGNATURE_HEADERS,
            detail="This request must be signed. It needs the headers Content-Digest, Idempotency-Key, "
            "Signature-Input and Signature, each exactly once.",
            headers=_CLOSE,
        )
    return tuple(found[0] for found in values)


def _signed(scope: Scope, public_origin: str, raw: bytes, values: tuple[str, ...]) -> SignedRequest:
    # never the Host header: it is the caller's word, and a signature for another host must not count here
    target = _raw_path(scope) + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    content_digest, idempotency_key, signature_input, signature = values
    return SignedRequest(
        method=scope["method"],
        target_uri=public_origin + target.decode("latin-1"),
        body=raw,
        content_digest=content_digest,
        idempotency_key=idempotency_key,
        signature_input=signature_input,
        signature=signature,
    )


async def _read_body(receive: Receive, *, max_bytes: int, timeout_s: float) -> bytes:
    """Read the whole body. The limits hold for what arrives, not for what was announced."""
    body = bytearray()
    try:
        # one deadline for all of it: a byte now and then must not keep the request open
        async with asyncio.timeout(timeout_s):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                body += message.get("body", b"")
                if len(body) > max_bytes:
                    _body_too_large(max_bytes)
                more = message.get("more_body", False)
    except TimeoutError:
        raise ProblemError(
            Kind.MALFORMED,
            code=HttpCode.BODY_TIMEOUT,
            detail="The body did not arrive in time. Send the request again.",
            headers=_CLOSE,
        ) from None
    return bytes(body)


def _values(headers: Headers, name: str) -> list[bytes]:
    wanted = name.encode("ascii")
    return [value for key, value in headers.raw if key == wanted]


def _bad_headers(detail: str) -> Never:
    raise ProblemError(Kind.MALFORMED, code=HttpCode.REQUEST_HEADERS, detail=detail, headers=_CLOSE)


def _bad_query(detail: str) -> Never:
    raise ProblemError(Kind.MALFORMED, code=HttpCode.TARGET, detail=detail)


def _too_large(code: HttpCode, detail: str) -> Never:
    # the rest of an oversized request is not worth reading: the connection ends with the answer
    raise ProblemError(Kind.TOO_LARGE, code=code, detail=detail, headers=_CLOSE)


def _body_too_large(max_bytes: int) -> Never:
    _too_large(
        HttpCode.BODY_SIZE,
        f"A body here has at most {max_bytes} bytes." if max_bytes else "This request has no body.",
    )
