"""A service to measure: made like anybody's with ``pteri init``, and run with ``pteri serve``."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import msgspec

from bench.processes import free_port, running
from pteri.database import database_from
from pteri.load.plan import Plan
from pteri.provision import provision
from pteri.settings import load_settings, write_settings

__all__ = ["DOMAIN", "TENANT", "Place", "Service", "place", "served"]

TENANT, DOMAIN, NETWORK = "bank", "bank.example", "main"
_ROOT = Path(__file__).parents[1]
_START_S = 60.0
_NO_LIMIT = 10_000_000
"""Requests a minute of one network: here all phones come from one address."""


class Place(msgspec.Struct, frozen=True):
    """Where a service lives: its keys in ``directory``, its registry in ``database`` (a path or a URL)."""

    directory: Path
    database: str


class Service(msgspec.Struct, frozen=True):
    """One that runs. ``pid`` is the process that was started; there may be others below it."""

    pid: int
    origin: str
    client_key_file: Path

    def plan(self, *, clients: int, people: int, processes: int = 1, **more: object) -> Plan:
        """Load on this service; more fields of the plan as they are called there."""
        plan = Plan(
            origin=self.origin,
            tenant=TENANT,
            domain=DOMAIN,
            network=NETWORK,
            client_key_file=str(self.client_key_file),
            clients=clients,
            people=people,
            processes=min(processes, clients),
        )
        return msgspec.structs.replace(plan, **more)


def place(directory: Path, database: str) -> Place:
    """A service that has never run, or the one that is there already."""
    if not (directory / "pteri.toml").exists():
        provision(directory, domain=DOMAIN, tenant=TENANT, network=NETWORK, port=8750, database=database)
    return Place(directory, database)


@contextmanager
def served(
    where: Place, *, processes: int = 1, program: tuple[str, ...] = ("-m", "pteri"), in_public: bool = False
) -> Iterator[Service]:
    """Run it on a free port of loopback while the block lasts; its own words are in ``serve.log``.

    ``program``: what Python runs in place of ``pteri``, with the same words. ``in_public``: with the usual limit for
    each network, and this machine as the proxy that says which network it is.
    """
    port = free_port()
    settings = load_settings(where.directory / "pteri.toml")
    origin = f"http://127.0.0.1:{port}"
    server = msgspec.structs.replace(
        settings.server,
        port=port,
        public_origin=origin,
        database=database_from(where.directory, where.database),
        processes=processes,
        requests_per_minute=settings.server.requests_per_minute if in_public else _NO_LIMIT,
        trusted_proxies=("127.0.0.0/8",) if in_public else (),
    )
    file = where.directory / "bench.toml"
    file.unlink(missing_ok=True)
    write_settings(file, msgspec.structs.replace(settings, server=server))
    command = [sys.executable, *program, "serve", "--config", str(file)]
    log = where.directory / "serve.log"
    with running(command, log=log, cwd=_ROOT) as process:
        deadline = monotonic() + _START_S
        while not _healthy(origin):
            if process.poll() is not None or monotonic() > deadline:
                raise RuntimeError(f"the service did not start: {log.read_text(errors='replace')[-2000:]}")
            sleep(0.05)
        yield Service(process.pid, origin, where.directory / "client.key")


def _healthy(origin: str) -> bool:
    with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{origin}/healthz", timeout=5) as answer:
        return bool(answer.status == 200)
    return False
