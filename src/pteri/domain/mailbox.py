"""A mailbox of the relay: a few sealed messages between two phones that know its id (docs/spec/transfer.md section 6).

The relay knows no sender, no account and no key. What it can tell is how large a message was and when it came. It is
no place to keep anything: ten minutes, eight messages, and then the id is used up.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from pteri.core.ids import TenantId

__all__ = ["GONE_S", "LIFE_S", "MAX_MESSAGES", "MAX_MESSAGE_BYTES", "Mailbox", "Unfit"]

LIFE_S: Final = 600
MAX_MESSAGES: Final = 8
MAX_MESSAGE_BYTES: Final = 4096
GONE_S: Final = 8 * 86_400
"""How long an id that was used stays used: longer than anything that could be waiting for what it held."""


class Unfit(StrEnum):
    """Why a message was not taken."""

    ENDED = "ENDED"
    """The mailbox is over."""
    FULL = "FULL"
    """It holds eight messages."""
    TOO_LARGE = "TOO_LARGE"
    """Over 4096 bytes."""
    EMPTY = "EMPTY"
    """No bytes."""
    TAKEN = "TAKEN"
    """Another message has this place, or the one before it has not come."""


class Mailbox(msgspec.Struct, frozen=True):
    """``id`` is base64url of 16 bytes; ``version`` counts the changes. Once ``ended`` it holds nothing."""

    tenant: TenantId
    id: str
    expires_at: int
    messages: tuple[bytes, ...] = ()
    ended: bool = False
    version: int = 1

    def is_over(self, at: int) -> bool:
        """Whether it takes and shows nothing any more."""
        return self.ended or at >= self.expires_at

    def with_message(self, place: int, message: bytes, *, at: int) -> Mailbox | Unfit:
        """This mailbox with the message at its place, which is the next one. Put there again, it changes nothing."""
        if self.is_over(at):
            return Unfit.ENDED
        if len(message) > MAX_MESSAGE_BYTES:
            return Unfit.TOO_LARGE
        if not message:
            return Unfit.EMPTY
        if 0 <= place < len(self.messages):
            return self if self.messages[place] == message else Unfit.TAKEN
        if len(self.messages) == MAX_MESSAGES:
            return Unfit.FULL
        if place != len(self.messages):
            return Unfit.TAKEN
        return self._next(messages=(*self.messages, message))

    def closed(self) -> Mailbox:
        """This mailbox, used up: what it held is gone, that it was is not."""
        return self if self.ended else self._next(messages=(), ended=True)

    def _next(self, **changes: object) -> Mailbox:
        return msgspec.structs.replace(self, version=self.version + 1, **changes)
