"""Logins that were presented and are not yet spelt under the key that writes (docs/spec section 9.8).

Only whoever knows a login can spell it anew: the site, when somebody signs in. What it presents is noted here and
written a moment later by the process that heard it: written before the answer, it would take longer where there is an
account, and tell who has one. What is lost with a process, or is too much, is presented again at the next sign-in.
"""

from __future__ import annotations

from typing import Final

from pteri.app.key_ports import KeyBook
from pteri.app.ports import Claimed

__all__ = ["Presented"]

_MOST: Final = 1024
_BATCH: Final = 64


class Presented:
    """What one process has heard. It belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], tuple[Claimed, ...]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, spelt: tuple[Claimed, ...]) -> None:
        """Remember these spellings of one login for :meth:`settle`."""
        if spelt and len(self._waiting) < _MOST:
            self._waiting[spelt[0].tenant, spelt[0].account] = spelt

    async def settle(self, book: KeyBook) -> bool:
        """Write some of them; whether there are more. What could not be written is presented again."""
        taken = [self._waiting.pop(key) for key in list(self._waiting)[:_BATCH]]
        if taken:
            await book.claim([claimed for spelt in taken for claimed in spelt])
        return bool(self._waiting)
