"""What the log's tree costs as it grows, beside the tree of another hand (pymerkle), each in a process of its own.

Ours is the real one: leaves go through the book of the log in SQLite, in the batches of the sequencer, with edge and
signed checkpoint in one transaction, and proofs are made from its rows. Theirs is the tree that pymerkle keeps in
SQLite. Both get the same leaves of 199 bytes. Every proof that is timed is verified.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pymerkle

from pteri.adapters.store.sqlite import SqliteStore
from pteri.adapters.system import cpu_s
from pteri.app.growing import Longer, first_state
from pteri.app.log_reading import consistency, head, inclusion
from pteri.core.ids import AccountId, TenantId
from pteri.core.keys.ed25519 import NotePrivateKey
from pteri.core.keys.secret import Secret
from pteri.core.log.checking import verify_consistency, verify_inclusion
from pteri.core.log.leaf import LEAF_BYTES
from pteri.core.log.note import KeyKind, NoteSigner
from pteri.core.log.tree import TreeHead

__all__ = ["TreeCost", "tree_cost"]

_BATCH: Final = 200
_TENANT: Final = TenantId("bench")
_ACCOUNTS: Final = 100_003
_PROOFS: Final = 50
_FEW_PROOFS: Final = 5
"""Of the other one: its proofs take long."""
_SIGNER: Final = NoteSigner.of("bench/pteri", KeyKind.LOG, NotePrivateKey(Secret(hashlib.sha256(b"bench").digest())))


class TreeCost(msgspec.Struct, frozen=True):
    """Of one tree of so many leaves. Times are CPU seconds of its process; sizes bytes of the hashes of one proof."""

    kind: str
    leaves: int
    appends_per_cpu_s: float
    inclusion_s: float
    inclusion_bytes: int
    consistency_s: float
    consistency_bytes: int
    memory_mib: float
    file_mib: float


def tree_cost(kind: str, leaves: int) -> TreeCost:
    """Measure ``ours`` or ``pymerkle`` in a new process, so that nothing of the other is in its memory."""
    command = [sys.executable, "-m", "bench.log_tree", "--measure", kind, "--leaves", str(leaves)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # our own program
    return msgspec.json.decode(done.stdout, type=TreeCost)


def _leaves(count: int) -> Iterator[bytes]:
    """Different ones, and the same in every run."""
    return (hashlib.shake_128(number.to_bytes(8, "big")).digest(LEAF_BYTES) for number in range(count))


def _ours(leaves: int, directory: Path) -> TreeCost:
    store = SqliteStore.open(directory / "log.db")

    async def measured() -> TreeCost:
        book = store.book
        state = first_state(_SIGNER)
        assert await book.start(state)
        waiting, spent = _leaves(leaves), 0.0
        for begun in range(0, leaves, _BATCH):
            batch = [leaf for _, leaf in zip(range(min(_BATCH, leaves - begun)), waiting, strict=False)]
            start = cpu_s()
            longer = Longer(state)
            for place, leaf in enumerate(batch, start=begun):
                longer.append(leaf, (_TENANT, AccountId(f"acct_{place % _ACCOUNTS:012}"), place // _ACCOUNTS + 1))
            growth = longer.growth(_SIGNER, ())
            assert await book.grow(growth)
            spent += cpu_s() - start
            state = growth.state
        assert state.size == leaves
        now, chance = await head(book, leaves), random.Random(7)
        places = [chance.randrange(leaves) for _ in range(_PROOFS)]
        start = cpu_s()
        paths = [await inclusion(book, place, leaves) for place in places]
        inclusion_s = (cpu_s() - start) / len(places)
        for place, path in zip(places, paths, strict=True):
            [leaf] = await book.leaves(place, 1)
            verify_inclusion(leaf, path, expected_index=place, expected_head=now)
        olds = [1 + chance.randrange(leaves - 1) for _ in range(_PROOFS)]
        before: list[TreeHead] = [await head(book, old) for old in olds]
        start = cpu_s()
        grown = [await consistency(book, old, leaves) for old in olds]
        consistency_s = (cpu_s() - start) / len(olds)
        for old, path in zip(before, grown, strict=True):
            verify_consistency(path, expected_old=old, expected_new=now)
        return TreeCost(
            "ours",
            leaves,
            leaves / spent,
            inclusion_s,
            32 * max(map(len, paths)),
            consistency_s,
            32 * max(map(len, grown)),
            _memory_mib(),
            _size_mib(directory),
        )

    try:
        return asyncio.run(measured())
    finally:
        asyncio.run(store.close())


def _theirs(leaves: int, directory: Path) -> TreeCost:
    tree = pymerkle.SqliteTree(str(directory / "tree.db"))
    waiting, spent = _leaves(leaves), 0.0
    for begun in range(0, leaves, 100_000):
        batch = [leaf for _, leaf in zip(range(min(100_000, leaves - begun)), waiting, strict=False)]
        start = cpu_s()
        tree.append_entries(batch, chunksize=_BATCH)
        spent += cpu_s() - start
    chance = random.Random(7)
    times: list[float] = []
    sizes: list[int] = []
    for place in (chance.randrange(leaves) for _ in range(_FEW_PROOFS)):
        start = cpu_s()
        proof = tree.prove_inclusion(place + 1, leaves)
        times.append(cpu_s() - start)
        sizes.append(32 * len(proof.path))
        pymerkle.verify_inclusion(tree.get_leaf(place + 1), tree.get_state(leaves), proof)
    grown_times: list[float] = []
    grown_sizes: list[int] = []
    for old in (1 + chance.randrange(leaves - 1) for _ in range(_FEW_PROOFS)):
        start = cpu_s()
        proof = tree.prove_consistency(old, leaves)
        grown_times.append(cpu_s() - start)
        grown_sizes.append(32 * len(proof.path))
        pymerkle.verify_consistency(tree.get_state(old), tree.get_state(leaves), proof)
    return TreeCost(
        "pymerkle",
        leaves,
        leaves / spent,
        statistics.mean(times),
        max(sizes),
        statistics.mean(grown_times),
        max(grown_sizes),
        _memory_mib(),
        _size_mib(directory),
    )


def _memory_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _size_mib(directory: Path) -> float:
    return sum(path.stat().st_size for path in directory.iterdir()) / 2**20


def main() -> None:
    """One measurement as JSON, or the table of some sizes."""
    parser = argparse.ArgumentParser(prog="python -m bench.log_tree", description=__doc__)
    parser.add_argument("--measure", choices=("ours", "pymerkle"))
    parser.add_argument("--leaves", type=int, nargs="+", default=[1_000_000])
    wanted = parser.parse_args()
    if wanted.measure is None:
        for leaves in wanted.leaves:
            ours, theirs = tree_cost("ours", leaves), tree_cost("pymerkle", leaves)
            print(json.dumps([msgspec.to_builtins(ours), msgspec.to_builtins(theirs)], indent=1))
        return
    measure = {"ours": _ours, "pymerkle": _theirs}[wanted.measure]
    with tempfile.TemporaryDirectory(prefix="pteri-bench-") as directory:
        sys.stdout.write(msgspec.json.encode(measure(wanted.leaves[0], Path(directory))).decode())


if __name__ == "__main__":
    main()
