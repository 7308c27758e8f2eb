"""One run: everything that was measured, as it is kept in ``bench/results/``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.botnet import Noticed
from bench.chip import ChipCost
from bench.log_tree import TreeCost
from bench.machine import Machine
from bench.measuring import Growth, SignInCost
from bench.peers.driving import PeerFigures
from bench.raw import RawLimits
from bench.split import Split
from bench.storage import Storage

__all__ = ["BASE_ACCOUNTS", "Results", "read_results", "write_results"]

BASE_ACCOUNTS = 10_000


class Results(msgspec.Struct, kw_only=True):
    """Filled bit by bit while a run goes on. ``splits``: by store. ``left_out``: what was not measured, and why."""

    profile: str
    machine: Machine
    postgres: str | None = None
    raw: RawLimits | None = None
    postgres_commit_s: float | None = None
    costs: list[SignInCost] = []
    splits: dict[str, Split] = {}
    growth: Growth | None = None
    botnets: list[Noticed] = []
    storage: list[Storage] = []
    peers: list[PeerFigures] = []
    left_out: list[str] = []
    chip: ChipCost | None = None
    trees: list[TreeCost] = []

    def cost(
        self, store: str, *, clients: int, processes: int = 1, accounts: int = BASE_ACCOUNTS, prompt: bool = False
    ) -> SignInCost | None:
        """The measurement of exactly this kind, if there is one."""
        wanted = (store, clients, processes, accounts, prompt)
        return next(
            (one for one in self.costs if (one.store, one.clients, one.processes, one.accounts, one.prompt) == wanted),
            None,
        )

    def sizes(self, store: str, *, clients: int) -> Iterator[SignInCost]:
        """The same sign-ins in registries of all sizes, smallest first."""
        of_kind = (
            one
            for one in self.costs
            if (one.store, one.clients, one.processes, one.prompt) == (store, clients, 1, False)
        )
        yield from sorted(of_kind, key=lambda one: one.accounts)

    def tree(self, kind: str) -> list[TreeCost]:
        """The log's tree, or another hand's, in all sizes, smallest first."""
        return sorted((one for one in self.trees if one.kind == kind), key=lambda one: one.leaves)

    def botnet(self, where: str) -> Noticed | None:
        """What was noticed of a botnet there."""
        return next((one for one in self.botnets if one.where == where), None)

    def peer(self, name: str) -> PeerFigures | None:
        """The peer whose name begins like this."""
        return next((peer for peer in self.peers if peer.name.startswith(name)), None)


def read_results(path: Path) -> Results:
    return msgspec.json.decode(path.read_bytes(), type=Results)


def write_results(path: Path, results: Results) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
