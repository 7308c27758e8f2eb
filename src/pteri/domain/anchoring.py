"""An anchor from its plan to the block that nobody replaces any more (docs/spec section 7.8, docs/spec/anchors.md 7).

What is kept is one record for each anchor. Its transaction is in the record *before* it is sent: whoever dies between
the two sends the same bytes again, and there is never a second transaction for one anchor. A block that is replaced is
no error: the anchor is back where it waits for a block.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from pteri.core.ids import to_base64url
from pteri.core.log.tree import TreeHead
from pteri.domain.tables import step

__all__ = [
    "ANCHOR_TABLE",
    "CONFIRMED_BLOCKS",
    "FINAL_BLOCKS",
    "FINAL_S",
    "OPEN_ANCHORS",
    "SETTLED_ANCHORS",
    "Anchor",
    "AnchorEvent",
    "AnchorState",
    "Child",
    "InBlock",
    "deepened",
    "is_live",
    "misfit",
    "plan_anchor",
]

CONFIRMED_BLOCKS: Final = 24
"""An hour of blocks, nearly twice as many as were replaced at once on the main network in April 2026."""
FINAL_BLOCKS: Final = 100
FINAL_S: Final = 6 * 3600
"""And so long since it was seen in its block: a hundred fast blocks alone are not enough."""


class AnchorState(StrEnum):
    """Where an anchor stands."""

    PLANNED = "PLANNED"
    SENT = "SENT"
    MINED = "MINED"
    CONFIRMED = "CONFIRMED"
    FINAL = "FINAL"
    SPOILT = "SPOILT"


class AnchorEvent(StrEnum):
    """What can happen to an anchor."""

    REFRESH = "REFRESH"
    """The log grew before anything was built: a newer head takes its place."""
    BUILD = "BUILD"
    """Its transaction was made, or handed out to be signed, or came back signed. Nobody has seen it."""
    SEND = "SEND"
    """A node took the transaction."""
    RAISE = "RAISE"
    """A child pays for it, so that it is mined sooner."""
    MINE = "MINE"
    """It is in a block."""
    CONFIRM = "CONFIRM"
    """Its block and those after it are 24."""
    FINALISE = "FINALISE"
    """They are 100, and it has been in its block for six hours."""
    REORG = "REORG"
    """Its block was replaced."""
    SPOIL = "SPOIL"
    """Another transaction spent its coin, 24 blocks deep: it will be in no block."""


_S, _E = AnchorState, AnchorEvent
ANCHOR_TABLE: Final = {
    (_S.PLANNED, _E.REFRESH): _S.PLANNED,
    (_S.PLANNED, _E.BUILD): _S.PLANNED,
    (_S.PLANNED, _E.SEND): _S.SENT,
    (_S.PLANNED, _E.SPOIL): _S.SPOILT,
    (_S.SENT, _E.RAISE): _S.SENT,
    (_S.SENT, _E.MINE): _S.MINED,
    (_S.SENT, _E.SPOIL): _S.SPOILT,
    (_S.MINED, _E.CONFIRM): _S.CONFIRMED,
    (_S.MINED, _E.REORG): _S.SENT,
    (_S.CONFIRMED, _E.FINALISE): _S.FINAL,
    (_S.CONFIRMED, _E.REORG): _S.SENT,
}

OPEN_ANCHORS: Final = frozenset({AnchorState.PLANNED, AnchorState.SENT})
"""No other one of its log is begun while one is open."""
SETTLED_ANCHORS: Final = frozenset({AnchorState.FINAL, AnchorState.SPOILT})
"""Nothing happens to these any more."""
_LEAST_VERSION: Final = {
    AnchorState.PLANNED: 1,
    AnchorState.SENT: 3,
    AnchorState.SPOILT: 3,
    AnchorState.MINED: 4,
    AnchorState.CONFIRMED: 5,
    AnchorState.FINAL: 6,
}
"""After the shortest walk, without children: plan, build, send, and so on."""


class Child(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction that spends the change of an anchor and pays for both. ``txid`` as nodes show it; ``fee``: lit."""

    raw: bytes
    txid: str
    fee: int


class InBlock(msgspec.Struct, frozen=True, kw_only=True):
    """Where a transaction is: block as nodes show it, its place of so many, hashes from below as they are hashed."""

    block: str
    height: int
    position: int
    transactions: int
    branch: tuple[bytes, ...]


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """One anchor of the log ``log``; ``number`` counts them from 1, ``version`` the changes of this record from 1.

    ``psbt``: what somebody else is to sign, where the keys are elsewhere. ``raw``: the signed transaction; empty before
    there is one. ``txid`` as nodes show it; ``fee`` in lit; ``change``: which of its outputs comes back to us.
    ``unmined_since``: Unix second from which it has waited for a block; ``mined_at``: in which it was seen in one.
    """

    log: str
    number: int
    head: TreeHead
    planned_at: int
    version: int = 1
    state: AnchorState = AnchorState.PLANNED
    psbt: str = ""
    raw: bytes = b""
    txid: str = ""
    fee: int = 0
    change: int = 0
    children: tuple[Child, ...] = ()
    unmined_since: int | None = None
    raised_at: int | None = None
    mined_at: int | None = None
    place: InBlock | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still has to come into a block."""
        return self.state in OPEN_ANCHORS

    @property
    def is_settled(self) -> bool:
        """Whether nothing happens to it any more."""
        return self.state in SETTLED_ANCHORS

    @property
    def is_built(self) -> bool:
        """Whether there is a transaction, signed or handed out: from then on its tree head is fixed."""
        return bool(self.psbt or self.raw)

    @property
    def paid(self) -> int:
        """Lit that it has cost, with its children."""
        return self.fee + sum(child.fee for child in self.children)

    def refreshed(self, head: TreeHead) -> Anchor:
        """This anchor for a newer head."""
        if self.is_built:
            raise AssertionError("the head of a transaction that may be out does not change")
        return self._after(AnchorEvent.REFRESH, head=head)

    def handed_out(self, psbt: str, *, txid: str, fee: int, change: int) -> Anchor:
        """This anchor with what somebody else is to sign. ``txid`` is known already: no signature is in it."""
        return self._after(AnchorEvent.BUILD, psbt=psbt, txid=txid, fee=fee, change=change)

    def built(self, raw: bytes, *, txid: str, fee: int, change: int) -> Anchor:
        """This anchor with its transaction, for ever: there is no second one."""
        if self.raw:
            raise AssertionError("an anchor has one transaction")
        return self._after(AnchorEvent.BUILD, raw=raw, txid=txid, fee=fee, change=change)

    def sent(self, at: int) -> Anchor:
        """This anchor, known to the network."""
        return self._after(AnchorEvent.SEND, unmined_since=at)

    def raised(self, child: Child, at: int) -> Anchor:
        """This anchor with one more child that pays for it."""
        return self._after(AnchorEvent.RAISE, children=(*self.children, child), raised_at=at)

    def mined(self, place: InBlock, at: int) -> Anchor:
        """This anchor in a block."""
        return self._after(AnchorEvent.MINE, place=place, mined_at=at, unmined_since=None)

    def deeper(self, event: AnchorEvent) -> Anchor:
        """This anchor under more blocks."""
        return self._after(event)

    def reorganised(self, at: int) -> Anchor:
        """This anchor without its block: what was proved with that is to be proved anew."""
        return self._after(AnchorEvent.REORG, place=None, mined_at=None, unmined_since=at)

    def spoilt(self) -> Anchor:
        """This anchor, given up."""
        return self._after(AnchorEvent.SPOIL, unmined_since=None)

    def _after(self, event: AnchorEvent, **changes: object) -> Anchor:
        state = step(ANCHOR_TABLE, self.state, event)
        return msgspec.structs.replace(self, state=state, version=self.version + 1, **changes)

    def __repr__(self) -> str:
        return f"Anchor({self.number}, {self.state}, {self.head.size} leaves, {to_base64url(self.head.root)})"


def misfit(anchor: Anchor) -> str | None:
    """Why no walk through the table ends at this record; ``None``: one does. For whoever looks at what is stored."""
    state, sent = anchor.state, anchor.state is not AnchorState.PLANNED
    in_block = state in {AnchorState.MINED, AnchorState.CONFIRMED, AnchorState.FINAL}
    least = _LEAST_VERSION[state] + len(anchor.children)
    rules = (
        (anchor.number >= 1 and anchor.head.size >= 1, "an anchor has a number from 1, and a tree with leaves"),
        (bool(anchor.raw) or not sent, f"{state} without a transaction"),
        (bool(anchor.txid) == anchor.is_built, "a name of a transaction that there is not, or one without a name"),
        (bool(anchor.children) == (anchor.raised_at is not None), "its fee was raised, or was not"),
        (sent or not anchor.children, "a fee that was raised for what was never sent"),
        ((anchor.unmined_since is not None) == (state is AnchorState.SENT), f"{state}, and waits for a block or not"),
        ((anchor.place is not None) == in_block, f"{state} with or without a block"),
        ((anchor.mined_at is not None) == in_block, f"{state} with or without the time of its block"),
        (anchor.version >= least + (anchor.is_built and not sent), f"{state} in version {anchor.version}"),
    )
    return next((why for holds, why in rules if not holds), None)


def is_live(anchor: Anchor) -> bool:
    """Whether it still holds the one place for an open anchor: it has never been in a block, and is not given up.

    One whose block was replaced is open again, and others were begun meanwhile.
    """
    if anchor.state is not AnchorState.SENT:
        return anchor.state is AnchorState.PLANNED
    return anchor.version <= _LEAST_VERSION[AnchorState.MINED] + len(anchor.children)


def plan_anchor(log: str, head: TreeHead, *, after: Anchor | None, at: int) -> Anchor:
    """The next anchor of this log, after its newest one."""
    return Anchor(log=log, number=1 if after is None else after.number + 1, head=head, planned_at=at)


def deepened(anchor: Anchor, *, blocks: int, at: int) -> AnchorEvent | None:
    """What follows when its block and those after it are so many at ``at``; ``None``: nothing yet."""
    match anchor.state:
        case AnchorState.MINED if blocks >= CONFIRMED_BLOCKS:
            return AnchorEvent.CONFIRM
        case AnchorState.CONFIRMED if (
            blocks >= FINAL_BLOCKS and anchor.mined_at is not None and at - anchor.mined_at >= FINAL_S
        ):
            return AnchorEvent.FINALISE
        case _:
            return None
