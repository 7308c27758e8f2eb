"""The short way from a socket to the door: the same door and the same bytes, without a scope and messages between.

It takes what nearly all requests are: HTTP/1.1, a body with a length or none, alone on its connection. Everything else
goes the ordinary way over ASGI, on the same connection. It leans on the inside of uvicorn, so it can be switched off,
and it is only there for the versions that it was tested with.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ClassVar, Final

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from pteri.http import admission
from pteri.http.answers import Answer
from pteri.http.connection import BODY, CLOSE_LINE, HEAD, NEXT, WatchedProtocol
from pteri.http.watch import Watch

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from pteri.http.admission import Pairs
    from pteri.http.asgi import Application
    from pteri.http.door import Admitted
    from pteri.http.routing import Call

__all__ = ["TESTED_WITH", "protocol_class"]

TESTED_WITH: Final = {"uvicorn": re.compile(r"0\.54\.\d+"), "httptools": re.compile(r"0\.9\.\d+")}
"""Of which versions the inside is known."""

_SLASH: Final = ord("/")

_log = structlog.get_logger("pteri.http")


def protocol_class(
    application: Application,
    *,
    lane: bool,
    look_every_s: float = 1.0,
    installed: Mapping[str, str] | None = None,
) -> type[asyncio.Protocol]:
    """Return what to give to ``uvicorn.Config(http=...)`` beside ``application``; one class for one server.

    With ``lane`` false all requests go over ASGI; slow and endless ones are cut in both cases. With versions that it
    was not tested with (those ``installed``, by name), uvicorn's own protocol is returned, and the log says so.
    """
    found = {name: version(name) for name in TESTED_WITH} if installed is None else installed
    if not all(tested.fullmatch(found[name]) for name, tested in TESTED_WITH.items()):
        _log.warning("lane_not_used", reason="not tested with these versions", **found)
        return HttpToolsProtocol
    base: type[WatchedProtocol] = LaneProtocol if lane else WatchedProtocol
    return type(base.__name__, (base,), {"application": application, "watch": Watch(look_every_s)})


class _Nobody:
    """In the place of the event that an ASGI application waits for."""

    def set(self) -> None:
        pass


class _Cycle:
    """A request in the lane, as uvicorn's connection sees it: whether an answer is owed, whether it may be the last."""

    __slots__ = ("body", "disconnected", "keep_alive", "message_event", "response_complete", "task", "with_body")

    def __init__(self) -> None:
        self.message_event = _Nobody()
        self.response_complete = True
        self.disconnected = False
        self.keep_alive = True
        self.with_body = True
        self.body = b""
        self.task: asyncio.Task[None] | None = None

    @property
    def response_started(self) -> bool:
        """An answer goes out in one piece."""
        return self.response_complete


class LaneProtocol(WatchedProtocol):
    """One connection with a short way."""

    __slots__ = ("_admitted", "_may_be_short", "_own")

    _standing_for: ClassVar[object] = None
    _standing: ClassVar[tuple[bytes, bool]] = (b"", False)

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - uvicorn's own, passed on
        super().__init__(*arguments, **named)
        self._own: Any = _Cycle()
        self._admitted: Admitted | None = None
        self._may_be_short = not self.config.access_log and not self.root_path

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is left to answer."""
        self._own.disconnected = True
        self._admitted = None
        super().connection_lost(exc)

    # --- events of a request ---

    def on_message_begin(self) -> None:
        """A head begins. What only ASGI needs is made when it turns out to be needed."""
        self._heads += 1
        self._reading, self._since = HEAD, self.watch.now
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """One line of the head."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """A head is whole: judge it here, or hand it over."""
        parser, url, headers, cycle = self.parser, self.url, self.headers, self.cycle
        fields = dict(headers)
        if (
            self._may_be_short
            and (cycle is None or cycle.response_complete)
            and not self.flow.write_paused
            and not self.transport.is_closing()
            and url[0] == _SLASH
            and b"#" not in url
            and b"transfer-encoding" not in fields
            and b"expect" not in fields
            and not parser.should_upgrade()
            and parser.get_http_version() == "1.1"
        ):
            self._reading, self._since = BODY, self.watch.now
            self._judge(parser.get_method().decode("ascii"), url, headers, fields)
        else:
            self._check_head()
            self._hand_over()

    def _judge(self, method: str, url: bytes, headers: Pairs, fields: Mapping[bytes, bytes]) -> None:
        own: Any = self._own
        self.cycle = own
        own.response_complete = False
        own.keep_alive = self.parser.should_keep_alive()
        own.with_body = method != "HEAD"
        own.body = b""
        path, _, query = url.partition(b"?")
        opened = self._door.open(
            method, path, query, headers, fields, self._peer, self._at_most, crowded=self._is_crowded()
        )
        if isinstance(opened, Answer):
            self._answer(opened)
        else:
            self._admitted = opened

    def on_body(self, body: bytes) -> None:
        """A piece of the body. The head has said how long it is, and the door that it may be."""
        if self.cycle is not self._own:
            super().on_body(body)
        elif self._admitted is not None:
            self._own.body += body

    def on_message_complete(self) -> None:
        """A request is whole: start it, unless its head was refused."""
        own: _Cycle = self._own
        if self.cycle is not self._own:
            super().on_message_complete()
            return
        self._reading, self._since = NEXT, self.watch.now
        admitted = self._admitted
        if admitted is None:
            return
        self._admitted = None
        started = self._door.start(admitted, own.body)
        if isinstance(started, Answer):
            self._answer(started)
        else:
            task = own.task = self.loop.create_task(self._finish(admitted, started))
            self.tasks.add(task)

    def look(self, now: int) -> None:
        """Refuse a body that does not come; the rest as for all."""
        admitted = self._admitted
        if admitted is not None and now - self._since > self._limits[BODY]:
            self._admitted = None
            self._answer(self._door.refuse(admitted, admission.body_timeout()))
        else:
            super().look(now)

    def _hand_over(self) -> None:
        """Make what uvicorn would have made when the head began, and go its way."""
        url, headers = self.url, self.headers
        HttpToolsProtocol.on_message_begin(self)
        self.url = url
        for name, value in headers:
            HttpToolsProtocol.on_header(self, name, value)
        self._ordinary()

    async def _finish(self, admitted: Admitted, call: Call[object]) -> None:
        try:
            answer = await self._door.finish(admitted, call)
        except BaseException as error:
            # cancelled at the end of a drain: what became of the request is not known here
            self._own.keep_alive = False
            self._answer(self._door.refuse(admitted, error))
            raise
        finally:
            self.tasks.discard(self._own.task)
        if self.flow.write_paused and not self._own.disconnected:
            await self.flow.drain()
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        """Send it in one piece, and let the connection go on or end."""
        own, transport = self._own, self.transport
        own.response_complete = True
        self._since = self.watch.now
        if own.disconnected or transport.is_closing():
            return
        lines, closing = self._standing_lines()
        close = closing or answer.close or not own.keep_alive
        transport.write(
            b"".join(
                (
                    STATUS_LINE[answer.status],
                    lines,
                    answer.head,
                    CLOSE_LINE if close and not closing else b"",
                    b"\r\n",
                    answer.body if own.with_body else b"",
                )
            )
        )
        if close:
            transport.close()
        if self.pipeline or self.flow.read_paused:
            self.on_response_complete()
        else:
            # no timer: the watch ends a connection that says nothing more
            self.server_state.total_requests += 1

    def _standing_lines(self) -> tuple[bytes, bool]:
        """The lines that the server puts on every answer, and whether they end the connection. Once a second anew."""
        cls, headers = type(self), self.server_state.default_headers
        if headers is not cls._standing_for:
            closing = any(name == b"connection" and value == b"close" for name, value in headers)
            cls._standing = b"".join(b"%b: %b\r\n" % header for header in headers), closing
            cls._standing_for = headers
        return cls._standing
