"""A request to an operator and its reply: bytes, and who carries them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

__all__ = ["MAX_REPLY_BYTES", "NoReply", "Reply", "Request", "Transport"]

MAX_REPLY_BYTES: Final = 16_384
"""No answer that we read is a tenth of this; more is not read."""


@dataclass(frozen=True, slots=True)
class Request:
    """What goes out. Body and headers hold numbers and tokens: neither is ever shown."""

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Headers are those that somebody reads, in lower case; ``body`` is at most ``MAX_REPLY_BYTES``."""

    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class NoReply(Exception):
    """There is no usable reply. ``code`` is ``TIMEOUT``, ``UNREACHABLE`` or ``MALFORMED_ANSWER``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Transport(Protocol):
    """Carries a request. Promises: no redirect is followed, TLS is checked, a reply is whole or :class:`NoReply`."""

    async def send(self, request: Request) -> Reply:
        """Send it once. :class:`NoReply` for whatever goes wrong."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
