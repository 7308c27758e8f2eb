"""Whoever dies on whatever line, process or server, a PostgreSQL store shows all of a changeset or nothing of it."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own
import pytest

import builders as b
from children import Children, Ended
from postgres import PostgresServer, running
from pteri.adapters.store.postgres import PostgresStore
from pteri.app.ports import Changeset, Committed, Outcome, Repeated, StoreUnavailable
from whole import check_whole
from wire import When, Wire

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

KILLED = -signal.SIGKILL
APPROVAL = b.approval(b.opened(), b.sign_in())
Content = dict[str, list[str]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def durable_server() -> Iterator[PostgresServer]:
    with running(durable=True) as server:
        yield server


@pytest.fixture
def server(durable_server: PostgresServer) -> PostgresServer:
    """One that keeps its promise to the disk, and may be killed."""
    if not durable_server.runs:  # a test that failed left it dead
        durable_server.start()
    return durable_server


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    children = Children()
    yield children
    children.close()


@pytest.fixture
async def prepared(server: PostgresServer) -> AsyncIterator[str]:
    """A store in which an approval may follow."""
    with server.store() as url:
        await commit(url, b.opening(), b.issued(b.sign_in()))
        yield url


async def commit(url: str, *batch: Changeset) -> list[Outcome]:
    store = await PostgresStore.open(url)
    outcomes = await store.commit(batch)
    await check_whole(store)
    await store.close()
    return outcomes


async def content(url: str) -> Content:
    """Every row of every table."""
    connection = await asyncpg.connect(url)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    found = {name: sorted(map(repr, await connection.fetch(f"SELECT * FROM {name}"))) for (name,) in tables}
    await connection.close()
    return found


async def afterwards(server: PostgresServer, *batch: Changeset) -> Content:
    """What a prepared store holds when all of these are committed."""
    with server.store() as url:
        await commit(url, b.opening(), b.issued(b.sign_in()), *batch)
        return await content(url)


async def check_asked_again(url: str, after: Content) -> None:
    """The client never heard: it asks again, and again."""
    [first] = await commit(url, APPROVAL)
    assert first in {Committed(), Repeated(b.answer_of(APPROVAL))}
    assert await commit(url, APPROVAL) == [Repeated(b.answer_of(APPROVAL))]
    assert await content(url) == after


# --- the process dies ---------------------------------------------------------------------------------------


async def killed_at(children: Children, wire: Wire, what: str, statement: int, when: When) -> Ended:
    """A process that carries this out, and is killed when its n-th statement is on the wire, or its answer."""
    born: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def kill() -> None:
        os.kill(await born, signal.SIGKILL)

    wire.cut_at(statement, when, kill)
    born.set_result(await asyncio.to_thread(children.start, what, wire.url, 0))
    return await asyncio.to_thread(children.end)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_sv_03_a_process_killed_at_every_statement_of_its_commit_leaves_all_or_nothing(
    server: PostgresServer, children: Children, when: When
) -> None:
    before, after = await afterwards(server), await afterwards(server, APPROVAL)
    done = []
    for statement in itertools.count(1):
        with server.store() as url:
            await commit(url, b.opening(), b.issued(b.sign_in()))
            async with Wire(url) as wire:
                ended = await killed_at(children, wire, "approve", statement, when)
            found = await content(url)
            assert found in (before, after)
            await check_asked_again(url, after)
            if not wire.was_cut:
                break
            assert ended == Ended(KILLED, [])
            done.append(found == after)
    assert (ended.status, ended.said) == (0, ["Committed()"])
    assert done.count(True) == (when == "after")  # only the last of them is the commit


@pytest.mark.parametrize("when", ["before", "after"])
async def test_sv_04_a_sequencer_killed_at_every_statement_gives_each_event_one_position(
    server: PostgresServer, children: Children, when: When
) -> None:
    for statement in itertools.count(1):
        with server.store() as url:
            await commit(url, b.opening(3), b.opening(1), b.issued(b.sign_in()), APPROVAL)
            async with Wire(url) as wire:
                ended = await killed_at(children, wire, "sequence", statement, when)
            gave = await positions_given(url)
            assert gave in ({0} if wire.was_cut and when == "before" else {0, 3})
            assert await drained(url) == 4 - gave
            if not wire.was_cut:
                break
            assert ended == Ended(KILLED, [])
    assert (ended.status, ended.said) == (0, ["3"])


# --- the server dies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after"])
async def test_ds_07_a_server_killed_at_every_statement_of_a_commit_has_all_or_nothing_when_it_is_back(
    server: PostgresServer, when: When
) -> None:
    before, after = await afterwards(server), await afterwards(server, APPROVAL)
    for statement in itertools.count(1):
        with server.store() as url:
            await commit(url, b.opening(), b.issued(b.sign_in()))
            async with Wire(url) as wire:
                store = await PostgresStore.open(wire.url)

                async def kill() -> None:
                    server.kill()

                wire.cut_at(statement, when, kill)
                try:
                    assert await store.commit([APPROVAL]) == [Committed()]
                except StoreUnavailable:
                    server.start()
                    assert await content(url) in ([before] if when == "before" else [before, after])
                wire.stay_whole()
                await check_asked_again(url, after)
                # The same store goes on with new connections.
                assert await store.commit([APPROVAL]) == [Repeated(b.answer_of(APPROVAL))]
                await store.close()
                if not wire.was_cut:
                    break
    assert statement > 1


#: For each table that a commit writes: what another transaction does so that the commit stops at this table.
STOPS = {
    "answers": "INSERT INTO answers SELECT $1, '{caller}', '{key}', 'x', 200, '', 0",
    "counters": "INSERT INTO counters SELECT $1, 'AUTHORITY_CHANGE', '{account}', 86400, {end}, 1",
    "spent": "INSERT INTO spent SELECT $1, '{nonce}'",
    "challenges": "UPDATE challenges SET version = version WHERE tenant = $1",
    "accounts": "UPDATE accounts SET version = version WHERE tenant = $1",
    "claims": "INSERT INTO claims (tenant, kind, value, account) SELECT $1, 'DEVICE', '{claimed}', 'x'",
    "events": "INSERT INTO events SELECT $1, '{account}', 2, 'x'",
    "unsequenced": "INSERT INTO unsequenced SELECT $1, '{account}', 3",
    "untold": "INSERT INTO untold SELECT $1, '{account}', 'notice-1', 0",
    "notices": "INSERT INTO notices SELECT $1, '{account}', 'notice-1', 0, 'x'",
}
NAMES: dict[str, Any] = {
    "caller": b.thumbprint(),
    "key": b.key(),
    "account": b.account_id(),
    "end": (b.NOW // 86_400 + 1) * 86_400,
    "nonce": b.nonce(),
    "claimed": b.thumbprint(2),
}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def stopped(url: str, work: asyncio.Task[Any]) -> None:
    """Return when this work waits for what another transaction did."""
    operator = await asyncpg.connect(url)
    while not await operator.fetchval(WAITING):
        assert not work.done(), work
    await operator.close()


@pytest.mark.parametrize("table", STOPS)
async def test_sv_03_a_server_killed_while_a_commit_writes_any_of_its_tables_has_nothing_of_it(
    server: PostgresServer, prepared: str, table: str
) -> None:
    before, after = await afterwards(server), await afterwards(server, APPROVAL)
    operator = await asyncpg.connect(prepared)
    await operator.execute("BEGIN")
    await operator.execute(STOPS[table].format(**NAMES), b.TENANT)
    store = await PostgresStore.open(prepared)
    work = asyncio.create_task(store.commit([b.opening(3), APPROVAL]))
    await stopped(prepared, work)
    server.kill()
    with pytest.raises(StoreUnavailable):
        await work
    operator.terminate()
    await store.close()
    server.start()
    assert await content(prepared) == before
    await check_asked_again(prepared, after)


async def test_sv_04_a_server_killed_between_append_and_mark_gives_each_event_one_position(
    server: PostgresServer, prepared: str
) -> None:
    operator = await asyncpg.connect(prepared)
    await operator.execute("BEGIN")
    await operator.execute("SELECT * FROM unsequenced FOR UPDATE")
    store = await PostgresStore.open(prepared)
    work = asyncio.create_task(store.sequence(10))
    await stopped(prepared, work)  # it has written to the log, and cannot remove the mark
    server.kill()
    with pytest.raises(StoreUnavailable):
        await work
    operator.terminate()
    await store.close()
    server.start()
    assert await drained(prepared) == 1


async def test_ds_07_a_server_killed_again_and_again_under_two_processes_loses_nothing_it_acknowledged(
    server: PostgresServer,
) -> None:
    chance, both = random.Random(7), [Children(), Children()]
    with server.store() as url:
        await commit(url, b.opening(1), b.opening(2))
        first = {1: 1, 2: 1_000_001}
        working = {
            account: children.start("stream", url, first[account], account=account)
            for account, children in zip(first, both, strict=True)
        }
        heard = dict.fromkeys(first, 0)
        for _ in range(6):
            for account, children in zip(first, both, strict=True):
                for _ in range(chance.randrange(1, 30)):
                    assert children.hear() == f"acknowledged {first[account] + heard[account]}"
                    heard[account] += 1
            server.kill()
            server.start()
        for account, children in zip(first, both, strict=True):
            os.kill(working[account], signal.SIGKILL)
            ended = children.end()
            assert ended.status == KILLED
            heard[account] += len(ended.said)
            children.close()
        await check_streams(url, first, heard)


async def check_streams(url: str, first: dict[int, int], heard: dict[int, int]) -> None:
    store = await PostgresStore.open(url)
    await check_whole(store)
    total = 0
    for account, number in first.items():
        found = await store.account(b.TENANT, b.account_id(account))
        assert found is not None
        done = found.version - 1
        assert done in {heard[account], heard[account] + 1}  # one may be durable that nobody heard of
        total += done
        for each in range(number, number + done):
            answer = await store.answer(b.TENANT, b.thumbprint(), b.key(each))
            assert answer == b.answer(each, request=f"response {each}")
    for table in ("answers", "spent", "challenges"):
        assert await store._connections.read(f"SELECT count(*) FROM {table}") == [(total,)]
    while await store.sequence(500):
        pass
    await check_whole(store, sequenced=True)
    await store.close()


async def positions_given(url: str) -> int:
    store = await PostgresStore.open(url)
    entries = await store.log(0, 10)
    await store.close()
    return len(entries)


async def drained(url: str) -> int:
    """How many events had no position yet; now all of them have one."""
    store = await PostgresStore.open(url)
    total = 0
    while taken := await store.sequence(3):
        total += taken
    await check_whole(store, sequenced=True)
    await store.close()
    return total
