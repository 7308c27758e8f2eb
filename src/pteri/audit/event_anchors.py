"""The anchor in a receipt: that it is of the event, what to give to have it checked, and what it shows then.

docs/spec/log.md section 10. An anchor says when the event was there, and nothing of the log.
"""

from __future__ import annotations

from pteri.core.anchor.proof import (
    AnchorProof,
    Block,
    beginning_after,
    read_anchor_proof,
    verify_anchor_proof,
    verify_anchored_leaf,
)
from pteri.core.errors import Code, NotAuthentic
from pteri.core.log.checkpoint import claimed_head
from pteri.core.log.note import parse_note
from pteri.core.log.receipt import Receipt
from pteri.core.statement import instant_text

__all__ = ["anchored_by", "read_event_anchor", "what_to_give"]


def read_event_anchor(fields: object, receipt: Receipt) -> AnchorProof:
    """The proof of these fields, which is of the receipt's event and leads to a transaction.

    Whether that is in any block, needs a block that somebody knows. Raises ``Malformed`` or ``NotAuthentic``.
    """
    proof = read_anchor_proof(fields)
    if (proof.leaf, proof.leaf_index) != (receipt.entries[-1].leaf, receipt.leaf_index):
        raise NotAuthentic(Code.ANCHOR, "the anchor is of another event")
    # Of the checkpoint's own size there is one tree; of another size, a receipt has no path between the two.
    _, head = claimed_head(parse_note(receipt.checkpoint.encode()))
    if proof.head.size == head.size and proof.head.root != head.root:
        raise NotAuthentic(Code.ANCHOR, "the anchor is of another log than the checkpoint")
    verify_anchored_leaf(proof)
    return proof


def what_to_give(proof: AnchorProof) -> str:
    """In words. The block that the proof begins after is its maker's word: a reader compares it with another source."""
    first, last = proof.checkpoint, proof.block.height - 1
    return (
        f"there is an anchor, in block {proof.block.height} of Litecoin as it says: to have it checked, name a block "
        f"from {first.height} to {last} that you know from elsewhere, with --known-block HEIGHT:HASH; of "
        f"{first.height} the hash would be {first.shown_id}"
    )


def anchored_by(proof: AnchorProof, known: Block, *, network: str, confirmations: int) -> str:
    """Where it is in Litecoin, in words, for whoever knows this block. Raises ``Malformed`` or ``NotAuthentic``."""
    found = verify_anchor_proof(
        beginning_after(proof, known),
        expected_network=network,
        expected_checkpoint=known,
        expected_confirmations=confirmations,
    )
    return (
        f"the event was in Litecoin's block {found.height} ({found.block}) at {instant_text(found.time)}, "
        f"with {found.confirmations} confirmations when this was proved"
    )
