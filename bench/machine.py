"""What was measured on: without it a figure says nothing."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from bench.cache import cache
from bench.processes import machine_busy_s

__all__ = ["Busy", "Machine", "this_machine"]

_LIBRARIES = (
    *("pteri", "asyncpg", "btclib-secp256k1", "coincurve", "cryptography", "httptools", "msgspec"),
    *("starlette", "uvicorn", "uvloop"),
)


class Machine(msgspec.Struct, frozen=True):
    """``load_before``: what else the machine had to do in the last minute (1 is one core)."""

    at: str
    commit: str
    processor: str
    cores: int
    memory_bytes: int
    disk_free_bytes: int
    system: str
    python: str
    sqlite: str
    libraries: dict[str, str]
    load_before: float


def this_machine() -> Machine:
    return Machine(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=_commit(),
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        disk_free_bytes=shutil.disk_usage(cache()).free,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        libraries={name: version(name) for name in _LIBRARIES},
        load_before=os.getloadavg()[0],
    )


class Busy:
    """How much of all cores' time was used between two moments, by anybody."""

    def __init__(self) -> None:
        self._before = machine_busy_s()

    def share(self) -> float:
        (busy, whole), (busy_before, whole_before) = machine_busy_s(), self._before
        return (busy - busy_before) / max(whole - whole_before, 1e-9)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _commit() -> str:
    words = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
