"""A worker of anchors dies, or its database or node fails, before and after each thing that it writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from anchor_worker import NOW, Workshop
from postgres import PostgresServer
from pteri.adapters.store.postgres import PostgresStore
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.anchor_ports import AnchorStore, ChainUnavailable
from pteri.app.ports import Store, StoreUnavailable
from pteri.domain.anchoring import Anchor, AnchorState
from simulated_chain import Killed, SimulatedChain

S = AnchorState
WRITES = 14
"""How many times a worker writes in the days below, when nothing fails: 11 records, 3 transactions."""


class Fault:
    """Fails once, before or after write number ``at``, from 1. Never where it is 0; it counts anyhow."""

    def __init__(self, at: int = 0, face: str = "before", error: type[Exception] = Killed) -> None:
        self.writes = 0
        self._at, self._face, self._error = at, face, error

    def strike(self, face: str) -> None:
        self.writes += face == "before"
        if (self.writes, face) == (self._at, self._face):
            self._at = 0
            raise self._error("it fails here")


class FaultyStore:
    """A store that fails where it is told."""

    def __init__(self, inner: AnchorStore, fault: Fault) -> None:
        self._inner, self._fault = inner, fault
        self.unsettled, self.newest, self.over = inner.unsettled, inner.newest, inner.over
        self.kept = inner.kept

    async def begin(self, anchor: Anchor) -> bool:
        self._fault.strike("before")
        done = await self._inner.begin(anchor)
        self._fault.strike("after")
        return done

    async def change(self, anchor: Anchor) -> bool:
        self._fault.strike("before")
        done = await self._inner.change(anchor)
        self._fault.strike("after")
        return done


class Days:
    """Two anchors, a fee that is raised, and a block that is replaced; every turn is taken until it ends well."""

    def __init__(self, store: AnchorStore, fault: Fault, sending: Fault | None = None) -> None:
        self.fault = fault
        self.chain = SimulatedChain()
        self.chain.at_send = (sending or fault).strike
        self.workshop = Workshop(FaultyStore(store, fault), self.chain)
        self.chain.is_recorded = self.workshop.is_recorded

    async def turns(self) -> None:
        for _ in range(4):
            try:
                await self.workshop.turns()
            except Killed:
                # Another process, which knows nothing of this one.
                self.workshop.worker = self.workshop.hire()
            except StoreUnavailable:
                continue
        await self.workshop.turns()

    async def live(self) -> list[Anchor]:
        await self.turns()
        self.workshop.at = NOW + self.workshop.schedule.raise_after_s
        await self.turns()
        self.chain.mine()
        await self.turns()
        self.chain.reorganise(1)
        await self.turns()
        self.chain.mine()
        await self.turns()
        self.workshop.log.size += 1
        self.workshop.at += self.workshop.schedule.every_s
        await self.turns()
        self.chain.mine()
        await self.turns()
        return await self.workshop.store.newest("log.bank.example", 9)


def check(days: Days, anchors: list[Anchor]) -> None:
    assert [(anchor.number, anchor.state) for anchor in anchors] == [(2, S.MINED), (1, S.MINED)]
    second, first = anchors
    assert len(first.children) == 1
    for anchor in anchors:
        assert days.chain.anchors_of(anchor.head) == {anchor.txid}, "never a second transaction"
        assert len(days.chain.heights(anchor.txid)) == 1
        assert anchor.place is not None
        assert days.chain.heights(anchor.txid) == [anchor.place.height]
    assert second.head.size > first.head.size


@asynccontextmanager
async def opened(place: Path, server: PostgresServer | None, name: str) -> AsyncIterator[AnchorStore]:
    if server is None:
        store: Store = SqliteStore.open(place / f"{name}.db")
        yield store.anchors
        await store.close()
        return
    with server.store() as url:
        store = await PostgresStore.open(url)
        yield store.anchors
        await store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest) -> PostgresServer | None:
    found: PostgresServer | None = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    return found


def test_without_a_fault_the_days_have_as_many_writes_as_are_tried(
    tmp_path: Path, server: PostgresServer | None
) -> None:
    async def live() -> None:
        async with opened(tmp_path, server, "whole") as store:
            days = Days(store, fault := Fault())
            check(days, await days.live())
            assert fault.writes == WRITES

    asyncio.run(live())


@pytest.mark.parametrize("face", ["before", "after"])
@pytest.mark.parametrize("error", [Killed, StoreUnavailable])
def test_ds_08_a_fault_at_any_write_leaves_one_transaction_an_anchor(
    tmp_path: Path, server: PostgresServer | None, face: str, error: type[Exception]
) -> None:
    async def live(at: int) -> None:
        async with opened(tmp_path, server, f"fault{at}") as store:
            days = Days(store, fault := Fault(at, face, error))
            check(days, await days.live())
            assert fault._at == 0, "it struck"

    for at in range(1, WRITES + 1):
        asyncio.run(live(at))


@pytest.mark.parametrize("face", ["before", "after"])
def test_ds_08_a_node_that_fails_around_a_transaction_gets_no_second_one(tmp_path: Path, face: str) -> None:
    async def live(at: int) -> None:
        async with opened(tmp_path, None, f"node{at}") as store:
            days = Days(store, Fault(), sending := Fault(at, face, ChainUnavailable))
            check(days, await days.live())
            assert sending._at == 0, "it struck"

    for at in (1, 2, 3):
        asyncio.run(live(at))


def test_ds_08_three_workers_in_any_order_make_one_anchor_of_each_head(
    tmp_path: Path, server: PostgresServer | None
) -> None:
    async def live() -> None:
        async with opened(tmp_path, server, "three") as store:
            days = Days(store, Fault())
            workers = [days.workshop.hire() for _ in range(3)]
            for number in range(1, 5):
                for _ in range(6):
                    await asyncio.gather(*(worker.turn(days.workshop.at) for worker in workers))
                days.chain.mine()
                await asyncio.gather(*(worker.turn(days.workshop.at) for worker in workers))
                days.workshop.log.size += 1
                days.workshop.at += days.workshop.schedule.every_s
                assert await days.workshop.states() == [S.MINED] * number
            for anchor in await store.newest("log.bank.example", 9):
                assert days.chain.anchors_of(anchor.head) == {anchor.txid}

    asyncio.run(live())
