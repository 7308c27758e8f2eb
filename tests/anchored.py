"""Anchors for tests, in every state that they come into."""

from __future__ import annotations

import hashlib

from pteri.core.log.tree import TreeHead
from pteri.domain.anchoring import Anchor, AnchorEvent, AnchorState, Child, InBlock, plan_anchor

LOG = "log.bank.example"
AT = 1_795_000_000
CHILD = Child(raw=b"child", txid="cc" * 32, fee=5000)


def head(size: int, label: str = "") -> TreeHead:
    return TreeHead(size, hashlib.sha256(f"root of {size} {label}".encode()).digest())


def place(label: str = "block", height: int = 102) -> InBlock:
    name = hashlib.sha256(label.encode()).hexdigest()
    return InBlock(block=name, height=height, position=1, transactions=3, branch=(bytes(32), bytes(range(32))))


def planned(number: int = 1, size: int = 5, log: str = LOG) -> Anchor:
    anchor = plan_anchor(log, head(size), after=None, at=AT)
    return Anchor(log=log, number=number, head=anchor.head, planned_at=AT)


def built(anchor: Anchor) -> Anchor:
    return anchor.built(b"\2raw", txid="aa" * 32, fee=1660, change=1)


def anchor_in(state: AnchorState, number: int = 1, size: int = 5) -> Anchor:
    """One that walked there in the shortest way."""
    anchor = planned(number, size)
    if state is AnchorState.PLANNED:
        return anchor
    anchor = built(anchor)
    if state is AnchorState.SPOILT:
        return anchor.spoilt()
    anchor = anchor.sent(AT + 1)
    if state is AnchorState.SENT:
        return anchor
    anchor = anchor.mined(place(), AT + 2)
    if state is AnchorState.MINED:
        return anchor
    anchor = anchor.deeper(AnchorEvent.CONFIRM)
    return anchor if state is AnchorState.CONFIRMED else anchor.deeper(AnchorEvent.FINALISE)
