"""Where SM-DP+ partners come to: a port of its own, mutual TLS, and a certificate that is known (ADR 39).

TLS asks for a certificate of an authority; the gate behind it asks whether it is one of those that the settings name,
before a byte of HTTP is read. Handshakes have their time, and open connections their number, in all and for each host.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Mapping

__all__ = ["HANDSHAKE_S", "MOST", "MOST_OF_ONE_HOST", "PartnerPort"]

HANDSHAKE_S: Final = 5.0
MOST: Final = 64
MOST_OF_ONE_HOST: Final = 16
_REST_S: Final = 0.5

_log = structlog.get_logger("pteri.http")


class PartnerPort:
    """Lets partners in. ``names``: whose certificate has which SHA-256, in hex. It owns ``listener``."""

    def __init__(
        self,
        listener: socket.socket,
        tls: ssl.SSLContext,
        names: Mapping[str, str],
        *,
        handshake_s: float = HANDSHAKE_S,
        most: int = MOST,
        most_of_one_host: int = MOST_OF_ONE_HOST,
    ) -> None:
        self._listener, self._tls, self._names = listener, tls, names
        self._handshake_s, self._most, self._most_of_one_host = handshake_s, most, most_of_one_host
        self._open: set[_Gate] = set()
        self._shaking: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None

    def start(self, behind: Callable[[], asyncio.Protocol]) -> None:
        """Accept from now on; ``behind`` makes what speaks HTTP with a partner."""
        self._listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(behind))

    def stop(self) -> None:
        """Accept nobody new; who is in stays in. Again is fine."""
        for task in (self._accepting, *self._shaking):
            if task is not None:
                task.cancel()
        self._listener.close()

    async def _accept(self, behind: Callable[[], asyncio.Protocol]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(self._listener)
            except OSError as error:
                # Out of file descriptors, mostly: it passes, and until then there is no use in asking at once again.
                _log.warning("partners_not_accepted", reason=type(error).__name__)
                await asyncio.sleep(_REST_S)
                continue
            gate = _Gate(str(address[0]), self._names, behind, self._open.discard)
            if len(self._open) >= self._most or self._of_host(gate.host) >= self._most_of_one_host:
                connection.close()
                continue
            self._open.add(gate)
            task = asyncio.create_task(self._shake(connection, gate))
            self._shaking.add(task)
            task.add_done_callback(self._shaking.discard)

    def _of_host(self, host: str) -> int:
        return sum(gate.host == host for gate in self._open)

    async def _shake(self, connection: socket.socket, gate: _Gate) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: gate,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=self._handshake_s,
                ssl_shutdown_timeout=self._handshake_s,
            )
        except OSError:
            # No certificate, one of nobody, another version of TLS, no TLS at all, too slow: the other side was told.
            pass
        finally:
            if not gate.is_made:
                self._open.discard(gate)
                connection.close()


class _Gate(asyncio.Protocol):
    """Asks who it is, and then hands everything on."""

    def __init__(
        self,
        host: str,
        names: Mapping[str, str],
        behind: Callable[[], asyncio.Protocol],
        gone: Callable[[_Gate], None],
    ) -> None:
        self.host = host
        self.is_made = False
        self._names, self._behind, self._gone = names, behind, gone
        self._inner = asyncio.Protocol()  # which does nothing, with whoever is not known

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A handshake is over, so the certificate is of an authority; whether it is a known one is asked here."""
        self.is_made = True
        certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        shown = hashlib.sha256(certificate or b"").hexdigest()
        if shown not in self._names:
            _log.info("partner_refused", certificate=shown)
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()
            return
        self._inner = self._behind()
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._gone(self)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hand it on."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """The other side says nothing more."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """The other side takes nothing just now."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """It takes again."""
        self._inner.resume_writing()
