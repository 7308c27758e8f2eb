"""Requests to a node over HTTP, with ``httpx2``: one at a time, bounded in time and size."""

from __future__ import annotations

import base64
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Final, Protocol

import httpx2

from pteri import durable
from pteri.adapters.chain.json_rpc import MAX_ANSWER_BYTES
from pteri.app.anchor_ports import ChainRefused, ChainUnavailable, Trouble

__all__ = ["CookieFile", "Credentials", "NodeTransport", "PasswordFile", "credentials"]

_MAX_SECRET_BYTES: Final = 1024
_UNAUTHORISED: Final = frozenset({401, 403})
_ANSWERS: Final = frozenset({200, 404, 500})
"""With an error of JSON-RPC in them, too."""


class Credentials(Protocol):
    """Who we are to the node. Read for each request: a node makes a new cookie when it starts."""

    def read(self) -> bytes:
        """``user:password``. Raises ``ChainUnavailable`` when it cannot be read; never shown."""
        ...


class CookieFile:
    """The file ``.cookie`` of a node that runs here."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes:
        """As promised. It is gone while the node is."""
        return _secret(self._path)


class PasswordFile:
    """A user, and a file with the password, mode 0600."""

    def __init__(self, user: str, path: Path) -> None:
        self._user, self._path = user, path

    def read(self) -> bytes:
        """As promised."""
        return self._user.encode() + b":" + _secret(self._path)


def credentials(cookie_file: Path | None, user: str | None, password_file: Path | None) -> Credentials:
    """The one of both that the settings name."""
    if cookie_file is not None:
        return CookieFile(cookie_file)
    assert user is not None
    assert password_file is not None
    return PasswordFile(user, password_file)


def _secret(path: Path) -> bytes:
    try:
        secret = durable.read_private(path, _MAX_SECRET_BYTES).rstrip(b"\r\n")
    except FileNotFoundError as error:
        raise ChainUnavailable(f"there is no file {path}: the node is not running, or keeps it elsewhere") from error
    except OSError as error:
        raise ChainRefused(
            Trouble.NODE_UNAUTHORISED, f"cannot read {path}, which must be open to nobody else: {error.strerror}"
        ) from error
    if not secret:
        raise ChainRefused(Trouble.NODE_UNAUTHORISED, f"{path} is empty")
    return secret


class NodeTransport:
    """A connection to one node, kept open. ``tls``: for a certificate authority of one's own.

    Certificates are checked, no redirect is followed, cookies are not kept, and nothing of the environment is used.
    ``timeout_s`` bounds each step.
    """

    def __init__(
        self, url: str, credentials: Credentials, *, timeout_s: float = 20.0, tls: ssl.SSLContext | None = None
    ) -> None:
        self._url = url
        self._credentials = credentials
        self._client = httpx2.AsyncClient(
            verify=True if tls is None else tls,
            timeout=timeout_s,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            trust_env=False,
            follow_redirects=False,
        )

    async def post(self, path: str, body: bytes) -> bytes:
        """What the node answers at this path. Raises ``ChainUnavailable``, and ``ChainRefused`` when it knows us not.

        No exception has the request, and with it the password, as its cause.
        """
        secret = base64.b64encode(self._credentials.read()).decode("ascii")
        headers = {
            "authorization": f"Basic {secret}",
            "content-type": "application/json",
            "accept-encoding": "identity",
        }
        try:
            async with self._client.stream("POST", self._url + path, content=body, headers=headers) as response:
                if response.status_code in _UNAUTHORISED:
                    raise ChainRefused(Trouble.NODE_UNAUTHORISED, f"status {response.status_code}")
                if response.status_code not in _ANSWERS:
                    raise ChainUnavailable(f"the node answers with status {response.status_code}")
                return await _read(response)
        except httpx2.TimeoutException:
            raise ChainUnavailable("the node does not answer in time") from None
        except (httpx2.TransportError, httpx2.DecodingError):
            raise ChainUnavailable("the node cannot be reached") from None

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.aclose()


async def _read(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise ChainUnavailable("the node's answer is too long")
    return bytes(body)
