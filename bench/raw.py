"""The raw limits of this machine, measured with the libraries that the service uses."""

from __future__ import annotations

import hashlib
import sqlite3
import statistics
from collections.abc import Callable
from pathlib import Path

import msgspec
from coincurve import PrivateKey, PublicKey
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from pteri.adapters.system import cpu_s, monotonic_s

__all__ = ["RawLimits", "measure"]


class RawLimits(msgspec.Struct, frozen=True):
    """Seconds of CPU for one verification, of wall time for one durable commit; medians."""

    secp256k1_verify_s: float
    p256_verify_s: float
    durable_commit_s: float


def measure(directory: Path) -> RawLimits:
    """Measure all three."""
    digest = hashlib.sha256(b"bench").digest()
    wallet = PrivateKey(hashlib.sha256(b"wallet").digest())
    wallet_signature = wallet.sign(digest, hasher=None)
    wallet_key: PublicKey = wallet.public_key
    device = ec.generate_private_key(ec.SECP256R1())
    device_signature = device.sign(b"bench", ec.ECDSA(SHA256()))
    device_key = device.public_key()
    return RawLimits(
        secp256k1_verify_s=_median(lambda: wallet_key.verify(wallet_signature, digest, hasher=None), cpu_s, 400),
        p256_verify_s=_median(lambda: device_key.verify(device_signature, b"bench", ec.ECDSA(SHA256())), cpu_s, 400),
        durable_commit_s=_durable_commit(directory / "raw.sqlite3"),
    )


def _median(work: Callable[[], object], clock: Callable[[], float], times: int) -> float:
    """Median over 15 groups, so that a hiccup of the machine does not count."""
    group = max(1, times // 15)
    found = []
    for _ in range(15):
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
