"""The proof of an anchor, put together from its parts: the other side of :mod:`pteri.core.anchor.proof`.

Nothing is verified here. A proof from wrong parts is a wrong proof, and whoever reads it says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from pteri.core.anchor.branch import block_root
from pteri.core.anchor.proof import Block
from pteri.core.anchor.transaction import parse_transaction, payload
from pteri.core.log.tree import TreeHead

__all__ = ["proof_fields"]


def proof_fields(
    *,
    leaf: bytes,
    leaf_index: int,
    audit_path: Sequence[bytes],
    head: TreeHead,
    transaction: bytes,
    position: int,
    transactions: int,
    branch: Sequence[bytes],
    block: Block,
    checkpoint: Block,
    headers: Sequence[bytes],
) -> dict[str, object]:
    """The fields of docs/spec/anchors.md section 5, ready for JSON; hashes as they are hashed.

    ``checkpoint``: the block that the verifier knows, from before ``block``; ``headers``: all after it, in order, and
    as many behind ``block`` as there should be confirmations. Raises ``Malformed`` for what can be no transaction,
    head or branch.
    """
    read = parse_transaction(transaction)
    root = block_root(read.txid, branch, position=position, count=transactions)
    return {
        "leaf_data": leaf.hex(),
        "leaf_index": leaf_index,
        "tree_size": head.size,
        "tree_root": head.root.hex(),
        "audit_path": [step.hex() for step in audit_path],
        "op_return_payload": payload(head).hex(),
        "tx": transaction.hex(),
        "txid": read.shown_txid,
        "block_tx_count": transactions,
        "tx_pos": position,
        "branch": [step.hex() for step in branch],
        "merkle_root_displayed": root[::-1].hex(),
        "block_hash": block.shown_id,
        "block_height": block.height,
        "headers": [header.hex() for header in headers],
        "header_index": block.height - checkpoint.height - 1,
        "checkpoint": {"height": checkpoint.height, "hash": checkpoint.shown_id},
    }
