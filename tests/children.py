"""Child processes that carry out orders on a store, and may be killed while they do (tests/attacks/child_commit.py)."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

__all__ = ["Children", "Ended"]

_PROGRAM: Final = Path(__file__).parent / "attacks" / "child_commit.py"


@dataclass(frozen=True)
class Ended:
    status: int
    said: list[str]


class Children:
    """The process of ``child_commit.py``, which forks one child an order."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def start(self, what: str, place: Path | str, number: int, *, account: int = 1) -> int:
        """Give an order; the process id of who carries it out."""
        assert self._process.stdin is not None
        order = {"what": what, "place": str(place), "number": number, "account": account}
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        return int(self.hear().removeprefix("born "))

    def hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().removesuffix("\n")

    def end(self) -> Ended:
        """Wait for it to end by itself."""
        said = []
        while not (line := self.hear()).startswith("ended "):
            assert line, "the child process is gone"
            said.append(line)
        return Ended(int(line.removeprefix("ended ")), said)

    def run(self, what: str, place: Path | str, number: int) -> Ended:
        self.start(what, place, number)
        return self.end()

    def close(self) -> None:
        self._process.communicate(timeout=5)
