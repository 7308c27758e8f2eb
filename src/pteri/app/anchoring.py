"""The pull loop that writes the log's newest head into Litecoin (docs/spec/anchors.md section 8).

Each turn looks at every anchor that is not settled and takes one step with each, then begins the next one when it is
time. A step reads the node, and ends in one change of one record under its version: whoever is killed before it, or
loses against another worker, has changed nothing. The transaction is recorded before it is sent, so a step that is
taken twice sends the same bytes twice. Nothing else in the service waits for any of this.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from pteri.app.anchor_ports import (
    AnchorStore,
    Built,
    Chain,
    ChainRefused,
    ChainUnavailable,
    Seen,
    Trouble,
    Whereabouts,
)
from pteri.core.anchor.branch import branch_from
from pteri.core.anchor.proof import Block
from pteri.core.anchor.transaction import (
    Transaction,
    anchored_head,
    parse_transaction,
    payload,
    virtual_bytes,
)
from pteri.core.errors import ProtocolError
from pteri.core.log.tree import TreeHead
from pteri.domain.anchoring import (
    CONFIRMED_BLOCKS,
    Anchor,
    AnchorState,
    InBlock,
    deepened,
    plan_anchor,
)

__all__ = ["MOST_CHILDREN", "UNMINED_S", "Anchoring", "Heads", "Schedule", "Tell", "our_transaction"]

UNMINED_S: Final = 6 * 3600
"""After so long without a block somebody should look."""
MOST_CHILDREN: Final = 4
"""How often a fee is raised: each time to twice the rate."""
_CHILD_VBYTES: Final = 110
"""One input and one output of our own kind (BIP-141)."""
_MOST: Final = 1000
"""Anchors that are not settled: about ten of a usual day, and one for each block of six hours where every minute one is
due. Each costs a question to the node in each turn."""
_BECH32: Final = bytes((0, 20))
"""How the script of our own change begins: version 0, and the hash of a key (BIP-141)."""

Heads = Callable[[], Awaitable[TreeHead | None]]
"""The newest head that the log has signed; ``None`` before there is one."""
Tell = Callable[[Trouble, bool, str], None]
"""Hears of a trouble once when it begins (true) and once when it is over (false), with a detail for people."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When and for how much. Rates in lit for a virtual byte; ``most_fee``: lit for one anchor with its children."""

    every_s: int = 3600
    at_least_every_s: int = 86_400
    """Although the log did not grow: the silence of an hour is usual, that of a day is not."""
    raise_after_s: int = 7200
    rate: int = 10
    most_rate: int = 200
    most_fee: int = 200_000


@dataclass(slots=True)
class Anchoring:
    """One worker. Any number of them, anywhere, make the same anchors as one."""

    log: str
    """The log's name, which stands in its checkpoints."""
    store: AnchorStore
    chain: Chain
    heads: Heads
    schedule: Schedule
    tell: Tell
    _troubles: set[Trouble] = field(default_factory=set, init=False)
    _now: set[Trouble] = field(default_factory=set, init=False)

    async def turn(self, at: int) -> bool:
        """One turn; whether the next one has something to do at once. Raises ``StoreUnavailable`` only.

        What was trouble in the turn before and is none in this one is over, and said so.
        """
        self._now = set()
        more = await self._guarded_turn(at)
        for over in sorted(self._troubles - self._now):
            self.tell(over, False, "")
        self._troubles = self._now
        return more

    async def plan(self, at: int) -> Anchor | None:
        """Begin an anchor of the newest head now, whatever the schedule says; ``None``: one is open, or no head."""
        head = await self.heads()
        newest = await self._newest()
        if head is None or head.size == 0:
            return None
        planned = plan_anchor(self.log, head, after=newest, at=at)
        return planned if await self.store.begin(planned) else None

    async def _guarded_turn(self, at: int) -> bool:
        unsettled = await self.store.unsettled(self.log, _MOST)
        more = False
        if unsettled or await self._is_due(at):
            try:
                tip = await self.chain.tip()
                for anchor in unsettled:
                    more |= await self._tried(anchor, tip, at)
            except ChainUnavailable as error:
                self._trouble(Trouble.NODE_DOWN, str(error))
            except ChainRefused as refused:
                self._trouble(refused.trouble, refused.detail)
            self._look_at_the_clock(unsettled, at)
        # Planned also while the node is away: when it is back, the plan takes the newest head.
        return (not any(anchor.is_open for anchor in unsettled) and await self._began(at)) or more

    async def _tried(self, anchor: Anchor, tip: Block, at: int) -> bool:
        try:
            return await self._step_of(anchor, tip, at)
        except ChainRefused as refused:
            # What is wrong with one is no reason to leave the others alone.
            self._trouble(refused.trouble, refused.detail)
            return False

    def _trouble(self, trouble: Trouble, detail: str = "") -> None:
        self._now.add(trouble)
        if trouble not in self._troubles:
            self._troubles.add(trouble)
            self.tell(trouble, True, detail)

    def _look_at_the_clock(self, unsettled: list[Anchor], at: int) -> None:
        """An anchor that nobody mines is said whether or not the node answers: it may be the reason."""
        for anchor in unsettled:
            since = anchor.planned_at if anchor.state is AnchorState.PLANNED else anchor.unmined_since
            if since is not None and at - since >= UNMINED_S:
                self._trouble(Trouble.UNMINED_6H, f"anchor {anchor.number}")

    async def _newest(self) -> Anchor | None:
        found = await self.store.newest(self.log, 1)
        return found[0] if found else None

    # --- when -----------------------------------------------------------------------------------------------------

    async def _is_due(self, at: int) -> bool:
        newest = await self._newest()
        if newest is not None and newest.state is not AnchorState.SPOILT:
            waited_s = at - newest.planned_at
            if waited_s < self.schedule.every_s:
                return False
            if waited_s < self.schedule.at_least_every_s:
                return (head := await self.heads()) is not None and head != newest.head
        return (head := await self.heads()) is not None and head.size > 0

    async def _began(self, at: int) -> bool:
        return await self._is_due(at) and await self.plan(at) is not None

    # --- one step of one anchor -----------------------------------------------------------------------------------

    async def _step_of(self, anchor: Anchor, tip: Block, at: int) -> bool:
        match anchor.state:
            case AnchorState.PLANNED if not anchor.is_built:
                return await self._build(anchor)
            case AnchorState.PLANNED if not anchor.raw:
                return await self._collect(anchor)
            case AnchorState.PLANNED:
                return await self._send(anchor, at)
            case AnchorState.SENT:
                return await self._watch(anchor, at)
            case _:
                return await self._deepen(anchor, tip, at)

    async def _build(self, anchor: Anchor) -> bool:
        head = await self.heads()
        if head is not None and head != anchor.head and head.size >= anchor.head.size:
            # It waited for the node, for money or for the wallet, and the log grew meanwhile.
            anchor = anchor.refreshed(head)
            return await self.store.change(anchor)
        rate = max(self.schedule.rate, await self.chain.least_rate())
        if rate > self.schedule.most_rate:
            self._trouble(Trouble.FEE_CAP, f"the node asks for {rate} lit/vB")
            return False
        # Refused where the wallet is not for anchors alone; a locked one refuses to sign.
        await self.chain.purse()
        made = await self.chain.build(payload(anchor.head), rate=rate)
        if made.fee > self.schedule.most_fee:
            self._trouble(Trouble.FEE_CAP, f"it would cost {made.fee} lit")
            return False
        raw = made.raw if isinstance(made, Built) else made.unsigned
        transaction, change = our_transaction(raw, anchor.head)
        if isinstance(made, Built):
            recorded = anchor.built(raw, txid=transaction.shown_txid, fee=made.fee, change=change)
        else:
            recorded = anchor.handed_out(made.psbt, txid=transaction.shown_txid, fee=made.fee, change=change)
        # Whoever was faster has its own transaction in the record; ours was seen by nobody and is forgotten.
        return await self.store.change(recorded)

    async def _collect(self, anchor: Anchor) -> bool:
        raw = await self.chain.collect(anchor)
        if raw is None:
            self._trouble(Trouble.SIGNATURE_AWAITED, f"anchor {anchor.number}")
            return False
        try:
            transaction, change = our_transaction(raw, anchor.head)
        except ChainRefused as refused:
            raise ChainRefused(Trouble.WRONG_SIGNED, refused.detail) from refused
        # The id covers coins, outputs and amounts: only the signatures can be new.
        if transaction.shown_txid != anchor.txid:
            raise ChainRefused(Trouble.WRONG_SIGNED, f"anchor {anchor.number}")
        return await self.store.change(anchor.built(raw, txid=anchor.txid, fee=anchor.fee, change=change))

    async def _send(self, anchor: Anchor, at: int) -> bool:
        found = await self.chain.whereabouts(anchor.txid)
        if _is_lost(found):
            return await self._spoil(anchor)
        if found.seen is Seen.NOWHERE:
            await self.chain.send([anchor.raw])
            # A node may take a transaction and have it nowhere.
            found = await self.chain.whereabouts(anchor.txid)
        if found.seen not in {Seen.WAITING, Seen.MINED}:
            self._trouble(Trouble.TRANSACTION_REFUSED, f"anchor {anchor.number}")
            return False
        await self.store.change(anchor.sent(at))
        return False

    async def _watch(self, anchor: Anchor, at: int) -> bool:
        found = await self.chain.whereabouts(anchor.txid)
        if found.seen is Seen.MINED:
            return await self.store.change(anchor.mined(await self._place(anchor, found), at))
        if _is_lost(found):
            return await self._spoil(anchor)
        if found.seen is Seen.NOWHERE or await self._misses_a_child(anchor):
            # Forgotten by the mempool, or killed between record and sending.
            await self.chain.send([anchor.raw, *(child.raw for child in anchor.children)])
            return False
        return await self._raise_when_due(anchor, at)

    async def _misses_a_child(self, anchor: Anchor) -> bool:
        return bool(anchor.children) and (await self.chain.whereabouts(anchor.children[-1].txid)).seen is Seen.NOWHERE

    async def _raise_when_due(self, anchor: Anchor, at: int) -> bool:
        assert anchor.unmined_since is not None
        waited_s = at - max(anchor.unmined_since, anchor.raised_at or 0)
        if waited_s < self.schedule.raise_after_s or len(anchor.children) == MOST_CHILDREN:
            return False
        fee = await self._raising_fee(anchor)
        if fee is None:
            return False
        child = await self.chain.raise_fee(anchor, fee=fee)
        # Recorded, and sent in the next turn.
        return child is not None and await self.store.change(anchor.raised(child, at))

    async def _raising_fee(self, anchor: Anchor) -> int | None:
        """What one more child pays: that all of them together have twice the rate of the time before."""
        vbytes = _CHILD_VBYTES + sum(map(_vbytes, (anchor.raw, *(child.raw for child in anchor.children))))
        least = await self.chain.least_rate()
        rate = min(self.schedule.most_rate, max(least, self.schedule.rate) << len(anchor.children) + 1)
        # A child pays for its own way into the mempool, whatever the others have paid.
        fee = max(rate * vbytes - anchor.paid, least * _CHILD_VBYTES)
        if least > self.schedule.most_rate or anchor.paid + fee > self.schedule.most_fee:
            self._trouble(Trouble.FEE_CAP, f"anchor {anchor.number} would cost {anchor.paid + fee} lit")
            return None
        return fee

    async def _deepen(self, anchor: Anchor, tip: Block, at: int) -> bool:
        found = await self.chain.whereabouts(anchor.txid)
        assert anchor.place is not None
        if found.seen is not Seen.MINED or found.block != anchor.place.block:
            self._trouble(Trouble.REORG, f"anchor {anchor.number} lost block {anchor.place.block}")
            return await self.store.change(anchor.reorganised(at))
        event = deepened(anchor, blocks=tip.height - anchor.place.height + 1, at=at)
        return event is not None and await self.store.change(anchor.deeper(event))

    async def _place(self, anchor: Anchor, found: Whereabouts) -> InBlock:
        block = await self.chain.block(found.block)
        if anchor.txid not in block.txids or len(set(block.txids)) != len(block.txids):
            raise ChainUnavailable("the node shows a block without the transaction that it says is in it")
        position = block.txids.index(anchor.txid)
        branch = branch_from([bytes.fromhex(txid)[::-1] for txid in block.txids], position)
        return InBlock(
            block=found.block,
            height=block.height,
            position=position,
            transactions=len(block.txids),
            branch=branch,
        )

    async def _spoil(self, anchor: Anchor) -> bool:
        self._trouble(Trouble.SPOILT, f"anchor {anchor.number}")
        return await self.store.change(anchor.spoilt())


def our_transaction(raw: bytes, head: TreeHead) -> tuple[Transaction, int]:
    """The transaction of these bytes and the place of its change, when it is one of ours for this head.

    The payload, and one bech32 output that comes back: without it nobody could raise its fee, and with another one it
    would pay somebody. ``ChainRefused`` for anything else: it is not recorded, and not sent.
    """
    try:
        transaction = parse_transaction(raw)
        if anchored_head(transaction) != head or len(transaction.outputs) != 2:
            raise ChainRefused(Trouble.WALLET_UNFIT, "a transaction of another form was made")
    except ProtocolError as error:
        raise ChainRefused(Trouble.WALLET_UNFIT, f"no anchor was made: {error.code}") from error
    [change] = [place for place, output in enumerate(transaction.outputs) if not output.script.startswith(b"\x6a")]
    script = transaction.outputs[change].script
    if len(script) != 22 or not script.startswith(_BECH32):
        raise ChainRefused(Trouble.WALLET_UNFIT, "the change is not bech32")
    return transaction, change


def _vbytes(raw: bytes) -> int:
    return virtual_bytes(parse_transaction(raw), raw)


def _is_lost(found: Whereabouts) -> bool:
    return found.seen is Seen.CONFLICTED and found.blocks >= CONFIRMED_BLOCKS
