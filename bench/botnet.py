"""DS-01 as a figure: what honest people notice while a botnet starts a hundred thousand sign-ins a minute.

The botnet is one process with the relying party's credentials, as behind a login page that asks nothing first: each of
its requests is a sign-in of an account that is not there. Once all of it comes from one network, far over the limit of
one, and nearly all of it is told to wait; once from everywhere, so that no limit of a network helps, and all of it is
answered. Honest requests come from everywhere, too. The botnet computes on the same machine: its own CPU is in the
figure.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Final

import msgspec

from bench.measuring import Spread
from bench.seed import PEOPLE, Seeded
from bench.service import Service, served
from pteri.adapters.system import SystemClock, SystemEntropy, monotonic_s
from pteri.core import wire
from pteri.core.keys.device import DevicePrivateKey
from pteri.load.fleet import run
from pteri.load.http1 import BadAnswer, Connection, ConnectionLost
from pteri.load.people import session_of
from pteri.load.plan import Plan
from pteri.load.signing_in import buy_token
from pteri.load.site import Site
from pteri.load.talk import Talk
from pteri.load.tally import Report, Tally
from pteri.load.worker import read_client_key

__all__ = ["ASKED_PER_S", "Flood", "Honest", "Noticed", "noticed"]

ASKED_PER_S: Final = 100_000 / 60
_CONNECTIONS: Final = 64
_WARM_S: Final = 5.0
"""One network may send 6000 at once: after this it has, and is held to the limit."""
_END_S: Final = 30.0
_WHERE: Final[dict[str, Callable[[int], str]]] = {
    "one network": lambda number: f"203.0.113.{number % 256}",
    "everywhere": lambda number: f"2001:db8:{number >> 8 & 0xFFFF:x}:{(number & 0xFF) << 8:x}::1",
}


class Honest(msgspec.Struct, frozen=True):
    """Full sign-ins of honest people. ``failed`` and ``slowed`` (told to wait) are over all runs."""

    sign_ins: int
    failed: int
    slowed: int
    rate_per_s: Spread
    p50_s: Spread
    p99_s: Spread

    @classmethod
    def of(cls, reports: list[Report]) -> Honest:
        return cls(
            sum(report.sign_ins for report in reports),
            sum(report.failed for report in reports),
            sum(report.slowed for report in reports),
            Spread.of([report.rate_per_s for report in reports]),
            Spread.of([report.sign_in.p50_s for report in reports]),
            Spread.of([report.sign_in.p99_s for report in reports]),
        )


class Flood(msgspec.Struct, frozen=True):
    """What the botnet got: requests a second, and its answers by HTTP status (``lost``: the connection ended)."""

    per_s: float
    answers: dict[str, int]


class Noticed(msgspec.Struct, frozen=True):
    """Honest people beside a botnet ``where``. ``p99_over_alone``: of pairs of runs, one right after the other."""

    where: str
    clients: int
    alone: Honest
    beside: Honest
    p99_over_alone: Spread
    flood: Flood


def noticed(seeded: Seeded, *, clients: int, seconds: float, repeats: int) -> list[Noticed]:
    """Both botnets, on one process over SQLite with the limits of a service that was set up by nobody in particular."""
    found = []
    for where in _WHERE:
        alone, beside, floods = [], [], []
        with served(seeded.where, in_public=True) as service:
            plan = service.plan(
                clients=clients, people=PEOPLE // 2, seconds=seconds, standings=str(seeded.standings), scattered=True
            )
            run(msgspec.structs.replace(plan, seconds=1.0))
            for _ in range(repeats):
                alone.append(run(plan))
                with _botnet(service, where) as flood:
                    beside.append(run(plan))
                floods.append(flood[0])
        found.append(
            Noticed(
                where=where,
                clients=clients,
                alone=Honest.of(alone),
                beside=Honest.of(beside),
                p99_over_alone=Spread.of(
                    [
                        one.sign_in.p99_s / max(other.sign_in.p99_s, 1e-9)
                        for one, other in zip(beside, alone, strict=True)
                    ]
                ),
                flood=Flood(
                    statistics.median(flood.per_s for flood in floods),
                    dict(sum((Counter(flood.answers) for flood in floods), Counter())),
                ),
            )
        )
    return found


@contextmanager
def _botnet(service: Service, where: str) -> Iterator[list[Flood]]:
    """At work while the block lasts; what it got is in the list afterwards."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    plan = service.plan(clients=_CONNECTIONS, people=_CONNECTIONS)
    process = context.Process(target=_work, args=(plan, where, theirs), name="pteri-botnet")
    process.start()
    theirs.close()
    got: list[Flood] = []
    try:
        _heard(ours, _END_S)
        yield got
        ours.send_bytes(b"stop")
        got.append(msgspec.json.decode(_heard(ours, _END_S), type=Flood))
    finally:
        ours.close()
        process.join(_END_S)
        if process.is_alive():
            process.kill()
            process.join()


def _heard(pipe: Pipe, within_s: float) -> bytes:
    try:
        if pipe.poll(within_s):
            return pipe.recv_bytes()
    except EOFError:
        pass
    raise RuntimeError("the botnet gave up")


def _work(plan: Plan, where: str, pipe: Pipe) -> None:
    """The process: warm, say so, go on until told to stop, say what was got."""
    pipe.send_bytes(msgspec.json.encode(asyncio.run(_flood(plan, _WHERE[where], pipe))))


async def _flood(plan: Plan, address: Callable[[int], str], pipe: Pipe) -> Flood:
    entropy = SystemEntropy()
    site = Site(
        plan, DevicePrivateKey(read_client_key(Path(plan.client_key_file))), clock=SystemClock(), entropy=entropy
    )
    keeper = Talk(site.target, Tally(), patience_s=plan.patience_s)
    await buy_token(site, keeper)
    keeper.close()
    stop, answers, began = asyncio.Event(), Counter[str](), monotonic_s()
    loop = asyncio.get_running_loop()

    def told() -> None:
        loop.remove_reader(pipe.fileno())
        stop.set()

    loop.add_reader(pipe.fileno(), told)
    numbers = iter(range(1 << 62))

    async def bot() -> None:
        connection = Connection(site.target)
        while not stop.is_set():
            # As fast as it is meant to, or as fast as it is answered.
            number = next(numbers)
            if (early_s := began + number / ASKED_PER_S - monotonic_s()) > 0:
                await asyncio.sleep(early_s)
            answers[await _asked(connection, site, entropy, address(number))] += 1
        connection.close()

    async def tell() -> None:
        await asyncio.sleep(_WARM_S)
        answers.clear()
        pipe.send_bytes(b"ready")

    warmed = began + _WARM_S
    await asyncio.gather(tell(), *(bot() for _ in range(_CONNECTIONS)))
    return Flood(answers.total() / (monotonic_s() - warmed), dict(answers))


async def _asked(connection: Connection, site: Site, entropy: SystemEntropy, address: str) -> str:
    """One start of a sign-in of nobody: the status it got."""
    secret = entropy.draw(32)
    wanted = wire.StartSignIn(f"{secret.hex()}@nobody.invalid", session_of(secret), prompt=False)
    try:
        answer = await connection.ask(site.by_token("/logins", wanted, site.fresh_key(), seen_from=address))
    except (ConnectionLost, BadAnswer):
        return "lost"
    return str(answer.status)
