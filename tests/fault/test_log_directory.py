"""The directory of the published log, while a process that writes into it is killed."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from log_books import DESK, begun
from pteri.adapters.log_files import LogDirectory
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.log_ports import LogFilesUnavailable
from pteri.app.publishing import Publisher, PublishNews, publish

LINE = "\N{EM DASH} other.example/log AAAAAAAA\n".encode()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


WRITER = """
import itertools, os, signal, sys
from pathlib import Path
from pteri.adapters.log_files import LogDirectory

files, last, seen = LogDirectory(Path(sys.argv[1])), int(sys.argv[2]), itertools.count(1)

def look(event, arguments):
    # Whatever a process asks of its file system: open, mkdir, rename, chmod.
    if event.startswith(("os.", "open")) and next(seen) == last:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(look)
with files.turn():
    files.write("tile/0/000", b"hashes")
    files.write("checkpoint", b"a note")
"""


@pytest.mark.slow
def test_a_file_of_the_log_is_whole_and_everybodys_from_the_moment_it_is_there(tmp_path: Path) -> None:
    killed = halves = 0
    for last in itertools.count(1):
        directory = tmp_path / str(last)
        directory.mkdir()
        code = subprocess.run(
            [sys.executable, "-c", WRITER, str(directory), str(last)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            timeout=60,
            check=False,
        ).returncode
        for path, content in (("tile/0/000", b"hashes"), ("checkpoint", b"a note")):
            file = directory / path
            if file.exists():
                assert file.read_bytes() == content
                # A full tile is never written again: what is closed to a web server now stays so.
                assert stat.S_IMODE(file.stat().st_mode) == 0o644
        assert (directory / "tile/0/000").exists() or not (directory / "checkpoint").exists()
        # Whoever comes next finds what was left half, and nothing is left of it.
        halves += len(half_files(directory))
        with (again := LogDirectory(directory)).turn():
            again.sweep()
        assert half_files(directory) == []
        assert not (directory / ".unfinished").exists()
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
    assert killed > 8
    assert halves > 2


def half_files(directory: Path) -> list[Path]:
    return list(directory.rglob("*.part"))


def killed_in(directory: Path) -> None:
    """A writer dies while half of his file is there."""
    for last in itertools.count(1):
        subprocess.run(
            [sys.executable, "-c", WRITER, str(directory), str(last)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            timeout=60,
            check=False,
        )
        if half_files(directory):
            return


def test_a_process_that_runs_for_long_sweeps_after_another_one_that_was_killed(tmp_path: Path) -> None:
    long_lived = LogDirectory(tmp_path)
    with long_lived.turn():
        long_lived.sweep()
    killed_in(tmp_path)
    with long_lived.turn():
        long_lived.sweep()
    assert half_files(tmp_path) == []


PAUSED = """
import sys
from pathlib import Path
from pteri.adapters.log_files import LogDirectory

files, waits = LogDirectory(Path(sys.argv[1])), [True]

def look(event, arguments):
    if event == "os.rename" and waits.pop():
        print("half", flush=True)
        sys.stdin.readline()
        waits.append(False)

sys.addaudithook(look)
with files.turn():
    files.write("tile/0/000", b"hashes")
print("done", flush=True)
"""


def test_a_writer_who_lives_keeps_his_half_file_however_long_it_takes(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PAUSED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline() == "half\n"
            assert len(half_files(tmp_path)) == 1
            other = LogDirectory(tmp_path)
            with pytest.raises(LogFilesUnavailable), other.turn():
                other.sweep()
            process.stdin.write("go on\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
        finally:
            process.kill()
    assert (tmp_path / "tile/0/000").read_bytes() == b"hashes"
    assert half_files(tmp_path) == []


class Slow(LogDirectory):
    """A disk that takes its time with the checkpoint."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.begun, self.may_end = threading.Event(), threading.Event()

    def write(self, path: str, content: bytes) -> None:
        self.begun.set()
        assert self.may_end.wait(60)
        super().write(path, content)


@pytest.mark.anyio
async def test_a_publisher_that_is_cancelled_keeps_the_turn_until_its_thread_has_written(tmp_path: Path) -> None:
    """Else a thread that nobody waits for could put an older checkpoint over the newer one of the next publisher."""
    store = SqliteStore.open(tmp_path / "store.db")
    await begun(store)
    slow, other = Slow(tmp_path / "published"), LogDirectory(tmp_path / "published")
    publishing = asyncio.create_task(publish(store.book, DESK, slow))
    await asyncio.to_thread(slow.begun.wait, 60)
    publishing.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    with pytest.raises(LogFilesUnavailable):
        await publish(store.book, DESK, other)
    slow.may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    assert not await publish(store.book, DESK, other)
    await store.close()


# --- what the operator hears --------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_what_keeps_the_log_from_being_published_is_told_once_and_once_that_it_is_over(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "store.db")
    await begun(store)
    place, told = tmp_path / "published", list[PublishNews]()
    publisher = Publisher(store.book, DESK, LogDirectory(place), lambda news, _: told.append(news))
    assert await publisher.turn()
    assert told == []
    note = (place / "checkpoint").read_bytes()
    with LogDirectory(place).turn():
        for _ in range(3):
            assert not await publisher.turn()
    assert told == [PublishNews.CANNOT]
    (place / "checkpoint").write_bytes(b"no checkpoint")
    for _ in range(3):
        assert not await publisher.turn()
    # Another thing is wrong with it, and that is news.
    (place / "checkpoint").write_bytes(b"other.example/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n" + LINE)
    for _ in range(3):
        assert not await publisher.turn()
    (place / "checkpoint").write_bytes(note)
    for _ in range(3):
        assert not await publisher.turn()
    another = PublishNews.IS_ANOTHER
    assert told == [PublishNews.CANNOT, another, another, PublishNews.GOES_ON]
    await store.close()
