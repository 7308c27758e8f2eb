"""The file under a SQLite store: whole or absent, private, and nobody else's."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

import builders as b
from pteri.adapters.store import file, schema
from pteri.adapters.store.errors import StoreRefused
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.ports import Committed, Conflict, ConflictKind, StoreUnavailable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The most careless setting there is."""
    before = os.umask(0)
    yield
    os.umask(before)


def opened(path: Path) -> SqliteStore:
    store = SqliteStore.open(path)
    asyncio.run(store.commit([b.opening()]))
    return store


def close(store: SqliteStore) -> None:
    asyncio.run(store.close())


def other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE somebody_elses (data TEXT)")


def test_a_store_and_everything_beside_it_is_its_owners_alone(open_umask: None, path: Path) -> None:
    store = opened(path)
    beside = list(path.parent.iterdir())
    assert path in beside
    assert len(beside) == 4  # with the write-ahead log, its index and the lock
    assert {stat.S_IMODE(each.stat().st_mode) for each in beside} == {0o600}
    close(store)


def test_making_a_store_leaves_nothing_else_behind(path: Path) -> None:
    close(SqliteStore.open(path))
    assert list(path.parent.iterdir()) == [path]


def test_many_may_open_a_store_that_does_not_exist_yet(path: Path) -> None:
    def open_and_look(_: int) -> int:
        store = SqliteStore.open(path)
        try:
            return len(asyncio.run(store.accounts(None, 10)))
        finally:
            close(store)

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(open_and_look, range(64))) == [0] * 64


def test_a_store_is_born_with_its_write_ahead_log(path: Path) -> None:
    # Or two who open it first would both change its kind, and one would fail: too rarely to see it in a race.
    file._create(path)
    assert path.read_bytes()[18:20] == b"\x02\x02"  # "file format" of the SQLite header: write-ahead log


@pytest.mark.parametrize("name", ["what?.db", "100%41.db", "a#b.db", "with space.db", "straße.db"])
def test_the_name_of_a_store_is_taken_literally(tmp_path: Path, name: str) -> None:
    close(opened(tmp_path / name))
    assert name in {each.name for each in tmp_path.iterdir()}
    store = SqliteStore.open(tmp_path / name)
    assert asyncio.run(store.account(b.TENANT, b.account_id())) == b.opened()
    close(store)


def test_a_relative_path_is_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    close(opened(Path("store.db")))
    assert (tmp_path / "store.db").exists()


def test_a_commit_waits_for_the_disk_and_nothing_is_left_to_defaults(path: Path) -> None:
    store = SqliteStore.open(path)
    expected = {"journal_mode": "wal", "synchronous": 2, "fullfsync": 1, "checkpoint_fullfsync": 1}
    safety = {"trusted_schema": 0, "temp_store": 2}
    speed = {"cache_size": -65536, "page_size": 8192, "wal_autocheckpoint": 4096}
    for name, value in (expected | safety | speed).items():
        assert store._connection.execute(f"PRAGMA {name}").fetchall() == [(value,)]
    close(store)


def test_a_file_of_small_pages_keeps_them_and_its_log_is_as_long(path: Path) -> None:
    file._create(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("VACUUM")
    store = opened(path)
    for name, value in {"journal_mode": "wal", "page_size": 4096, "wal_autocheckpoint": 8192}.items():
        assert store._connection.execute(f"PRAGMA {name}").fetchall() == [(value,)]
    assert asyncio.run(store.account(b.TENANT, b.account_id())) == b.opened()
    close(store)


@pytest.mark.parametrize(
    "content", [b"", b"a letter to my mother\n", b"SQLite format 3\0" + bytes(84)], ids=["empty", "text", "header"]
)
def test_a_file_that_is_no_store_is_refused_and_not_touched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreRefused, match="is not a PTERI store"):
        SqliteStore.open(path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_database_of_another_program_is_refused_and_not_touched(path: Path) -> None:
    other_database(path)
    before = path.read_bytes()
    with pytest.raises(StoreRefused, match="another program"):
        SqliteStore.open(path)
    assert path.read_bytes() == before


def test_a_store_of_a_newer_program_is_refused_and_not_touched(path: Path) -> None:
    store = opened(path)
    store._connection.execute("UPDATE alembic_version SET version_num = '9999'")
    close(store)
    before = path.read_bytes()
    with pytest.raises(StoreRefused, match=f"version 9999, and this program knows {schema.NEWEST}"):
        SqliteStore.open(path)
    assert path.read_bytes() == before


def test_a_refusal_names_the_file(path: Path) -> None:
    path.write_bytes(b"no")
    with pytest.raises(StoreRefused, match=path.name):
        SqliteStore.open(path)


def test_a_store_cannot_be_made_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="Cannot make the store"):
        SqliteStore.open(tmp_path / "nowhere" / "store.db")


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        SqliteStore.open(tmp_path)


def test_a_name_that_points_nowhere_is_not_followed_to_a_new_file(path: Path) -> None:
    target = path.with_name("elsewhere.db")
    path.symlink_to(target)
    with pytest.raises(StoreUnavailable):
        SqliteStore.open(path)
    assert not target.exists()


def test_a_store_whose_write_ahead_log_cannot_be_opened_is_unavailable_and_not_refused(path: Path) -> None:
    close(opened(path))
    path.with_name("store.db-wal").mkdir()
    with pytest.raises(StoreUnavailable):
        SqliteStore.open(path)


def test_where_there_can_be_no_write_ahead_log_there_is_no_store(path: Path) -> None:
    with closing(sqlite3.connect(":memory:")) as nowhere, pytest.raises(StoreRefused, match="write-ahead log"):
        file._use_wal(nowhere, path)


def test_a_restored_copy_is_a_store_again(path: Path) -> None:
    store = opened(path)
    copy = path.with_name("copy.db")
    store._connection.execute("VACUUM INTO ?", (str(copy),))
    close(store)
    restored = SqliteStore.open(copy)
    assert asyncio.run(restored.account(b.TENANT, b.account_id())) == b.opened()
    assert restored._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    close(restored)


def test_tables_keep_tenant_first_and_account_second_in_every_key(path: Path) -> None:
    store = SqliteStore.open(path)
    tables = store._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    keys = {}
    for (table,) in tables:
        columns = store._connection.execute("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,))
        keys[table] = [name for (name,) in columns]
    close(store)
    assert keys.pop("log") == ["position"]
    assert keys.pop("schema_versions") == ["version"]
    assert keys.pop("alembic_version") == ["version_num"]
    assert keys.pop("pins") == ["name"]
    assert keys.pop("leases") == ["name"]
    assert keys.pop("deployment_keys") == ["number"]
    # One log over all tenants, as its positions are.
    assert [keys.pop(table) for table in ("leaves", "log_nodes", "log_state", "anchors", "audit_state")] == [
        ["place"],
        ["level", "place"],
        ["name"],
        ["log", "number"],
        ["name"],
    ]
    assert {key[0] for key in keys.values()} == {"tenant"}
    assert {key.index("account") for key in keys.values() if "account" in key} == {1}


def test_a_store_belongs_to_the_thread_that_opened_it(path: Path) -> None:
    store = opened(path)
    with ThreadPoolExecutor(1) as pool, pytest.raises(sqlite3.ProgrammingError):
        pool.submit(lambda: asyncio.run(store.accounts(None, 1))).result()
    close(store)


def test_a_closed_store_may_be_closed_again_and_answers_nothing(path: Path) -> None:
    store = opened(path)
    close(store)
    close(store)
    with pytest.raises(sqlite3.ProgrammingError):
        asyncio.run(store.accounts(None, 1))


def test_refused_requests_write_nothing_to_the_disk(path: Path) -> None:
    store = opened(path)
    written = path.with_name("store.db-wal")
    before = written.stat().st_size
    late = msgspec.structs.replace(b.opening(), spent=b.nonce())  # writes a nonce, then finds the account bound
    assert asyncio.run(store.commit([late] * 50)) == [Conflict(ConflictKind.ACCOUNT_VERSION)] * 50
    assert written.stat().st_size == before
    close(store)


#: What the registry keeps for ever. ``log`` and ``events`` are the record; the others are what makes "once" true.
FOR_EVER = {"events", "log", "spent", "claims", "notices"}


def test_no_call_updates_or_deletes_what_is_kept_for_ever(path: Path) -> None:
    store = opened(path)

    def judge(action: int, table: str | None, *_: object) -> int:
        forbidden = action in {sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE} and table in FOR_EVER
        return sqlite3.SQLITE_DENY if forbidden else sqlite3.SQLITE_OK

    store._connection.set_authorizer(judge)

    async def live() -> None:
        approval = b.approval(b.opened(), b.sign_in())
        assert await store.commit([b.issued(b.sign_in()), approval]) == [Committed(), Committed()]
        await store.commit([approval, b.opening(), b.issued(b.sign_in())])
        assert await store.sequence(10) == 3
        assert await store.forget_answers(b.NOW + 10**6, 10) == 3

    asyncio.run(live())
    with pytest.raises(sqlite3.DatabaseError, match=r"prohibited|not authorized"):
        store._connection.execute("DELETE FROM events")
    close(store)
