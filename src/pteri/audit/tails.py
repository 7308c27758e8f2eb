"""The last leaf of every account, while the log is read: so a gap, another order or another account is seen.

Memory grows with the number of accounts: 88 bytes each, and as much again and a half for the table.
"""

from __future__ import annotations

import struct
from typing import Final

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.log.leaf import NOTHING, Leaf
from pteri.core.verify import MAX_AHEAD_S

__all__ = ["TAIL_BYTES", "Tails"]

_INDEX_BYTES: Final = 32
_TAIL: Final = struct.Struct(">Q32sQQ")
TAIL_BYTES: Final = _INDEX_BYTES + _TAIL.size
"""Of one account: index, number, hash of the leaf, epoch, latest time."""
# Servers that record for one account one after the other may each be as far off, on either side.
_BACK_S: Final = 2 * MAX_AHEAD_S


class Tails:
    """Number, hash, epoch and time of the last leaf of each account."""

    def __init__(self) -> None:
        self._last: dict[bytes, bytes] = {}

    def __len__(self) -> int:
        return len(self._last)

    def take(self, leaf: Leaf, leaf_hash: bytes) -> None:
        """The next leaf of its account, else ``NotAuthentic(LEAF)``; it is taken all the same: a gap is told once."""
        found = self._last.get(leaf.index)
        number, previous, epoch, at = (0, NOTHING, 0, 0) if found is None else _TAIL.unpack(found)
        self._last[leaf.index] = _TAIL.pack(leaf.account_seq, leaf_hash, leaf.epoch, max(at, leaf.at))
        if leaf.account_seq != number + 1:
            raise NotAuthentic(Code.LEAF, _order(number, leaf.account_seq))
        if leaf.previous != previous:
            raise NotAuthentic(Code.LEAF, f"its event {leaf.account_seq} does not name event {number} as it is here")
        if leaf.epoch < epoch:
            raise NotAuthentic(Code.LEAF, f"its event {leaf.account_seq} is of an earlier epoch than event {number}")
        if leaf.at < at - _BACK_S:
            raise NotAuthentic(Code.LEAF, f"its event {leaf.account_seq} is long before event {number}")

    def encoded(self) -> bytes:
        """All of them, in the order of their indexes."""
        return b"".join(index + self._last[index] for index in sorted(self._last))

    @classmethod
    def decoded(cls, raw: bytes) -> Tails:
        """What :meth:`encoded` wrote, else ``Malformed(LENGTH)``."""
        if len(raw) % TAIL_BYTES:
            raise Malformed(Code.LENGTH, "not the last leaves of accounts")
        made = cls()
        for at in range(0, len(raw), TAIL_BYTES):
            made._last[raw[at : at + _INDEX_BYTES]] = raw[at + _INDEX_BYTES : at + TAIL_BYTES]
        return made


def _order(last: int, found: int) -> str:
    if found <= last:
        return f"its event {found} comes after event {last}"
    missing = f"event {last + 1} is" if found == last + 2 else f"events {last + 1} to {found - 1} are"
    return f"its {missing} missing before event {found}"
