"""Headers of blocks in a file, for a service that reaches no node: 80 bytes each, one after the other.

The first follows a block that the settings name. Links, targets and work are verified before anything of it is used;
what was verified once is not verified again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from pteri import durable
from pteri.app.anchor_ports import ChainUnavailable
from pteri.core.anchor.header_chain import LOOK_BACK, MAX_FILE_BYTES, parse_headers, verify_headers
from pteri.core.anchor.headers import HEADER_BYTES, Header
from pteri.core.anchor.proof import Block

__all__ = ["HeaderFile"]

_AT_ONCE: Final = 1000
"""Headers that are verified in one turn: a second or two."""


class HeaderFile:
    """A ``HeaderSource``. ``known``: the block before the first header. Another program replaces the file."""

    def __init__(self, path: Path, *, network: str, known: Block, at_once: int = _AT_ONCE) -> None:
        self._path = path
        self._network = network
        self._known = known
        self._at_once = at_once
        self._verified = b""

    @property
    def network(self) -> str:
        """As promised."""
        return self._network

    async def tip(self) -> Block:
        """As promised, of those that are verified by now: ``at_once`` more in each call."""
        # Work is hashed beside the event loop: sign-ins go on.
        await asyncio.to_thread(self._verify_more)
        return self._block_at(self._verified, self._count)

    async def headers(self, first_height: int, count: int) -> tuple[bytes, ...]:
        """As promised, of those that are verified by now."""
        first = first_height - self._known.height - 1
        if first < 0:
            return ()
        found = _parsed(self._verified, first, min(first + count, self._count))
        return tuple(header.raw for header in found)

    @property
    def _count(self) -> int:
        return len(self._verified) // HEADER_BYTES

    def _block_at(self, raw: bytes, count: int) -> Block:
        """The last of so many headers; of none the block before them."""
        if count == 0:
            return self._known
        [last] = _parsed(raw, count - 1, count)
        return Block(self._known.height + count, last.shown_id)

    def _verify_more(self) -> None:
        raw = self._read()
        # What was replaced is verified anew, and so is all that comes after it.
        kept = _common(raw, self._verified)
        end = min(kept + self._at_once, len(raw) // HEADER_BYTES)
        verify_headers(
            _parsed(raw, kept, end),
            expected_network=self._network,
            after=self._block_at(raw, kept),
            before=_parsed(raw, max(0, kept - LOOK_BACK), kept),
        )
        self._verified = raw[: end * HEADER_BYTES]

    def _read(self) -> bytes:
        try:
            raw = durable.read_regular(self._path, MAX_FILE_BYTES)
        except durable.TooLongError as error:
            raise ChainUnavailable(f"{self._path} has too many headers: begin it after a newer block") from error
        except OSError as error:
            raise ChainUnavailable(f"cannot read {self._path}: {error.strerror}") from error
        if len(raw) % HEADER_BYTES:
            raise ChainUnavailable(f"{self._path} breaks off within a header")
        return raw


def _parsed(raw: bytes, first: int, end: int) -> tuple[Header, ...]:
    return parse_headers(raw[first * HEADER_BYTES : end * HEADER_BYTES])


def _common(left: bytes, right: bytes) -> int:
    """How many headers at the beginning are the same."""
    low, high = 0, min(len(left), len(right)) // HEADER_BYTES
    while low < high:
        middle = (low + high + 1) // 2
        if left[: middle * HEADER_BYTES] == right[: middle * HEADER_BYTES]:
            low = middle
        else:
            high = middle - 1
    return low
