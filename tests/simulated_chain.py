"""A chain with a wallet behind the real port, stricter than a node: for faults that a node does not show on demand.

Stricter, because it refuses what a node forgives: a transaction of an anchor that is in no durable record, and a second
transaction for a tree head while the first one may still be mined. Blocks are real ones of regtest: proofs verify.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from functools import cache

from anchors import START, block_tree, mined, output, transaction
from pteri.app.anchor_ports import (
    Built,
    ChainRefused,
    ChainUnavailable,
    HandedOut,
    MinedBlock,
    Purse,
    Seen,
    Trouble,
    Whereabouts,
)
from pteri.core.anchor.headers import Header
from pteri.core.anchor.proof import Block
from pteri.core.anchor.transaction import anchored_head, parse_transaction, payload_script, virtual_bytes
from pteri.core.errors import ProtocolError
from pteri.core.log.tree import TreeHead
from pteri.domain.anchoring import Anchor, Child

__all__ = ["Killed", "SimulatedChain"]


class Killed(Exception):
    """The process ends on this line."""


class SimulatedChain:
    """One node with its wallet. Everything that can be set is an attribute: tests set it."""

    def __init__(self, *, elsewhere: bool = False) -> None:
        self.network = "regtest"
        self.down = False
        self.refuses: Trouble | None = None
        """With what it refuses everything."""
        self.locked = False
        self.least = 1
        self.elsewhere = elsewhere
        self.signed: dict[str, bytes] = {}
        """What came back signed, by the id of the transaction."""
        self.put_out: list[str] = []
        self.forgets = False
        """Takes a transaction, and has it in no mempool."""
        self.outputs: list[bytes] | None = None
        """In the place of payload and change, of each transaction that it builds."""
        self.hides = False
        """Shows blocks without what it says is in them."""
        self.is_recorded: Callable[[bytes], Awaitable[bool]] | None = None
        self.at_send: Callable[[str], None] = lambda _: None
        """Told before and after each transaction that is sent: may raise."""
        self.coins: dict[tuple[str, int], int] = {("11" * 32, 0): 100_000_000}
        self.mempool: dict[str, bytes] = {}
        self.blocks: list[tuple[Header, tuple[bytes, ...]]] = []
        self.conflicts: dict[str, int] = {}
        """Blocks on top of what was mined in the place of a transaction."""
        self.sent: list[bytes] = []
        """Every transaction that ever came in, in order."""
        self._keys = 0
        self.mine(3)

    # --- what a test does to it -----------------------------------------------------------------------------------

    def mine(self, number: int = 1, *, empty: bool = False) -> None:
        for _ in range(number):
            waiting = () if empty else tuple(self.mempool.values())
            previous = self.blocks[-1][0].id if self.blocks else bytes(32)
            self._keys += 1
            coinbase = transaction([output(b"\x51", self._keys)], witness=None)
            raws = (coinbase, *waiting)
            root = block_tree([parse_transaction(raw).txid for raw in raws])[-1][0]
            self.blocks.append((mined(previous, root, at=START + self._keys), raws))
            if not empty:
                self.mempool.clear()

    def reorganise(self, depth: int, *, evict: bool = False) -> None:
        """So many blocks are replaced by empty ones, and one more; what was in them waits again, or is forgotten."""
        lost = self.blocks[-depth:]
        del self.blocks[-depth:]
        if not evict:
            back = {_txid(raw): raw for _, raws in lost for raw in raws[1:]}
            self.mempool = back | self.mempool
        self.mine(depth + 1, empty=True)

    def heights(self, txid: str) -> list[int]:
        """All blocks that have this transaction."""
        return [height for height, (_, raws) in enumerate(self.blocks) if txid in {_txid(raw) for raw in raws}]

    def anchors_of(self, head: TreeHead) -> set[str]:
        """Ids of all transactions that ever came in for this head."""
        return {_txid(raw) for raw in self.sent if _head_of(raw) == head}

    # --- the port -------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        if self.down:
            raise ChainUnavailable("the node cannot be reached")
        if self.refuses is not None:
            raise ChainRefused(self.refuses)

    def _block(self, height: int) -> Block:
        return Block(height, self.blocks[height][0].shown_id)

    async def tip(self) -> Block:
        self._look()
        return self._block(len(self.blocks) - 1)

    async def headers(self, first_height: int, count: int) -> tuple[bytes, ...]:
        self._look()
        return tuple(header.raw for header, _ in self.blocks[first_height : first_height + count])

    async def block(self, shown_id: str) -> MinedBlock:
        self._look()
        for height, (header, raws) in enumerate(self.blocks):
            if header.shown_id == shown_id:
                shown = raws[:1] if self.hides else raws
                return MinedBlock(height, tuple(_txid(raw) for raw in shown))
        raise ChainRefused(Trouble.NODE_REFUSED, "no such block")

    async def whereabouts(self, txid: str) -> Whereabouts:
        self._look()
        if found := self.heights(txid):
            [height] = found
            return Whereabouts(Seen.MINED, len(self.blocks) - height, self._block(height).shown_id, height)
        if txid in self.conflicts:
            return Whereabouts(Seen.CONFLICTED, self.conflicts[txid])
        return Whereabouts(Seen.WAITING if txid in self.mempool else Seen.NOWHERE)

    async def least_rate(self) -> int:
        self._look()
        return self.least

    async def purse(self) -> Purse:
        self._look()
        return Purse(sum(self.coins.values()), self.locked)

    async def build(self, payload: bytes, *, rate: int) -> Built | HandedOut:
        self._look()
        if self.locked and not self.elsewhere:
            raise ChainRefused(Trouble.WALLET_LOCKED)
        if not self.coins:
            raise ChainRefused(Trouble.NO_FUNDS)
        [(coin, value)] = list(self.coins.items())[:1]
        fee = 166 * rate
        usual = [output(payload_script(payload)), output(self._key(), value - fee)]
        outputs = usual if self.outputs is None else self.outputs
        raw = transaction(outputs, inputs=[_spending(*coin)])
        unsigned = transaction(outputs, inputs=[_spending(*coin)], witness=None)
        if self.elsewhere:
            self.signed_bytes = raw
            return HandedOut("cHNidP8=", unsigned, fee)
        return Built(raw, fee)

    def _key(self) -> bytes:
        """A new one each time: of two transactions that were built apart, no byte would tell that they are one."""
        self._keys += 1
        return b"\0\x14" + hashlib.sha256(b"key %d" % self._keys).digest()[:20]

    async def collect(self, anchor: Anchor) -> bytes | None:
        self._look()
        if not anchor.psbt:
            raise ChainRefused(Trouble.WALLET_UNFIT)
        self.put_out.append(anchor.txid)
        return self.signed.get(anchor.txid)

    async def raise_fee(self, anchor: Anchor, *, fee: int) -> Child | None:
        self._look()
        if self.elsewhere:
            return None
        last = anchor.children[-1] if anchor.children else None
        raw, txid, place = (anchor.raw, anchor.txid, anchor.change) if last is None else (last.raw, last.txid, 0)
        left = parse_transaction(raw).outputs[place].value - fee
        child = transaction([output(self._key(), left)], inputs=[_spending(txid, place)])
        return Child(raw=child, txid=_txid(child), fee=fee)

    async def send(self, raws: Sequence[bytes]) -> None:
        self._look()
        for raw in raws:
            await self._take(raw)

    async def _take(self, raw: bytes) -> None:
        parsed = parse_transaction(raw)
        txid = parsed.shown_txid
        if txid in self.mempool or self.heights(txid):
            return
        assert self.is_recorded is not None
        assert await self.is_recorded(raw), "sent before it was recorded"
        if (head := _head_of(raw)) is not None:
            others = self.anchors_of(head) - {txid}
            settled = all(self.heights(other) or other in self.conflicts for other in others)
            assert settled, "a second transaction for one tree head"
        paid = self._paid(raw)
        if paid < self.least * virtual_bytes(parsed, raw):
            raise ChainRefused(Trouble.TRANSACTION_REFUSED, "mempool min fee not met")
        self.at_send("before")
        self.sent.append(raw)
        if not self.forgets:
            self.mempool[txid] = raw
            self._spend(raw)
        self.at_send("after")

    def _spend(self, raw: bytes) -> None:
        spent = _spent(raw)
        self.coins.pop(spent, None)
        parsed = parse_transaction(raw)
        for place, each in enumerate(parsed.outputs):
            if each.value:
                self.coins[parsed.shown_txid, place] = each.value

    def _paid(self, raw: bytes) -> int:
        txid, place = _spent(raw)
        known = {("11" * 32, 0): 100_000_000} | {
            (_txid(other), at): each.value
            for other in self.sent
            for at, each in enumerate(parse_transaction(other).outputs)
        }
        return known[txid, place] - sum(each.value for each in parse_transaction(raw).outputs)


@cache
def _txid(raw: bytes) -> str:
    return parse_transaction(raw).shown_txid


def _spending(txid: str, place: int) -> bytes:
    return bytes.fromhex(txid)[::-1] + place.to_bytes(4, "little") + b"\0" + b"\xfe\xff\xff\xff"


def _spent(raw: bytes) -> tuple[str, int]:
    """The one coin that such a transaction spends."""
    start = 7 if raw[4:6] == b"\0\1" else 5
    return raw[start : start + 32][::-1].hex(), int.from_bytes(raw[start + 32 : start + 36], "little")


def _head_of(raw: bytes) -> TreeHead | None:
    try:
        return anchored_head(parse_transaction(raw))
    except ProtocolError:
        return None
