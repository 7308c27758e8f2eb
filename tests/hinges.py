"""Both hinges of the door for tests: ASGI in this process, and real sockets with and without the short lane.

A server runs in a thread of its own with the loop that production uses. It is started and stopped without waiting for
a clock, so a test may have one for itself.
"""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx2
import pytest
import uvicorn
import uvloop
from starlette.testclient import TestClient

from pteri.http.lane import protocol_class

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from pteri.http.asgi import Application

T = TypeVar("T")

HINGES: Final = ("asgi", "ordinary", "lane")
"""In this process; over a socket through uvicorn's ASGI; over a socket through the lane."""
SOCKETS: Final = ("ordinary", "lane")
_BOUND_S: Final = 20.0


@pytest.fixture(scope="session")
def sockets() -> Iterator[Sockets]:
    running = Sockets()
    yield running
    running.close()


@pytest.fixture(params=HINGES)
def connect(request: pytest.FixtureRequest, sockets: Sockets) -> Iterator[Connect]:
    """Each test with it runs over ASGI, over sockets the ordinary way, and over sockets through the lane."""
    connecting = Connect(request.param, None if request.param == "asgi" else sockets)
    yield connecting
    connecting.close()


@pytest.fixture(params=SOCKETS)
def wired(request: pytest.FixtureRequest, sockets: Sockets) -> Iterator[Connect]:
    """The same over sockets only."""
    connecting = Connect(request.param, sockets)
    yield connecting
    connecting.close()


class Counted:
    """An application that knows how many requests came to it over ASGI: in the lane, none does."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += scope["type"] == "http"
        await self._application(scope, receive, send)


@dataclass
class Served:
    """A server that listens on loopback."""

    port: int
    server: uvicorn.Server
    counted: Counted
    hinge: Sockets = field(repr=False)

    def connect(self, host: str = "127.0.0.1") -> socket.socket:
        """A connection from an address of this machine: any of 127.0.0.0/8."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=_BOUND_S, source_address=(host, 0))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def talk(self, *pieces: bytes, half_close: bool = True) -> bytes:
        """Send, say that this is all, and return every byte of the answers.

        A server may hang up on who has hung up; ``half_close=False`` is for a last request that says it is the last.
        """
        with self.connect() as connection, suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return rest(connection)
        return b""

    @property
    def over_asgi(self) -> int:
        """How many requests went the ordinary way."""
        return self.counted.requests

    def in_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something where the server runs."""
        return self.hinge.run(work)


class Sockets:
    """Servers on loopback, all in one thread and one event loop."""

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_BOUND_S)

    @contextmanager
    def serve(
        self, application: Application, *, lane: bool, look_every_s: float = 1.0, **options: Any
    ) -> Iterator[Served]:
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        counted = Counted(application)
        # longer than any test waits: what ends a connection of a test is not its idleness
        options = {"timeout_keep_alive": 60, **options}
        config = _config(application, counted, lane=lane, look_every_s=look_every_s, **options)
        server = uvicorn.Server(config)
        self.run(_start(server, listener))
        try:
            yield Served(listener.getsockname()[1], server, counted, self)
        finally:
            self.run(_stop(server))
            listener.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_BOUND_S)
        self._loop.close()


def _config(
    application: Application,
    counted: Counted | None = None,
    *,
    lane: bool,
    look_every_s: float = 1.0,
    **options: Any,
) -> uvicorn.Config:
    config = uvicorn.Config(
        counted or application,
        http=protocol_class(application, lane=lane, look_every_s=look_every_s),
        ws="none",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        **{"timeout_keep_alive": 15, "limit_concurrency": 1024, "access_log": False, **options},
    )
    config.load()
    return config


async def _start(server: uvicorn.Server, listener: socket.socket) -> None:
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=[listener])
    await server.on_tick(0)  # the Date header


async def _stop(server: uvicorn.Server) -> None:
    for listening in server.servers:
        listening.close()
    for connection in tuple(server.server_state.connections):
        connection.transport.abort()
    while server.server_state.connections or server.server_state.tasks:
        for task in tuple(server.server_state.tasks):
            task.cancel()
        await asyncio.sleep(0)
    await server.lifespan.shutdown()


class Caller:
    """A well-behaved client of one application."""

    def __init__(self, client: httpx2.Client | TestClient, base: str) -> None:
        self._client = client
        self._base = base

    def request(self, method: str, path: str, **given: Any) -> Any:
        """``path`` is sent as it is, whatever it looks like."""
        return self._client.request(method, self._base + path, **given)

    def get(self, path: str, **given: Any) -> Any:
        return self.request("GET", path, **given)

    def head(self, path: str, **given: Any) -> Any:
        return self.request("HEAD", path, **given)

    def post(self, path: str, **given: Any) -> Any:
        return self.request("POST", path, **given)

    def delete(self, path: str, **given: Any) -> Any:
        return self.request("DELETE", path, **given)


class Connect:
    """Makes callers of applications over one hinge; what it has opened ends with the test."""

    def __init__(self, hinge: str, sockets: Sockets | None) -> None:
        self.hinge = hinge
        self._sockets = sockets
        self._servers: list[tuple[Application, Served]] = []
        self._open: list[Any] = []

    def __call__(self, application: Application, host: str = "127.0.0.1") -> Caller:
        """A caller with this address, one of 127.0.0.0/8."""
        if self._sockets is None:
            return Caller(TestClient(application, client=(host, 1)), "http://testserver")
        served = self.served(application)
        transport = httpx2.HTTPTransport(local_address=host)
        client = self._entered(httpx2.Client(transport=transport, timeout=_BOUND_S, trust_env=False))
        return Caller(client, f"http://127.0.0.1:{served.port}")

    def served(self, application: Application, **options: Any) -> Served:
        """The server of an application; for hinges with sockets."""
        assert self._sockets is not None
        for known, running in self._servers:
            if known is application:
                return running
        served: Served = self._entered(self._sockets.serve(application, lane=self.hinge == "lane", **options))
        self._servers.append((application, served))
        return served

    def _entered(self, manager: Any) -> Any:
        self._open.append(manager)
        return manager.__enter__()

    def close(self) -> None:
        while self._open:
            self._open.pop().__exit__(None, None, None)


class Wire(asyncio.Transport):
    """The other side of a connection in memory: what arrives arrives in this order, whatever the machine is doing."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.lost = bytearray()
        """What was written after the end: a real one loses it in silence."""
        self.closed = False
        self.aborted = False
        self.reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"sockname": ("127.0.0.1", 80), "peername": ("127.0.0.1", 1)}.get(name, default)

    def write(self, data: Any) -> None:
        if self.closed:
            self.lost += data
        else:
            self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Line:
    """One connection of a server in memory. Must be made in a running loop."""

    def __init__(self, application: Application, *, lane: bool, **options: Any) -> None:
        self.config = _config(application, lane=lane, **options)
        self.state = uvicorn.server.ServerState()
        self.wire = Wire()
        made: Any = self.config.http_protocol_class
        self.protocol: Any = made(self.config, self.state, {}, asyncio.get_running_loop())
        self.protocol.connection_made(self.wire)

    async def settle(self) -> None:
        """Let everything happen that can happen now."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            if not self.wire.closed and self.wire.reading:
                self.protocol.data_received(piece)
            await self.settle()

    async def hang_up(self) -> None:
        self.wire.closed = True
        self.protocol.connection_lost(None)
        await self.settle()

    def look(self, times: int) -> None:
        """The watch looks at it as often as that: so much time goes by."""
        for _ in range(times):
            self.protocol.watch._look()


def rest(connection: socket.socket) -> bytes:
    """All that still comes, until the other side closes."""
    received = bytearray()
    while True:
        try:
            piece = connection.recv(65_536)
        except ConnectionResetError:
            break
        if not piece:
            break
        received += piece
    return bytes(received)


_LENGTH: Final = re.compile(rb"\r\ncontent-length: ([0-9]+)\r\n")


def one_answer(connection: socket.socket, *, with_body: bool = True) -> bytes:
    """One answer, head and body; less if the other side closes."""
    received = bytearray()
    while b"\r\n\r\n" not in received:
        piece = connection.recv(1)
        if not piece:
            return bytes(received)
        received += piece
    length = _LENGTH.search(received)
    left = int(length[1]) if length and with_body else 0
    while left:
        piece = connection.recv(left)
        if not piece:
            break
        received += piece
        left -= len(piece)
    return bytes(received)


def without_names(answers: bytes) -> bytes:
    """Answers without what is new each time: dates and request ids."""
    return re.sub(rb"date: [^\r]*|req_[0-9A-Za-z]+", b"...", answers)
