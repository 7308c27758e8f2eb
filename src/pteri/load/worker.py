"""One generator process: its clients on one event loop. It talks to the one that started it through a pipe."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Final

import msgspec

from pteri import durable
from pteri.adapters.system import SystemClock, SystemEntropy, cpu_s, monotonic_s
from pteri.core import ids
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.load.ledger import Acknowledged, Ledger
from pteri.load.people import Person, Standing
from pteri.load.plan import Plan, Share
from pteri.load.signing_in import buy_token, enroll, sign_in
from pteri.load.site import Site
from pteri.load.talk import Refused, Talk
from pteri.load.tally import Tally

__all__ = ["GO", "STOP", "Done", "Failed", "Ready", "Said", "Tick", "read_client_key", "work"]

GO: Final = b"go"
STOP: Final = b"stop"
_TICK_S: Final = 0.5
_ALL_WRONG: Final = 25
"""So many refusals before the first success: the plan is wrong, and more of them would only be noise."""
_TOKEN_MARGIN_S: Final = 60
_MAX_KEY_FILE_BYTES: Final = 256


class Ready(msgspec.Struct, frozen=True, tag=True):
    """All people have their accounts."""


class Tick(msgspec.Struct, frozen=True, tag=True):
    """``phase`` 0: accounts made so far; 1: sign-ins so far."""

    phase: int
    done: int
    failed: int


class Done(msgspec.Struct, frozen=True, tag=True):
    """The end."""

    tally: Tally


class Failed(msgspec.Struct, frozen=True, tag=True):
    """This process gave up; why."""

    why: str


Said = Ready | Tick | Done | Failed


def read_client_key(path: Path) -> Secret:
    """The 32 bytes of a relying party's key. ``OSError`` or ``ProtocolError`` when it is none."""
    return Secret(
        ids.from_base64url(durable.read_private(path, _MAX_KEY_FILE_BYTES).decode("ascii", "replace").strip())
    )


def work(plan: Plan, process: int, pipe: Pipe) -> None:
    """Do this process's share and tell of it. What goes wrong is told, too."""
    # Ctrl-C goes to everyone in the terminal; only the one that started us decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        said: Said = Done(_run(_Worker(plan, plan.share(process), pipe).run()))
    except Exception as error:  # noqa: BLE001 - handed on in words: there is nobody else to read it
        cause = _innermost(error)
        said = Failed(f"{type(cause).__name__}: {cause}")
    with suppress(OSError):  # nobody listens any more
        pipe.send_bytes(msgspec.json.encode(said))


def _innermost(error: BaseException) -> BaseException:
    """What a task group has wrapped."""
    return _innermost(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _run(main: Coroutine[Any, Any, Tally]) -> Tally:
    try:
        import uvloop  # noqa: PLC0415 - part of the server extra, and only quicker
    except ModuleNotFoundError:  # pragma: no cover
        return asyncio.run(main)
    return uvloop.run(main)


class _Worker:
    def __init__(self, plan: Plan, share: Share, pipe: Pipe) -> None:
        self._plan, self._share, self._pipe = plan, share, pipe
        self._clock, self._entropy = SystemClock(), SystemEntropy()
        secret = read_client_key(Path(plan.client_key_file))
        self._site = Site(plan, DevicePrivateKey(secret), clock=self._clock, entropy=self._entropy)
        self._people = [Person(number, of=secret, network=plan.network) for number in share.people]
        if plan.standings is not None:
            known = msgspec.json.decode(Path(plan.standings).read_bytes(), type=list[Standing])
            for person, number in zip(self._people, share.people, strict=True):
                person.standing = known[number]
        self._tally = Tally()
        self._enrolled = 0
        self._stop = asyncio.Event()
        self._go = asyncio.Event()

    async def run(self) -> Tally:
        """Everything. Whoever is told to stop finishes the sign-ins under way."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pipe.fileno(), self._told)
        talks = [self._talk() for _ in range(self._share.clients)]
        ticking = asyncio.create_task(self._tick())
        try:
            await self._everyone(talks)
            self._say(Ready())
            await self._first_of(self._go, self._stop)
            await self._measured(talks)
        finally:
            ticking.cancel()
            loop.remove_reader(self._pipe.fileno())
            for talk in talks:
                talk.close()
        return self._tally

    def _talk(self) -> Talk:
        return Talk(self._site.target, self._tally, patience_s=self._plan.patience_s)

    async def _everyone(self, talks: list[Talk]) -> None:
        left = iter([person for person in self._people if person.standing is None])

        async def enrolling(talk: Talk) -> None:
            for person in left:
                if self._stop.is_set():
                    return
                await enroll(self._site, talk, person, self._entropy)
                self._enrolled += 1

        await _together(enrolling(talk) for talk in talks)

    async def _measured(self, talks: list[Talk]) -> None:
        plan, share, tally = self._plan, self._share, self._tally
        tally.slowed = tally.repeated = 0  # those of the preparation are none of the run
        numbers: Iterator[int] = itertools.count() if share.sign_ins is None else iter(range(share.sign_ins))
        keeper = self._talk()
        good_until = await buy_token(self._site, keeper)
        keeping = asyncio.create_task(self._keep_token(keeper, good_until))
        began, cpu = monotonic_s(), cpu_s()
        ends = began + (plan.seconds or float("inf"))
        with ExitStack() as stack:
            ledger = None if plan.ledger is None else stack.enter_context(Ledger(Path(plan.ledger)))
            clients = [
                self._client(talk, self._people[index :: len(talks)], numbers, ends, ledger)
                for index, talk in enumerate(talks)
            ]
            try:
                await _together(clients)
            finally:
                keeping.cancel()
                keeper.close()
        tally.wall_s, tally.cpu_s = monotonic_s() - began, cpu_s() - cpu

    async def _client(
        self, talk: Talk, people: list[Person], numbers: Iterator[int], ends: float, ledger: Ledger | None
    ) -> None:
        """One after the other, each with the next of these people."""
        tally = self._tally
        for person in itertools.cycle(people):
            if self._stop.is_set() or monotonic_s() >= ends or next(numbers, None) is None:
                return
            try:
                request, account, took_s = await sign_in(
                    self._site, talk, person, self._entropy, prompt=self._plan.prompt
                )
            except Refused as refused:
                tally.refuse(str(refused))
                if not tally.whole.buckets and sum(tally.refused.values()) >= _ALL_WRONG:
                    raise
                continue
            if ledger is not None:
                ledger.write(Acknowledged(request, account, self._clock.now()))
            tally.whole.add(took_s)

    async def _keep_token(self, talk: Talk, good_until: int) -> None:
        while True:
            await asyncio.sleep(max(1, good_until - _TOKEN_MARGIN_S - self._clock.now()))
            # A service that is away now may be back in time; the sign-ins say so if it is not.
            with suppress(Refused):
                good_until = await buy_token(self._site, talk)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            failed = sum(self._tally.refused.values())
            done = self._tally.whole.count
            self._say(Tick(1, done, failed) if self._go.is_set() else Tick(0, self._enrolled, 0))

    def _say(self, said: Said) -> None:
        with suppress(OSError):
            self._pipe.send_bytes(msgspec.json.encode(said))

    def _told(self) -> None:
        try:
            word = self._pipe.recv_bytes()
        except (EOFError, OSError):  # the one that started us is gone
            word = STOP
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
        (self._go if word == GO else self._stop).set()

    async def _first_of(self, *events: asyncio.Event) -> None:
        waiting = [asyncio.create_task(event.wait()) for event in events]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()


async def _together(parts: Iterator[Coroutine[Any, Any, None]] | list[Coroutine[Any, Any, None]]) -> None:
    """All of them at once; the first that fails ends the others."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)
