"""The network between phones and service, as a thief sees it: a loopback relay that keeps a copy of every byte.

The demo replays from it, and a test searches it for secrets. It stands where a reverse proxy would, so the service's
public origin is the relay's.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Final

__all__ = ["Wiretap"]

_CHUNK: Final = 65536
_MAX_KEPT_BYTES: Final = 64 * 2**20
_TIMEOUT_S: Final = 60


class Wiretap:
    """Listens on a free loopback port and relays to another one, until closed."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._kept = bytearray()
        self._requests: list[bytes] = []
        self._closed = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where phones connect to."""
        return int(self._listener.getsockname()[1])

    def everything(self) -> bytes:
        """All bytes of both directions so far."""
        with self._lock:
            return bytes(self._kept)

    def requests(self, marker: bytes = b"") -> list[bytes]:
        """Each single HTTP request that clients sent, in the order they were complete, where the marker occurs."""
        with self._lock:
            return [request for request in self._requests if marker in request]

    def replay(self, raw: bytes) -> bytes:
        """Send recorded bytes again on a connection of one's own; the whole answer."""
        with socket.create_connection(("127.0.0.1", self._to_port), timeout=_TIMEOUT_S) as again:
            again.sendall(raw)
            answer = b""
            while _first_message(answer) is None and (chunk := again.recv(_CHUNK)):
                answer += chunk
            return answer

    def close(self) -> None:
        """Stop listening."""
        self._closed = True
        # Closing a listener does not wake accept everywhere; one last connection does.
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        self._listener.close()
        self._thread.join(timeout=5)

    def _accept(self) -> None:
        while not self._closed:
            try:
                phone, _ = self._listener.accept()
            except OSError:
                return
            if self._closed:
                phone.close()
                return
            threading.Thread(target=self._relay, args=(phone,), daemon=True).start()

    def _relay(self, phone: socket.socket) -> None:
        try:
            service = socket.create_connection(("127.0.0.1", self._to_port), timeout=_TIMEOUT_S)
        except OSError:
            phone.close()
            return
        phone.settimeout(_TIMEOUT_S)
        back = threading.Thread(target=self._pump, args=(service, phone, None), daemon=True)
        back.start()
        self._pump(phone, service, bytearray())
        back.join(timeout=_TIMEOUT_S)
        phone.close()
        service.close()

    def _pump(self, source: socket.socket, sink: socket.socket, incomplete: bytearray | None) -> None:
        """``incomplete``: of a client's stream, the bytes that are no whole request yet."""
        # Either side may hang up at any moment; the other then hears the end of the stream.
        with suppress(OSError):
            while chunk := source.recv(_CHUNK):
                self._keep(chunk, incomplete)
                sink.sendall(chunk)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _keep(self, chunk: bytes, incomplete: bytearray | None) -> None:
        with self._lock:
            if len(self._kept) >= _MAX_KEPT_BYTES:
                return
            self._kept += chunk
            if incomplete is None:
                return
            incomplete += chunk
            while (request := _first_message(bytes(incomplete))) is not None:
                self._requests.append(request)
                del incomplete[: len(request)]


def _first_message(stream: bytes) -> bytes | None:
    """The first HTTP message of a stream, cut by its Content-Length; ``None`` until it is whole."""
    head, end, rest = stream.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    size = int(lengths[0].partition(b":")[2]) if lengths else 0
    return head + end + rest[:size] if end and len(rest) >= size else None
