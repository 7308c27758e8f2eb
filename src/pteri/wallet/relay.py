"""The server's mailboxes, as a phone uses them (docs/spec/transfer.md section 6).

Nothing here is believed: what comes out of a mailbox is opened by the channel, or refused by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from pteri.core import wire
from pteri.core.errors import ProtocolError
from pteri.core.ids import from_base64url, to_base64url
from pteri.wallet.refusals import BAD_ANSWER, ServerError
from pteri.wallet.server import PlainRequest

if TYPE_CHECKING:
    from pteri.wallet.server import Server

__all__ = ["HttpRelay", "Relay", "is_over", "is_unknown"]

_NOT_FOUND: Final = 404
_GONE: Final = 410


class Relay(Protocol):
    """Mailboxes by their ids. Everything may be said again; ``ServerError`` says what came of it."""

    def open(self, mailbox: bytes) -> None:
        """There is a mailbox of this id for some minutes."""
        ...

    def put(self, mailbox: bytes, place: int, frame: bytes) -> None:
        """Leave a message at its place, which is the next one or has this very message."""
        ...

    def read(self, mailbox: bytes) -> tuple[bytes, ...]:
        """All messages, in order."""
        ...

    def end(self, mailbox: bytes) -> None:
        """Use the id up."""
        ...


class HttpRelay:
    """The relay of one tenant, through the connection that the phone has with its server anyway."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def open(self, mailbox: bytes) -> None:
        """As promised."""
        body = msgspec.json.encode(wire.OpenMailbox(to_base64url(mailbox)))
        self._server.send(self._request("POST", "/mailboxes", body), wire.MailboxSeen)

    def put(self, mailbox: bytes, place: int, frame: bytes) -> None:
        """As promised."""
        body = msgspec.json.encode(wire.PutMessage(place, to_base64url(frame)))
        self._server.send(self._request("PUT", _path(mailbox), body), wire.MailboxSeen)

    def read(self, mailbox: bytes) -> tuple[bytes, ...]:
        """As promised."""
        seen = self._server.send(self._request("GET", _path(mailbox), b""), wire.MailboxSeen)
        try:
            return tuple(from_base64url(message) for message in seen.messages)
        except ProtocolError as error:
            raise ServerError(BAD_ANSWER, "The server answered something that no mailbox holds.") from error

    def end(self, mailbox: bytes) -> None:
        """As promised."""
        self._server.send(self._request("DELETE", _path(mailbox), b""), wire.Nothing)

    def _request(self, method: str, path: str, body: bytes) -> PlainRequest:
        return PlainRequest(method, self._server.address_of(path), body)


def is_unknown(error: ServerError) -> bool:
    """Whether there is no mailbox of this id, or not yet."""
    return error.status == _NOT_FOUND


def is_over(error: ServerError) -> bool:
    """Whether there was one, and its id is used up."""
    return error.status == _GONE


def _path(mailbox: bytes) -> str:
    return f"/mailboxes/{to_base64url(mailbox)}"
