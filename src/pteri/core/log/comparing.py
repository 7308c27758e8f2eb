"""Whether two checkpoints of one log, which two people were shown, are of one tree (docs/spec/log.md section 14).

Whoever asks reads the tree himself, from the tiles that the service serves to anybody. So what comes of it is more than
an answer that leads nowhere: where the larger tree began otherwise, it is a proof.
"""

from __future__ import annotations

from pteri.core.errors import Malformed, ProtocolError
from pteri.core.log.checking import verify_inclusion
from pteri.core.log.checkpoint import Checkpoint
from pteri.core.log.following import Followed, Suspicion, follow, rewritten
from pteri.core.log.proving import consistency_proof, head_of, inclusion_proof
from pteri.core.log.tiles import ReadTile, nodes_from_tiles

__all__ = ["compare", "require_included"]


def compare(mine: Checkpoint, theirs: Checkpoint, read_tile: ReadTile) -> Followed | Suspicion:
    """The larger of two checkpoints that were opened, if it begins with the other one; else what is wrong.

    Of one size nothing is read. What ``read_tile`` raises, when nobody answers, goes through: then nothing is known.
    ``NotAuthentic`` when they are of two logs.
    """
    older, newer = sorted((mine, theirs), key=lambda each: each.head.size)
    size = older.head.size
    if size == newer.head.size:
        return follow(older, newer, ())
    read = nodes_from_tiles(newer.head.size, read_tile)
    try:
        path = consistency_proof(size, newer.head.size, read)
    except Malformed:
        # Tiles of another shape than a tree of this size has.
        return follow(older, newer, ())
    found = follow(older, newer, path)
    if isinstance(found, Followed):
        return found
    try:
        return rewritten(older, newer, head_of(size, read).root, path)
    except ProtocolError:
        # These tiles are not of the newer tree either.
        return found


def require_included(leaf: bytes, place: int, shown: Checkpoint, read_tile: ReadTile) -> None:
    """The tree of this checkpoint has this leaf at this place; else ``NotAuthentic(NOT_INCLUDED)`` or ``Malformed``."""
    path = inclusion_proof(place, shown.head.size, nodes_from_tiles(shown.head.size, read_tile))
    verify_inclusion(leaf, path, expected_index=place, expected_head=shown.head)
