"""A worker of anchors on a real store and a simulated chain, with a log that grows when the test says so."""

from __future__ import annotations

from collections import Counter

from pteri.app.anchor_ports import AnchorStore, Chain, Trouble
from pteri.app.anchoring import Anchoring, Schedule
from pteri.core.log.tree import TreeHead
from pteri.domain.anchoring import Anchor, AnchorState
from trees import Grown, leaf

__all__ = ["LOG", "NOW", "GrowingLog", "Workshop", "told"]

LOG = "log.bank.example"
NOW = 1_795_100_000


class GrowingLog:
    """Its newest signed head, and the tree below it."""

    def __init__(self, size: int = 5) -> None:
        self.tree = Grown([leaf(number) for number in range(300)])
        self.size = size

    async def head(self) -> TreeHead | None:
        return self.tree.heads[self.size] if self.size else None


class Workshop:
    """One log, one registry, one node; and as many workers as the test asks for."""

    def __init__(self, store: AnchorStore, chain: Chain, schedule: Schedule | None = None) -> None:
        self.store, self.chain = store, chain
        self.schedule = schedule or Schedule()
        self.log = GrowingLog()
        self.at = NOW
        self.heard: list[tuple[Trouble, bool]] = []
        self.worker = self.hire()

    def hire(self, store: AnchorStore | None = None) -> Anchoring:
        """One more worker, as after a restart or on another machine."""
        return Anchoring(
            log=LOG,
            store=store or self.store,
            chain=self.chain,
            heads=self.log.head,
            schedule=self.schedule,
            tell=lambda trouble, begins, _: self.heard.append((trouble, begins)),
        )

    async def turns(self, worker: Anchoring | None = None) -> None:
        """Turns until nothing is left to do at once; they end."""
        for _ in range(40):
            if not await (worker or self.worker).turn(self.at):
                return
        raise AssertionError("a worker that never rests")

    async def newest(self) -> Anchor:
        [anchor] = await self.store.newest(LOG, 1)
        return anchor

    async def states(self) -> list[AnchorState]:
        """Of all anchors, the oldest first."""
        return [anchor.state for anchor in reversed(await self.store.newest(LOG, 100))]

    async def is_recorded(self, raw: bytes) -> bool:
        anchors = await self.store.newest(LOG, 100)
        return any(raw == anchor.raw or raw in {child.raw for child in anchor.children} for anchor in anchors)


def told(workshop: Workshop) -> Counter[Trouble]:
    """How often each trouble was said to begin."""
    return Counter(trouble for trouble, begins in workshop.heard if begins)
