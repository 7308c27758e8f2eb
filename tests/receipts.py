"""Receipts of real accounts, in a log with other leaves around them."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from anchors import proof
from notes import INDEXES, LOG, NOW, TWO_OF_THREE, WITNESSES
from pteri.audit import Trusted
from pteri.audit.leaves import leaf_of, record_text
from pteri.core.anchor.proof import read_block
from pteri.core.ids import AccountId, TenantId
from pteri.core.log.checkpoint import Checkpoint, signed_checkpoint
from pteri.core.log.leaf import NOTHING, encode_leaf
from pteri.core.log.proving import inclusion_proof
from pteri.core.log.receipt import Entry, Receipt
from pteri.core.log.tree import leaf_hash
from pteri.core.log.witness import cosign
from pteri.domain.account import Account
from pteri.domain.evolving import evolve
from pteri.domain.records import RecordedEvent
from pteri.domain.rules import Rules
from trees import Grown, leaf


def rules_text(rules: Rules) -> str:
    return msgspec.json.encode(rules).decode()


def entries_of(recorded: list[RecordedEvent], index: bytes) -> list[Entry]:
    """The leaves that a log would have of this history."""
    made: list[Entry] = []
    account: Account | None = None
    for each in recorded:
        account = evolve(account, each.event)
        salt = hashlib.sha256(b"salt %d" % each.seq).digest()
        previous = leaf_hash(made[-1].leaf) if made else NOTHING
        text = record_text(each)
        line = encode_leaf(leaf_of(each, text, index=index, previous=previous, salt=salt, epoch=account.epoch))
        made.append(Entry(line, salt, text))
    return made


def in_a_log(leaf_bytes: bytes) -> tuple[Checkpoint, int, tuple[bytes, ...]]:
    """A checkpoint that two witnesses saw, of a tree that has this leaf somewhere."""
    tree = Grown([*(leaf(number) for number in range(11)), leaf_bytes, *(leaf(number) for number in range(11, 20))])
    checkpoint = signed_checkpoint(tree.heads[21], LOG)
    note = checkpoint.note.with_signatures([cosign(checkpoint, signer, at=NOW) for signer in WITNESSES[:2]])
    return Checkpoint(checkpoint.origin, checkpoint.head, note), 11, inclusion_proof(11, 21, tree.read)


def receipt_of(recorded: list[RecordedEvent], rules: Rules, *, anchor: Any = None) -> Receipt:
    """A receipt for the last of these events."""
    tenant, account = TenantId(recorded[0].tenant), AccountId(recorded[0].account)
    entries = entries_of(recorded, INDEXES.index_of(tenant, account))
    checkpoint, index, path = in_a_log(entries[-1].leaf)
    return Receipt(
        tenant=tenant,
        account=account,
        index_proof=INDEXES.proof_of(tenant, account),
        entries=tuple(entries),
        rules=rules_text(rules),
        leaf_index=index,
        path=path,
        checkpoint=checkpoint.note.encoded.decode(),
        anchor=msgspec.Raw(msgspec.json.encode(anchor)),
    )


def anchor_of(receipt: Receipt) -> dict[str, Any]:
    """The proof of an anchor of its last leaf, in a tree of another size than that of the checkpoint."""
    return proof(leaf_data=receipt.entries[-1].leaf, size=20, index=receipt.leaf_index)


def trusted(network: str = "main", **more: Any) -> Trusted:
    keys = {"log": LOG.verifier, "index_key": INDEXES.public, "quorum": TWO_OF_THREE}
    return Trusted(**(keys | more), at=NOW, network=network)


KNOWN = read_block(1000, bytes(range(32))[::-1].hex())
