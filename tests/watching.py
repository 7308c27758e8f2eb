"""Witnesses of the real kind for the tests: a directory, what a log sends, and the process that answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from notes import LOG, log_signer, private
from pteri.core.log.add_checkpoint import AddCheckpoint
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.core.log.note import NoteSigner
from pteri.core.log.proving import consistency_proof
from pteri.witness.place import Place, make_witness, open_place, trust
from trees import Grown, grown, leaf

TREE = grown(60)
OTHER_TREE = Grown([leaf(number if number != 5 else 500) for number in range(60)])
NEXT_KEY = log_signer("the log's next key")


def made_witness(directory: Path, label: str = "a witness", log: NoteSigner = LOG) -> Place:
    """A witness of the log of the tests, which has seen nothing."""
    make_witness(directory, f"{label.replace(' ', '-')}.example", private(label).seed.reveal())
    trust(directory, log.verifier.text)
    return open_place(directory)


def shown(old: int, new: int, tree: Grown = TREE, signer: NoteSigner = LOG) -> bytes:
    """What the log sends."""
    note = signed_checkpoint(tree.heads[new], signer).note
    return AddCheckpoint(old, consistency_proof(old, new, tree.read), note).encoded


def witness_command(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "pteri", "witness", *words]


@contextmanager
def running(directory: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """``pteri witness run`` as a process, and what it said first."""
    command = witness_command("run", str(directory), "--port", "0", "--for", "120", "--json", *words)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()
