"""Requests to operators over HTTP, with ``httpx2``."""

from __future__ import annotations

import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx2

from pteri.adapters.telecom.camara.exchange import MAX_REPLY_BYTES, NoReply, Reply, Request

__all__ = ["HttpTransport"]

_CONNECTIONS: Final = 100
_READ: Final = frozenset({"x-correlator", "date", "age"})


class HttpTransport:
    """Connections to one operator, kept open. ``tls``: for a certificate authority of one's own.

    Certificates are always checked; no redirect is followed, or a token would follow it; cookies are not kept, and
    proxies and credentials of the environment are not used. ``timeout_s`` bounds each step; the deadline of the whole
    is the caller's.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, timeout_s: float = 2.0) -> None:
        self._client = httpx2.AsyncClient(
            verify=True if tls is None else tls,
            timeout=timeout_s,
            limits=httpx2.Limits(max_connections=_CONNECTIONS),
            # A cookie would link the questions about one person to those about the next one.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            trust_env=False,
            follow_redirects=False,
        )

    async def send(self, request: Request) -> Reply:
        """See :class:`~pteri.adapters.telecom.camara.exchange.Transport`."""
        # Packed bytes could be a thousand times larger when unpacked.
        headers = {**request.headers, "accept-encoding": "identity"}
        try:
            async with self._client.stream(
                request.method, request.url, content=request.body, headers=headers
            ) as response:
                return Reply(response.status_code, _headers(response), await _read(response))
        except httpx2.TimeoutException:
            raise NoReply("TIMEOUT") from None
        except (httpx2.TransportError, httpx2.DecodingError):
            # `from None`: the cause carries the request, and with it a token.
            raise NoReply("UNREACHABLE") from None

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()


def _headers(response: httpx2.Response) -> dict[str, str]:
    """Those that somebody reads. One that comes twice has two readings; the others may, as cookies do."""
    found = [(name.lower(), value) for name, value in response.headers.multi_items() if name.lower() in _READ]
    if len(dict(found)) != len(found):
        raise NoReply("MALFORMED_ANSWER")
    return dict(found)


async def _read(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise NoReply("MALFORMED_ANSWER")
    return bytes(body)
