"""The mobile operator of the demo: a process on a port of its own, and nothing in it is real. IT IS A SIMULATOR."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec

from pteri.operator_settings import DEADLINE_MS, OperatorSettings

__all__ = ["SimulatedOperator"]

_FOR_S: Final = 3600
_STOP_S: Final = 15


class _Started(msgspec.Struct, frozen=True):
    """What ``pteri operator-sim --json`` says first."""

    desk: str
    operators: tuple[dict[str, Any], ...]


class SimulatedOperator:
    """Starts at once; its clock is the demo's. It stops by itself an hour later, if nobody closes it."""

    def __init__(self, directory: Path, clock_file: Path) -> None:
        words = [str(directory), "--port", "0", "--for", str(_FOR_S), "--clock-file", str(clock_file), "--json"]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "pteri", "operator-sim", *words], stdout=subprocess.PIPE
        )
        self._desk = httpx2.Client(timeout=_STOP_S)
        self._told: _Started | None = None

    def settings(self) -> tuple[OperatorSettings, ...]:
        """What a service says in its settings to ask it, with the longest deadline that there is."""
        found = msgspec.convert(self._started().operators, tuple[OperatorSettings, ...], dec_hook=_path)
        return tuple(msgspec.structs.replace(one, deadline_ms=DEADLINE_MS) for one in found)

    def do(self, act: str, **order: str) -> dict[str, Any]:
        """What somebody does at its desk; ``RuntimeError`` for what the desk does not do."""
        done = self._desk.post(f"{self._started().desk}/{act}", json=order)
        if done.status_code != httpx2.codes.OK:
            raise RuntimeError(f"the simulated operator did not {act}: {done.text}")
        return dict(done.json())

    def close(self) -> None:
        """End it. Again is fine."""
        self._desk.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _started(self) -> _Started:
        if self._told is None:
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            if not line:
                raise RuntimeError("the simulated operator did not start")
            self._told = msgspec.json.decode(line, type=_Started)
        return self._told


def _path(kind: type, text: object) -> object:
    return kind(text)
