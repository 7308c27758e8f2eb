"""The machine: its clock and its randomness. The only module that imports ``time`` and ``secrets``."""

from __future__ import annotations

import secrets
import threading
import time
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from pteri import durable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "ClockFileError",
    "EntropyFailure",
    "SteppedClock",
    "SystemClock",
    "SystemEntropy",
    "advance",
    "cpu_s",
    "monotonic_s",
    "pause",
    "self_test",
]

_MAX_CLOCK_FILE_BYTES: Final = 4096
_MAX_OFFSET_S: Final = 100 * 366 * 86_400  # a century either way: every instant keeps a year of four digits
_MAX_DRAW_BYTES: Final = 1 << 20


class ClockFileError(Exception):
    """The demo's clock file is not ``{"offset_s": N}``, or cannot be read or written."""


class EntropyFailure(Exception):
    """The generator is stuck. Nobody catches this: no key or nonce may be made on this machine."""


class SystemClock:
    """Real time, and how far somebody has set it since this object was made."""

    def __init__(self) -> None:
        self._began = time.time() - _counted_s()

    def now(self) -> int:
        """Unix seconds, UTC."""
        return int(time.time())

    def stepped_s(self) -> int:
        """How far the clock was set since then, in seconds; a correction that only makes it run faster is none."""
        return round(time.time() - _counted_s() - self._began)


def _counted_s() -> float:
    """Seconds that this machine has counted, in its sleep too where the system says so. Nobody can set them."""
    counter = getattr(time, "CLOCK_BOOTTIME", None)  # not on every system
    return time.monotonic() if counter is None else time.clock_gettime(counter)


class _ClockFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    offset_s: int


class SteppedClock:
    """The demo's simulated clock: real time plus the offset in a small file, looked at each time it is asked.

    A missing file is an offset of 0. Whatever the file says, ``now()`` of one clock never goes backwards: an
    edit of the file must not bring an expired challenge back to life.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._offset_s = 0
        self._latest = 0
        self._lock = threading.Lock()

    def now(self) -> int:
        """Unix seconds, simulated. ``ClockFileError`` if the file is there and is not a clock file."""
        with self._lock:
            self._look()
            self._latest = max(self._latest, int(time.time()) + self._offset_s)
            return self._latest

    def stepped_s(self) -> int:
        """0: a demo's clock is set all the time, and that is what it is for."""
        return 0

    def _look(self) -> None:
        """Read the file again if it is another one than at the last look."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._seen, self._offset_s = None, 0
            return
        except OSError as error:
            raise ClockFileError(f"Cannot look at the clock file {self._path}: {error.strerror}.") from error
        # The inode too: a file replaced within one tick of the disk's clock keeps its time and its size.
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if seen != self._seen:
            self._offset_s = _read_offset(self._path)
            self._seen = seen


def advance(path: Path, seconds: int) -> int:
    """Move the clock of this file forward, whole or not at all; the new offset in seconds.

    Only ever forward: the delays of a recovery are tested by waiting less, never by waiting again.
    """
    if seconds < 1:
        raise ValueError("a simulated clock goes forward only: give at least 1 second")
    try:
        with durable.locked(path.with_name(f"{path.name}.lock"), wait=True):
            durable.sweep(path.parent, f"{path.name}.")
            offset_s = _read_offset(path) + seconds
            if offset_s > _MAX_OFFSET_S:
                raise ClockFileError(f"The clock file {path} would be more than a century ahead.")
            durable.replace(path, msgspec.json.encode(_ClockFile(offset_s)) + b"\n")
    except OSError as error:
        raise ClockFileError(f"Cannot write the clock file {path}: {error.strerror}.") from error
    return offset_s


def _read_offset(path: Path) -> int:
    try:
        found = msgspec.json.decode(durable.read_regular(path, _MAX_CLOCK_FILE_BYTES), type=_ClockFile)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise ClockFileError(f"Cannot read the clock file {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ClockFileError(
            f'The clock file {path} is not {{"offset_s": N}}. Delete it to return to real time.',
        ) from error
    if abs(found.offset_s) > _MAX_OFFSET_S:
        raise ClockFileError(f"The clock file {path} is more than a century off. Delete it to return to real time.")
    return found.offset_s


class _Source(Protocol):
    def draw(self, size: int) -> bytes: ...


class SystemEntropy:
    """The operating system's generator."""

    def draw(self, size: int) -> bytes:
        """``size`` bytes nobody can predict, 1 to 1 MiB."""
        if not 1 <= size <= _MAX_DRAW_BYTES:
            raise ValueError(f"draw 1 to {_MAX_DRAW_BYTES} random bytes at once, not {size}")
        return secrets.token_bytes(size)


def self_test(entropy: _Source) -> None:
    """Refuse a stuck generator at start-up, before it makes a key or a nonce (abuse case CR-13).

    It sees the generator that answers too little, one byte for ever, or the same bytes twice: a dead device,
    a simulator left in place. It cannot see a weak one. A good generator fails it once in 2**246 starts.
    """
    draws = entropy.draw(32), entropy.draw(32)
    if any(len(draw) != 32 for draw in draws):
        raise EntropyFailure("The random generator gave another number of bytes than asked for.")
    if any(draw == draw[:1] * 32 for draw in draws):
        raise EntropyFailure("The random generator gives one byte over and over.")
    if draws[0] == draws[1]:
        raise EntropyFailure("The random generator gave the same bytes twice.")


def monotonic_s() -> float:
    """Seconds since an arbitrary start; never goes back, whatever happens to the wall clock."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Let so many seconds go by: for a command that waits for another phone."""
    time.sleep(seconds)


def cpu_s() -> float:
    """Seconds of processor time, user and system, that this process has used."""
    return time.process_time()
