"""Logs and witnesses for the tests: keys made of names, which sign nothing outside."""

from __future__ import annotations

import base64
import hashlib

from pteri.core.keys.ed25519 import NotePrivateKey
from pteri.core.keys.secret import Secret
from pteri.core.log.checkpoint import Checkpoint, open_checkpoint, signed_checkpoint
from pteri.core.log.index import AccountIndexes
from pteri.core.log.note import KeyKind, NoteSigner
from pteri.core.log.tree import TreeHead
from pteri.core.log.vrf import VrfPrivateKey
from pteri.core.log.witness import Quorum, cosign

ORIGIN = "log.bank.example/pteri"
NOW = 1_790_000_000


def private(label: str) -> NotePrivateKey:
    return NotePrivateKey(Secret(hashlib.sha256(f"pteri test {label}".encode()).digest()))


def log_signer(label: str = "log", name: str = ORIGIN) -> NoteSigner:
    return NoteSigner.of(name, KeyKind.LOG, private(label))


def indexes(label: str = "index", name: str = ORIGIN) -> AccountIndexes:
    return AccountIndexes.of(name, VrfPrivateKey(Secret(hashlib.sha256(f"pteri test {label}".encode()).digest())))


def witness(number: int) -> NoteSigner:
    return NoteSigner.of(f"witness{number}.example", KeyKind.WITNESS, private(f"witness {number}"))


LOG = log_signer()
INDEXES = indexes()
WITNESSES = [witness(1), witness(2), witness(3)]
TWO_OF_THREE = Quorum.of(2, [signer.verifier for signer in WITNESSES])


def checkpoint(head: TreeHead, witnesses: int = 0, at: int = NOW) -> Checkpoint:
    """Signed by the log, and by so many witnesses."""
    made = signed_checkpoint(head, LOG)
    note = made.note.with_signatures([cosign(made, signer, at=at) for signer in WITNESSES[:witnesses]])
    return open_checkpoint(note.encoded, expected_log=LOG.verifier)


def text(origin: str, size: str, root: bytes) -> str:
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
