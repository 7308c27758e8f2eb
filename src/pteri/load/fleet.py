"""All generator processes of a run: started together, watched, added up."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.load.tally import Report, Tally, report_of
from pteri.load.worker import GO, STOP, Done, Failed, Ready, Said, Tick, work

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from pteri.load.plan import Plan

__all__ = ["LoadFailed", "Progress", "run"]

_LOOK_S: Final = 1.0
_END_S: Final = 60.0


class LoadFailed(Exception):
    """The run could not be made or finished; the message says what went wrong where."""


class Progress(msgspec.Struct, frozen=True):
    """``phase`` 0 prepares accounts, 1 signs in; both counts are over all processes."""

    phase: int
    done: int
    failed: int


def _unheard(_: Progress) -> None:
    """Nobody watches."""


def run(
    plan: Plan, heard: Callable[[Progress], None] = _unheard, *, before: Callable[[], None] = lambda: None
) -> Report:
    """Do all of the plan. Ctrl-C ends it early, with the report of what was done until then.

    ``before`` is called when all accounts are there, right before the first sign-in.

    Raises ``PlanError`` before anything is started, and ``LoadFailed`` when a process gives up.
    """
    plan = plan.checked()
    fleet = _Fleet(plan, heard, before)
    try:
        return report_of(fleet.run())
    finally:
        fleet.end()


class _Fleet:
    def __init__(self, plan: Plan, heard: Callable[[Progress], None], before: Callable[[], None]) -> None:
        self._heard = heard
        self._before = before
        self._ticks: dict[Pipe, Tick] = {}
        self._ready = 0
        self._tallies: list[Tally] = []
        self._pipes: list[Pipe] = []
        self._processes: list[SpawnProcess] = []
        # Spawned, not forked: a fork would share the state of every library that is loaded here.
        context = multiprocessing.get_context("spawn")
        for number in range(plan.processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(plan, number, theirs), name=f"pteri-load-{number}")
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def run(self) -> list[Tally]:
        open_pipes = list(self._pipes)
        while open_pipes:
            try:
                self._hear(open_pipes)
            except KeyboardInterrupt:
                self._tell(STOP)
        return self._tallies

    def _hear(self, open_pipes: list[Pipe]) -> None:
        for pipe in wait(open_pipes, timeout=_LOOK_S):
            assert isinstance(pipe, Pipe)
            try:
                said = msgspec.json.decode(pipe.recv_bytes(), type=Said)
            except (EOFError, OSError) as error:
                raise LoadFailed("A generator process ended without a word.") from error
            match said:
                case Ready():
                    self._ready += 1
                    if self._ready == len(self._pipes):
                        self._before()
                        self._tell(GO)
                case Tick():
                    self._ticks[pipe] = said
                    self._show()
                case Done(tally):
                    self._tallies.append(tally)
                    open_pipes.remove(pipe)
                case Failed(why):
                    raise LoadFailed(why)

    def _show(self) -> None:
        # The first processes may be at work while others still prepare: the slowest says how far the run is.
        phase = min(tick.phase for tick in self._ticks.values())
        ticks = [tick for tick in self._ticks.values() if tick.phase == phase]
        self._heard(Progress(phase, sum(tick.done for tick in ticks), sum(tick.failed for tick in ticks)))

    def _tell(self, word: bytes) -> None:
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.send_bytes(word)

    def end(self) -> None:
        """No process outlives the run."""
        self._tell(STOP)
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(_END_S)
            if process.is_alive():
                process.kill()
                process.join()
