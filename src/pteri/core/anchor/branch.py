"""From a transaction to the root of its block (docs/spec/anchors.md section 3).

The tree of a block is not that of RFC 9162: leaves and nodes hash alike, and an odd end is doubled. Each rule here
closes one of the doors which that leaves open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys.hashes import double_sha256

__all__ = ["MAX_TRANSACTIONS", "block_root", "branch_from"]

MAX_TRANSACTIONS: Final = 1 << 16
"""More than fit into a block: a megabyte of transactions of sixty bytes."""


def block_root(txid: bytes, branch: Sequence[bytes], *, position: int, count: int) -> bytes:
    """The root that this branch leads to, from transaction ``position`` of ``count``; hashes as they are hashed.

    Raises ``Malformed(MERKLE_BRANCH)`` for a place that the block has not, or another number of steps than that place
    has; ``NotAuthentic(MERKLE_BRANCH)`` for a doubled hash where none is.
    """
    if not 1 <= count <= MAX_TRANSACTIONS or not 0 <= position < count:
        # Beyond the end, a position would only repeat its low bits: one transaction would have many places.
        raise Malformed(Code.MERKLE_BRANCH, "the block has no such place")
    if len(branch) != (count - 1).bit_length():
        # All transactions are equally deep. A branch from an inner node, or from below a transaction that looks like
        # one, has another length.
        raise Malformed(Code.MERKLE_BRANCH, "a branch with another number of steps than its place has")
    found, at, width = txid, position, count
    for other in branch:
        is_odd_end = at == width - 1 and width & 1
        if bool(is_odd_end) != (other == found):
            # Two blocks with one root: the one whose end was doubled by hand has twins elsewhere (CVE-2012-2459).
            raise NotAuthentic(Code.MERKLE_BRANCH, "a hash is doubled where the block has no odd end")
        found = double_sha256(other + found if at & 1 else found + other)
        at, width = at >> 1, (width + 1) >> 1
    return found


def branch_from(txids: Sequence[bytes], position: int) -> tuple[bytes, ...]:
    """The branch from transaction ``position`` of a block with these, as :func:`block_root` reads it.

    Raises ``Malformed(MERKLE_BRANCH)`` for a block without that place, or larger than there are.
    """
    if not 1 <= len(txids) <= MAX_TRANSACTIONS or not 0 <= position < len(txids):
        raise Malformed(Code.MERKLE_BRANCH, "the block has no such place")
    row, branch = list(txids), []
    while len(row) > 1:
        if len(row) & 1:
            row.append(row[-1])
        branch.append(row[position ^ 1])
        row = [double_sha256(row[at] + row[at + 1]) for at in range(0, len(row), 2)]
        position >>= 1
    return tuple(branch)
