"""The log as the service shows it to anybody (docs/spec/log.md section 7), for a phone that compares.

Nothing here is signed, so the service is not told which phone asks; and nothing is believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pteri.core.log.tiles import Tile, tile_path
from pteri.wallet.refusals import BAD_ANSWER, ServerError
from pteri.wallet.server import PlainRequest

if TYPE_CHECKING:
    from pteri.wallet.server import Transport

__all__ = ["PublicLog"]

_OK: Final = 200


class PublicLog:
    """The published log below ``origin``."""

    def __init__(self, transport: Transport, origin: str) -> None:
        self._transport = transport
        self._origin = origin

    def note(self) -> str:
        """The newest checkpoint; empty where there is none, or nobody answers."""
        try:
            return self._read("checkpoint").decode("utf-8", "replace")
        except ServerError:
            return ""

    def tile(self, tile: Tile) -> bytes:
        """Bytes of this tile, or of what was answered in its place; ``ServerError`` when it is not answered."""
        return self._read(tile_path(tile))

    def _read(self, path: str) -> bytes:
        reply = self._transport.send(PlainRequest("GET", f"{self._origin}/log/{path}", b""))
        if reply.status != _OK:
            raise ServerError(BAD_ANSWER, "The service does not show its log.", status=reply.status)
        return reply.body
