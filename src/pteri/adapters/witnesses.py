"""Witnesses of the log over HTTP (docs/spec/log.md section 6.1; C2SP tlog-witness).

What a witness signed is verified by whoever asked. Nothing here is believed but that an answer came.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx2

from pteri.adapters.system import monotonic_s
from pteri.app.log_ports import WitnessBehind, WitnessContradicts, WitnessRefused, WitnessUnavailable
from pteri.core.errors import ProtocolError
from pteri.core.log.add_checkpoint import SIZE_TYPE, AddCheckpoint, parse_cosignatures, parse_size
from pteri.core.log.note import Note, NoteSignature, NoteVerifier

__all__ = ["DEADLINE_S", "PAUSE_S", "HttpWitness"]

DEADLINE_S: Final = 3.0
"""For a whole answer. Others wait for the slowest of all who are asked."""
PAUSE_S: Final = 5.0
"""How long a witness that did not answer is left alone: each time, everybody would wait for its deadline."""
_IDLE_S: Final = 3.0
"""How long a quiet connection is used again. Servers close theirs after 5 s or more; to meet one at it is no answer."""
_MAX_ANSWER_BYTES: Final = 64 * 1024
_REFUSALS: Final = {
    403: (WitnessRefused, "it does not know the key that signed this"),
    404: (WitnessRefused, "it does not watch this log"),
    422: (WitnessContradicts, "it saw something that this did not grow out of"),
}


class HttpWitness:
    """One witness, and connections to it that are kept open. See :class:`~pteri.app.log_ports.Witness`.

    Certificates are always checked; redirects are not followed; cookies are not kept; proxies and credentials of the
    environment are not used. ``tls``: for a certificate authority of one's own. ``seconds``: counts them.
    """

    def __init__(
        self,
        verifier: NoteVerifier,
        url: str,
        *,
        tls: ssl.SSLContext | None = None,
        deadline_s: float = DEADLINE_S,
        seconds: Callable[[], float] = monotonic_s,
    ) -> None:
        self._verifier = verifier
        self._url = f"{url}/add-checkpoint"
        self._deadline_s = deadline_s
        self._seconds = seconds
        self._not_before = 0.0
        self._client = httpx2.AsyncClient(
            verify=True if tls is None else tls,
            timeout=deadline_s,
            limits=httpx2.Limits(keepalive_expiry=_IDLE_S),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            trust_env=False,
            follow_redirects=False,
        )

    @property
    def verifier(self) -> NoteVerifier:
        """Who it is."""
        return self._verifier

    async def cosign(self, checkpoint: Note, *, old_size: int, path: Sequence[bytes]) -> NoteSignature:
        """See :class:`~pteri.app.log_ports.Witness`."""
        if self._seconds() < self._not_before:
            raise WitnessUnavailable("it did not answer a moment ago")
        asked = AddCheckpoint(old_size, tuple(path), checkpoint)
        try:
            status, kind, body = await self._ask(asked.encoded)
            return self._read(asked, status, kind, body)
        except WitnessUnavailable:
            self._not_before = self._seconds() + PAUSE_S
            raise

    async def _ask(self, body: bytes) -> tuple[int, str, bytes]:
        headers = {"content-type": "text/plain; charset=utf-8", "accept-encoding": "identity"}
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._client.stream("POST", self._url, content=body, headers=headers) as response,
            ):
                return response.status_code, response.headers.get("content-type", ""), await _bounded(response)
        except (TimeoutError, httpx2.TimeoutException):
            raise WitnessUnavailable("it does not answer in time") from None
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise WitnessUnavailable(f"it cannot be reached ({type(error).__name__})") from error

    def _read(self, asked: AddCheckpoint, status: int, kind: str, body: bytes) -> NoteSignature:
        if status in _REFUSALS:
            kind_of_no, why = _REFUSALS[status]
            raise kind_of_no(why)
        try:
            if status == 200:
                return self._own_line(asked.checkpoint, body)
            if status == 409:
                raise _conflict(asked, kind, body)
        except ProtocolError as error:
            raise WitnessUnavailable(f"its answer is none: {error.detail}") from error
        raise WitnessUnavailable(f"it answers with status {status}")

    def _own_line(self, checkpoint: Note, body: bytes) -> NoteSignature:
        # Lines by other keys may be there, and say nothing to us.
        for line in parse_cosignatures(body, expected_note=checkpoint):
            if (line.name, line.id) == (self._verifier.name, self._verifier.id):
                return line
        raise WitnessUnavailable("it signs with another key than the settings say")

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()


def _conflict(asked: AddCheckpoint, kind: str, body: bytes) -> Exception:
    """It starts from elsewhere; or from there, and saw another tree of the size that it is shown."""
    if kind.partition(";")[0].strip().lower() != SIZE_TYPE:
        return WitnessContradicts("it saw another tree of this size")
    size = parse_size(body)
    if size == asked.old_size:
        return WitnessContradicts(f"it saw another tree of {size} leaves")
    return WitnessBehind(size)


async def _bounded(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _MAX_ANSWER_BYTES:
            raise WitnessUnavailable("its answer is too long")
    return bytes(body)
