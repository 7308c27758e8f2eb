"""Processes under measurement: started, watched until they answer, and ended; their CPU and memory from /proc."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

__all__ = ["Usage", "descendants", "free_port", "machine_busy_s", "running", "usage_of", "wait_for_port"]

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_START_S = 60.0
_STOP_S = 20.0


class Usage(NamedTuple):
    """CPU seconds (user and system) of a process and all its children; memory of the largest of them."""

    cpu_s: float
    largest_bytes: int


def usage_of(pid: int) -> Usage:
    """Now. CPU of a child that has ended is counted where its parent has waited for it."""
    found = descendants(pid)
    return Usage(sum(map(_cpu_s, found)), max(map(_own_bytes, found), default=0))


def machine_busy_s() -> tuple[float, float]:
    """Seconds that all cores together have worked, and all seconds they had (proc(5), the first line of stat)."""
    values = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = values[3] + values[4]
    return (sum(values) - idle) / _TICKS, sum(values) / _TICKS


def descendants(pid: int) -> list[int]:
    """The process and everything below it that runs now."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        for task in _tasks(one):
            with suppress(OSError):
                waiting += [int(child) for child in (task / "children").read_text().split()]
    return found


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _cpu_s(pid: int) -> float:
    """User and system time so far, its own and of children it has waited for (proc(5), fields 14 to 17)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def _own_bytes(pid: int) -> int:
    """Memory of this process, with its share of what it shares with others (PSS; where there is none, RSS)."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        with suppress(OSError):
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        return 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until something accepts on loopback; ``RuntimeError`` when the process ends first or takes a minute."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode} before it listened")
        time.sleep(0.05)
    raise RuntimeError("the server did not listen within a minute")


@contextmanager
def running(
    command: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours, its words in ``log``, ended by SIGTERM when the block is left (SIGKILL if it will not)."""
    with log.open("wb") as words:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdout=words,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=_STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
