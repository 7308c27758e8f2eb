"""What the program of the first release recorded in its life is read and proved by this one, on both databases.

It wrote ``SignInApproved`` when a phone approved, before the code came. Its own program made these rows: a binding,
four approved sign-ins of which two got their code, one failed and one was left, and a migration; then it was stopped
while a fifth waited for its code.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own
import pytest

from postgres import PostgresServer, in_a_thread
from pteri.adapters.store import file, upgrading
from pteri.adapters.store.opening import open_store
from pteri.app.ports import LogEntry
from pteri.core.ids import AccountId, Domain, TenantId, to_base64url
from pteri.database import Database, DatabaseUrl
from pteri.deployment_key import create_deployment_key
from pteri.domain.events import SignedIn, SignInApproved
from pteri.domain.evolving import fold
from pteri.domain.records import RecordedEvent
from pteri.settings import ServerSettings, Settings, TenantSettings, write_settings
from world import ORIGIN, Key

HERE = Path(__file__)
TABLES = HERE.with_name("first_release.sql").read_text(encoding="utf-8")
ROWS = HERE.with_name("first_release_lived.sql").read_text(encoding="utf-8")

BANK = TenantId("bank")
ALICE = AccountId("acct_89SWAJCEJW8TDHPC8EFJ")
SIGNED_IN = ("lgn_S2BJ9RNNGEJZQQEA79BBQJ1TBE", "lgn_2DZGFRZM499JBYZD4RBJFT001Y")
LEFT_OPEN = ("lgn_JB1C7XH14A23GSX5EZV6MWHE45", "lgn_D246JZ9YQ6JVKWH9RS54BEEDW9", "lgn_X27Z3Y9NJN3D6PER4Z90ZWSBN4")
EVENTS = [
    "AccountBound",
    "SignInApproved",
    "SignedIn",
    "SignInApproved",
    "SignInApproved",
    "MigrationApproved",
    "MigrationConfirmed",
    "SignInApproved",
    "SignedIn",
    "SignInApproved",
]


def filled(connection: sqlite3.Connection) -> None:
    """The tables of the first release with the rows of this life."""
    connection.executescript(TABLES)
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        connection.execute(f"DELETE FROM {table}")
    connection.executescript(ROWS)


def sqlite_file(path: Path) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA application_id = {file._APPLICATION_ID}")
        connection.execute("PRAGMA journal_mode = WAL")
        filled(connection)
    return path


async def copied_to(url: str) -> None:
    """The same rows in a PostgreSQL database of the first revision, as whoever moves from the file brings them."""
    connection = await asyncpg.connect(url)
    for statement in upgrading.statements("postgresql", None, "0001"):
        await connection.execute(statement)
    with closing(sqlite3.connect(":memory:")) as rows:
        filled(rows)
        for table in ("accounts", "events", "unsequenced", "log", "challenges", "spent", "claims", "answers"):
            await _copied(rows, connection, table)
        for table in ("counters", "notices"):
            await _copied(rows, connection, table)
    await connection.close()


async def _copied(rows: sqlite3.Connection, connection: Any, table: str) -> None:
    await connection.copy_records_to_table(table, records=rows.execute(f"SELECT * FROM {table}").fetchall())


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The old rows, on a database that this program has not opened yet."""
    if request.param == "sqlite":
        yield sqlite_file(tmp_path / "pteri.sqlite3")
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as url:
        in_a_thread(copied_to(url))
        yield DatabaseUrl(url)


@pytest.fixture
def fsck(database: Database, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command, with the settings of the service whose registry it is."""
    server = ServerSettings(
        public_origin=ORIGIN,
        host="127.0.0.1",
        port=8750,
        database=database,
        deployment_key_file=tmp_path / "deployment.key",
    )
    site = TenantSettings(
        id=BANK,
        domain=Domain("bank.example"),
        network="main",
        client_keys=(to_base64url(Key("site bank").private.public.sec1),),
    )
    create_deployment_key(tmp_path / "deployment.key", hashlib.sha256(b"deployment").digest())
    write_settings(tmp_path / "pteri.toml", Settings(server=server, tenants=(site,)))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pteri", "fsck", "--config", str(tmp_path / "pteri.toml"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    return run


async def history_and_log(database: Database) -> tuple[list[RecordedEvent], list[LogEntry]]:
    store = await open_store(database if isinstance(database, Path) else database.reveal())
    try:
        account = await store.account(BANK, ALICE)
        history = await store.history(BANK, ALICE, 0, 100)
        assert fold(recorded.event for recorded in history) == account
        assert await store.sequence(100) == 6
        log = await store.log(0, 4) + await store.log(4, 100)
        return history, log
    finally:
        await store.close()


def test_an_approved_sign_in_of_the_first_release_is_read_in_history_and_log(database: Database) -> None:
    history, log = asyncio.run(history_and_log(database))
    assert [recorded.event.name for recorded in history] == EVENTS
    assert [entry.recorded for entry in log] == history
    assert [entry.position for entry in log] == list(range(len(EVENTS)))
    approved = [recorded for recorded in history if isinstance(recorded.event, SignInApproved)]
    signed_in = [recorded for recorded in history if isinstance(recorded.event, SignedIn)]
    assert [recorded.evidence for recorded in approved] == [None] * 5
    assert {recorded.event.request for recorded in approved} == {*SIGNED_IN, *LEFT_OPEN}
    assert [recorded.event.request for recorded in signed_in] == [*SIGNED_IN]
    assert all(recorded.evidence for recorded in signed_in)


def test_fsck_finds_nothing_wrong_with_a_life_in_the_first_release(
    fsck: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    lines = [json.dumps({"request": request, "account": ALICE, "at": 1_795_000_010}) for request in SIGNED_IN]
    ledger.write_text("".join(f"{line}\n" for line in lines))
    done = fsck("--ledger", str(ledger))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "1 accounts, 10 events, 10 log positions. Proved again from its signatures: 4 events.",
        "Compared with 2 acknowledged acts.",
        "Not checked, APPROVAL_ALONE: 3",
        "Whole.",
    ]
