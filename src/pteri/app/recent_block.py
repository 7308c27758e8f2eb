"""The recent block of Litecoin that statements name, where a service does that (docs/spec section 4.7).

A challenge keeps the block that it was made with; this says only which one that is now. Each process that answers
requests looks for itself, so two may name different ones, and nothing is read or written for it. Nobody waits: while
the source is away the last block goes on being named until it is old, and after that statements name none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from pteri.app.anchor_ports import ChainRefused, ChainUnavailable
from pteri.core import ids
from pteri.core.anchor.headers import WORK_RULES, Header, check_targets, check_work, parse_header
from pteri.core.errors import ProtocolError

if TYPE_CHECKING:
    from pteri.app.loops import Stop
    from pteri.app.ports import Clock
    from pteri.core.anchor.proof import Block
    from pteri.core.ids import BlockId

__all__ = ["SENTENCES", "BlockTrouble", "Blocks", "HeaderSource", "RecentBlock", "Tell", "watch_blocks"]

_AHEAD_S: Final = 7200
"""How far a miner's clock may be ahead: later blocks are refused by every node (Litecoin Core, validation.cpp)."""


_BUSY_S: Final = 0.05
"""Requests of this process come first."""


class HeaderSource(Protocol):
    """A node, or headers that somebody else fetched. Bounded in time and size.

    Raises ``ChainUnavailable``, ``ChainRefused``, and ``ProtocolError`` for headers that do not hold.
    """

    @property
    def network(self) -> str:
        """main, test or regtest."""
        ...

    async def tip(self) -> Block:
        """The newest block."""
        ...

    async def headers(self, first_height: int, count: int) -> tuple[bytes, ...]:
        """At most ``count`` headers of the best chain from this height on, in order; fewer at its end."""
        ...


class Blocks(Protocol):
    """The block that statements name, as a service knows it."""

    @property
    def network(self) -> str:
        """Whose blocks they are."""
        ...

    @property
    def every_s(self) -> int:
        """Seconds between two looks."""
        ...

    def at(self, at: int) -> BlockId | None:
        """The block to name at this second, or ``None``: none is known, or it is too old, or of another time."""
        ...

    async def turn(self, at: int) -> bool:
        """Look once; whether there is more to look at at once. It raises nothing."""
        ...


class BlockTrouble(StrEnum):
    """Why statements name no block, or soon will not. No sign-in waits for any of it."""

    SOURCE_DOWN = "SOURCE_DOWN"
    """The node or the file of headers is not there, or not as agreed."""
    SOURCE_REFUSED = "SOURCE_REFUSED"
    """The node says no; the detail says which no."""
    HEADER_UNFIT = "HEADER_UNFIT"
    """A header does not follow the one before it, or is without its work."""
    BLOCK_STALE = "BLOCK_STALE"
    """There is no block that is recent: statements name none."""


SENTENCES: Final[Mapping[BlockTrouble, str]] = {
    BlockTrouble.SOURCE_DOWN: "Start the Litecoin node, or mend [block] in the settings.",
    BlockTrouble.SOURCE_REFUSED: "Look at the detail and at the node; the trouble has the name it has for anchors.",
    BlockTrouble.HEADER_UNFIT: "Fetch the headers again, from a node of the network that [block] names.",
    BlockTrouble.BLOCK_STALE: "Statements name no block. Bring the node or the headers up to date, or set the clock.",
}

Tell = Callable[[BlockTrouble, bool, str], None]
"""Hears of a trouble once when it begins (true) and once when it is over (false), with a detail for people."""


@dataclass(slots=True)
class RecentBlock:
    """``Blocks`` of a source of headers.

    ``confirmations`` counts the block itself; ``max_age_s`` from its miner's time; ``every_s`` between two looks.
    """

    source: HeaderSource
    confirmations: int
    max_age_s: int
    every_s: int
    tell: Tell
    _seen: Header | None = field(default=None, init=False)
    _tip: Block | None = field(default=None, init=False)
    _troubles: set[BlockTrouble] = field(default_factory=set, init=False)

    @property
    def network(self) -> str:
        """As promised."""
        return self.source.network

    def at(self, at: int) -> BlockId | None:
        """As promised."""
        seen = self._seen
        if seen is None or not -_AHEAD_S <= at - seen.time < self.max_age_s:
            return None
        return ids.block_id(seen.shown_id)

    async def turn(self, at: int) -> bool:
        """As promised."""
        troubles: dict[BlockTrouble, str] = {}
        before = self._tip
        try:
            await self._look()
        except ChainUnavailable as error:
            troubles[BlockTrouble.SOURCE_DOWN] = str(error)
        except ChainRefused as refused:
            troubles[BlockTrouble.SOURCE_REFUSED] = str(refused)
        except ProtocolError as error:
            troubles[BlockTrouble.HEADER_UNFIT] = f"{error.detail} ({error.code})"
        moved = self._tip != before
        # A source that is still on its way is no trouble yet.
        if not moved and self.at(at) is None:
            troubles[BlockTrouble.BLOCK_STALE] = "none is known" if self._seen is None else self._seen.shown_id
        self._say(troubles)
        return moved

    async def _look(self) -> None:
        tip = await self.source.tip()
        height = tip.height - self.confirmations + 1
        headers = await self.source.headers(height, 1) if height > 0 else ()
        if not headers:
            raise ChainUnavailable(f"there are no {self.confirmations} blocks")
        header = parse_header(headers[0])
        if header != self._seen:
            # Whoever answers in the place of the node has to spend as much as a miner does.
            check_targets([header], first_height=height, rules=WORK_RULES[self.source.network])
            check_work([header])
        self._seen, self._tip = header, tip

    def _say(self, now: Mapping[BlockTrouble, str]) -> None:
        for trouble, detail in now.items():
            if trouble not in self._troubles:
                self.tell(trouble, True, detail)
        for over in sorted(self._troubles - now.keys()):
            self.tell(over, False, "")
        self._troubles = set(now)


async def watch_blocks(blocks: Blocks, clock: Clock, *, stop: Stop) -> None:
    """Look until ``stop``, in this process and for it alone."""
    while not stop.is_set():
        more = await blocks.turn(clock.now())
        await stop.wait(_BUSY_S if more else blocks.every_s)
