"""The route table as an ASGI application, with one way out for every kind of failure.

A request meets, in this order: an id; the size of its head; the rate of its network; the path; the method;
the rate of the route; admission (``pteri.http.admission``); the endpoint. What fails becomes a problem here.
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog
from starlette.responses import Response
from starlette.routing import Route as PathRoute
from starlette.routing import Router
from starlette.websockets import WebSocketClose

from pteri.core.errors import ProtocolError
from pteri.http.admission import ClientGoneError, admit, check_request_size, client_host
from pteri.http.problems import HttpCode, Kind, ProblemError, from_protocol_error, problem_response
from pteri.http.ratelimit import RateLimiter, network
from pteri.http.routing import Document, Reply, check_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send
    from structlog.typing import FilteringBoundLogger

    from pteri.http.admission import Limits
    from pteri.http.ratelimit import Rate
    from pteri.http.routing import AnyRoute

__all__ = ["REQUEST_ID_HEADER", "SECURITY_HEADERS", "build_asgi"]

REQUEST_ID_HEADER: Final = "x-request-id"

SECURITY_HEADERS: Final[Mapping[bytes, bytes]] = MappingProxyType(
    {
        b"cache-control": b"no-store",
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"no-referrer",
        # an answer that a browser is made to open as a page can load, run and frame nothing
        b"content-security-policy": (
            b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    }
)
"""Set on every answer unless the endpoint chose its own: a log tile may be cached, /docs has a style."""

_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
_ORIGIN: Final = re.compile(
    r"https://[a-z0-9.-]+(?::[1-9][0-9]{0,4})?|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]+)?"
)
_HEADER_VALUE: Final = re.compile(rb"[\x20-\x7e]*")
_REQUEST_ID: Final = "pteri.request_id"
_ROUTE: Final = "pteri.route"

_log: FilteringBoundLogger = structlog.get_logger("pteri.http")


def build_asgi(
    routes: Sequence[AnyRoute],
    *,
    public_origin: str,
    limits: Limits,
    request_id: Callable[[], str],
    clock: Callable[[], float],
    lifespan: Lifespan[Any] | None = None,
) -> ASGIApp:
    """Return the application that serves ``routes``.

    ``public_origin`` is scheme and host as callers know them, without a final slash: signatures are made for
    it. ``clock`` gives seconds for the rate limits. Raises ``ValueError`` or ``TypeError`` for a mistake in
    the origin or the table.
    """
    if not _ORIGIN.fullmatch(public_origin):
        raise ValueError("the public origin is https://host[:port], or http:// on this machine")
    check_table(routes)
    rates = {route.rate for route in routes if route.rate is not None}
    limiters = {rate: RateLimiter(rate, clock=clock) for rate in rates}
    by_path: dict[str, dict[str, AnyRoute]] = {}
    # a path without parameters first, or a parameter would take its last word for a value
    for route in sorted(routes, key=lambda route: "{" in route.path):
        by_path.setdefault(route.path, {})[route.method] = route
    router = Router(
        [
            PathRoute(path, _Path(methods, public_origin=public_origin, limits=limits, limiters=limiters))
            for path, methods in by_path.items()
        ],
        # the redirect is built from the Host header, and a signature is for one address only
        redirect_slashes=False,
        default=_not_found,
        lifespan=lifespan,
    )
    return _Application(router, public_origin=public_origin, limits=limits, request_id=request_id, clock=clock)


class _Application:
    """Limits before the router, one answer after it."""

    def __init__(
        self,
        router: Router,
        *,
        public_origin: str,
        limits: Limits,
        request_id: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self._router = router
        self._limits = limits
        self._limiter = RateLimiter(limits.rate, clock=clock)
        self._request_id = request_id
        self._headers = dict(SECURITY_HEADERS)
        if public_origin.startswith("https:"):
            self._headers.update([_HSTS])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        request_id = scope[_REQUEST_ID] = self._request_id()
        answer = _Answer(send, {**self._headers, REQUEST_ID_HEADER.encode(): request_id.encode("ascii")})
        try:
            check_request_size(scope, self._limits)
            self._limiter.admit(network(client_host(scope)))
            await self._router(scope, receive, answer)
        except ClientGoneError:
            return
        except Exception as error:
            if answer.started:
                raise  # half an answer cannot become another one: the server cuts the connection
            problem = _problem(error, scope)
            await problem_response(problem, request_id)(scope, receive, answer)


class _Answer:
    """``send`` that completes the headers, and knows whether an answer has begun."""

    def __init__(self, send: Send, headers: Mapping[bytes, bytes]) -> None:
        self._send = send
        self._headers = headers
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            # a line break in a value would begin a header, or an answer, of somebody else's choice
            if not all(_HEADER_VALUE.fullmatch(value) for _, value in message["headers"]):
                raise ValueError("a header value is not printable ASCII")
            self.started = True
            present = {name for name, _ in message["headers"]}
            missing = [(name, value) for name, value in self._headers.items() if name not in present]
            message = {**message, "headers": [*message["headers"], *missing]}
        await self._send(message)


class _Path:
    """The methods of one path."""

    def __init__(
        self,
        methods: Mapping[str, AnyRoute],
        *,
        public_origin: str,
        limits: Limits,
        limiters: Mapping[Rate, RateLimiter],
    ) -> None:
        self._methods = methods
        self._public_origin = public_origin
        self._limits = limits
        self._limiters = limiters
        allowed = {*methods, "HEAD"} if "GET" in methods else set(methods)
        self._allow = ", ".join(sorted(allowed))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # RFC 9110 section 9.1: who answers GET answers HEAD; the server leaves the body out
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        route = self._methods.get(method)
        if route is None:
            raise ProblemError(Kind.METHOD_NOT_ALLOWED, code=HttpCode.METHOD, headers={"allow": self._allow})
        scope[_ROUTE] = str(route)
        if route.rate is not None:
            self._limiters[route.rate].admit(network(client_host(scope)))
        call = await admit(
            route,
            scope,
            receive,
            public_origin=self._public_origin,
            limits=self._limits,
            request_id=scope[_REQUEST_ID],
        )
        reply = await route.endpoint(call)
        await _response(route, reply)(scope, receive, send)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await WebSocketClose()(scope, receive, send)
        return
    # the words of the type: whether a path or a thing is missing looks the same
    raise ProblemError(Kind.NOT_FOUND, code=HttpCode.NOT_FOUND)


def _response(route: AnyRoute, reply: Reply) -> Response:
    """Build the answer of an endpoint, if the table promises it; anything else is our bug."""
    if type(reply.body) is not route.replies.get(reply.status):
        raise TypeError(f"{route} answered {reply.status} with {type(reply.body).__name__}, which it does not declare")
    match reply.body:
        case None:
            return Response(None, reply.status, reply.headers)
        case Document():
            return Response(reply.body.content, reply.status, reply.headers, reply.body.media_type)
        case _:
            return Response(msgspec.json.encode(reply.body), reply.status, reply.headers, "application/json")


def _problem(error: Exception, scope: Scope) -> ProblemError:
    """Choose the problem to answer with. The log gets the exact code, and nothing that was received."""
    request_id, route = scope[_REQUEST_ID], scope.get(_ROUTE, "")
    match error:
        case ProtocolError() | ProblemError():
            problem = from_protocol_error(error) if isinstance(error, ProtocolError) else error
            why = {"why": problem.why} if problem.why else {}
            _log.info("request_refused", request_id=request_id, route=route, kind=problem.kind, code=error.code, **why)
            return problem
        case _:
            # types and places only: the text of a foreign exception may quote the body, a code or an address
            _log.error("request_failed", request_id=request_id, route=route, error=_chain(error), at=_frames(error))
            return ProblemError(Kind.INTERNAL, code=HttpCode.INTERNAL)


def _chain(error: BaseException) -> str:
    cause = error.__cause__
    name = type(error).__name__
    return name if cause is None else f"{name} from {_chain(cause)}"


def _frames(error: BaseException) -> list[str]:
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}" for frame in frames]
