"""What all peers have in common: a server process, clients that keep it busy, and its CPU for what they did."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from bench.processes import free_port, running, usage_of, wait_for_port
from bench.raw import two_verifications_s
from pteri.load.http1 import Answer, Connection, Target, request_bytes

__all__ = ["Client", "PeerFigures", "Serving", "drive", "serving"]

CLIENTS = 16
_ROUNDS = 5


class PeerFigures(msgspec.Struct, frozen=True):
    """Server CPU per sign-in, seconds: the median of some rounds, and all of them. ``does``, ``lacks``: for readers.

    ``ratio``: one secp256k1 and one P-256 verification over that CPU, both of the same moment, as for our own.
    """

    name: str
    version: str
    cpu_per_sign_in_s: float
    rounds_s: tuple[float, ...]
    ratio: float
    sign_ins: int
    rate_per_s: float
    memory_bytes: int
    does: str
    lacks: str


class Client:
    """One keep-alive connection to a peer that speaks JSON."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection = Connection(target)

    async def post(
        self, path: str, body: bytes, headers: Mapping[str, str] | None = None, *, kind: str = "application/json"
    ) -> bytes:
        """The body of a good answer; any other is a mistake of the benchmark."""
        request = request_bytes(self._target, "POST", path, {"content-type": kind, **(headers or {})}, body)
        answer: Answer = await self._connection.ask(request)
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{path}: {answer.status} {answer.body[:300]!r}")
        return answer.body

    def close(self) -> None:
        self._connection.close()


class Serving(msgspec.Struct, frozen=True):
    target: Target
    pid: int
    directory: Path


@asynccontextmanager
async def serving(
    command: Callable[[int], Sequence[str | Path]], *, env: Callable[[Path], Mapping[str, str]], cwd: Path
) -> AsyncIterator[Serving]:
    """The peer's server on loopback with a directory of its own; ``command`` gets the port."""
    with tempfile.TemporaryDirectory(prefix="pteri-peer-") as name:
        directory, port = Path(name), free_port()
        log = directory / "log"
        with running(command(port), log=log, env=env(directory), cwd=cwd) as process:
            wait_for_port(port, process)
            yield Serving(Target.of(f"http://127.0.0.1:{port}"), process.pid, directory)


async def drive(
    serving: Serving,
    people: Sequence[Callable[[], Awaitable[None]]],
    *,
    name: str,
    version: str,
    sign_ins: int,
    does: str,
    lacks: str,
) -> PeerFigures:
    """Some rounds of sign-ins, all people at once, each one after the other; after a round that does not count."""
    await _round(people, max(len(people), sign_ins // 4))
    rounds, ratios, began, did = [], [], time.monotonic(), 0
    for _ in range(_ROUNDS):
        floor, before = two_verifications_s(), usage_of(serving.pid).cpu_s
        await _round(people, sign_ins)
        rounds.append((usage_of(serving.pid).cpu_s - before) / sign_ins)
        ratios.append((floor + two_verifications_s()) / 2 / rounds[-1])
        did += sign_ins
    return PeerFigures(
        name=name,
        version=version,
        cpu_per_sign_in_s=statistics.median(rounds),
        rounds_s=tuple(rounds),
        ratio=statistics.median(ratios),
        sign_ins=did,
        rate_per_s=did / (time.monotonic() - began),
        memory_bytes=usage_of(serving.pid).largest_bytes,
        does=does,
        lacks=lacks,
    )


async def _round(people: Sequence[Callable[[], Awaitable[None]]], sign_ins: int) -> None:
    left = iter(range(sign_ins))

    async def work(sign_in: Callable[[], Awaitable[None]]) -> None:
        for _ in left:
            await sign_in()

    await asyncio.gather(*(work(person) for person in people))
