"""``pteri serve`` with several processes: one parent that answers nobody, and keeps the others running.

The parent opens the listening socket before there is a process, and closes it after the last: whoever connects
meanwhile waits in its queue, and is never refused while processes come and go. A process is our own command, started
anew with that socket; nothing is forked that has threads or an open database. Between parent and process is a pair of
sockets: the process says once that it is ready, and stops when the parent's end is gone, however the parent died.

SIGTERM and SIGINT stop all, after the requests under way. SIGHUP is a rolling restart: a new process starts, with the
settings as they are then, and only when it is ready an old one is told to stop; one after another.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

from pteri.adapters.system import monotonic_s
from pteri.serving import DRAIN_S, READY, configure_logs, listen
from pteri.settings import Settings, SettingsError

__all__ = ["Group", "supervise"]

_START_S: Final = 60.0
"""How long a process may take until it is ready."""
_STOP_S: Final = DRAIN_S + 5.0
"""How long one that was told to stop may take; then it is killed."""
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_LAST_WORDS_S: Final = 2.0
_SHORT_LIFE_S: Final = 60.0
_STARTS: Final = 10
"""After so many failed starts in a row, with no process left that answers, there is nothing to supervise."""

T = TypeVar("T")

_log = structlog.get_logger("pteri.supervise")


def supervise(settings: Settings, command: Sequence[str]) -> None:
    """Run ``settings.server.processes`` processes until SIGTERM or SIGINT.

    ``command`` starts one; two numbers are added to it, the file descriptors that :func:`pteri.serving.serve` takes.
    ``SettingsError`` when none would start.
    """
    configure_logs()
    server = settings.server
    with listen(server) as listener:
        listening = {"public_origin": server.public_origin, "host": server.host, "port": server.port}
        asyncio.run(Group(listener, command, server.processes, pause=asyncio.sleep).run(listening))


@dataclass(frozen=True, slots=True)
class _Child:
    """One process, and our end of the sockets between us."""

    process: asyncio.subprocess.Process
    channel: socket.socket

    async def is_ready(self) -> bool:
        """Whether it said so in time; false when it ended first."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_START_S):
                return await loop.sock_recv(self.channel, len(READY)) == READY
        except (TimeoutError, ConnectionError):
            return False

    async def retire(self) -> None:
        """Tell it to stop, and see it end."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_S):
                await self.process.wait()
        except TimeoutError:
            _log.error("process_killed", pid=self.process.pid)
            await self.kill()
        self.channel.close()

    async def end_soon(self) -> None:
        """It will not be ready: let it end by itself, so that its status tells why, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_S):
                await self.process.wait()
        await self.kill()

    async def kill(self) -> None:
        """End it at once: nothing that was acknowledged hangs on a process."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        self.channel.close()


class _Slot:
    """The place of one process."""

    def __init__(self) -> None:
        self.child: _Child | None = None
        self.starting = asyncio.Lock()
        """One start at a time: who keeps the place filled and who rolls must not both fill it."""
        self.short_lives = 0


class Group:
    """All processes. ``pause`` waits for so many seconds between starts that fail."""

    def __init__(
        self,
        listener: socket.socket,
        command: Sequence[str],
        size: int,
        *,
        pause: Callable[[float], Coroutine[Any, Any, None]],
    ) -> None:
        self._listener, self._command = listener, command
        self._slots = [_Slot() for _ in range(size)]
        self._stop, self._roll, self._pause = asyncio.Event(), asyncio.Event(), pause
        self._failed_starts = 0

    async def run(self, listening: Mapping[str, object]) -> None:
        """Until told to stop; ``SettingsError`` when no process is left and none will start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._roll.set)
        # The first alone: what stops it would stop the others, and is said once.
        first = self._slots[0].child = await self._started()
        if first is None and not self._stop.is_set():
            raise _not_started()
        keepers = [asyncio.create_task(self._keep(slot)) for slot in self._slots]
        _log.info("listening", processes=len(self._slots), **listening)
        try:
            await asyncio.gather(*keepers, self._roll_when_told())
        finally:
            await asyncio.gather(*(slot.child.kill() for slot in self._slots if slot.child is not None))

    async def _keep(self, slot: _Slot) -> None:
        """See that a process runs in this place; one that dies is followed by another."""
        while not self._stop.is_set():
            child = slot.child or await self._filled(slot)
            if child is None:
                self._may_go_on()
                await self._or_stop(self._pause(_pause_s(self._failed_starts)))
                continue
            began = monotonic_s()
            await self._or_stop(child.process.wait())
            # It may have been replaced, or told to stop; then nothing has died.
            if slot.child is child and child.process.returncode is not None:
                slot.child = None
                child.channel.close()
                _log.error("process_died", pid=child.process.pid, status=child.process.returncode)
                slot.short_lives = slot.short_lives + 1 if monotonic_s() - began < _SHORT_LIFE_S else 0
                await self._or_stop(self._pause(_pause_s(slot.short_lives - 1)))
        if slot.child is not None:
            await slot.child.retire()
            slot.child = None

    async def _filled(self, slot: _Slot) -> _Child | None:
        async with slot.starting:
            if slot.child is None:
                slot.child = await self._started()
            return slot.child

    def _may_go_on(self) -> None:
        nobody_answers = all(slot.child is None for slot in self._slots)
        if self._failed_starts >= _STARTS and nobody_answers and not self._stop.is_set():
            raise _not_started()

    async def _roll_when_told(self) -> None:
        """A rolling restart for each SIGHUP."""
        while await self._or_stop(self._roll.wait()):
            self._roll.clear()
            replaced = 0
            for slot in self._slots:
                if not await self._replaced(slot):
                    break
                replaced += 1
            _log.info("rolled", replaced=replaced, processes=len(self._slots))

    async def _replaced(self, slot: _Slot) -> bool:
        """Whether a new process took this place. If none would start, the old one stays."""
        async with slot.starting:
            started = await self._started()
            if started is None:
                return False
            old, slot.child = slot.child, started
        if old is not None:
            await old.retire()
        return True

    async def _started(self) -> _Child | None:
        """A new process that is ready, or ``None``."""
        child = await self._spawned()
        if await self._or_stop(child.is_ready()):
            self._failed_starts = 0
            _log.info("process_ready", pid=child.process.pid)
            return child
        await child.end_soon()
        self._failed_starts += 1
        if not self._stop.is_set():
            _log.error("process_not_started", pid=child.process.pid, status=child.process.returncode)
        return None

    async def _spawned(self) -> _Child:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            descriptors = (self._listener.fileno(), theirs.fileno())
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *map(str, descriptors),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=descriptors,
                # Ctrl-C in a terminal goes to its whole group: it is for us to hand on, in our order.
                process_group=0,
            )
        return _Child(process, ours)

    async def _or_stop(self, what: Coroutine[Any, Any, T]) -> T | None:
        """What it answers, or ``None`` when all is to stop first."""
        task, stopped = asyncio.create_task(what), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            stopped.cancel()


def _pause_s(failures: int) -> float:
    """None before the first repetition, then longer and longer."""
    return 0.0 if failures < 1 else min(_FIRST_PAUSE_S * 2.0 ** (min(failures, 10) - 1), _LONGEST_PAUSE_S)


def _not_started() -> SettingsError:
    return SettingsError("The service did not start; the lines above say why.")
