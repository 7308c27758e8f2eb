"""Answers as they go over the wire: status, header lines, body. Both hinges of the door send the same bytes."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HSTS", "REQUEST_ID_HEADER", "SECURITY_HEADERS", "Answer", "AnswerForm", "header_pairs"]

REQUEST_ID_HEADER: Final = "x-request-id"

SECURITY_HEADERS: Final[Mapping[bytes, bytes]] = MappingProxyType(
    {
        b"cache-control": b"no-store",
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"no-referrer",
        # an answer that a browser is made to open as a page can load, run and frame nothing
        b"content-security-policy": (
            b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    }
)
"""Set on every answer unless the endpoint chose its own: a log tile may be cached, /docs has a style."""

HSTS: Final = (b"strict-transport-security", b"max-age=31536000")

_HEADER_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e]*")
_FRAMING: Final = frozenset(
    {"connection", "content-length", "content-type", "date", "keep-alive", "transfer-encoding", REQUEST_ID_HEADER}
)
"""Not for an endpoint to say: two of them in one answer are how one answer becomes two."""
_NO_LENGTH: Final = frozenset({204, 304})
_ID_LINE: Final = f"{REQUEST_ID_HEADER}: ".encode()


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What to send. ``head`` is the header lines, each ended, without ``Date`` and ``Connection``.

    ``close``: the connection ends with this answer, and says so.
    """

    status: int
    head: bytes
    body: bytes
    close: bool = False


class AnswerForm:
    """Answers of one status and media type without headers of their own: most of their head is always the same."""

    __slots__ = ("_lines", "_media_type", "_standing", "status")

    def __init__(self, status: int, media_type: str | None, standing: Mapping[bytes, bytes]) -> None:
        self.status = status
        self._media_type = media_type
        self._standing = standing
        self._lines = _lines(standing if media_type is None else {b"content-type": media_type.encode(), **standing})

    def filled(self, body: bytes, request_id: str) -> Answer:
        """The answer with this body."""
        if self.status in _NO_LENGTH:
            return Answer(self.status, b"%b%b%b\r\n" % (self._lines, _ID_LINE, request_id.encode("ascii")), body)
        head = b"content-length: %d\r\n%b%b%b\r\n" % (len(body), self._lines, _ID_LINE, request_id.encode("ascii"))
        return Answer(self.status, head, body)

    def filled_with(self, own: Mapping[str, str], body: bytes, request_id: str, *, close: bool = False) -> Answer:
        """The same with headers of the answer's own, which stand in place of standing ones of the same name.

        ``ValueError`` for a name or value that would say more than one header.
        """
        own_lines = {}
        for name, value in own.items():
            # a line break in a value would begin a header, or an answer, of somebody else's choice
            if not _HEADER_NAME.fullmatch(name) or name in _FRAMING or not _HEADER_VALUE.fullmatch(value):
                raise ValueError("not a header that an answer may have")
            own_lines[name.encode("ascii")] = value.encode("ascii")
        form = AnswerForm(self.status, self._media_type, {**self._standing, **own_lines})
        plain = form.filled(body, request_id)
        return Answer(plain.status, plain.head, plain.body, close)


def header_pairs(head: bytes) -> list[tuple[bytes, bytes]]:
    """The lines of a head as the pairs that ASGI wants."""
    pairs = []
    for line in head.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b": ")
        pairs.append((name, value))
    return pairs


def _lines(headers: Mapping[bytes, bytes]) -> bytes:
    return b"".join(b"%b: %b\r\n" % header for header in headers.items())
