"""``pteri serve`` with several processes: they come, go and die, and whoever asks is answered.

A client here is as honest as a keep-alive client can be: only when its connection was closed before it sent a byte does
it connect again. Anything else that goes wrong after the first byte is a failed request.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from postgres import PostgresServer
from pteri.adapters.system import SystemClock, SystemEntropy
from pteri.core import ids, wire
from pteri.core.httpsig import Tag, sign
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.provision import Provisioned, provision
from pteri.settings import load_settings, write_settings

pytestmark = pytest.mark.slow

SOON_S = 60
CLIENTS = 24


@pytest.fixture
def made(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Provisioned]:
    """A new service for two processes, and enough requests a minute for all clients of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with postgres_server.database() as url:
        place = tmp_path / "service"
        made = provision(place, domain="bank.example", tenant="bank", network="main", port=port, database=url)
        settings = load_settings(made.settings)
        server = msgspec.structs.replace(settings.server, processes=2, requests_per_minute=10_000_000)
        made.settings.unlink()
        write_settings(made.settings, msgspec.structs.replace(settings, server=server))
        yield made


@dataclass
class Group:
    """A running ``pteri serve``: the parent, its processes, and the lines of its log as they come."""

    process: asyncio.subprocess.Process
    heard: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ready(self) -> list[int]:
        """Processes that said so, from the first to the last."""
        return [line["pid"] for line in self.heard if line["event"] == "process_ready"]

    @property
    def children(self) -> set[int]:
        pid = self.process.pid
        # One of the threads of the parent has started them.
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return {int(child) for task in tasks for child in (task / "children").read_text().split()}

    async def hears(self, event: str) -> dict[str, Any]:
        """The next line about this."""
        assert self.process.stdout is not None
        async with asyncio.timeout(SOON_S):
            while line := await self.process.stdout.readline():
                self.heard.append(json.loads(line))
                if self.heard[-1]["event"] == event:
                    return self.heard[-1]
        raise AssertionError(f"the log ended without {event}: {self.heard}")

    def roll(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    async def stopped(self) -> int:
        self.process.terminate()
        async with asyncio.timeout(SOON_S):
            return await self.process.wait()


@asynccontextmanager
async def serving(made: Provisioned) -> AsyncIterator[Group]:
    command = (sys.executable, "-m", "pteri", "serve", "--config", str(made.settings))
    group = Group(await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE))
    try:
        await group.hears("listening")
        while len(group.ready) < 2:
            await group.hears("process_ready")
        yield group
    finally:
        with suppress(ProcessLookupError):
            group.process.kill()
        await group.process.wait()


class Client:
    """One keep-alive connection after another, with one request after the other."""

    def __init__(self, made: Provisioned, number: int) -> None:
        settings = load_settings(made.settings)
        self.origin, self.port = settings.server.public_origin, settings.server.port
        self.key = DevicePrivateKey.from_secret(Secret(ids.from_base64url(made.client_key_file.read_text().strip())))
        self.number, self.asked = number, 0
        self.told: Counter[str] = Counter()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def work(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.ask()
        self._hang_up()

    async def ask(self) -> None:
        """One request; whatever goes wrong once it is sent is counted as what it is."""
        self.asked += 1
        request = self._sign_in() if self.asked % 2 else b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        reader, writer = await self._connected()
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
            await reader.readexactly(int(lines[b"content-length"]))
        except (OSError, asyncio.IncompleteReadError) as error:
            self.told[type(error).__name__] += 1
            self._hang_up()
            return
        self.told[head.split(b" ")[1].decode()] += 1
        if lines.get(b"connection") == b"close":
            self.told["told to close"] += 1
            self._hang_up()

    def _sign_in(self) -> bytes:
        """A site's request that the database must answer."""
        message = wire.StartSignIn(f"nobody{self.number}-{self.asked}@example.com", ids.digest_text(bytes(32)))
        body = msgspec.json.encode(message)
        request = sign(
            method="POST",
            target_uri=f"{self.origin}/v1/bank/logins",
            body=body,
            idempotency_key=ids.to_base64url(SystemEntropy().draw(18)),
            key=self.key,
            created_at=SystemClock().now(),
            nonce=SystemEntropy().draw(16),
            tag=Tag.CLIENT,
        )
        headers = {
            "host": "x",
            "content-type": "application/json",
            "content-length": str(len(body)),
            **request.headers(),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST /v1/bank/logins HTTP/1.1\r\n{head}\r\n".encode() + body

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and self._streams[0].at_eof():
            self.told["closed while quiet"] += 1
            self._hang_up()
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        return self._streams

    def _hang_up(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def answered(client: Client) -> Counter[str]:
    """What two requests of this client are told."""
    await client.ask()
    await client.ask()
    client._hang_up()
    return client.told


def test_processes_are_replaced_under_load_and_no_request_fails(made: Provisioned) -> None:
    async def story() -> None:
        async with serving(made) as group:
            before, stop = group.children, asyncio.Event()
            clients = [Client(made, number) for number in range(CLIENTS)]
            working = [asyncio.create_task(client.work(stop)) for client in clients]
            group.roll()
            assert (await group.hears("rolled"))["replaced"] == 2
            after = group.children
            stop.set()
            await asyncio.gather(*working)
            assert await group.stopped() == 0
        told = sum((client.told for client in clients), Counter[str]())
        assert not before & after
        assert len(after) == 2
        assert told["201"] > CLIENTS
        assert told["200"] > CLIENTS
        assert told["told to close"] > 0
        assert set(told) <= {"200", "201", "told to close", "closed while quiet"}

    asyncio.run(story())


def test_a_process_that_is_killed_is_followed_by_another(made: Provisioned) -> None:
    async def story() -> None:
        async with serving(made) as group:
            victim, *_ = before = sorted(group.children)
            os.kill(victim, signal.SIGKILL)
            assert (await group.hears("process_died"))["pid"] == victim
            assert await answered(Client(made, 0)) == {"200": 1, "201": 1}
            new = (await group.hears("process_ready"))["pid"]
            assert group.children == {*before, new} - {victim}
            assert await group.stopped() == 0

    asyncio.run(story())


def test_processes_end_when_their_parent_is_killed(made: Provisioned) -> None:
    async def story() -> None:
        async with serving(made) as group:
            handles = [os.pidfd_open(child) for child in group.children]
            group.process.kill()
            await group.process.wait()
            for handle in handles:
                assert select.select([handle], [], [], SOON_S)[0] == [handle]
                os.close(handle)

    asyncio.run(story())


def test_a_restart_that_cannot_start_leaves_the_old_processes_alone(made: Provisioned) -> None:
    async def story() -> None:
        async with serving(made) as group:
            before, client = group.children, Client(made, 0)
            good = made.settings.read_text()
            made.settings.write_text(good + "misspelt = true\n")
            group.roll()
            assert (await group.hears("rolled"))["replaced"] == 0
            assert group.children == before
            assert await answered(client) == {"200": 1, "201": 1}
            made.settings.write_text(good)
            group.roll()
            assert (await group.hears("rolled"))["replaced"] == 2
            assert await group.stopped() == 0

    asyncio.run(story())


def test_a_group_that_cannot_start_says_so_and_ends(made: Provisioned) -> None:
    async def story() -> tuple[int, bytes]:
        (made.settings.parent / "deployment.key").chmod(0o644)
        command = (sys.executable, "-m", "pteri", "serve", "--config", str(made.settings))
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
        async with asyncio.timeout(SOON_S):
            _, told = await process.communicate()
        assert process.returncode is not None
        return process.returncode, told

    code, told = asyncio.run(story())
    assert code == 2
    assert b"chmod 600" in told
    assert told.endswith(b"The service did not start; the lines above say why.\n")
