"""``python -m bench.faults``: sign-ins without pause while everything under them is killed, and then the proof.

A real PostgreSQL, two service processes behind a relay (as behind any balancer), two workers, and ``pteri load`` with
real signatures, which repeats a request that got no answer and writes down what was acknowledged. Meanwhile, in an
order that the seed decides: ``kill -9`` of PostgreSQL, of a service process, of a worker, lost requests and answers,
and a full disk. At the end ``pteri fsck --ledger`` says whether anything acknowledged was lost or happened twice. With
``--sqlite`` the same for one process on one file.

The full disk is a small file system in memory of its own (needs root, or the right to mount one); where that is not to
be had, the script says so and leaves that fault out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from postgres import PostgresServer, running
from pteri.provision import provision
from pteri.settings import load_settings, write_settings

__all__ = ["FAULTS", "Outcome", "Trial", "trial"]

_PEOPLE: Final = 8
_SOON_S: Final = 60.0
_DISK_MIB: Final = 320
_SPARE_BYTES: Final = 4096
_BIT: Final = 10
"""How many more acknowledged sign-ins show that the service has come back."""

Say = Callable[[str], None]


@dataclass
class Program:
    """One of our own programs, which can be killed and started again."""

    name: str
    command: tuple[str, ...]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "pteri", *self.command], stdout=log, stderr=log)

    def end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(_SOON_S)
            self.process = None


class Relay:
    """What stands before the service processes: whoever connects reaches one that can be reached."""

    def __init__(self, ports: list[int], chance: random.Random) -> None:
        self._ports, self._chance = ports, chance
        self._pipes: set[asyncio.Task[None]] = set()
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Relay]:
        server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()

    def cut(self) -> None:
        """All lines at once, with whatever was on its way."""
        for pipe in self._pipes:
            pipe.cancel()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for port in self._chance.sample(self._ports, len(self._ports)):
            with suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
                for source, target in ((reader, far_writer), (far_reader, writer)):
                    pipe = asyncio.create_task(_copied(source, target))
                    self._pipes.add(pipe)
                    pipe.add_done_callback(self._pipes.discard)
                return
        writer.close()


async def _copied(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    finally:
        target.close()


class Outcome(msgspec.Struct, frozen=True):
    """What a trial came to."""

    acknowledged: int
    faults: dict[str, int]
    longest_silence_s: float
    load: dict[str, Any]
    fsck: dict[str, Any]

    @property
    def nothing_is_lost(self) -> bool:
        return self.fsck.get("clean") is True


@dataclass
class Trial:
    """A running service with everything that can be taken away from it."""

    place: Path
    settings: Path
    chance: random.Random
    say: Say
    postgres: PostgresServer | None
    disk: Path | None
    services: list[Program]
    workers: list[Program]
    relay: Relay
    ledger: Path
    load: asyncio.subprocess.Process | None = None
    done: Counter[str] = field(default_factory=Counter)
    longest_silence_s: float = 0.0

    # --- faults -----------------------------------------------------------------------------------------------------

    async def kill_postgres(self) -> None:
        """As a power cut ends it; it recovers from its own log."""
        assert self.postgres is not None
        await asyncio.to_thread(self.postgres.kill)
        await asyncio.to_thread(self.postgres.start)

    async def kill_service(self) -> None:
        """One of the processes that answer requests."""
        await self._kill_one(self.services)

    async def cut_lines(self) -> None:
        """Requests are lost on their way, and answers to what was done: nobody is told."""
        for _ in range(_BIT):
            self.relay.cut()
            await asyncio.sleep(self.chance.uniform(0.01, 0.1))

    async def kill_worker(self) -> None:
        """One of the processes that do the work after the commit."""
        await self._kill_one(self.workers)

    async def _kill_one(self, programs: list[Program]) -> None:
        victim = self.chance.choice(programs)
        await asyncio.to_thread(victim.end, signal.SIGKILL)
        victim.start()

    async def fill_disk(self) -> None:
        """No byte more can be written, for a while; then there is room again."""
        assert self.disk is not None
        filler = self.disk / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(max(_SPARE_BYTES, shutil.disk_usage(self.disk).free)))
        await asyncio.sleep(self.chance.uniform(1.0, 2.5))
        filler.unlink()
        if self.postgres is not None:
            # It has ended itself, or is about to: its operator starts it again.
            await self.kill_postgres()

    # --- what is seen of it -----------------------------------------------------------------------------------------

    def acknowledged(self) -> int:
        """Lines in the ledger."""
        return self.ledger.read_bytes().count(b"\n") if self.ledger.exists() else 0

    async def some_more(self, lines: int = _BIT) -> bool:
        """Whether so many more sign-ins were acknowledged, within a minute and before the load ended."""
        began, wanted = time.monotonic(), self.acknowledged() + lines
        while self.acknowledged() < wanted:
            if time.monotonic() > began + _SOON_S or self.load is None or self.load.returncode is not None:
                return False
            await asyncio.sleep(0.05)
        return True

    async def suffer(self, name: str) -> bool:
        """One fault, and whether the service came back from it."""
        began, before = time.monotonic(), self.acknowledged()
        await FAULTS[name](self)
        back = await self.some_more()
        self.longest_silence_s = max(self.longest_silence_s, time.monotonic() - began)
        self.done[name] += 1
        self.say(
            f"{name:<14} took {time.monotonic() - began:4.1f} s until {_BIT} more, {before} acknowledged before"
            + ("" if back else "; it did not come back")
        )
        return back


FAULTS: Final[dict[str, Callable[[Trial], Awaitable[None]]]] = {
    "kill_postgres": Trial.kill_postgres,
    "kill_service": Trial.kill_service,
    "kill_worker": Trial.kill_worker,
    "cut_lines": Trial.cut_lines,
    "fill_disk": Trial.fill_disk,
}


async def trial(
    *, seed: int, faults: list[str], clients: int = 8, sqlite: bool = False, say: Say = lambda _: None
) -> Outcome:
    """Sign-ins without pause; these faults in an order that the seed decides; then the proof."""
    chance = random.Random(seed)
    order = chance.sample(faults, len(faults))
    async with _set_up(chance, sqlite=sqlite, disk="fill_disk" in faults, say=say) as it:
        async with it.relay.running():
            it.load = await _loading(it, clients)
            if not await it.some_more(2 * _BIT):
                raise RuntimeError(f"no load: {await _end_of(it.load)}")
            for name in order:
                # Not always in the same place of a sign-in.
                if not await it.some_more(chance.randrange(1, 5 * _BIT)) or not await it.suffer(name):
                    break
            it.load.send_signal(signal.SIGINT)
            report = await _end_of(it.load)
        fsck = await _fsck(it)
        return Outcome(it.acknowledged(), dict(it.done), it.longest_silence_s, report, fsck)


@asynccontextmanager
async def _set_up(chance: random.Random, *, sqlite: bool, disk: bool, say: Say) -> AsyncIterator[Trial]:
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pteri-faults-")))
        small = stack.enter_context(_small_disk(place)) if disk else None
        server = None if sqlite else stack.enter_context(_postgres(small))
        url = str((small or place) / "pteri.sqlite3") if server is None else stack.enter_context(server.database())
        settings = _settings(place, url, nodes=1 if sqlite else 2)
        it = Trial(
            place=place,
            settings=settings[0],
            chance=chance,
            say=say,
            postgres=server,
            disk=small,
            services=[
                Program(f"service {number}", ("serve", "--config", str(path)), place / f"service{number}.log")
                for number, path in enumerate(settings)
            ],
            workers=[
                Program(f"worker {number}", ("work", "--config", str(settings[0])), place / f"worker{number}.log")
                for number in range(0 if sqlite else 2)
            ],
            relay=Relay([load_settings(path).server.port for path in settings], chance),
            ledger=place / "ledger",
        )
        for program in (*it.services, *it.workers):
            program.start()
            stack.callback(program.end, signal.SIGKILL)
        await asyncio.gather(*(_listening(_port_of(service)) for service in it.services))
        yield it


@contextmanager
def _small_disk(place: Path) -> Iterator[Path]:
    disk = place / "disk"
    disk.mkdir()
    place.chmod(0o711)  # PostgreSQL runs as somebody else
    size = f"size={_DISK_MIB}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "pteri-faults", disk], check=True, capture_output=True)
    disk.chmod(0o755)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True, capture_output=True)


@contextmanager
def _postgres(disk: Path | None) -> Iterator[PostgresServer]:
    before, tempfile.tempdir = tempfile.tempdir, None if disk is None else str(disk)
    try:
        with running(durable=True, max_wal_size="64MB") as server:
            tempfile.tempdir = before
            yield server
    finally:
        tempfile.tempdir = before


def _settings(place: Path, database: str, *, nodes: int) -> list[Path]:
    """A settings file for each service process: one service, on several ports."""
    ports = [_free_port() for _ in range(nodes)]
    made = provision(
        place / "service", domain="bank.example", tenant="bank", network="main", port=ports[0], database=database
    )
    first = load_settings(made.settings)
    paths = []
    for number, port in enumerate(ports):
        server = msgspec.structs.replace(first.server, port=port, loops=nodes == 1, requests_per_minute=10_000_000)
        paths.append(made.settings.with_name(f"node{number}.toml"))
        write_settings(paths[-1], msgspec.structs.replace(first, server=server))
    return paths


def _port_of(service: Program) -> int:
    return load_settings(Path(service.command[-1])).server.port


async def _listening(port: int) -> None:
    async with asyncio.timeout(_SOON_S):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


async def _loading(it: Trial, clients: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pteri", "load", "--json"),
        *("--config", str(it.settings), "--connect", f"http://127.0.0.1:{it.relay.port}"),
        *("--seconds", "3600", "--clients", str(clients), "--people", str(max(_PEOPLE, clients))),
        *("--ledger", str(it.ledger), "--patience", "60"),
        stdout=asyncio.subprocess.PIPE,
    )


async def _end_of(load: asyncio.subprocess.Process) -> dict[str, Any]:
    async with asyncio.timeout(2 * _SOON_S):
        told, _ = await load.communicate()
    report: dict[str, Any] = json.loads(told)
    return report


async def _fsck(it: Trial) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pteri", "fsck", "--json", "--config", str(it.settings), "--ledger", str(it.ledger)),
        stdout=asyncio.subprocess.PIPE,
    )
    return await _end_of(process)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def main() -> int:
    """Run trials and print what came of them; 0 when nothing was lost."""
    arguments = argparse.ArgumentParser(prog="python -m bench.faults", description=__doc__)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=3, help="how often each fault")
    arguments.add_argument("--clients", type=int, default=8)
    arguments.add_argument("--sqlite", action="store_true", help="one process on one file")
    arguments.add_argument("--without-disk", action="store_true", help="no full disk: it needs the right to mount one")
    wanted = arguments.parse_args()
    names = ["kill_service", "cut_lines", "fill_disk"] if wanted.sqlite else list(FAULTS)
    faults = [name for name in names if not (wanted.without_disk and name == "fill_disk")] * wanted.rounds
    began = time.monotonic()
    outcome = asyncio.run(
        trial(seed=wanted.seed, faults=faults, clients=wanted.clients, sqlite=wanted.sqlite, say=print)
    )
    print(f"{outcome.acknowledged} sign-ins acknowledged in {time.monotonic() - began:.0f} s, faults: {outcome.faults}")
    print(f"longest silence {outcome.longest_silence_s:.1f} s; requests repeated: {outcome.load.get('repeated')}")
    print(f"failed for the load: {outcome.load.get('refused') or 'none'}")
    for finding in outcome.fsck.get("findings", []):
        print(finding)
    shown = ("clean", "accounts", "events", "positions", "proved", "acknowledged", "unchecked")
    print("fsck:", {name: outcome.fsck.get(name) for name in shown})
    return 0 if outcome.nothing_is_lost and sum(outcome.faults.values()) == len(faults) else 1


if __name__ == "__main__":
    sys.exit(main())
