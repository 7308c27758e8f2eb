"""A service whose deployment key is rotated: what `pteri key` does, without its files."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pteri.adapters.key_ring import HeldKey, KeyRing, Standing
from pteri.adapters.vault import DeploymentVault
from pteri.app.fsck import fsck
from pteri.app.key_ports import RegisteredKey
from pteri.app.observing import LineWatch
from pteri.app.rekeying import Need, Rekeyed, needs_of, rekey
from pteri.core.keys.secret import Secret
from thieves import rewired
from world import SimEntropy

if TYPE_CHECKING:
    from pteri.app.findings import Report
    from world import World

__all__ = ["FIRST", "SECOND", "Keys", "report_of", "whole"]

FIRST: Final = Secret(hashlib.sha256(b"deployment").digest())
"""The one of every `World`."""
SECOND: Final = Secret(hashlib.sha256(b"the second one").digest())


class Keys:
    """The keys of one process of a service."""

    def __init__(self, world: World, ring: KeyRing | None = None) -> None:
        self.world, self.ring = world, ring or KeyRing.of(FIRST)
        self._use()

    @property
    def first(self) -> str:
        return HeldKey(FIRST, Standing.CURRENT).name

    @property
    def second(self) -> str:
        return HeldKey(SECOND, Standing.CURRENT).name

    def new(self) -> Keys:
        self.ring = self.ring.with_next(SECOND)
        vault = self._use()
        names = [held.name for held in reversed(self.ring.keys)]
        keys = [RegisteredKey(number, name, vault.mark(name)) for number, name in enumerate(names, start=1)]
        self.world.run(self.world.store.keys.register(keys))
        return self

    def rotate(self) -> Keys:
        self.ring = self.ring.rotated(self.world.clock.now())
        self._use()
        return self

    def distrust(self) -> Keys:
        self.ring = self.ring.distrusting(self.first)
        self._use()
        return self

    def retire(self) -> Keys:
        self.world.run(self.world.store.keys.retire(self.first))
        self.ring = self.ring.without(self.first)
        self._use()
        return self

    def rekey(self) -> Rekeyed:
        return self.world.run(rekey(self.world.deployment, lambda _: None))

    def settle(self) -> None:
        """The second after an answer."""
        self.world.run(self.world.deployment.presented.settle(self.world.store.keys))

    def needed(self) -> Need:
        """What the first key is wanted for."""
        return self.world.run(needs_of(self.world.deployment, self.first, [self.second]))

    def _use(self) -> DeploymentVault:
        vault = DeploymentVault(self.ring, SimEntropy(f"vault of {len(self.ring.keys)}"))
        line = self.world.deployment.line
        rewired(self.world, vault=vault, line=replace(line, vault=vault) if isinstance(line, LineWatch) else line)
        return vault


async def _at_once(_: float) -> None:
    return None


def report_of(world: World) -> Report:
    """What `pteri fsck` finds."""
    return world.run(fsck(world.deployment, pause=_at_once, tell=lambda *_: None))


def whole(world: World) -> Report:
    """The registry is as it should be."""
    report = report_of(world)
    assert report.clean, report.findings
    return report
