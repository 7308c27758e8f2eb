"""``make bench``: what a full durable sign-in costs the service, against the two signatures it must verify anyway.

One run, one machine: a real server process on SQLite with real HTTP; only its own CPU is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import msgspec

from bench import raw
from bench.clients import Person, Site, sign_ins
from pteri.core import ids
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.provision import provision

_WAIT_S = 20
_TICKS = os.sysconf("SC_CLK_TCK")


class Figures(msgspec.Struct, frozen=True):
    """Figures of one run."""

    raw: raw.RawLimits
    sign_ins: int
    clients: int
    server_cpu_per_sign_in_s: float
    sign_ins_per_cpu_second: float
    ratio_to_two_verifications: float
    wall_s: float
    server_rss_bytes: int


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(prog="make bench")
    arguments.add_argument("--sign-ins", type=int, default=400)
    arguments.add_argument("--clients", type=int, default=16)
    arguments.add_argument("--json", action="store_true")
    wanted = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="pteri-bench-") as name:
        figures = asyncio.run(_measure(Path(name), wanted.sign_ins, wanted.clients))
    print(json.dumps(msgspec.to_builtins(figures), indent=1) if wanted.json else _text(figures))


async def _measure(directory: Path, total: int, clients: int) -> Figures:
    limits = raw.measure(directory)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = provision(directory / "service", domain="bank.example", tenant="bank", network="main", port=port)
    key = DevicePrivateKey.from_secret(Secret(ids.from_base64url(made.client_key_file.read_text().strip())))
    origin = f"http://127.0.0.1:{port}"
    with _server(made.settings) as pid:
        async with httpx2.AsyncClient(base_url=origin, timeout=30) as http:
            await _ready(http)
            site = Site(http, origin, "bank", key)
            people = [Person(number) for number in range(clients)]
            for person in people:
                await person.enroll(site)
            await sign_ins(site, people, clients)  # warm
            loop = asyncio.get_running_loop()
            cpu, start = _cpu_s(pid), loop.time()
            await sign_ins(site, people, total)
            cpu, wall = _cpu_s(pid) - cpu, loop.time() - start
            rss = _rss_bytes(pid)
    return Figures(
        raw=limits,
        sign_ins=total,
        clients=clients,
        server_cpu_per_sign_in_s=cpu / total,
        sign_ins_per_cpu_second=total / cpu,
        ratio_to_two_verifications=(limits.secp256k1_verify_s + limits.p256_verify_s) / (cpu / total),
        wall_s=wall,
        server_rss_bytes=rss,
    )


@contextmanager
def _server(settings: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "pteri", "serve", "--config", str(settings)]
    # Its log is no figure: standard output is for these.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=_WAIT_S)


async def _ready(http: httpx2.AsyncClient) -> None:
    deadline = asyncio.get_running_loop().time() + _WAIT_S
    while True:
        try:
            if (await http.get("/healthz")).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError("the server did not start")
        await asyncio.sleep(0.05)


def _cpu_s(pid: int) -> float:
    """User and system time of the process so far (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _text(figures: Figures) -> str:
    limits = figures.raw
    return "\n".join(
        (
            "raw limits of this machine",
            f"  one secp256k1 verification   {limits.secp256k1_verify_s * 1e6:8.1f} us CPU",
            f"  one P-256 verification       {limits.p256_verify_s * 1e6:8.1f} us CPU",
            f"  one durable commit (SQLite)  {limits.durable_commit_s * 1e6:8.1f} us",
            f"full durable sign-in (start, claim, signed payload, code; {figures.clients} clients, SQLite FULL)",
            f"  server CPU                   {figures.server_cpu_per_sign_in_s * 1e6:8.1f} us",
            f"  sign-ins per CPU-second      {figures.sign_ins_per_cpu_second:8.1f}",
            f"  ratio to the two signatures  {figures.ratio_to_two_verifications:8.3f}   (1 = nothing but verifying)",
            f"  server memory                {figures.server_rss_bytes / 2**20:8.1f} MiB",
        )
    )


main()
