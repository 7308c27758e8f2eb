"""What a route is: data that both the server and the API description are made from.

A table instead of decorators: whoever reads it sees every door of the house, its lock and its size at once,
and what is not in it does not exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeAlias, TypeVar

import msgspec

from pteri.core import httpsig
from pteri.http import strictjson

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pteri.app.callers import BearerRequest
    from pteri.core.httpsig import SignedRequest
    from pteri.http.problems import Kind
    from pteri.http.ratelimit import Rate

__all__ = [
    "AnyRoute",
    "Auth",
    "Call",
    "Document",
    "Encoded",
    "Reply",
    "Route",
    "check_table",
    "parameter_names",
    "plain_path",
]

BodyT = TypeVar("BodyT")

_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE"})
_SEGMENT: Final = r"(?:[A-Za-z0-9._-]+|\{[a-z_]+(?::path)?\})"
_PATH: Final = re.compile(rf"/|(?:/{_SEGMENT})+")
_PARAMETER: Final = re.compile(r"\{([a-z_]+)(?::path)?\}")


class Auth(StrEnum):
    """Whose signature (RFC 9421) a route asks for. Only its presence is checked here; ``app`` verifies it."""

    NONE = "none"
    DEVICE = "device"
    CLIENT = "client"
    CLIENT_TOKEN = "client-token"  # noqa: S105 - the name of a kind of route
    """The relying party's signature, or instead of it a short-lived token that such a signature bought."""


@dataclass(frozen=True, slots=True)
class Document:
    """An answer that is not a struct. Each subclass is one media type and names it in ``replies``."""

    media_type: ClassVar[str] = "application/octet-stream"

    content: bytes


class Encoded(msgspec.Struct, frozen=True, gc=False):
    """A message that the application has written out already: ``content`` is the JSON of a ``message``.

    It is sent as it is. A recorded answer stays word for word what it was, and costs nothing to repeat.
    """

    content: bytes
    message: type[msgspec.Struct]


class Call(msgspec.Struct, Generic[BodyT], frozen=True, gc=False):
    """One admitted request. ``raw`` is the body as it came, which is what a signature covers.

    ``client_host`` is whom the rate limits count. ``path`` holds the declared names, ``query`` those of the declared
    ones that were sent. ``headers`` are as they came, names in lower case; nothing that a signature must cover is read
    from them.
    """

    request_id: str
    client_host: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Sequence[tuple[bytes, bytes]]
    body: BodyT
    raw: bytes
    signed: SignedRequest | None
    bearer: BearerRequest | None = None

    def __repr__(self) -> str:
        # neither body nor headers: a log may show a call
        return f"Call({self.request_id}, {self.client_host})"

    def header(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in the order sent; for cookies and the like."""
        wanted = name.lower().encode("ascii")
        return tuple(value.decode("latin-1") for key, value in self.headers if key == wanted)

    def signed_request(self) -> SignedRequest:
        """Return the signed request of a DEVICE or CLIENT route; asking on another route is a bug."""
        if self.signed is None:
            raise LookupError("there is no signed request")
        return self.signed

    def client_request(self) -> SignedRequest | BearerRequest:
        """Return what proves the relying party on a CLIENT_TOKEN route: its signature, or its token."""
        return self.signed_request() if self.bearer is None else self.bearer


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A success. The body is of the type that the route declares for ``status``. Header names are in lower case."""

    status: int
    body: msgspec.Struct | Encoded | Document | None = None
    headers: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Generic[BodyT]):
    """One method of one path.

    ``path`` has parameters as ``{name}`` (one segment) or ``{name:path}`` (the rest). ``replies`` maps each
    success status to its body type (``NoneType``: no body). ``problems`` are the kinds beyond those that
    every route may answer. ``query`` maps the parameters that may follow ``?`` to their descriptions; any
    other is refused. ``rate`` is counted per network, beside the rate of all requests. ``always``: answered also by a
    process that has as many requests as it may have, because somebody asks how it is. ``raw_body``: the media type of a
    body that the endpoint reads by itself, where the format is another's and not ours to close.
    """

    method: str
    path: str
    endpoint: Callable[[Call[BodyT]], Awaitable[Reply]]
    body: type[BodyT] | None = None
    replies: Mapping[int, type]
    auth: Auth
    summary: str
    description: str = ""
    max_body_bytes: int = strictjson.MAX_BYTES
    tags: Sequence[str] = ()
    query: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Kind] = ()
    rate: Rate | None = None
    always: bool = False
    raw_body: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


AnyRoute: TypeAlias = Route[Any]
"""A row of a table: its endpoint takes its own body, which no one type can say for all rows."""


def parameter_names(path: str) -> tuple[str, ...]:
    """Return the names of the parameters in a route's path, in order."""
    return tuple(_PARAMETER.findall(path))


def plain_path(path: str) -> str:
    """Return a route's path as OpenAPI writes it: ``{name}`` without converter."""
    return path.replace(":path}", "}")


def check_table(routes: Sequence[AnyRoute]) -> None:
    """Raise ``ValueError`` or ``TypeError`` for a table with a mistake: the server then does not start."""
    seen: set[str] = set()
    spelling: dict[str, str] = {}
    for route in routes:
        if str(route) in seen:
            raise ValueError(f"{route} is in the table twice")
        seen.add(str(route))
        # /a/{id} and /a/{name} are one path: the second one's methods would never be found
        if spelling.setdefault(_PARAMETER.sub("{}", route.path), route.path) != route.path:
            raise ValueError(f"{route}: the same path has other parameter names elsewhere")
        _check_route(route)


def _check_route(route: AnyRoute) -> None:
    if route.method not in _METHODS or not _PATH.fullmatch(route.path):
        raise ValueError(f"{route}: not a method and path that are served here")
    names = parameter_names(route.path)
    if len(set(names)) != len(names):
        raise ValueError(f"{route}: a parameter name comes twice")
    if route.body is not None:
        if route.method == "GET" or not issubclass(route.body, msgspec.Struct):
            raise TypeError(f"{route}: a body is a struct, and a GET has none")
        strictjson.check_closed(route.body)
    if route.raw_body and (route.body is not None or route.method == "GET" or route.auth is not Auth.NONE):
        raise TypeError(f"{route}: a body is read here or by the endpoint, and what is signed is read here")
    if not route.replies or any(not 200 <= status < 400 for status in route.replies):
        raise ValueError(f"{route}: declares its successes, at least one; the rest are problems")
    if any(not issubclass(type_, msgspec.Struct | Document | None) for type_ in route.replies.values()):
        raise TypeError(f"{route}: a reply is a struct, a document or nothing")
    # what is signed is hashed whole, and the signature profile ends there
    if not 0 < route.max_body_bytes <= httpsig.MAX_BODY_BYTES:
        raise ValueError(f"{route}: a body has at most {httpsig.MAX_BODY_BYTES} bytes")
