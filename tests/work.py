"""What a request costs the service, counted instead of timed: calls of the store, keyed hashes, work on curves.

A clock would tell of the machine and its other guests; these numbers are the same everywhere.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from pteri.core.keys.device import DeviceKey
from pteri.core.keys.secp256k1 import Curve
from thieves import rewired
from world import World

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from pteri.app.ports import Store, Vault

__all__ = ["Work", "counted"]

_CURVES: Final[dict[CodeType, str]] = {
    DeviceKey.verify.__code__: "P-256",
    Curve.recover.__code__: "secp256k1",
    Curve.verify.__code__: "secp256k1",
    Curve.schnorr_verify.__code__: "secp256k1",
}
"""Whatever checks a signature; each of them costs more than everything else that a refused request may cost."""


@dataclass
class Work:
    """So many calls of each method, and so many operations on each curve."""

    store: Counter[str] = field(default_factory=Counter)
    vault: Counter[str] = field(default_factory=Counter)
    curves: Counter[str] = field(default_factory=Counter)

    @property
    def changes(self) -> int:
        """How often it wrote, or tried to."""
        return self.store["commit"]


class _Counting:
    """The real port; it counts how often each method is called."""

    def __init__(self, port: object, calls: Counter[str]) -> None:
        self._port, self._calls = port, calls

    def __getattr__(self, name: str) -> Any:
        self._calls[name] += 1
        return getattr(self._port, name)


@contextmanager
def counted(world: World) -> Iterator[Work]:
    """Count the work of everything that is sent to this world meanwhile."""
    work, deployment = Work(), world.deployment
    rewired(
        world,
        store=cast("Store", _Counting(deployment.store, work.store)),
        vault=cast("Vault", _Counting(deployment.vault, work.vault)),
    )

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in _CURVES:
            work.curves[_CURVES[frame.f_code]] += 1

    was = sys.getprofile()
    sys.setprofile(note)
    try:
        yield work
    finally:
        sys.setprofile(was)
        rewired(world, store=deployment.store, vault=deployment.vault)
