"""Which measurements make a run, in which order."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from rich.progress import Progress

from bench import measuring, raw
from bench.botnet import noticed
from bench.cache import cache
from bench.chip import chip_cost
from bench.figures import FEW, MANY
from bench.log_tree import tree_cost
from bench.peers import fastapi_same, privacyidea, webauthn
from bench.peers.driving import PeerFigures
from bench.postgres import Postgres, postgres
from bench.results import BASE_ACCOUNTS, Results
from bench.seed import Seeded, seeded_postgres, seeded_sqlite
from bench.storage import storage_of

__all__ = ["PROFILES", "Profile", "Suite"]

_ALL_CLIENTS: Final = (1, FEW, MANY, 256)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """``seconds`` of each run, ``repeats`` of each measurement; ``peers`` is sign-ins a round, 0 for none."""

    seconds: float
    repeats: int
    clients: tuple[int, ...]
    sqlite_accounts: tuple[int, ...]
    postgres_accounts: tuple[int, ...]
    two_processes: bool
    prompted: bool
    botnet: bool
    storage: int
    split_s: int
    growth: int
    peers: int
    slow_peer: int = 0
    leaves: tuple[int, ...] = ()


PROFILES: Final = {
    "quick": Profile(
        seconds=4,
        repeats=3,
        clients=(FEW, MANY),
        sqlite_accounts=(),
        postgres_accounts=(),
        two_processes=False,
        prompted=False,
        botnet=False,
        storage=0,
        split_s=5,
        growth=0,
        peers=0,
    ),
    "usual": Profile(
        seconds=4,
        repeats=3,
        clients=_ALL_CLIENTS,
        sqlite_accounts=(1_000_000,),
        postgres_accounts=(),
        two_processes=True,
        prompted=True,
        botnet=True,
        storage=3000,
        split_s=8,
        growth=20_000,
        peers=600,
        slow_peer=16,
        leaves=(10_000, 1_000_000),
    ),
    "full": Profile(
        seconds=8,
        repeats=5,
        clients=_ALL_CLIENTS,
        sqlite_accounts=(1_000_000, 10_000_000),
        postgres_accounts=(1_000_000,),
        two_processes=True,
        prompted=True,
        botnet=True,
        storage=3000,
        split_s=15,
        growth=1_000_000,
        peers=2000,
        slow_peer=60,
        leaves=(10_000, 1_000_000, 10_000_000),
    ),
}


class Suite:
    """One run. ``keep`` is called after each measurement, so that a run that is broken off has kept what it had."""

    def __init__(
        self, profile: Profile, results: Results, directory: Path, progress: Progress, *, keep: Callable[[], object]
    ) -> None:
        self._profile = profile
        self._results = results
        self._directory = directory
        self._progress = progress
        self._keep = keep

    def run(self) -> None:
        """Ours first, peers last; both stores before the large registries, which fill the disk's cache."""
        self._doing("raw limits", self._raw)
        self._doing("eSIM chips", self._chip)
        for leaves in self._profile.leaves:
            self._doing(f"the log's tree, {leaves:,} leaves", lambda: self._tree(leaves))  # noqa: B023 - done at once
        with ExitStack() as stack:
            database = self._postgres(stack)
            sqlite = self._seeded("SQLite", BASE_ACCOUNTS, None)
            registry = None if database is None else self._seeded("PostgreSQL", BASE_ACCOUNTS, database)
            for seeded, server in ((sqlite, None), (registry, database)):
                if seeded is not None:
                    self._store(seeded, server)
            if self._profile.growth and sqlite is not None:
                self._doing("memory", lambda: self._growth(sqlite))
            if self._profile.botnet and sqlite is not None:
                self._doing("a botnet", lambda: self._botnets(sqlite))
            for accounts in self._profile.sqlite_accounts:
                self._large("SQLite", accounts, None)
            for accounts in self._profile.postgres_accounts if database is not None else ():
                self._large("PostgreSQL", accounts, database)
        if self._profile.peers:
            self._peers()

    def _doing(self, what: str, work: Callable[[], None]) -> None:
        """One measurement. What fails is said in the results, and the others go on."""
        bar = self._progress.add_task(what, total=None)
        try:
            work()
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", None) or b""
            self._results.left_out.append(f"{what}: {error} {said.decode(errors='replace')[-400:]}".strip())
        finally:
            self._progress.remove_task(bar)
            self._keep()

    def _raw(self) -> None:
        self._results.raw = raw.measure(self._directory)

    def _chip(self) -> None:
        self._results.chip = chip_cost()

    def _tree(self, leaves: int) -> None:
        self._results.trees += [tree_cost("ours", leaves), tree_cost("pymerkle", leaves)]

    def _postgres(self, stack: ExitStack) -> Postgres | None:
        found: list[Postgres] = []

        def start() -> None:
            server = stack.enter_context(postgres(cache() / "postgres"))
            self._results.postgres = server.version
            self._results.postgres_commit_s = raw.postgres_commit_s(server.url())
            found.append(server)

        self._doing("PostgreSQL", start)
        return found[0] if found else None

    def _seeded(self, store: str, accounts: int, database: Postgres | None) -> Seeded | None:
        found: list[Seeded] = []

        def seed() -> None:
            if database is None:
                found.append(seeded_sqlite(accounts, self._progress))
            else:
                found.append(seeded_postgres(accounts, database, self._progress))

        self._doing(f"{store}, {accounts:,} accounts", seed)
        return found[0] if found else None

    def _store(self, seeded: Seeded, database: Postgres | None) -> None:
        profile, store = self._profile, "SQLite" if database is None else "PostgreSQL"
        for clients in profile.clients:
            self._cost(seeded, database, clients=clients)
        if profile.two_processes and database is not None:  # a database file is for one process
            self._cost(seeded, database, clients=MANY, processes=2)
        if profile.prompted:
            self._cost(seeded, database, clients=FEW, prompt=True)

        def split() -> None:
            self._results.splits[store] = measuring.time_split(seeded, clients=FEW, seconds=profile.split_s)

        def storage() -> None:
            self._results.storage.append(storage_of(seeded, database, sign_ins=profile.storage))

        self._doing(f"{store}, where the time goes", split)
        if profile.storage:
            self._doing(f"{store}, bytes of a sign-in", storage)

    def _large(self, store: str, accounts: int, database: Postgres | None) -> None:
        seeded = self._seeded(store, accounts, database)
        if seeded is not None:
            self._cost(seeded, database, clients=FEW)

    def _cost(
        self, seeded: Seeded, database: Postgres | None, *, clients: int, processes: int = 1, prompt: bool = False
    ) -> None:
        def cost() -> None:
            self._results.costs.append(
                measuring.sign_in_cost(
                    seeded,
                    database=database,
                    processes=processes,
                    clients=clients,
                    seconds=self._profile.seconds,
                    repeats=self._profile.repeats,
                    prompt=prompt,
                    generators=processes,
                )
            )

        store = "SQLite" if database is None else "PostgreSQL"
        kind = f"{store}, {seeded.accounts:,} accounts, {clients} clients, {processes} processes"
        self._doing(kind + (", prompted" if prompt else ""), cost)

    def _growth(self, seeded: Seeded) -> None:
        self._results.growth = measuring.memory_growth(seeded, sign_ins=self._profile.growth, looks=10)

    def _botnets(self, seeded: Seeded) -> None:
        seconds, repeats = self._profile.seconds, self._profile.repeats
        self._results.botnets = noticed(seeded, clients=FEW, seconds=seconds, repeats=repeats)

    def _peers(self) -> None:
        profile = self._profile
        # As it is shipped, one check takes half a second.
        slow = dict.fromkeys(privacyidea.SETTINGS, profile.slow_peer) | {"as shipped": max(4, profile.slow_peer // 4)}
        measurements: list[tuple[str, Callable[[], Awaitable[PeerFigures]]]] = [
            ("FastAPI, the same work", lambda: fastapi_same.measure(profile.peers)),
            ("py_webauthn", lambda: webauthn.measure(profile.peers)),
            *(
                (f"privacyIDEA, {setting}", lambda setting=setting, checks=checks: privacyidea.measure(setting, checks))
                for setting, checks in slow.items()
            ),
        ]
        for name, measure in measurements:

            def peer(measure: Callable[[], Awaitable[PeerFigures]] = measure) -> None:
                self._results.peers.append(asyncio.run(_finished(measure)))

            self._doing(name, peer)


async def _finished(measure: Callable[[], Awaitable[PeerFigures]]) -> PeerFigures:
    return await measure()
