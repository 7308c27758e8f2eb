"""The disk fails, the lock is held, the file is damaged: one exception, nothing half, and usable afterwards."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import builders as b
from interrupting import failing_at
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.ports import Changeset, Committed, Outcome, Repeated, StoreUnavailable
from whole import check_whole

APPROVAL = b.approval(b.opened(), b.sign_in())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """A store in which an approval may follow."""
    store = SqliteStore.open(path)
    commit(store, b.opening(), b.issued(b.sign_in()))
    yield store
    asyncio.run(store.close())


def commit(store: SqliteStore, *batch: Changeset) -> list[Outcome]:
    return asyncio.run(store.commit(batch))


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_a_failure_at_any_statement_of_a_commit_leaves_nothing_and_the_store_goes_on(
    store: SqliteStore, path: Path
) -> None:
    before = content(path)
    for statement in itertools.count(1):
        try:
            with failing_at(store, statement):
                outcomes = commit(store, b.opening(3), APPROVAL)
        except StoreUnavailable:
            assert content(path) == before
            assert commit(store, Changeset(b.TENANT)) == [Committed()]
        else:
            break
    assert outcomes == [Committed()] * 2
    assert statement == 21  # begin, 18 rows, commit; then none was left to fail
    assert commit(store, APPROVAL) == [Repeated(b.answer_of(APPROVAL))]
    asyncio.run(check_whole(store))


def test_a_failure_at_any_statement_of_the_sequencer_gives_no_position(store: SqliteStore, path: Path) -> None:
    commit(store, APPROVAL)
    before = content(path)
    for statement in itertools.count(1):
        try:
            with failing_at(store, statement):
                taken = asyncio.run(store.sequence(2))
        except StoreUnavailable:
            assert content(path) == before
        else:
            break
    assert (taken, statement) == (2, 9)  # two reads, two times two writes, begin and commit; then none was left to fail
    assert asyncio.run(store.sequence(2)) == 1
    asyncio.run(check_whole(store, sequenced=True))


def test_a_full_database_takes_nothing_and_goes_on_when_there_is_room(store: SqliteStore, path: Path) -> None:
    [(pages,)] = store._connection.execute("PRAGMA page_count").fetchall()
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    before = content(path)
    crowd = [b.opening(number) for number in range(10, 200)]
    with pytest.raises(StoreUnavailable, match="full"):
        commit(store, *crowd)
    assert content(path) == before
    assert asyncio.run(store.account(b.TENANT, b.account_id())) == b.opened()
    store._connection.execute("PRAGMA max_page_count = 1000000")
    assert commit(store, *crowd) == [Committed()] * 190
    asyncio.run(check_whole(store))


def test_another_programs_lock_makes_the_store_unavailable_for_writing_and_not_for_reading(
    store: SqliteStore, path: Path
) -> None:
    store._connection.execute("PRAGMA busy_timeout = 20")
    with closing(sqlite3.connect(path, isolation_level=None)) as operator:
        operator.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked") as refusal:
            commit(store, APPROVAL)
        assert isinstance(refusal.value.__cause__, sqlite3.OperationalError)
        with pytest.raises(StoreUnavailable, match="locked"):
            asyncio.run(store.sequence(1))
        with pytest.raises(StoreUnavailable, match="locked"):
            asyncio.run(store.forget_answers(b.NOW, 1))
        assert asyncio.run(store.account(b.TENANT, b.account_id())) == b.opened()
    assert commit(store, APPROVAL) == [Committed()]


def test_a_queue_that_cannot_be_joined_makes_the_store_unavailable(store: SqliteStore, path: Path) -> None:
    queue = path.with_name("store.db.lock")
    queue.unlink()
    queue.mkdir()
    with pytest.raises(StoreUnavailable):
        commit(store, APPROVAL)
    queue.rmdir()
    assert commit(store, APPROVAL) == [Committed()]


def damage(path: Path, *tables: str) -> None:
    """Overwrite the first page of each table or index in a closed store."""
    with closing(sqlite3.connect(path)) as connection:
        [(size,)] = connection.execute("PRAGMA page_size").fetchall()
        roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_master"))
    with path.open("r+b") as file:
        for table in tables:
            file.seek((roots[table] - 1) * size)
            file.write(b"\xaa" * size)


def test_a_damaged_table_is_never_answered_from(store: SqliteStore, path: Path) -> None:
    commit(store, APPROVAL)
    asyncio.run(store.close())
    damage(path, "accounts", "log")
    damaged = SqliteStore.open(path)
    for call in (damaged.accounts(None, 100), damaged.commit([b.opening(3)]), damaged.sequence(1), damaged.log(0, 10)):
        with pytest.raises(StoreUnavailable, match="malformed"):
            asyncio.run(call)
    assert len(asyncio.run(damaged.history(b.TENANT, b.account_id(), 0, 10))) == 3  # what is whole is still read
    asyncio.run(damaged.close())


def test_a_damaged_store_is_not_opened(store: SqliteStore, path: Path) -> None:
    asyncio.run(store.close())
    damage(path, "alembic_version", "sqlite_autoindex_alembic_version_1")
    with pytest.raises(StoreUnavailable, match="malformed"):
        SqliteStore.open(path)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("accounts", "state", "{}"),
        ("accounts", "state", "not even JSON"),
        ("accounts", "state", '{"id":"' + "x" * 100),
        ("challenges", "payload", '{"id":1}'),
        ("events", "payload", '{"event":{"event":"Unheard"}}'),
        ("notices", "payload", "[]"),
        ("claims", "kind", "UNHEARD"),
    ],
)
def test_a_record_that_cannot_be_read_is_no_answer(store: SqliteStore, table: str, column: str, value: str) -> None:
    commit(store, APPROVAL)
    store._connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
    reads = {
        "accounts": store.account(b.TENANT, b.account_id()),
        "challenges": store.challenge(b.TENANT, b.request_id()),
        "events": store.history(b.TENANT, b.account_id(), 0, 10),
        "notices": store.notices(b.TENANT, b.account_id(), b.LATER, 10),
        "claims": store.claims(None, 10),
    }
    wanted = reads.pop(table)
    for unwanted in reads.values():
        unwanted.close()
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        asyncio.run(wanted)


def test_text_that_is_no_text_is_no_answer(store: SqliteStore) -> None:
    store._connection.execute("UPDATE accounts SET state = CAST(x'ff' AS TEXT)")
    with pytest.raises(StoreUnavailable):
        asyncio.run(store.account(b.TENANT, b.account_id()))


def test_sv_09_an_event_that_somebody_wrote_past_us_stops_the_commit_as_a_bug_and_not_as_an_outage(
    store: SqliteStore, path: Path
) -> None:
    store._connection.execute(
        "INSERT INTO events (tenant, account, seq, payload) VALUES (?, ?, 2, '{}')", (b.TENANT, b.account_id())
    )
    before = content(path)
    with pytest.raises(sqlite3.IntegrityError):
        commit(store, b.opening(3), APPROVAL)
    assert content(path) == before
    assert commit(store, b.opening(3)) == [Committed()]


def test_a_rollback_that_failed_is_made_up_for_by_the_next_write(store: SqliteStore) -> None:
    store._connection.execute("BEGIN IMMEDIATE")
    store._connection.execute("INSERT INTO spent (tenant, nonce) VALUES (?, ?)", (b.TENANT, b.nonce(7)))
    assert commit(store, Changeset(b.TENANT, spent=b.nonce(7))) == [Committed()]
