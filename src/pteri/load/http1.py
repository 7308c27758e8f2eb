"""A small HTTP/1.1 client for load: one request at a time on a connection that stays open.

It reads what our own server and its reverse proxies send (an answer with a Content-Length) and refuses the rest. The
usual client libraries cost more per request than the server does, and then one measures the client.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Answer", "BadAnswer", "Connection", "ConnectionLost", "Parser", "Target", "request_bytes"]

_MAX_HEAD_BYTES: Final = 16_384
_MAX_BODY_BYTES: Final = 1 << 20
_STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2})(?: |\r)")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,7})[ \t]*\r\n", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*\r\n", re.IGNORECASE)
_RETRY = re.compile(rb"\r\nretry-after:[ \t]*([0-9]{1,6})[ \t]*\r\n", re.IGNORECASE)


class BadAnswer(Exception):
    """Bytes that are no answer this client understands; nothing more can be read from this connection."""


class ConnectionLost(Exception):
    """The connection could not be made, or ended before the answer: the request may have been carried out."""


class Answer(NamedTuple):
    """``head`` is the status line and all headers, each with its line end."""

    status: int
    head: bytes
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether the server ends the connection after this answer."""
        return _CLOSE.search(self.head) is not None

    @property
    def retry_after_s(self) -> int | None:
        """What the server asks to wait, where it names seconds."""
        found = _RETRY.search(self.head)
        return int(found[1]) if found else None


class Parser:
    """Bytes in, answers out. Any cut of the bytes into pieces gives the same answers."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> Answer | None:
        """The answer, once all of it is there. ``BadAnswer`` for anything else, and for bytes nobody asked for."""
        held = self._held + data if self._held else data
        end = held.find(b"\r\n\r\n")
        if end < 0:
            if len(held) > _MAX_HEAD_BYTES:
                raise BadAnswer("the head of the answer does not end")
            self._held = held
            return None
        head = held[: end + 2]
        status, length = _read_head(head)
        begins = end + 4
        if len(held) - begins < length:
            self._held = held
            return None
        if len(held) - begins > length:
            raise BadAnswer("more bytes than the answer has")
        self._held = b""
        return Answer(status, head, held[begins:])


def _read_head(head: bytes) -> tuple[int, int]:
    if len(head) > _MAX_HEAD_BYTES:
        raise BadAnswer("the head of the answer is too long")
    found = _STATUS.match(head)
    if found is None:
        raise BadAnswer("not an HTTP/1.1 answer")
    status = int(found[1])
    length = _LENGTH.search(head)
    if length is None:
        if status == 204:
            return status, 0
        raise BadAnswer("an answer without Content-Length")
    size = int(length[1])
    if size > _MAX_BODY_BYTES:
        raise BadAnswer("the body of the answer is too long")
    return status, size


class Target(NamedTuple):
    """Where requests go: ``host`` and ``port`` to connect to, ``authority`` for the Host header."""

    host: str
    port: int
    authority: str
    is_tls: bool

    @classmethod
    def of(cls, origin: str) -> Target:
        """The target of ``http://host:port`` or ``https://host``; ``ValueError`` for anything else."""
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query or parts.fragment:
            raise ValueError("an origin is http:// or https://, a host, and perhaps a port")
        is_tls = parts.scheme == "https"
        return cls(parts.hostname, parts.port or (443 if is_tls else 80), parts.netloc, is_tls)


def request_bytes(target: Target, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A whole request. The values are ours, not a stranger's: they are not searched for line ends."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{method} {path} HTTP/1.1\r\nhost: {target.authority}\r\ncontent-length: {len(body)}\r\n{lines}\r\n"
    return head.encode("ascii") + body


class _Wire(asyncio.Protocol):
    """One TCP connection. A new one is a new object, so the end of an old one cannot be taken for the new one's."""

    def __init__(self) -> None:
        self.is_open = False
        self._transport: asyncio.Transport | None = None
        self._parser = Parser()
        self._waiting: asyncio.Future[Answer] | None = None

    def send(self, request: bytes, waiting: asyncio.Future[Answer]) -> None:
        assert self._transport is not None
        self._waiting = waiting
        self._transport.write(request)

    def fail(self, error: Exception) -> None:
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no children of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        waiting = self._waiting
        if waiting is None:
            self.fail(BadAnswer("an answer to nothing"))
            return
        try:
            answer = self._parser.feed(data)
        except BadAnswer as error:
            self.fail(error)
            return
        if answer is not None:
            self._waiting = None
            if not waiting.done():
                waiting.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(ConnectionLost(f"the connection ended: {type(exc).__name__ if exc else 'closed by the server'}"))


class Connection:
    """One connection at a time, opened when it is first needed and again after it was lost."""

    def __init__(self, target: Target, *, timeout_s: float = 30.0) -> None:
        self._target = target
        self._timeout_s = timeout_s
        self._wire = _Wire()

    async def ask(self, request: bytes) -> Answer:
        """Send these bytes, wait for the answer. ``ConnectionLost``, also when the time is out, or ``BadAnswer``."""
        loop = asyncio.get_running_loop()
        if not self._wire.is_open:
            self._wire = await self._opened(loop)
        wire, waiting = self._wire, loop.create_future()
        timer = loop.call_later(self._timeout_s, wire.fail, ConnectionLost("no answer in time"))
        wire.send(request, waiting)
        try:
            answer: Answer = await waiting
        except asyncio.CancelledError:
            self.close()  # what comes now would be taken for the answer to the next request
            raise
        finally:
            timer.cancel()
        if answer.closes:
            self.close()
        return answer

    def close(self) -> None:
        """End the connection; the next request opens another one."""
        self._wire.fail(ConnectionLost("closed here"))

    async def _opened(self, loop: asyncio.AbstractEventLoop) -> _Wire:
        secured = ssl.create_default_context() if self._target.is_tls else None
        try:
            async with asyncio.timeout(self._timeout_s):
                _, wire = await loop.create_connection(_Wire, self._target.host, self._target.port, ssl=secured)
        except OSError as error:  # TimeoutError is one
            raise ConnectionLost(f"cannot connect: {error.strerror or type(error).__name__}") from error
        return wire
