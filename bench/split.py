"""Where the service's CPU goes: its stack at every few milliseconds of processor time.

The service runs with a timer of the system that counts its own processor time, the kernel's work for it too, and not
the time in which it waits. At each tick the innermost frame that the table below knows is counted; time inside a C
library belongs to the line of ours that called it. Shares are taken in a run of their own. The microseconds that they
are multiplied with come from runs without the timer.

``python -m bench.split FILE WORDS...`` runs ``pteri WORDS...`` like this: SIGUSR1 begins, SIGUSR2 writes to FILE.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

__all__ = ["KINDS", "Split", "begin", "end", "kind_of", "main", "split_of"]

KINDS: Final = ("crypto", "HTTP", "encoding", "store", "deciding", "other")

_TICK_S: Final = 0.002
"""Asked for; the kernel's own tick may be longer."""
_WRITTEN_S: Final = 20.0
_TABLE: Final = (
    # The first part of a path that matches decides; exact ones stand before the rooms they are in.
    ("crypto", ("pteri/core/keys/", "pteri/core/otp.py", "pteri/adapters/vault.py", "cryptography/", "coincurve/")),
    ("crypto", ("pteri/app/verifying.py", "pteri/core/httpsig.py", "pteri/core/verify.py")),
    (
        "encoding",
        ("pteri/core/", "pteri/http/strictjson.py", "pteri/http/wiretypes.py", "pteri/adapters/store/codec.py"),
    ),
    ("store", ("pteri/adapters/store/", "sqlite3/", "asyncpg/")),
    ("HTTP", ("pteri/http/", "pteri/serving.py", "uvicorn/", "starlette/", "httptools/", "h11/")),
    ("deciding", ("pteri/app/", "pteri/domain/", "pteri/wiring.py")),
    ("HTTP", ("asyncio/", "uvloop/")),
)


class Split(msgspec.Struct, frozen=True):
    """Share of each kind, all together 1, of so many ticks; ``lines``: the busiest ones, with their share."""

    samples: int
    shares: dict[str, float]
    lines: dict[str, float]


def kind_of(path: str) -> str | None:
    """The kind of a source file; ``None`` for one that says nothing (the caller's counts then)."""
    return next((kind for kind, places in _TABLE if any(place in path for place in places)), None)


def split_of(counts: dict[str, int]) -> Split:
    """From ticks by ``kind path:function``."""
    whole = sum(counts.values())
    shares = dict.fromkeys(KINDS, 0.0)
    for what, count in counts.items():
        shares[what.partition(" ")[0]] += count / whole
    busiest = sorted(counts.items(), key=lambda one: -one[1])[:25]
    return Split(whole, shares, {what: count / whole for what, count in busiest})


def begin(pid: int) -> None:
    """Count from now on."""
    os.kill(pid, signal.SIGUSR1)


def end(pid: int, file: Path) -> Split:
    """Stop counting; what was found."""
    os.kill(pid, signal.SIGUSR2)
    deadline = time.monotonic() + _WRITTEN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            return split_of(json.loads(file.read_text()))
        time.sleep(0.1)
    raise RuntimeError("the service did not say where its time went")


class _Ticks:
    """The counters inside the measured process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._counts: Counter[str] = Counter()
        self._kinds: dict[str, str | None] = {}

    def tick(self, _: int, frame: FrameType | None) -> None:
        while frame is not None:
            code = frame.f_code
            path = code.co_filename
            kind = self._kinds[path] if path in self._kinds else self._kinds.setdefault(path, kind_of(path))
            if kind is not None:
                self._counts[f"{kind} {path.rpartition('/src/')[2].rpartition('-packages/')[2]}:{code.co_name}"] += 1
                return
            frame = frame.f_back
        self._counts["other -"] += 1

    def begin(self, *_: object) -> None:
        self._counts.clear()
        signal.setitimer(signal.ITIMER_PROF, _TICK_S, _TICK_S)

    def end(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        draft = self._file.with_suffix(".part")
        draft.write_text(json.dumps(self._counts))
        draft.replace(self._file)


def main() -> None:
    """Run ``pteri`` with the timer in it."""
    ticks = _Ticks(Path(sys.argv[1]))
    signal.signal(signal.SIGPROF, ticks.tick)
    signal.siginterrupt(signal.SIGPROF, False)
    signal.signal(signal.SIGUSR1, ticks.begin)
    signal.signal(signal.SIGUSR2, ticks.end)
    sys.argv[1:] = sys.argv[2:]
    from pteri import cli  # noqa: PLC0415 - with its own words

    cli.main()


if __name__ == "__main__":
    main()
