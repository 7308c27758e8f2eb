"""The anchor in a receipt: what a phone checks before it puts one into a file (docs/spec/log.md section 15).

An anchor decides nothing. A proof that does not hold is left out and named, and the receipt is as good as before.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pteri.core.anchor.proof import AnchoredAt, Block, read_anchor_proof, verify_anchor_proof
from pteri.core.errors import Code, NotAuthentic, ProtocolError
from pteri.core.log.receipt import Receipt

__all__ = ["LEAST_BLOCKS", "Anchored", "with_anchor"]

LEAST_BLOCKS: Final = 6
"""As many as a verifier asks for who says nothing: with fewer, a receipt would be worse than without."""


class Anchored(msgspec.Struct, frozen=True):
    """A receipt and what became of its anchor.

    ``at``: where it is in Litecoin, if the block ``known``, which the proof begins after, is one of Litecoin's: that,
    the phone cannot know. ``wrong``: the code of what is wrong with a proof that was left out.
    """

    receipt: Receipt
    at: AnchoredAt | None = None
    known: Block | None = None
    wrong: str | None = None


def with_anchor(receipt: Receipt, proof: str, *, network: str) -> Anchored:
    """The receipt with this proof, JSON as the service told it; ``proof`` is empty where it told none. Never raises."""
    if not proof:
        return Anchored(receipt)
    try:
        fields = msgspec.json.decode(proof)
        read = read_anchor_proof(fields)
        if (read.leaf, read.leaf_index) != (receipt.entries[-1].leaf, receipt.leaf_index):
            raise NotAuthentic(Code.ANCHOR, "the anchor is of another event")
        at = verify_anchor_proof(
            read,
            expected_network=network,
            expected_checkpoint=read.checkpoint,
            expected_confirmations=LEAST_BLOCKS,
        )
    except ProtocolError as error:
        return Anchored(receipt, wrong=str(error.code))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Anchored(receipt, wrong=str(Code.ANCHOR))
    # Written anew: a name that came twice is there once, and nobody reads it in another way than it was checked.
    anchored = msgspec.structs.replace(receipt, anchor=msgspec.Raw(msgspec.json.encode(fields)))
    return Anchored(anchored, at, read.checkpoint)
