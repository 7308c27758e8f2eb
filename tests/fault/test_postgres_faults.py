"""The wire breaks, the server goes, a lock is held, a record is damaged: one exception and nothing half."""

from __future__ import annotations

import asyncio
import itertools
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own
import msgspec
import pytest

import builders as b
from postgres import PostgresServer, running
from pteri.adapters.store.connections import Patience
from pteri.adapters.store.errors import StoreRefused
from pteri.adapters.store.grouped import GroupedStore
from pteri.adapters.store.postgres import PostgresStore
from pteri.app.ports import (
    Changeset,
    Claim,
    ClaimKind,
    Committed,
    Conflict,
    ConflictKind,
    CounterKind,
    Limited,
    Outcome,
    Repeated,
    StoreUnavailable,
)
from whole import check_whole
from wire import When, Wire

pytestmark = pytest.mark.anyio

replace = msgspec.structs.replace

APPROVAL = b.approval(b.opened(), b.sign_in())
REFUSED = replace(b.opening(1), spent=b.nonce(7))
PREPARED = (b.opening(), b.issued(b.sign_in()))
ALL_OF_IT: list[Outcome] = [Committed(), Committed()]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty store."""
    with postgres_server.store() as url:
        yield url


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    """A store in which an approval may follow."""
    store = await PostgresStore.open(url)
    assert await store.commit(PREPARED) == ALL_OF_IT
    yield store
    await store.close()


async def sql(url: str, *statements: str) -> list[Any]:
    """What an operator does: these statements, on a connection of their own; rows of the last one."""
    connection = await asyncpg.connect(url)
    try:
        rows: list[Any] = []
        for statement in statements:
            rows = await connection.fetch(statement)
        return rows
    finally:
        await connection.close()


async def content(url: str) -> dict[str, list[str]]:
    """Every row of every table."""
    connection = await asyncpg.connect(url)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    found = {name: sorted(map(repr, await connection.fetch(f"SELECT * FROM {name}"))) for (name,) in tables}
    await connection.close()
    return found


both_ways = pytest.mark.parametrize("in_steps", [False, True], ids=["one statement", "in steps"])

# --- the wire breaks ----------------------------------------------------------------------------------------


@both_ways
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("batch", [(b.opening(3), APPROVAL), (b.opening(3), REFUSED, APPROVAL)], ids=["all", "refused"])
async def test_a_wire_that_breaks_at_any_statement_of_a_commit_leaves_all_or_nothing(
    postgres_server: PostgresServer, when: When, batch: tuple[Changeset, ...], in_steps: bool
) -> None:
    with postgres_server.store() as url:
        whole = await PostgresStore.open(url)
        await whole.commit(PREPARED)
        before = await content(url)
        outcomes = await whole.commit(batch)
        after = await content(url)
        await whole.close()
    failures = 0
    for statement in itertools.count(1):
        with postgres_server.store() as url:
            async with Wire(url) as wire:
                store = await PostgresStore.open(wire.url, in_steps=in_steps)
                await store.commit(PREPARED)
                wire.cut_at(statement, when)
                try:
                    assert await store.commit(batch) == outcomes
                except StoreUnavailable:
                    failures += 1
                    assert await content(url) in ([before] if when == "before" else [before, after])
                # Nobody heard: it asks again, and again.
                wire.stay_whole()
                await store.commit(batch)
                assert await store.commit([APPROVAL]) == [Repeated(b.answer_of(APPROVAL))]
                assert await content(url) == after
                await check_whole(store)
                await store.close()
                if not wire.was_cut:
                    break
    assert failures


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_reading_is_asked_again_when_its_wire_breaks(store: PostgresStore, url: str, when: When) -> None:
    async with Wire(url) as wire:
        far = await PostgresStore.open(wire.url)
        wire.cut_at(1, when)
        assert await far.account(b.TENANT, b.account_id()) == b.opened()
        assert wire.was_cut
        await far.close()


@both_ways
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_wire_that_breaks_at_any_statement_of_the_sequencer_gives_each_event_one_position(
    postgres_server: PostgresServer, when: When, in_steps: bool
) -> None:
    for statement in itertools.count(1):
        with postgres_server.store() as url:
            async with Wire(url) as wire:
                store = await PostgresStore.open(wire.url, in_steps=in_steps)
                await store.commit([*PREPARED, b.opening(3), APPROVAL])
                wire.cut_at(statement, when)
                try:
                    assert await store.sequence(3) == 3
                except StoreUnavailable:
                    assert await sql(url, "SELECT position FROM log ORDER BY 1") in ([], [(0,), (1,), (2,)])
                wire.stay_whole()
                while await store.sequence(3):
                    pass
                await check_whole(store, sequenced=True)
                await store.close()
                if not wire.was_cut:
                    break
    assert statement > 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_everybody_who_waits_for_one_journey_hears_of_its_failure(
    store: PostgresStore, url: str, when: When
) -> None:
    async with Wire(url) as wire:
        far = GroupedStore(await PostgresStore.open(wire.url))
        assert await far.commit([b.opening(9)]) == [Committed()]  # every statement below is prepared by now
        wire.cut_at(1, when)
        told = await asyncio.gather(*(far.commit([b.opening(n)]) for n in range(20, 40)), return_exceptions=True)
        assert all(isinstance(one, StoreUnavailable) for one in told)
        assert len(await far.accounts(None, 100)) == (2 if when == "before" else 22)
        await far.close()


# --- the server says no -------------------------------------------------------------------------------------


async def test_a_connection_that_the_server_ends_in_the_middle_of_a_commit_leaves_nothing(
    store: PostgresStore, url: str
) -> None:
    before = await content(url)
    operator = await asyncpg.connect(url)
    async with operator.transaction():
        await operator.execute("SELECT * FROM accounts FOR UPDATE")
        commit = asyncio.create_task(store.commit([APPROVAL]))
        while not await sql(url, WAITING):
            pass
        await sql(url, f"SELECT pg_terminate_backend(pid) FROM ({WAITING}) AS them")
        with pytest.raises(StoreUnavailable, match="database failed"):
            await commit
    await operator.close()
    assert await content(url) == before
    assert await store.commit([APPROVAL]) == [Committed()]


WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_of_two_that_wait_for_each_other_the_one_that_the_server_ends_begins_again(
    store: PostgresStore, url: str, postgres_server: PostgresServer
) -> None:
    assert await store.commit([b.opening(4)]) == [Committed()]
    operator = await asyncpg.connect(url, server_settings={"deadlock_timeout": "1h"})  # it will not be the one
    transaction = operator.transaction()
    await transaction.start()
    await operator.execute("UPDATE accounts SET state = state WHERE account = $1", b.account_id(4))
    both = [APPROVAL, b.moved(b.opened(4), 1)]
    commit = asyncio.create_task(store.commit(both))
    while not await sql(url, WAITING):
        pass
    await operator.execute("UPDATE accounts SET state = state WHERE account = $1", b.account_id(1))
    await transaction.commit()
    assert await commit == ALL_OF_IT
    await operator.close()
    assert any("deadlock detected" in line for line in postgres_server.said)
    await check_whole(store)


@both_ways
@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_what_lost_against_another_transaction_is_sent_again(
    store: PostgresStore, url: str, state: str, in_steps: bool
) -> None:
    other = await PostgresStore.open(url, in_steps=in_steps)
    await sql(
        url,
        "CREATE SEQUENCE tries",
        f"""
        CREATE FUNCTION lose_twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('tries') < 3 THEN RAISE SQLSTATE '{state}'; END IF;
            RETURN NEW;
        END $$
        """,
        "CREATE TRIGGER loses BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION lose_twice()",
    )
    assert await other.commit([APPROVAL]) == [Committed()]
    await other.close()
    assert await sql(url, "SELECT nextval('tries')") == [(4,)]
    await sql(url, "DROP TRIGGER loses ON accounts", "DROP FUNCTION lose_twice", "DROP SEQUENCE tries")


async def test_a_lock_that_is_held_too_long_makes_the_store_unavailable_for_writing_and_not_for_reading(
    store: PostgresStore, url: str
) -> None:
    impatient = await PostgresStore.open(url, Patience(answer_s=0.2))
    operator = await asyncpg.connect(url)
    async with operator.transaction():
        await operator.execute("SELECT * FROM accounts FOR UPDATE")
        with pytest.raises(StoreUnavailable, match="57014"):
            await impatient.commit([APPROVAL])
        assert await impatient.account(b.TENANT, b.account_id()) == b.opened()
    await operator.close()
    assert await impatient.commit([APPROVAL]) == [Committed()]
    await impatient.close()


async def test_who_finds_every_connection_busy_waits_a_bounded_time(store: PostgresStore, url: str) -> None:
    impatient = await PostgresStore.open(url, Patience(connect_s=0.2, answer_s=30.0))
    operator = await asyncpg.connect(url)
    async with operator.transaction():
        await operator.execute("SELECT * FROM accounts FOR UPDATE")
        commits = [asyncio.create_task(impatient.commit([b.moved(b.opened(), n)])) for n in range(12)]
        done, waiting = await asyncio.wait(commits, return_when=asyncio.FIRST_EXCEPTION)
        assert all(isinstance(each.exception(), StoreUnavailable) for each in done)
        assert waiting
    outcomes = [outcome for [outcome] in await asyncio.gather(*waiting)]
    assert outcomes.count(Committed()) == 1
    await operator.close()
    await impatient.close()


async def test_a_server_that_is_away_makes_the_store_unavailable_until_it_is_back() -> None:
    with running() as server, server.store() as url:
        store = GroupedStore(await PostgresStore.open(url))
        assert await store.commit(PREPARED) == ALL_OF_IT
        server.stop()
        for call in (
            store.commit([APPROVAL]),
            store.account(b.TENANT, b.account_id()),
            store.log(0, 1),
            store.sequence(1),
            PostgresStore.open(url),
        ):
            with pytest.raises(StoreUnavailable):
                await call
        server.start()
        assert await store.commit([APPROVAL]) == [Committed()]
        await check_whole(store)
        await store.close()


async def test_a_commit_is_durable_whatever_the_server_thinks_is_enough(url: str) -> None:
    [(database,)] = await sql(url, "SELECT current_database()")
    for weaker, ours in {"off": "on", "local": "on", "remote_write": "on", "remote_apply": "remote_apply"}.items():
        await sql(url, f"ALTER DATABASE {database} SET synchronous_commit = '{weaker}'")
        store = await PostgresStore.open(url)
        assert await store._connections.read("SHOW synchronous_commit") == [(ours,)]
        await store.close()
    await sql(url, f"ALTER DATABASE {database} RESET synchronous_commit")


# --- two at once --------------------------------------------------------------------------------------------

CLAIMED = Claim(ClaimKind.WALLET, b.digest("only one can have it"))
RACES: dict[str, tuple[list[Changeset], Outcome]] = {
    "account version": (
        [b.moved(b.opened(), number) for number in range(8)],
        Conflict(ConflictKind.ACCOUNT_VERSION),
    ),
    "nonce": ([Changeset(b.TENANT, spent=b.nonce(5))] * 8, Conflict(ConflictKind.NONCE_SPENT)),
    "idempotency key": ([Changeset(b.TENANT, answer=b.answer())] * 8, Repeated(b.answer())),
    "another request with the key": (
        [Changeset(b.TENANT, answer=b.answer(request=f"request {number}")) for number in range(8)],
        Conflict(ConflictKind.KEY_REUSED),
    ),
    "claim": (
        [Changeset(b.TENANT, account=b.change(None, b.bound(n), claims=(CLAIMED,))) for n in range(20, 28)],
        Conflict(ConflictKind.CLAIM_TAKEN, ClaimKind.WALLET),
    ),
    "counter limit": (
        [Changeset(b.TENANT, counts=(b.count(limit=1),))] * 8,
        Limited(CounterKind.FAILED_SIGN_IN, retry_at=b.NOW // 3600 * 3600 + 3600),
    ),
    "challenge": ([b.issued(b.sign_in(5))] * 8, Conflict(ConflictKind.CHALLENGE_VERSION)),
    "new account": ([b.opening(6)] * 8, Conflict(ConflictKind.ACCOUNT_VERSION)),
}


@both_ways
@pytest.mark.parametrize("name", RACES)
async def test_of_many_stores_that_want_the_same_at_once_one_gets_it(
    store: PostgresStore, url: str, name: str, in_steps: bool
) -> None:
    changesets, lost = RACES[name]
    stores = [await PostgresStore.open(url, in_steps=in_steps) for _ in changesets]
    mixed = [
        [Changeset(b.TENANT, counts=(b.count(f"other {number}"),)), changeset]
        for number, changeset in enumerate(changesets)
    ]
    found = await asyncio.gather(*(each.commit(batch) for each, batch in zip(stores, mixed, strict=True)))
    for each in stores:
        await each.close()
    assert [beside for beside, _ in found] == [Committed()] * 8  # who shares a batch with a loser loses nothing
    assert sorted((outcome for _, outcome in found), key=repr) == sorted([Committed(), *[lost] * 7], key=repr)
    await check_whole(store)


@both_ways
async def test_two_sequencers_at_once_give_each_event_one_position(
    store: PostgresStore, url: str, in_steps: bool
) -> None:
    await store.commit([b.opening(number) for number in range(20, 120)])
    stores = [await PostgresStore.open(url, in_steps=in_steps) for _ in range(4)]

    async def drain(one: PostgresStore) -> int:
        total = 0
        while taken := await one.sequence(7):
            total += taken
        return total

    assert sum(await asyncio.gather(*map(drain, stores))) == 101
    for each in stores:
        await each.close()
    await check_whole(store, sequenced=True)


# --- damage -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("accounts", "state"),
        ("challenges", "payload"),
        ("events", "payload"),
        ("notices", "payload"),
        ("claims", "kind"),
    ],
)
async def test_a_record_that_cannot_be_read_is_no_answer(
    store: PostgresStore, url: str, table: str, column: str
) -> None:
    await store.commit([APPROVAL])
    await sql(url, f"UPDATE {table} SET {column} = 'not even JSON'")
    reads: dict[str, Callable[[], Awaitable[object]]] = {
        "accounts": lambda: store.account(b.TENANT, b.account_id()),
        "challenges": lambda: store.challenge(b.TENANT, b.request_id()),
        "events": lambda: store.history(b.TENANT, b.account_id(), 0, 10),
        "notices": lambda: store.notices(b.TENANT, b.account_id(), b.LATER, 10),
        "claims": lambda: store.claims(None, 10),
    }
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        await reads[table]()


async def test_sv_09_an_event_that_somebody_wrote_past_us_stops_the_commit_as_a_bug_and_not_as_an_outage(
    store: PostgresStore, url: str
) -> None:
    await sql(
        url,
        "INSERT INTO events (tenant, account, seq, payload) SELECT tenant, account, 2, '{}' FROM events",
    )
    before = await content(url)
    with pytest.raises(asyncpg.UniqueViolationError):
        await store.commit([b.opening(3), APPROVAL])
    assert await content(url) == before
    assert await store.commit([b.opening(3)]) == [Committed()]


# --- who is let in ------------------------------------------------------------------------------------------

SECRET = "not-for-any-eye"


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        (f"postgresql://pteri:{SECRET}@/postgres?host=/nowhere", StoreUnavailable),
        (f"postgresql://pteri:{SECRET}@127.0.0.1:1/postgres", StoreUnavailable),
        (f"postgresql://pteri:{SECRET}@127.0.0.1:port/postgres", StoreRefused),
        (f"postgresql://pteri:{SECRET}@127.0.0.1/postgres?sslmode=perhaps", StoreRefused),
        (f"postgresql://pteri:{SECRET}@127.0.0.1:70000/postgres", StoreRefused),
    ],
)
async def test_a_url_that_leads_nowhere_is_refused_without_showing_its_password(
    url: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal) as told:
        await PostgresStore.open(url)
    assert SECRET not in "".join(traceback.format_exception(told.value))


async def test_a_database_that_does_not_exist_and_a_user_without_rights_are_refused(
    postgres_server: PostgresServer,
) -> None:
    with pytest.raises(StoreRefused, match="does not let us in"):
        await PostgresStore.open(postgres_server.url("no_such_database"))
    with postgres_server.database() as url:
        await sql(url, "CREATE ROLE guest LOGIN")
        with pytest.raises(StoreRefused, match="may not make tables"):
            await PostgresStore.open(url.replace("pteri@", "guest@"))
        await sql(url, "DROP ROLE guest")


async def test_a_database_that_keeps_text_in_another_encoding_is_refused(postgres_server: PostgresServer) -> None:
    url = postgres_server.url("latin")
    await sql(postgres_server.url(), "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(StoreRefused, match="UTF8"):
        await PostgresStore.open(url)
    await sql(postgres_server.url(), "DROP DATABASE latin")


async def test_a_closed_store_may_be_closed_again_and_answers_nothing(store: PostgresStore) -> None:
    assert SECRET not in repr(store._connections)
    await store.close()
    await store.close()
    with pytest.raises(RuntimeError, match="closed"):
        await store.accounts(None, 1)
