"""Killed on any line, the store shows all of a changeset or nothing of it, and everything it acknowledged."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import builders as b
from children import Children, Ended
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.ports import Changeset, Committed, Outcome, Repeated
from whole import check_whole

pytestmark = pytest.mark.slow

KILLED = -signal.SIGKILL
APPROVAL = b.approval(b.opened(), b.sign_in())


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    children = Children()
    yield children
    children.close()


def commit(path: Path, *batch: Changeset) -> list[Outcome]:
    async def work() -> list[Outcome]:
        store = SqliteStore.open(path)
        outcomes = await store.commit(batch)
        await check_whole(store)
        await store.close()
        return outcomes

    return asyncio.run(work())


def content(path: Path) -> list[str]:
    """Every row of every table, after whatever recovery opening it takes."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def copied(path: Path, name: str) -> Path:
    """Copy a closed store."""
    copy = path.with_name(name)
    shutil.copy(path, copy)
    return copy


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A store in which an approval may follow."""
    path = tmp_path / "prepared.db"
    commit(path, b.opening(), b.issued(b.sign_in()))
    return path


def test_sv_03_kill_at_every_statement_of_the_commit_transaction_leaves_all_or_nothing(
    children: Children, prepared: Path
) -> None:
    before = content(prepared)
    done = copied(prepared, "done.db")
    assert commit(done, APPROVAL) == [Committed()]
    after = content(done)
    killed_before = []
    for statement in itertools.count(1):
        path = copied(prepared, f"killed-{statement}.db")
        ended = children.run("approve", path, statement)
        if ended.status == 0:
            break
        assert ended.status == KILLED
        killed_before += [line.removeprefix("dies before ") for line in ended.said]
        assert content(path) == before
        # The client never heard: it asks again, and again.
        assert commit(path, APPROVAL) == [Committed()]
        assert commit(path, APPROVAL) == [Repeated(b.answer_of(APPROVAL))]
        assert content(path) == after
    assert ended.said == ["Committed()"]
    assert content(path) == after
    assert (killed_before[0], killed_before[-1], len(killed_before)) == ("BEGIN", "COMMIT", statement - 1)
    # Count, nonce, claim, two events, both to be sequenced, a notice, to be told, and the answer.
    assert killed_before.count("INSERT") == 10


def test_sv_03_killed_after_the_write_and_before_the_answer_the_repeat_reads_the_answer(
    children: Children, prepared: Path
) -> None:
    done = copied(prepared, "done.db")
    commit(done, APPROVAL)
    assert children.run("approve_and_die", prepared, 0) == Ended(KILLED, [])
    assert content(prepared) == content(done)
    assert commit(prepared, APPROVAL) == [Repeated(b.answer_of(APPROVAL))]
    assert content(prepared) == content(done)


def test_sv_03_nothing_acknowledged_is_lost_and_nothing_is_half_done_when_killed_at_any_moment(
    children: Children, tmp_path: Path
) -> None:
    path, chance = tmp_path / "stream.db", random.Random(3)
    commit(path, b.opening())
    acknowledged = 0
    for _ in range(20):
        child = children.start("stream", path, acknowledged + 1)
        for _ in range(chance.randrange(1, 40)):
            assert children.hear() == f"acknowledged {acknowledged + 1}"
            acknowledged += 1
        for _ in range(chance.randrange(100_000)):  # some way into what follows
            pass
        os.kill(child, signal.SIGKILL)
        ended = children.end()
        assert ended.status == KILLED
        acknowledged += len(ended.said)
        asyncio.run(check_stream(path, acknowledged))


async def check_stream(path: Path, acknowledged: int) -> None:
    store = SqliteStore.open(path)
    await check_whole(store)
    account = await store.account(b.TENANT, b.account_id())
    assert account is not None
    done = account.version - 1
    assert done in {acknowledged, acknowledged + 1}  # one may be durable that nobody heard of
    for number in range(1, done + 1):
        answer = await store.answer(b.TENANT, b.thumbprint(), b.key(number))
        assert answer == b.answer(number, request=f"response {number}")
    for table in ("answers", "spent", "challenges"):
        assert store._connection.execute(f"SELECT COUNT(*) FROM {table}").fetchall() == [(done,)]
    await store.close()


def test_sv_04_a_sequencer_killed_at_every_statement_gives_each_event_one_position(
    children: Children, tmp_path: Path
) -> None:
    prepared = tmp_path / "prepared.db"
    outcomes = commit(prepared, b.opening(3), b.opening(1), b.issued(b.sign_in()), APPROVAL)
    assert outcomes == [Committed()] * 4
    killed_before = []
    for statement in itertools.count(1):
        path = copied(prepared, f"killed-{statement}.db")
        ended = children.run("sequence", path, statement)
        if ended.status == 0:
            break
        assert ended.status == KILLED
        killed_before += ended.said
        assert content(path) == content(prepared)
        assert asyncio.run(drained(path)) == 4
    assert (ended.said, asyncio.run(drained(path))) == (["3"], 1)
    assert killed_before == [
        f"dies before {word}"
        for word in ("BEGIN", "SELECT", "SELECT", "INSERT", "INSERT", "INSERT", "DELETE", "DELETE", "DELETE", "COMMIT")
    ]


async def drained(path: Path) -> int:
    store = SqliteStore.open(path)
    total = 0
    while taken := await store.sequence(3):
        total += taken
    await check_whole(store, sequenced=True)
    await store.close()
    return total


@pytest.mark.parametrize("size", [200_000, 300_000, 1_000_000])
def test_a_full_disk_refuses_whole_changesets_and_the_store_goes_on_when_there_is_room(
    children: Children, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "full.db"
    commit(path, b.opening())
    ended = children.run("fill_the_disk", path, size)
    assert ended.status == 0
    *acknowledged, full, again = ended.said
    assert acknowledged == [f"acknowledged {number}" for number in range(1, len(acknowledged) + 1)]
    assert (full, again) == ("full True", "Committed()")
    asyncio.run(check_stream(path, len(acknowledged) + 1))
