"""Anchors of the log of a world, as a worker would have left them: one in each state that they can be in together."""

from __future__ import annotations

import hashlib

from anchors import anchor_transaction, block_tree, branch_of, output, transaction
from pteri.app.log_reading import head
from pteri.app.ports import Store
from pteri.core.anchor.transaction import parse_transaction
from pteri.domain.anchoring import Anchor, AnchorEvent, Child, InBlock, plan_anchor

__all__ = ["anchored"]

AT = 1_795_100_000
CHILD = transaction([output(bytes.fromhex("0014") + bytes(20), 3_990_000)])


async def anchored(store: Store, log: str) -> list[Anchor]:
    """A final one, one that was given up, a confirmed one, a mined one whose fee was raised, and one that waits."""
    made: list[Anchor] = []
    for number in range(1, 6):
        size = 2 * number
        planned = plan_anchor(log, await head(store.book, size), after=made[-1] if made else None, at=AT + number)
        assert await store.anchors.begin(planned)
        for step in _walk(planned, number):
            assert await store.anchors.change(step)
            planned = step
        made.append(planned)
    return made


def _walk(planned: Anchor, number: int) -> list[Anchor]:
    raw = anchor_transaction(planned.head)
    txid = parse_transaction(raw).shown_txid
    walk = [planned.built(raw, txid=txid, fee=1660, change=1)]

    def then(anchor: Anchor) -> None:
        walk.append(anchor)

    if number == 2:
        then(walk[-1].spoilt())
        return walk
    then(walk[-1].sent(AT + 10))
    if number == 4:
        child = Child(raw=CHILD, txid=parse_transaction(CHILD).shown_txid, fee=5000)
        then(walk[-1].raised(child, AT + 20))
    if number < 5:
        then(walk[-1].mined(_place(txid, number), AT + 30))
    if number in {1, 3}:
        then(walk[-1].deeper(AnchorEvent.CONFIRM))
    if number == 1:
        then(walk[-1].deeper(AnchorEvent.FINALISE))
    return walk


def _place(txid: str, number: int) -> InBlock:
    txids = [hashlib.sha256(b"transaction %d" % other).digest() for other in range(7)]
    txids[3] = bytes.fromhex(txid)[::-1]
    branch = tuple(branch_of(block_tree(txids), 3))
    block = hashlib.sha256(b"block %d" % number).hexdigest()
    return InBlock(block=block, height=3_000_000 + number, position=3, transactions=7, branch=branch)
