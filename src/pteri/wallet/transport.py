"""HTTP, with the ``httpx2`` package of the extra ``wallet``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pteri.wallet.refusals import UNREACHABLE, ServerError
from pteri.wallet.server import MAX_REPLY_BYTES, Reply

if TYPE_CHECKING:
    import ssl

    import httpx2

    from pteri.wallet.server import Request

__all__ = ["HttpTransport"]

_TIMEOUT_S: Final = 10.0


class HttpTransport:
    """Connections to servers, kept open between requests. ``tls``: for a certificate authority of one's own.

    Certificates are always checked. Proxies and credentials of the environment are not used: a proxy sees plain
    text wherever it ends TLS, so it must be named in ``proxy``.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None, proxy: str | None = None) -> None:
        try:
            import httpx2  # noqa: PLC0415 - optional: a wallet that only signs needs no HTTP
        except ImportError as error:
            raise ServerError(
                UNREACHABLE, "The HTTP client is not installed. Install it with: pip install 'pteri[wallet]'"
            ) from error
        self._failures = (httpx2.TransportError, httpx2.DecodingError)
        self._client: httpx2.Client = httpx2.Client(
            verify=True if tls is None else tls,
            proxy=proxy,
            timeout=_TIMEOUT_S,
            trust_env=False,
            follow_redirects=False,
        )

    def send(self, request: Request) -> Reply:
        """See :class:`~pteri.wallet.server.Transport`."""
        headers = request.headers() | {"accept": "application/json", "accept-encoding": "identity"}
        if request.body:
            headers["content-type"] = "application/json"
        try:
            with self._client.stream(
                request.method, request.target_uri, content=request.body, headers=headers
            ) as response:
                return Reply(response.status_code, self._read(response))
        except self._failures as error:
            raise ServerError(
                UNREACHABLE,
                "The server cannot be reached, or did not answer in time. Check the network, then do the same again.",
            ) from error

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _read(self, response: httpx2.Response) -> bytes:
        """The body, or nothing of one over ``MAX_REPLY_BYTES``: no answer of the protocol is empty."""
        body = bytearray()
        for chunk in response.iter_raw(65_536):
            body += chunk
            if len(body) > MAX_REPLY_BYTES:
                return b""
        return bytes(body)
