"""Several real service processes on one database, each with its own port and its own clock, as on several machines.

A :class:`Node` has the face of a :class:`world.World`, so that its phones and sites speak to it: over HTTP, to a
process of its own. All nodes have one public origin; which of them is asked is for the test to say.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar, cast

import httpx2

from pteri.adapters.system import SteppedClock, advance
from pteri.core.httpsig import SignedRequest
from pteri.core.ids import Domain, TenantId, to_base64url
from pteri.database import database_from
from pteri.deployment_key import create_deployment_key
from pteri.settings import ServerSettings, Settings, TenantSettings, write_settings
from world import ALICE_WORDS, ORIGIN, Answered, Key, SimPhone, SimWallet, Site, World

__all__ = ["Node", "Nodes", "nodes"]

T = TypeVar("T")
_SHORTLY_S = 60


class Node:
    """One service process. It can be killed and started again."""

    def __init__(self, place: Path, number: int, database: str, sites: dict[str, Key], *, ahead_s: int) -> None:
        self._clock_file = place / f"clock{number}.json"
        if ahead_s:
            advance(self._clock_file, ahead_s)
        self.clock = SteppedClock(self._clock_file)
        self.sites = sites
        self.port = _free_port()
        self.settings = place / f"node{number}.toml"
        server = ServerSettings(
            public_origin=ORIGIN,
            host="127.0.0.1",
            port=self.port,
            database=database_from(place, database),
            deployment_key_file=place / "deployment.key",
            requests_per_minute=10_000_000,
            simulated=True,
            clock_file=self._clock_file,
        )
        bank = TenantSettings(
            id=TenantId("bank"),
            domain=Domain("bank.example"),
            network="main",
            client_keys=(to_base64url(self.sites["bank"].private.public.sec1),),
        )
        write_settings(self.settings, Settings(server=server, tenants=(bank,)))
        self._process: subprocess.Popen[str] | None = None
        self._listener: Thread | None = None
        self.said: deque[str] = deque(maxlen=200)
        """The last lines of its log."""
        self._http = httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=_SHORTLY_S)

    # --- the process ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it, and return when it listens."""
        self.begin()
        self.wait()

    def begin(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "pteri", "serve", "--config", str(self.settings)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def wait(self) -> None:
        """Return when it listens."""
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            if json.loads(line)["event"] == "listening":
                break
        else:
            raise AssertionError("the node did not start")
        # Whoever does not read what a process says stops it, when the pipe is full.
        self._listener = Thread(target=self.said.extend, args=(self._process.stdout,))
        self._listener.start()

    def kill(self) -> None:
        """End it on whatever line it is."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._listener is not None:
                self._listener.join()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = self._listener = None

    def close(self) -> None:
        self.kill()
        self._http.close()

    # --- the face of a world --------------------------------------------------------------------------------------

    def advance(self, seconds: int) -> None:
        """Move the clock of this node."""
        advance(self._clock_file, seconds)

    def send(self, request: SignedRequest, **changed_headers: str) -> Answered:
        """Send it to this node. A node that is gone is a ``TransportError``."""
        path = request.target_uri.removeprefix(ORIGIN)
        headers = {**request.headers(), "content-type": "application/json", **changed_headers}
        answer = self._http.request(request.method, path, content=request.body, headers=headers)
        return Answered(answer.status_code, answer.content, dict(answer.headers))

    async def asend(self, request: SignedRequest, **changed_headers: str) -> Answered:
        """As :meth:`send`."""
        return self.send(request, **changed_headers)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Do it now."""
        return asyncio.run(coroutine)

    def send_until_answered(self, request: SignedRequest, meanwhile: Callable[[], object] = lambda: None) -> Answered:
        """As a client does that heard nothing, or that the database is away: the same request, again and again."""
        while True:
            try:
                answer = self.send(request)
            except httpx2.TransportError:
                meanwhile()
                continue
            if answer.status != httpx2.codes.SERVICE_UNAVAILABLE:
                return answer
            meanwhile()

    def site(self) -> Site:
        return Site(cast("World", self), "bank")

    def phone(self, label: str, words: str = ALICE_WORDS) -> SimPhone:
        return SimPhone(cast("World", self), Key(label), SimWallet(words), "bank")

    def seen_by(self, phone: SimPhone) -> SimPhone:
        """The same phone, with its one key, speaking to this node."""
        return SimPhone(cast("World", self), phone.key, phone.wallet, phone.tenant)


class Nodes(list[Node]):
    """All nodes of one service."""

    def advance(self, seconds: int) -> None:
        """Time goes on everywhere."""
        for node in self:
            node.advance(seconds)


@contextmanager
def nodes(place: Path, database: str, *, ahead_s: tuple[int, ...] = (0, 0)) -> Iterator[Nodes]:
    """As many nodes as there are clocks: each is so many seconds ahead."""
    create_deployment_key(place / "deployment.key", bytes(range(32)))
    sites = {"bank": Key("site bank")}  # one site, that never draws the same idempotency key twice
    all_of_them = Nodes(Node(place, number, database, sites, ahead_s=ahead) for number, ahead in enumerate(ahead_s))
    try:
        for node in all_of_them:
            node.begin()
        for node in all_of_them:
            node.wait()
        yield all_of_them
    finally:
        for node in all_of_them:
            node.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
