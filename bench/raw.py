"""The raw limits of this machine, measured with the libraries that the service uses."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import statistics
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own
import msgspec
from coincurve import PrivateKey, PublicKey
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from pteri.adapters.system import cpu_s, monotonic_s

__all__ = ["RawLimits", "measure", "p256_verification", "postgres_commit_s", "two_verifications_s"]

_GROUPS: Final = 15


class RawLimits(msgspec.Struct, frozen=True):
    """Seconds of CPU for one verification, of wall time for one durable commit of one row; medians."""

    secp256k1_verify_s: float
    p256_verify_s: float
    durable_commit_s: float


def measure(directory: Path) -> RawLimits:
    """Measure all three."""
    secp256k1, p256 = _verifications()
    return RawLimits(
        secp256k1_verify_s=_median(secp256k1, cpu_s, 400),
        p256_verify_s=_median(p256, cpu_s, 400),
        durable_commit_s=_durable_commit(directory / "raw.sqlite3"),
    )


def two_verifications_s() -> float:
    """CPU of one secp256k1 and one P-256 verification at this moment: the floor of a sign-in."""
    secp256k1, p256 = _verifications()
    return _median(secp256k1, cpu_s, 600) + _median(p256, cpu_s, 600)


def p256_verification() -> Callable[[], object]:
    """One verification on P-256, to be called."""
    return _verifications()[1]


@cache
def _verifications() -> tuple[Callable[[], object], Callable[[], object]]:
    digest = hashlib.sha256(b"bench").digest()
    wallet = PrivateKey(hashlib.sha256(b"wallet").digest())
    wallet_signature = wallet.sign(digest, hasher=None)
    wallet_key: PublicKey = wallet.public_key
    device = ec.generate_private_key(ec.SECP256R1())
    device_signature = device.sign(b"bench", ec.ECDSA(SHA256()))
    device_key = device.public_key()
    return (
        lambda: wallet_key.verify(wallet_signature, digest, hasher=None),
        lambda: device_key.verify(device_signature, b"bench", ec.ECDSA(SHA256())),
    )


def _median(work: Callable[[], object], clock: Callable[[], float], times: int) -> float:
    """Median over some groups, so that a hiccup of the machine does not count."""
    group = max(1, times // _GROUPS)
    found = []
    for _ in range(_GROUPS):
        start = clock()
        for _ in range(group):
            work()
        found.append((clock() - start) / group)
    return statistics.median(found)


def _durable_commit(path: Path) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE spent (nonce TEXT PRIMARY KEY)")
    numbers = iter(range(10_000_000))

    def commit() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO spent VALUES (?)", (f"{next(numbers):032d}",))
        connection.execute("COMMIT")

    try:
        return _median(commit, monotonic_s, 300)
    finally:
        connection.close()


def postgres_commit_s(url: str) -> float:
    """Wall time of one durable commit of one row, one after the other."""
    return asyncio.run(_postgres_commit(url))


async def _postgres_commit(url: str) -> float:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DROP TABLE IF EXISTS bench_raw")
        await connection.execute("CREATE TABLE bench_raw (nonce TEXT PRIMARY KEY)")
        found = []
        for number in range(300):
            start = monotonic_s()
            await connection.execute("INSERT INTO bench_raw VALUES ($1)", f"{number:032d}")
            found.append(monotonic_s() - start)
        await connection.execute("DROP TABLE bench_raw")
        return statistics.median(found)
    finally:
        await connection.close()
