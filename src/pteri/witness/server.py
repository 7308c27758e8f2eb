"""A witness on a socket: ``POST /add-checkpoint`` and nothing else. Bytes, time, connections and requests are bounded.

Whoever may reach it needs no account: a checkpoint that no trusted log signed costs a signature check and no more, and
everybody has so many of those in a minute.
"""

from __future__ import annotations

import asyncio
import json
import math
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Protocol

import msgspec
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from pteri.adapters.system import monotonic_s
from pteri.core.log.add_checkpoint import MAX_REQUEST_BYTES, SIZE_TYPE, encode_cosignatures, encode_size
from pteri.core.log.witnessing import Conflict, Contradiction, No, Refused
from pteri.witness.callers import Callers, caller_of, network
from pteri.witness.keeper import Signed, add_checkpoint
from pteri.witness.place import Place, WitnessError

__all__ = ["STATUS", "Limits", "Witness", "listen", "run"]

_CONNECTIONS: Final = 256
_MOST_SOCKETS: Final = 2 * _CONNECTIONS
"""Between the two, somebody hears that it is too much; beyond, nobody is heard."""
_KEEP_ALIVE_S: Final = 15
_DRAIN_S: Final = 10
_MAX_HEAD_BYTES: Final = 16 * 1024
STATUS: Final[Mapping[No, int]] = {No.MALFORMED: 400, No.UNKNOWN_KEY: 403, No.UNKNOWN_LOG: 404, No.NOT_CONSISTENT: 422}
"""What each refusal is in HTTP (C2SP tlog-witness)."""
_TEXT: Final = "text/plain; charset=utf-8"


class Limits(msgspec.Struct, frozen=True):
    """How long somebody may take."""

    body_s: float = 10.0
    """To send a body; and to take an answer."""
    life_s: float = 30.0
    """Before a connection ends: whoever says little holds it no longer."""
    per_minute: int = 1200
    """Requests of one network. A log asks twice a second, and once for each change of authority that waits."""
    connections: int = 32
    """Of one network at once, of the 256 that there are."""


class Clock(Protocol):
    """Who says what time it is."""

    def now(self) -> int:
        """Unix seconds, UTC."""
        ...


class _Reply(Exception):
    """An answer that ends the reading of a request."""

    def __init__(self, status: int, text: str, *, wait_s: int = 0) -> None:
        super().__init__(text)
        self.status, self.text, self.wait_s = status, text, wait_s


class Witness:
    """The web side of a witness, an ASGI application."""

    def __init__(
        self,
        place: Place,
        clock: Clock,
        callers: Callers,
        *,
        body_s: float,
        proxies: frozenset[str],
        seconds: Callable[[], float],
    ) -> None:
        self._place, self._clock, self._body_s = place, clock, body_s
        self._callers, self._proxies, self._seconds = callers, proxies, seconds

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
        """Answer one request."""
        wait_s = 0
        try:
            self._count(scope)
            status, kind, body = await self._answer(scope, receive)
        except _Reply as reply:
            status, kind, body, wait_s = reply.status, _TEXT, f"{reply.text}\n".encode(), reply.wait_s
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        if wait_s:
            headers.append((b"retry-after", str(wait_s).encode()))
        if status in {404, 405, 408, 413, 429}:
            # What is left of the body is not waited for.
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _count(self, scope: dict[str, Any]) -> None:
        peer = scope["client"]
        caller = caller_of("" if peer is None else peer[0], scope["headers"], self._proxies)
        wait_s = self._callers.wait_s(caller, self._seconds())
        if wait_s:
            raise _Reply(429, "So many requests come from your network that this one waits.", wait_s=math.ceil(wait_s))

    async def _answer(self, scope: dict[str, Any], receive: Any) -> tuple[int, str, bytes]:  # noqa: ANN401
        if scope["path"] != "/add-checkpoint":
            raise _Reply(404, "There is /add-checkpoint here, and nothing else.")
        if scope["method"] != "POST":
            raise _Reply(405, "Send a checkpoint with POST.")
        raw = await self._body(receive)
        try:
            # In a thread: it waits for the disk, and for whoever else has a checkpoint of the same log.
            answer = await asyncio.to_thread(add_checkpoint, self._place, raw, now=self._clock.now)
        except (OSError, WitnessError) as error:
            _say("memory_failed", detail=str(error))
            raise _Reply(500, "This witness cannot remember, so it does not sign.") from error
        match answer:
            case Signed(size, line):
                _say("cosigned", log=_origin(raw), size=size)
                return 200, _TEXT, encode_cosignatures([line])
            case Conflict(size):
                return 409, SIZE_TYPE, encode_size(size)
            case Contradiction(seen):
                _say("split_view", log=seen.origin, size=seen.head.size)
                return 409, SIZE_TYPE, encode_size(seen.head.size)
            case Refused(why, code, detail):
                if why is No.NOT_CONSISTENT:
                    # The log signed it. What strangers send makes no lines, or anybody could fill a disk with them.
                    _say("not_consistent", log=_origin(raw), code=str(code))
                return STATUS[why], _TEXT, f"{code}: {detail}\n".encode()

    async def _body(self, receive: Any) -> bytes:  # noqa: ANN401 - ASGI's own
        body = bytearray()
        try:
            async with asyncio.timeout(self._body_s):
                while True:
                    part = await receive()
                    if part["type"] != "http.request":
                        raise _Reply(400, "The request ended before its body.")
                    body += part.get("body", b"")
                    if len(body) > MAX_REQUEST_BYTES:
                        raise _Reply(413, f"A request has at most {MAX_REQUEST_BYTES} bytes.")
                    if not part.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise _Reply(408, "The body took too long.") from None


def _origin(raw: bytes) -> str:
    """Of a request that the log signed: the first line below the first empty one."""
    return raw.partition(b"\n\n")[2].partition(b"\n")[0].decode()


def _say(event: str, **values: str | int) -> None:
    """A line for whoever runs this. Everything in it is from signed notes or from us."""
    sys.stdout.write(json.dumps({"event": event, **values}) + "\n")
    sys.stdout.flush()


class _MortalConnection(H11Protocol):
    """A connection with an end: uvicorn waits for a head as long as somebody sends it. And nobody has all of them."""

    limits = Limits()
    callers = Callers(per_minute=limits.per_minute, connections=limits.connections)
    proxies: frozenset[str] = frozenset()

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - asyncio's own
        """From the first moment: who connects and says nothing holds a connection, too."""
        super().connection_made(transport)
        self._end = self.loop.call_later(self.limits.life_s, self._die)
        peer = "" if self.client is None else self.client[0]
        # A web server in front has one connection for each of those who ask it, and bounds them itself.
        self._caller = None if peer in self.proxies else network(peer)
        if self._caller is not None and not self.callers.connects(self._caller):
            self._caller = None
            transport.abort()
        elif len(self.connections) > _MOST_SOCKETS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It ended by itself."""
        self._end.cancel()
        if self._caller is not None:
            self.callers.leaves(self._caller)
        super().connection_lost(exc)

    def _die(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # An answer is being made: it has the time that a body has, and then somebody does not take it.
            self._end = self.loop.call_later(self.limits.body_s, self.transport.abort)
        else:
            self.transport.abort()


class _Server(uvicorn.Server):
    """uvicorn without signals of its own: it would send them again at the end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Whoever runs this caught them."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """The socket; ``WitnessError`` when there is none to have."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise WitnessError(
            f"Cannot listen on {host}, port {port}: {error.strerror}. Set another with --port."
        ) from error


def run(
    place: Place,
    clock: Clock,
    listener: socket.socket,
    *,
    for_s: int | None,
    limits: Limits | None = None,
    proxies: frozenset[str] = frozenset(),
) -> None:
    """Answer until SIGTERM or SIGINT, or for so many seconds; then finish what is under way.

    ``proxies``: addresses of web servers in front, whose ``X-Forwarded-For`` says who asks.
    """
    bounds = Limits() if limits is None else limits
    callers = Callers(per_minute=bounds.per_minute, connections=bounds.connections)
    config = uvicorn.Config(
        Witness(place, clock, callers, body_s=bounds.body_s, proxies=proxies, seconds=monotonic_s),
        loop="none",
        lifespan="off",
        http=type("_Connection", (_MortalConnection,), {"limits": bounds, "callers": callers, "proxies": proxies}),
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_DRAIN_S,
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        proxy_headers=False,
    )
    asyncio.run(_until_told(_Server(config), listener, for_s))


async def _until_told(server: uvicorn.Server, listener: socket.socket, for_s: int | None) -> None:
    def end() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    if for_s is not None:
        loop.call_later(for_s, end)
    with listener:
        await server.serve([listener])
