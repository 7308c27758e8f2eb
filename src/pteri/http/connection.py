"""A connection that cannot be held open by saying little: uvicorn's HTTP/1.1, with bounds where it has none (DS-04).

Uvicorn waits for ever for a head, keeps whatever is sent as one, and reads a body to its end for a request that was
answered long ago. Here a head has its size and its time, a drain has its time, and so has an answer that nobody takes.
What a head says about framing has one reading, or the connection ends: an upgrade, after which the body of the request
would be read as the next request; a fragment in the target; chunks in HTTP/1.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from pteri.http import admission

if TYPE_CHECKING:
    import asyncio

    from pteri.http.asgi import Application
    from pteri.http.problems import ProblemError
    from pteri.http.watch import Watch

__all__ = ["BODY", "CLOSE_LINE", "HEAD", "NEXT", "WatchedProtocol"]

CLOSE_LINE: Final = b"connection: close\r\n"

_VERSIONS: Final = frozenset({"1.0", "1.1"})
_SPARE_HEAD_BYTES: Final = 4096
"""Room for the request line and what stands between names and values."""


HEAD: Final = 0
BODY: Final = 1
NEXT: Final = 2
NOTHING: Final = 3
"""What comes next on a connection: a head, a body, another request if any; or it is closed for us, and the other side
has not taken all of it. Plain numbers, for they are set many times in each request."""


class _NoTrailers(list[tuple[bytes, bytes]]):
    """Where headers after a body go: nobody reads them, so nothing is kept."""

    def append(self, _: tuple[bytes, bytes]) -> None:
        pass


_NO_TRAILERS: Final = _NoTrailers()


class WatchedProtocol(HttpToolsProtocol):
    """One connection. Subclasses fill in the application and the watch of their server."""

    # Beside the attributes of uvicorn's class these would be too many for the quick kind.
    __slots__ = (
        "_at_most",
        "_crowded_app",
        "_door",
        "_head_bytes",
        "_heads",
        "_limits",
        "_max_connections",
        "_max_head_bytes",
        "_ordinary_app",
        "_peer",
        "_reading",
        "_since",
        "_stalled_since",
        "_write_limit",
    )

    application: ClassVar[Application]
    watch: ClassVar[Watch]

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - uvicorn's own, passed on
        super().__init__(*arguments, **named)
        self._door = self.application.door
        # Where uvicorn answers with a text of its own, the door says it.
        self._max_connections = self.limit_concurrency
        self.limit_concurrency = None
        self._ordinary_app = self.app
        self._crowded_app: Any = self.application.crowded
        limits = self._door.limits
        self._max_head_bytes = limits.max_header_bytes + limits.max_target_bytes + _SPARE_HEAD_BYTES
        self._limits = {
            HEAD: self.watch.looks(limits.head_timeout_s),
            BODY: self.watch.looks(limits.body_timeout_s),
            NEXT: self.watch.looks(self.timeout_keep_alive),
            NOTHING: self.watch.looks(limits.head_timeout_s),
        }
        self._write_limit = self.watch.looks(limits.write_timeout_s)
        self._reading = HEAD
        self._since = self.watch.now
        self._stalled_since: int | None = None
        self._heads = 0
        self._head_bytes = 0
        self._at_most = 0
        self._peer = ""

    # --- events of the connection ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Watch it from the first moment: whoever connects and says nothing waits for a head, too."""
        super().connection_made(transport)
        self._peer = str(self.client[0]) if self.client else ""
        self._since = self.watch.now
        self.watch.add(self, self.loop)

    def connection_lost(self, exc: Exception | None) -> None:
        """End of it."""
        self.watch.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; a head that does not end is refused at its limit."""
        heads = self._heads
        self._at_most = self._head_bytes + len(data)
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self._end_with(admission.unreadable())
        if self._reading != HEAD or heads != self._heads:
            # of a head that began in the middle of these bytes, the next ones are counted
            self._head_bytes = 0
        else:
            self._head_bytes += len(data)
            if self._head_bytes > self._max_head_bytes:
                self._end_with(admission.head_too_large())

    # --- events of a request ---

    def on_message_begin(self) -> None:
        """A head begins."""
        self._heads += 1
        self._reads(HEAD)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head is whole."""
        self._check_head()
        self._ordinary()

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._reads(NEXT)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A request is answered."""
        self._since = self.watch.now
        super().on_response_complete()

    def _reads(self, what: int) -> None:
        self._reading = what
        self._since = self.watch.now

    def _ordinary(self) -> None:
        """Let the application answer, in a task, as uvicorn does."""
        self.app = self._crowded_app if self._is_crowded() else self._ordinary_app
        super().on_headers_complete()
        self.headers = _NO_TRAILERS
        # only now: a head that made the parser give up was none
        self._reads(BODY)

    def _is_crowded(self) -> bool:
        most = self._max_connections
        return most is not None and (len(self.connections) >= most or len(self.tasks) >= most)

    def _check_head(self) -> None:
        """Raise ``ValueError`` for a head with two readings, or behind the last answer; the parser then gives up."""
        version = self.parser.get_http_version()
        if (
            self.transport.is_closing()
            or version not in _VERSIONS
            or self.parser.should_upgrade()
            or b"#" in self.url
            or (version == "1.0" and any(name == b"transfer-encoding" for name, _ in self.headers))
        ):
            raise ValueError("this head has two readings")

    # --- ending ---

    def _is_answering(self) -> bool:
        """Whether a request that came whole waits for its answer."""
        return self.cycle is not None and not self.cycle.response_complete

    def _end_with(self, refusal: ProblemError) -> None:
        """Refuse what comes now, if that cannot be taken for the answer to something else; and close.

        In the middle of a body the refusal belongs to its request, if that has no answer yet; before a head is whole,
        to the head, if nothing else waits for an answer.
        """
        in_body = self._reading is BODY
        if in_body == self._is_answering() and not self.pipeline and not (in_body and self.cycle.response_started):
            answer = self._door.refuse_connection(refusal, self._peer)
            lines = (b"%b: %b\r\n" % header for header in self.server_state.default_headers)
            self.transport.write(
                b"".join((STATUS_LINE[answer.status], *lines, answer.head, CLOSE_LINE, b"\r\n", answer.body))
            )
        self.transport.close()

    def look(self, now: int) -> None:
        """End the connection when what it waits for has not come in time."""
        closing = self.transport.is_closing()
        if closing and self._reading != NOTHING:
            self._reading, self._since = NOTHING, now
        elif not closing and self.flow.write_paused:
            # what waits for it to take an answer begins to wait anew when it has
            self._since = now
            self._stalled_since = now if self._stalled_since is None else self._stalled_since
            if now - self._stalled_since > self._write_limit:
                self.transport.abort()
            return
        self._stalled_since = None
        # while an answer is made, the application has its own limits
        if (closing or not self._is_answering()) and now - self._since > self._limits[self._reading]:
            self._end_waiting()

    def _end_waiting(self) -> None:
        if self._reading is NOTHING:
            self.transport.abort()
        else:
            self.transport.close()
