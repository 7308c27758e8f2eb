"""From every older schema to the newest, on both databases: nothing is lost, nothing is half done, and no way back."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own
import msgspec
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

import builders as b
from postgres import PostgresServer, in_a_thread
from pteri.adapters.store import codec, file, postgres_schema, schema, upgrading
from pteri.adapters.store.errors import StoreRefused
from pteri.adapters.store.postgres import PostgresStore
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.ports import ChallengeChange, Changeset, Claim, ClaimKind, Committed, Conflict, ConflictKind, Store
from pteri.domain.challenge import ChallengeEvent

replace = msgspec.structs.replace

OLDER = schema.REVISIONS[:-1]
#: A file of the first release with rows in every table, as its own program wrote it.
FIRST_RELEASE = Path(__file__).with_name("first_release.sql").read_text(encoding="utf-8")
OF_THE_FIRST = f"WHERE tenant = '{b.TENANT}' AND account = '{b.account_id(1)}' ORDER BY rowid"


def first_release(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA application_id = {file._APPLICATION_ID}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(FIRST_RELEASE)


def first_release_texts(column: str, table: str, which: str) -> list[str]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(FIRST_RELEASE)
        return [text for (text,) in connection.execute(f"SELECT {column} FROM {table} {which}")]


def sqlite_of(revision: str, path: Path) -> None:
    """The file of the first release as a later program left it, which stopped at this revision."""
    first_release(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in schema.STAMP_FIRST:
            connection.execute(statement)
        for statement in upgrading.statements("sqlite", "0001", revision):
            connection.execute(statement)


async def postgres_of(revision: str, url: str) -> None:
    """The same rows in a PostgreSQL database of this revision."""
    connection = await asyncpg.connect(url)
    for statement in upgrading.statements("postgresql", None, "0001"):
        await connection.execute(statement)
    with closing(sqlite3.connect(":memory:")) as rows:
        rows.executescript(FIRST_RELEASE)
        # Parents before children: the first schema had foreign keys.
        for table in ("accounts", "events", "unsequenced", "log", "challenges", "spent", "claims", "answers"):
            await copied(rows, connection, table)
        for table in ("counters", "notices", "pins"):
            await copied(rows, connection, table)
    for statement in upgrading.statements("postgresql", "0001", revision):
        await connection.execute(statement)
    await connection.close()


async def copied(rows: sqlite3.Connection, connection: Any, table: str) -> None:
    await connection.copy_records_to_table(table, records=rows.execute(f"SELECT * FROM {table}").fetchall())


async def check_all_there(store: Store) -> None:
    """Everything that the first release wrote is read through the port, and binds as before."""
    texts = first_release_texts
    assert await store.accounts(None, 10) == [
        codec.decode_account(text) for text in texts("state", "accounts", "ORDER BY tenant, account")
    ]
    history = [codec.decode_recorded(text) for text in texts("payload", "events", OF_THE_FIRST)]
    assert await store.history(b.TENANT, b.account_id(1), 0, 10) == history
    assert [entry.position for entry in await store.log(0, 10)] == [0, 1, 2]
    assert await store.positions(b.TENANT, b.account_id(1), 0, 10) == [(1, 1), (2, 2), (3, None)]
    assert await store.answer(b.TENANT, b.thumbprint(), b.key()) == b.answer(request="approval")
    assert await store.count(b.TENANT, b.count()) == 1
    notices = [codec.decode_notice(text) for text in texts("payload", "notices", OF_THE_FIRST)]
    assert await store.notices(b.TENANT, b.account_id(1), b.LATER, 10) == notices
    assert await store.owner(b.TENANT, Claim(ClaimKind.DEVICE, b.thumbprint(2))) == b.account_id(1)
    challenges = [codec.decode_challenge(text) for text in texts("payload", "challenges", "ORDER BY id")]
    assert [await store.challenge(b.TENANT, b.request_id(number)) for number in range(1, 7)] == challenges
    assert await store.prompts(b.TENANT, b.account_id(1), b.NOW) == [challenges[1]]
    assert await store.pin("deployment key", "another") == "mark"
    # Spent stays spent, and the nonce of a challenge that waits is nobody else's.
    spent = Conflict(ConflictKind.NONCE_SPENT)
    for number in range(1, 7):
        twin = replace(b.sign_in(9), nonce=b.nonce(number))
        assert await store.commit([Changeset(b.TENANT, challenges=(ChallengeChange(0, twin),))]) == [spent]
    move = ChallengeChange(1, challenges[3].after(ChallengeEvent.COMPLETE))
    assert await store.commit([Changeset(b.TENANT, spent=b.nonce(4), challenges=(move,))]) == [Committed()]
    assert await store.sequence(10) == 3
    assert [entry.position for entry in await store.log(0, 10)] == list(range(6))
    assert await store.lease("sequencer", "a", at=b.NOW, until=b.NOW + 1)


def test_a_file_of_the_first_release_is_recognised_and_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    first_release(path)
    asyncio.run(checked(SqliteStore.open(path)))
    asyncio.run(opened_again(path))


async def checked(store: Store) -> None:
    await check_all_there(store)
    await store.close()


async def opened_again(path: Path) -> None:
    store = SqliteStore.open(path)
    assert len(await store.accounts(None, 10)) == 3
    await store.close()


@pytest.mark.parametrize("revision", OLDER)
def test_a_file_of_every_older_schema_is_brought_up_to_date(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "store.db"
    sqlite_of(revision, path)
    asyncio.run(checked(SqliteStore.open(path)))


@pytest.mark.parametrize("revision", OLDER)
def test_a_database_of_every_older_schema_is_brought_up_to_date(postgres_server: PostgresServer, revision: str) -> None:
    async def work(url: str) -> None:
        await postgres_of(revision, url)
        await checked(await PostgresStore.open(url))

    with postgres_server.database() as url:
        in_a_thread(work(url))


# --- one schema, however it came about ----------------------------------------------------------------------


def shape(path: Path) -> list[tuple[Any, ...]]:
    """Tables with their columns, and indexes, whatever the spelling of the statements that made them."""
    with closing(sqlite3.connect(path)) as connection:
        found: list[tuple[Any, ...]] = []
        for kind, name, table in connection.execute("SELECT type, name, tbl_name FROM sqlite_master").fetchall():
            columns = connection.execute(f"PRAGMA table_xinfo('{name}')").fetchall()
            keys = connection.execute(f"PRAGMA index_xinfo('{name}')").fetchall()
            parents = connection.execute(f"PRAGMA foreign_key_list('{name}')").fetchall()
            found.append((kind, name, table, columns, keys, parents))
        return sorted(found, key=lambda each: each[:3])


def test_an_upgraded_file_has_the_tables_of_a_new_one(tmp_path: Path) -> None:
    upgraded, new = tmp_path / "upgraded.db", tmp_path / "new.db"
    first_release(upgraded)
    for path in (upgraded, new):
        asyncio.run(SqliteStore.open(path).close())
    assert shape(upgraded) == shape(new)
    assert not any(parents for *_, parents in shape(new))


def test_the_revisions_that_the_program_knows_are_the_steps_that_there_are() -> None:
    config = Config()
    config.set_main_option("script_location", str(upgrading._MIGRATIONS))
    steps = list(ScriptDirectory.from_config(config).walk_revisions())
    assert tuple(step.revision for step in reversed(steps)) == schema.REVISIONS
    for step in steps:
        with pytest.raises(NotImplementedError, match="only goes forward"):
            step.module.downgrade()


# --- who may not open it ------------------------------------------------------------------------------------


def test_a_program_of_the_first_release_refuses_a_newer_file_in_its_own_words(tmp_path: Path) -> None:
    # It compared this number with the one it knew, which was 1.
    path = tmp_path / "store.db"
    asyncio.run(SqliteStore.open(path).close())
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT COALESCE(MAX(version), 0) FROM schema_versions").fetchall() == [(2,)]


def test_a_file_that_counts_its_steps_in_an_unknown_way_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    first_release(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO schema_versions (version) VALUES (2)")
        connection.commit()
    with pytest.raises(StoreRefused, match=f"version 2, and this program knows {schema.NEWEST}"):
        SqliteStore.open(path)


def test_a_database_of_a_newer_program_is_refused_and_not_touched(postgres_server: PostgresServer) -> None:
    async def work(url: str) -> None:
        await (await PostgresStore.open(url)).close()
        connection = await asyncpg.connect(url)
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(StoreRefused, match=f"version 9999, and this program knows {schema.NEWEST}"):
            await PostgresStore.open(url)
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == "9999"
        await connection.close()

    with postgres_server.database() as url:
        in_a_thread(work(url))


def test_a_database_of_another_program_is_refused_and_not_touched(postgres_server: PostgresServer) -> None:
    async def work(url: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("CREATE TABLE accounts (email TEXT)")
        with pytest.raises(StoreRefused, match="another program"):
            await PostgresStore.open(url)
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert [name for (name,) in tables] == ["accounts"]
        await connection.close()

    with postgres_server.database() as url:
        in_a_thread(work(url))


# --- all or nothing -----------------------------------------------------------------------------------------


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_an_upgrade_of_a_file_that_is_interrupted_at_any_statement_leaves_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    first_release(path)
    before = dump(path)
    interrupted = 0
    while True:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            left = interrupted

            def look(_: str, connection: sqlite3.Connection = connection) -> None:
                nonlocal left
                left -= 1
                if left < 0:
                    connection.interrupt()

            connection.set_trace_callback(look)
            try:
                file._upgrade(connection, path)
            except sqlite3.OperationalError:
                interrupted += 1
            else:
                break
        assert dump(path) == before
    assert interrupted > len(upgrading.statements("sqlite", "0001"))
    asyncio.run(checked(SqliteStore.open(path)))


def test_an_upgrade_of_a_database_that_breaks_off_at_any_statement_leaves_the_old_one_whole(
    postgres_server: PostgresServer,
) -> None:
    async def broken_off_after(statements: int, url: str) -> None:
        connection = await asyncpg.connect(url)
        left = statements

        def look(_: object) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                connection.terminate()

        connection.add_query_logger(look)
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError):
            await postgres_schema.bring_up_to_date(connection, tuned=True)

    async def work(url: str) -> int:
        await postgres_of("0001", url)
        before = await everything(url)
        statements = 0
        while await everything(url) == before:
            await broken_off_after(statements, url)
            statements += 1
        # Its last statement was the end of the transaction: now all of it is there.
        await checked(await PostgresStore.open(url))
        return statements

    with postgres_server.database() as url:
        assert in_a_thread(work(url)) > len(upgrading.statements("postgresql", "0001"))


async def everything(url: str) -> list[Any]:
    """Rows of every table, and which tables, indexes and constraints there are."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        rows = [sorted(map(repr, await connection.fetch(f"SELECT * FROM {name}"))) for (name,) in tables]
        indexes = await connection.fetch("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1")
        constraints = await connection.fetch("SELECT conname FROM pg_constraint ORDER BY 1")
        return [tables, rows, indexes, constraints]
    finally:
        await connection.close()


# --- several at once ----------------------------------------------------------------------------------------


def test_many_may_bring_one_file_up_to_date_at_once(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    first_release(path)

    def open_and_look(_: int) -> int:
        store = SqliteStore.open(path)
        try:
            return len(asyncio.run(store.accounts(None, 10)))
        finally:
            asyncio.run(store.close())

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(open_and_look, range(16))) == [3] * 16


@pytest.mark.parametrize("revision", [None, *OLDER])
def test_many_may_bring_one_database_up_to_date_at_once(postgres_server: PostgresServer, revision: str | None) -> None:
    async def work(url: str) -> None:
        if revision is not None:
            await postgres_of(revision, url)
        stores = await asyncio.gather(*(PostgresStore.open(url) for _ in range(8)))
        accounts = [len(await store.accounts(None, 10)) for store in stores]
        assert accounts == [0 if revision is None else 3] * 8
        for store in stores:
            await store.close()

    with postgres_server.database() as url:
        in_a_thread(work(url))


# --- the price of nothing to do -----------------------------------------------------------------------------

_STARTED = """
import asyncio, sys
from pteri.adapters.store.opening import open_store

async def work():
    store = await open_store(sys.argv[1])
    assert await store.accounts(None, 1) == []
    await store.close()

asyncio.run(work())
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"alembic", "sqlalchemy", "asyncpg"}))
"""


def started(database: str) -> str:
    command = [sys.executable, "-c", _STARTED, database]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.store() as url:
        yield url


@pytest.mark.slow
def test_a_store_that_is_up_to_date_is_opened_without_the_tool_for_changing_it(
    tmp_path: Path, postgres_url: str
) -> None:
    path = tmp_path / "store.db"
    asyncio.run(SqliteStore.open(path).close())
    assert started(str(path)) == ""
    assert started(postgres_url) == "asyncpg"
