"""Talking to a PTERI server: every request signed, repeated only as it was (docs/spec section 10).

A body or a signature is never logged or put into an error: the one-time code can be computed from them.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeVar
from urllib.parse import urlsplit

import msgspec

from pteri.core import httpsig
from pteri.core.httpsig import SignedRequest
from pteri.core.ids import new_idempotency_key, tenant_id
from pteri.core.keys.secret import Secret
from pteri.wallet.refusals import (
    BAD_ANSWER,
    PENDING_LOG,
    UNREACHABLE,
    SafetyCode,
    ServerError,
    UnsafeError,
    instant_of,
)

if TYPE_CHECKING:
    from pteri.core.httpsig import Tag
    from pteri.core.keys.device import DevicePrivateKey
    from pteri.wallet.ports import Clock, Entropy

__all__ = [
    "MAX_REPLY_BYTES",
    "NoNetwork",
    "PlainRequest",
    "Reply",
    "Request",
    "Server",
    "TokenRequest",
    "Transport",
    "checked_origin",
]

MAX_REPLY_BYTES: Final = 256 * 1024
_ATTEMPTS: Final = 3
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]{1,253}")
_MAX_MESSAGE = 400
_AnswerT = TypeVar("_AnswerT", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A relying party's request with a token in place of its signature (docs/spec section 10.2)."""

    method: str
    target_uri: str
    body: bytes = field(repr=False)
    idempotency_key: str
    token: Secret = field(repr=False)

    def headers(self) -> dict[str, str]:
        """Headers to send, names in lower case."""
        return {
            "authorization": f"Bearer {self.token.reveal().decode('ascii')}",
            "idempotency-key": self.idempotency_key,
        }


@dataclass(frozen=True, slots=True)
class PlainRequest:
    """A request that nobody signs: what opens a mailbox of the relay is its id. It has no idempotency key either."""

    method: str
    target_uri: str
    body: bytes = field(repr=False)
    idempotency_key: str = ""

    def headers(self) -> dict[str, str]:
        """None."""
        return {}


Request: TypeAlias = SignedRequest | TokenRequest | PlainRequest
"""What is sent: it says who asks, by a signature or by a token; or it is for the relay, which knows nobody."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``body`` has at most ``MAX_REPLY_BYTES``."""

    status: int
    body: bytes = field(repr=False)


class Transport(Protocol):
    """Carries a request and brings the answer. Follows no redirect: a signature is for one place."""

    def send(self, request: Request) -> Reply:
        """The answer, whatever its status; ``ServerError(UNREACHABLE)`` when there was none."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class NoNetwork:
    """The transport of a phone that is to speak to nobody, whatever it is asked."""

    def send(self, request: Request) -> Reply:
        """Always ``UNREACHABLE``."""
        del request
        raise ServerError(UNREACHABLE, "This phone was told to use no network. Leave that out, then try again.")

    def close(self) -> None:
        """There is nothing to let go of."""


class Server:
    """One tenant of one server, as seen by one key. ``origin`` must be the server's public one, to the letter."""

    def __init__(
        self,
        transport: Transport,
        *,
        origin: str,
        tenant: str,
        key: DevicePrivateKey,
        tag: Tag,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self.origin = checked_origin(origin)
        self.tenant = tenant_id(tenant)
        self._transport = transport
        self._key = key
        self._tag = tag
        self._clock = clock
        self._entropy = entropy

    def post(self, path: str, message: msgspec.Struct, answer: type[_AnswerT]) -> _AnswerT:
        """Ask, under a fresh idempotency key."""
        return self.send(self.signed("POST", path, msgspec.json.encode(message)), answer)

    def get(self, path: str, answer: type[_AnswerT]) -> _AnswerT:
        """Look."""
        return self.send(self.signed("GET", path, b""), answer)

    def signed(self, method: str, path: str, body: bytes) -> SignedRequest:
        """A request to ``path`` below this tenant, ready to be sent, kept and sent again."""
        return self._signed(method, self.address_of(path), body, self._fresh_key())

    def with_token(self, method: str, path: str, body: bytes, token: Secret) -> TokenRequest:
        """The same with a token, for the routes that take one."""
        return TokenRequest(method, self.address_of(path), body, self._fresh_key(), token)

    def signed_instead(self, request: TokenRequest) -> SignedRequest:
        """The same request, to the letter and under the same idempotency key, with a signature for the token.

        To the server it is a repeat: it asks for nothing twice.
        """
        return self._signed(request.method, request.target_uri, request.body, request.idempotency_key)

    def send(self, request: Request, answer: type[_AnswerT]) -> _AnswerT:
        """Send this very request, at most three times while no answer comes, or it is done and not told yet.

        Never another request in its place: a new signature has another code, and a new key could have a second
        effect. Raises :class:`ServerError` for every answer that is not a success of the expected shape.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _understood(self._transport.send(request), answer)
            except ServerError as error:
                if error.code not in {UNREACHABLE, PENDING_LOG} or attempt == _ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def address_of(self, path: str) -> str:
        """The whole address of a path below this tenant."""
        return f"{self.origin}/v1/{self.tenant}{path}"

    def _fresh_key(self) -> str:
        return new_idempotency_key(self._clock.now(), self._entropy.draw(12))

    def _signed(self, method: str, target_uri: str, body: bytes, idempotency_key: str) -> SignedRequest:
        return httpsig.sign(
            method=method,
            target_uri=target_uri,
            body=body,
            idempotency_key=idempotency_key,
            key=self._key,
            created_at=self._clock.now(),
            nonce=self._entropy.draw(httpsig.NONCE_BYTES),
            tag=self._tag,
        )


class _Problem(msgspec.Struct, frozen=True):
    """The members of a problem that are used here. Others may come; nothing is decided by them."""

    code: str
    detail: str = ""
    until: str | None = None


def _understood(reply: Reply, answer: type[_AnswerT]) -> _AnswerT:
    if not 200 <= reply.status < 300:
        raise _refused(reply)
    try:
        return msgspec.json.decode(reply.body, type=answer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ServerError(
            BAD_ANSWER,
            "The server answered something that this program does not understand. Update it, then try again.",
            status=reply.status,
        ) from error


def _refused(reply: Reply) -> ServerError:
    try:
        problem = msgspec.json.decode(reply.body, type=_Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ServerError(
            BAD_ANSWER,
            f"The server, or something in front of it, answered with HTTP status {reply.status} and no reason.",
            status=reply.status,
        )
    return ServerError(
        _plain(problem.code) or BAD_ANSWER,
        _plain(problem.detail) or "The server gave no reason.",
        status=reply.status,
        until=instant_of(problem.until),
    )


def _plain(text: str) -> str:
    """Text of a server, fit for a terminal: no escape sequences, no line breaks, not endless."""
    return "".join(character for character in text[:_MAX_MESSAGE] if character.isprintable())


def checked_origin(text: str) -> str:
    """Scheme, host and port: https, or plain http to this very computer; else ``INSECURE_SERVER``."""
    if not (_ORIGIN.fullmatch(text) and _is_safe(text)):
        raise UnsafeError(
            SafetyCode.INSECURE_SERVER,
            "The address of a server is https:// and a host name, such as https://id.bank.example. "
            "Plain http:// is for a server on this very computer only.",
        )
    return text


def _is_safe(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # brackets that do not close, a port that is none
        return False
    return bool(host) and (parts.scheme == "https" or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
