"""Proofs of leaves by the anchors that are in a block now (docs/spec/anchors.md section 5).

None is kept. A proof is put together when it is asked for, from the record of its anchor and the headers of the node:
so after a block was replaced, and until its anchor is final, whoever asks gets the proof of the block that counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pteri.app.anchor_ports import Chain
from pteri.core.anchor.building import proof_fields
from pteri.core.anchor.headers import MAX_HEADERS, parse_header
from pteri.core.anchor.proof import Block
from pteri.core.errors import Code, Malformed
from pteri.domain.anchoring import FINAL_BLOCKS, Anchor

__all__ = ["BLOCKS_ASKED", "BLOCKS_BEFORE", "proof_by_anchor", "proof_for_a_receipt"]

BLOCKS_ASKED: Final = 6
"""So many confirmations a verifier asks for who says nothing: with fewer, a receipt would be worse than without."""
BLOCKS_BEFORE: Final = 24
"""So far before the anchor's block the proof of a receipt begins: nobody has seen that block replaced."""


async def proof_by_anchor(
    anchor: Anchor,
    chain: Chain,
    *,
    leaf: bytes,
    leaf_index: int,
    audit_path: Sequence[bytes],
    checkpoint: Block,
    least_blocks: int = 1,
) -> dict[str, object] | None:
    """The fields of the proof that ``leaf`` was in the log, for a verifier who knows ``checkpoint``.

    ``audit_path``: from the leaf to the anchor's tree head. The proof has a hundred confirmations where there are so
    many. ``None``: the anchor is in no block, or has fewer than ``least_blocks``, or the node has another one at that
    height: ask again after the worker has looked. ``Malformed`` for a known block that is not before the anchor's, or
    too far before it.
    """
    if anchor.place is None:
        return None
    before = anchor.place.height - checkpoint.height
    if not 0 < before <= MAX_HEADERS - FINAL_BLOCKS:
        raise Malformed(Code.BLOCK_LINK, "the known block is not before the anchor's, or half a year before it")
    headers = await chain.headers(checkpoint.height + 1, before + FINAL_BLOCKS - 1)
    if len(headers) < before + least_blocks - 1 or parse_header(headers[before - 1]).shown_id != anchor.place.block:
        return None
    return proof_fields(
        leaf=leaf,
        leaf_index=leaf_index,
        audit_path=audit_path,
        head=anchor.head,
        transaction=anchor.raw,
        position=anchor.place.position,
        transactions=anchor.place.transactions,
        branch=anchor.place.branch,
        block=Block(anchor.place.height, anchor.place.block),
        checkpoint=checkpoint,
        headers=headers,
    )


async def proof_for_a_receipt(
    anchor: Anchor, chain: Chain, *, leaf: bytes, leaf_index: int, audit_path: Sequence[bytes]
) -> dict[str, object] | None:
    """The same for somebody who is not here to name a block: it begins some blocks before the anchor's.

    ``None`` also while the anchor has fewer than six confirmations.
    """
    height = 0 if anchor.place is None else max(0, anchor.place.height - BLOCKS_BEFORE)
    first = await chain.headers(height, 1)
    if not first:
        return None
    return await proof_by_anchor(
        anchor,
        chain,
        leaf=leaf,
        leaf_index=leaf_index,
        audit_path=audit_path,
        checkpoint=Block(height, parse_header(first[0]).shown_id),
        least_blocks=BLOCKS_ASKED,
    )
