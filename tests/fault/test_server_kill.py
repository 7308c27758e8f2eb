"""A real server process is killed with SIGKILL under load: nothing that was acknowledged is lost or half done."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from bench.clients import Person, Site

from pteri.adapters.store.sqlite import SqliteStore
from pteri.core import ids
from pteri.core.ids import TenantId
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.domain.events import SignedIn
from pteri.provision import Provisioned, provision
from pteri.settings import load_settings
from whole import check_whole

pytestmark = pytest.mark.slow

PEOPLE, ROUNDS = 6, 3


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _started(made: Provisioned) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "pteri", "serve", "--config", str(made.settings)])


@asynccontextmanager
async def _running(made: Provisioned, port: int) -> AsyncIterator[tuple[subprocess.Popen[bytes], Site]]:
    process = _started(made)
    origin = f"http://127.0.0.1:{port}"
    key = DevicePrivateKey.from_secret(Secret(ids.from_base64url(made.client_key_file.read_text().strip())))
    try:
        async with httpx2.AsyncClient(base_url=origin, timeout=20) as http:
            await asyncio.wait_for(_ready(http), 30)
            yield process, Site(http, origin, "bank", key)
    finally:
        process.kill()
        process.wait()


async def _ready(http: httpx2.AsyncClient) -> None:
    while True:
        try:
            if (await http.get("/healthz")).status_code == 200:
                return
        except httpx2.TransportError:
            await asyncio.sleep(0)


async def _load_until_killed(
    site: Site, people: list[Person], kill_after: int, process: subprocess.Popen[bytes]
) -> int:
    """Sign in without pause; SIGKILL when ``kill_after`` were acknowledged. How many were, in the end."""
    acknowledged = 0

    async def work(person: Person) -> None:
        nonlocal acknowledged
        while process.poll() is None:
            try:
                await person.sign_in(site)
            except (httpx2.TransportError, RuntimeError):
                return
            acknowledged += 1
            if acknowledged == kill_after:
                process.send_signal(signal.SIGKILL)

    await asyncio.gather(*(work(person) for person in people))
    return acknowledged


async def _signed_in(database: Path) -> int:
    store = SqliteStore.open(database)
    try:
        await check_whole(store)
        accounts = await store.accounts(None, 100)
        histories = [await store.history(TenantId("bank"), account.id, 0, 10_000) for account in accounts]
    finally:
        await store.close()
    return sum(isinstance(recorded.event, SignedIn) for history in histories for recorded in history)


def test_a_killed_server_has_kept_every_acknowledged_sign_in(tmp_path: Path) -> None:
    async def story() -> None:
        port = _free_port()
        made = provision(tmp_path / "service", domain="bank.example", tenant="bank", network="main", port=port)
        database = load_settings(made.settings).server.database
        people = [Person(number) for number in range(PEOPLE)]
        async with _running(made, port) as (_, site):
            for person in people:
                await person.enroll(site)
        acknowledged = 0
        for kill_after in range(7, 7 + ROUNDS):
            async with _running(made, port) as (process, site):
                acknowledged += await _load_until_killed(site, people, kill_after, process)
            kept = await _signed_in(database)
            # Some may be durable without their answer having arrived; none the other way round.
            assert acknowledged <= kept <= acknowledged + PEOPLE
            acknowledged = kept

    asyncio.run(story())
