"""The whole proof of an anchor: leaf, path, transaction, branch, headers (docs/spec/anchors.md section 5).

What a verifier trusts is one block that he knows, and that nobody redoes the work after it. Nothing of the log, of its
key or of the service is trusted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from pteri.core.anchor.branch import block_root
from pteri.core.anchor.headers import (
    MAX_HEADERS,
    WORK_RULES,
    Header,
    check_links,
    check_targets,
    check_work,
    parse_header,
)
from pteri.core.anchor.transaction import Transaction, anchored_head, parse_payload, parse_transaction
from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys.network import network_named
from pteri.core.log.checking import verify_inclusion
from pteri.core.log.tree import MAX_SIZE, TreeHead

__all__ = [
    "AnchorProof",
    "AnchoredAt",
    "Block",
    "beginning_after",
    "read_anchor_proof",
    "read_block",
    "verify_anchor_proof",
    "verify_anchored_leaf",
]

MAX_HEIGHT: Final = (1 << 31) - 1
_MAX_LEAF_BYTES: Final = 0xFFFF
_MAX_PATH: Final = 64
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")


class Block(msgspec.Struct, frozen=True):
    """A block by its height and its name, as nodes show it: 64 hexadecimal digits."""

    height: int
    shown_id: str

    @property
    def id(self) -> bytes:
        """Its name as it is hashed."""
        return bytes.fromhex(self.shown_id)[::-1]


class AnchorProof(msgspec.Struct, frozen=True, kw_only=True):
    """A proof that was read; nothing of it is verified. Hashes as they are hashed, or ``shown`` as nodes show them."""

    leaf: bytes
    leaf_index: int
    head: TreeHead
    audit_path: tuple[bytes, ...]
    payload: bytes
    transaction: bytes
    shown_txid: str
    transactions: int
    position: int
    branch: tuple[bytes, ...]
    shown_root: str
    block: Block
    headers: tuple[Header, ...]
    header_index: int
    checkpoint: Block


class AnchoredAt(msgspec.Struct, frozen=True, kw_only=True):
    """What a right proof shows: before this block was mined, the leaf was in the log, at this place.

    ``block`` as nodes show it; ``time``: the second that its miner wrote, which may be two hours off; ``confirmations``
    counts the block itself; ``work``: hashes that it and those after it cost.
    """

    block: str
    height: int
    time: int
    confirmations: int
    work: int
    leaf_index: int
    tree_size: int
    tree_root: str


def read_block(height: object, shown_id: object) -> Block:
    """A block that is named, else ``Malformed(ANCHOR)``."""
    return Block(_number(height, MAX_HEIGHT), _hex(shown_id, least=32, most=32).hex())


def read_anchor_proof(fields: object) -> AnchorProof:
    """The proof of these fields, as JSON has them; hex in lower case. Raises ``Malformed``.

    Every field of the format must be there and of its type. Others are remarks, and prove nothing.
    """
    if not isinstance(fields, Mapping):
        raise Malformed(Code.ANCHOR, "a proof is a mapping of fields")
    checkpoint = fields.get("checkpoint")
    if not isinstance(checkpoint, Mapping):
        raise Malformed(Code.ANCHOR, "a checkpoint has a height and a hash")
    proof = AnchorProof(
        leaf=_hex(fields.get("leaf_data"), most=_MAX_LEAF_BYTES),
        leaf_index=_number(fields.get("leaf_index"), MAX_SIZE),
        head=TreeHead(_number(fields.get("tree_size"), MAX_SIZE), _hash(fields.get("tree_root"))),
        audit_path=_hashes(fields.get("audit_path")),
        payload=_hex(fields.get("op_return_payload"), most=100),
        transaction=_hex(fields.get("tx"), most=100_000),
        shown_txid=_hash(fields.get("txid")).hex(),
        transactions=_number(fields.get("block_tx_count"), MAX_HEIGHT),
        position=_number(fields.get("tx_pos"), MAX_HEIGHT),
        branch=_hashes(fields.get("branch")),
        shown_root=_hash(fields.get("merkle_root_displayed")).hex(),
        block=read_block(fields.get("block_height"), fields.get("block_hash")),
        headers=tuple(parse_header(_hex(raw, least=80, most=80)) for raw in _list(fields.get("headers"), MAX_HEADERS)),
        header_index=_number(fields.get("header_index"), MAX_HEADERS),
        checkpoint=read_block(checkpoint.get("height"), checkpoint.get("hash")),
    )
    if "document" in fields:
        # A person would believe it: where it is there, it says what the leaf says.
        document = fields["document"]
        if type(document) is not str or hashlib.sha256(document.encode("utf-8", "replace")).digest() != proof.leaf:
            raise NotAuthentic(Code.NOT_INCLUDED, "the leaf is not the hash of the document")
    return proof


def verify_anchor_proof(
    proof: AnchorProof, *, expected_network: str, expected_checkpoint: Block, expected_confirmations: int
) -> AnchoredAt:
    """When the leaf was anchored, at the latest; ``expected_checkpoint`` is a block that the verifier knows already.

    1. leaf to tree head; 2. tree head to payload; 3. payload to transaction; 4. headers to the known block; 5.
    transaction to its block; 6. enough blocks; 7. targets by the network's rules; 8. work. What costs most comes last.
    Raises ``Malformed`` or ``NotAuthentic``.
    """
    rules = WORK_RULES[network_named(expected_network).name]
    if type(expected_confirmations) is not int or expected_confirmations < 1:
        raise Malformed(Code.CONFIRMATIONS, "a proof has one confirmation or more")
    # 1. to 3.
    transaction = verify_anchored_leaf(proof)
    # 4. the proof names a block that it begins after, too; trusted is the verifier's
    if proof.checkpoint != expected_checkpoint:
        raise NotAuthentic(Code.BLOCK_LINK, "the proof begins after another block than the one that is known")
    if proof.header_index >= len(proof.headers):
        raise Malformed(Code.ANCHOR, "the header of the block is not among the headers")
    check_links(proof.headers, expected_previous=expected_checkpoint.id)
    # 5.
    header = proof.headers[proof.header_index]
    root = block_root(transaction.txid, proof.branch, position=proof.position, count=proof.transactions)
    if root != header.root or root[::-1].hex() != proof.shown_root:
        raise NotAuthentic(Code.MERKLE_BRANCH, "the block does not have this transaction at this place")
    height = expected_checkpoint.height + 1 + proof.header_index
    if proof.block != Block(height, header.shown_id):
        raise NotAuthentic(Code.BLOCK_LINK, "the block has another height or another name")
    # 6.
    after = proof.headers[proof.header_index :]
    if len(after) < expected_confirmations:
        raise NotAuthentic(
            Code.CONFIRMATIONS, f"{len(after)} confirmations, and {expected_confirmations} are asked for"
        )
    # 7.
    check_targets(proof.headers, first_height=expected_checkpoint.height + 1, rules=rules)
    # 8. also of those before the block: without it they would cost nothing, and lead anywhere
    check_work(proof.headers[: proof.header_index])
    return AnchoredAt(
        block=header.shown_id,
        height=height,
        time=header.time,
        confirmations=len(after),
        work=check_work(after),
        leaf_index=proof.leaf_index,
        tree_size=proof.head.size,
        tree_root=proof.head.root.hex(),
    )


def verify_anchored_leaf(proof: AnchorProof) -> Transaction:
    """The transaction that anchors this leaf: the first three steps of a proof, which need no chain.

    Whether it is in any block, they do not say. Raises ``Malformed`` or ``NotAuthentic``.
    """
    # 1.
    verify_inclusion(proof.leaf, proof.audit_path, expected_index=proof.leaf_index, expected_head=proof.head)
    # 2. the size too: the path alone fits trees of several sizes
    if parse_payload(proof.payload) != proof.head:
        raise NotAuthentic(Code.PAYLOAD, "the payload is of another tree")
    # 3.
    transaction = parse_transaction(proof.transaction)
    if anchored_head(transaction) != proof.head:
        raise NotAuthentic(Code.PAYLOAD, "the transaction anchors another tree")
    if transaction.txid[::-1].hex() != proof.shown_txid:
        raise NotAuthentic(Code.TRANSACTION, "the transaction has another id")
    return transaction


def beginning_after(proof: AnchorProof, known: Block) -> AnchorProof:
    """The same proof for somebody who knows a later block of its headers, from before the anchor's.

    Headers up to that block are left out: whoever knows it needs no work before it. The proof as it is, for any other.
    """
    skipped = known.height - proof.checkpoint.height
    if not 0 < skipped <= min(proof.header_index, len(proof.headers)):
        return proof
    if proof.headers[skipped - 1].shown_id != known.shown_id:
        return proof
    return msgspec.structs.replace(
        proof, headers=proof.headers[skipped:], header_index=proof.header_index - skipped, checkpoint=known
    )


def _number(value: object, most: int) -> int:
    # bool is an int to Python, and to nobody else.
    if type(value) is not int or not 0 <= value <= most:
        raise Malformed(Code.ANCHOR, "a number is missing, or outside its range")
    return value


def _hex(value: object, *, least: int = 0, most: int) -> bytes:
    # Of exactly this type: what inherits from it may be anything.
    if type(value) is not str or not 2 * least <= len(value) <= 2 * most or not _HEX.fullmatch(value):
        raise Malformed(Code.ANCHOR, "hex in lower case is missing, or of another length")
    return bytes.fromhex(value)


def _hash(value: object) -> bytes:
    return _hex(value, least=32, most=32)


def _list(value: object, most: int) -> list[object]:
    if type(value) is not list or len(value) > most:
        raise Malformed(Code.ANCHOR, "a list is missing, or too long")
    return value


def _hashes(value: object) -> tuple[bytes, ...]:
    return tuple(_hash(step) for step in _list(value, _MAX_PATH))
