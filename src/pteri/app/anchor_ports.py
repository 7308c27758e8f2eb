"""What anchoring needs of the world: where anchors are kept, and a node (docs/spec/anchors.md sections 7 to 9).

Amounts are whole lit, 1e-8 of a litecoin, and rates lit for a virtual byte; never a fraction, never a float. Hashes of
blocks and transactions are as nodes show them, in hex.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from pteri.core.anchor.proof import Block
from pteri.domain.anchoring import Anchor, Child

__all__ = [
    "AnchorStore",
    "Built",
    "Chain",
    "ChainRefused",
    "ChainUnavailable",
    "HandedOut",
    "KeptAnchor",
    "MinedBlock",
    "Purse",
    "Seen",
    "Trouble",
    "Whereabouts",
]


class KeptAnchor(msgspec.Struct, frozen=True):
    """An anchor with the key that it is found by. ``agrees``: all that it is found by is as its record says."""

    log: str
    number: int
    agrees: bool
    anchor: Anchor


class AnchorStore(Protocol):
    """Where anchors are kept. Raises ``StoreUnavailable``.

    * *one*: an anchor begins only with the next number of its log, and only while no other one of it is open.
    * *serial*: of two changes of one version, one wins.
    * *for ever*: no anchor is removed, and its number, its log and the instant of its plan do not change.
    * *durable*: as the registry.
    """

    async def begin(self, anchor: Anchor) -> bool:
        """Whether this new anchor is durable now."""
        ...

    async def change(self, anchor: Anchor) -> bool:
        """Whether it is durable now in the place of the version before its own."""
        ...

    async def unsettled(self, log: str, limit: int) -> list[Anchor]:
        """Those to which something may still happen, the oldest first."""
        ...

    async def newest(self, log: str, limit: int) -> list[Anchor]:
        """The newest ones, the newest first."""
        ...

    async def over(self, log: str, leaf_index: int) -> Anchor | None:
        """The oldest one in a block whose tree has this leaf."""
        ...

    async def kept(self, after: tuple[str, int] | None, limit: int) -> list[KeptAnchor]:
        """All of all logs in order of (log, number), after the given one: for checks over everything."""
        ...


class Trouble(StrEnum):
    """What keeps anchors waiting, or is worth a look: a closed list. No sign-in waits with them."""

    NODE_DOWN = "NODE_DOWN"
    """The node does not answer, or not as agreed."""
    NODE_BEHIND = "NODE_BEHIND"
    """It is still looking for the newest blocks."""
    NODE_REFUSED = "NODE_REFUSED"
    """It answers with an error that has no name here; its number is in the detail."""
    NODE_UNAUTHORISED = "NODE_UNAUTHORISED"
    """It does not know our user or cookie."""
    NODE_TOO_OLD = "NODE_TOO_OLD"
    """A node of the main network without the consensus fixes of 0.21.5.5."""
    WRONG_NETWORK = "WRONG_NETWORK"
    """It is of another network than the settings say."""
    WALLET_LOCKED = "WALLET_LOCKED"
    WALLET_UNFIT = "WALLET_UNFIT"
    """No such wallet, or not one for anchors alone: coins that are not bech32, keys where there should be none."""
    NO_FUNDS = "NO_FUNDS"
    FEE_CAP = "FEE_CAP"
    """It would cost more than the settings allow."""
    TRANSACTION_REFUSED = "TRANSACTION_REFUSED"
    """The node would not take the transaction, or it is in no mempool after it was sent."""
    SIGNATURE_AWAITED = "SIGNATURE_AWAITED"
    """A transaction lies there to be signed elsewhere."""
    WRONG_SIGNED = "WRONG_SIGNED"
    """What came back signed is another transaction, or not wholly signed."""
    UNMINED_6H = "UNMINED_6H"
    REORG = "REORG"
    """The block of an anchor was replaced."""
    SPOILT = "SPOILT"
    """The coin of an anchor was spent elsewhere: its wallet is not for anchors alone."""


class ChainUnavailable(Exception):
    """The node does not answer, or not as agreed. Whether it did what it was asked for is not known."""


class ChainRefused(Exception):
    """The node, or its adapter, says no; ``trouble`` says which no. Nothing was done."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(f"{trouble}: {detail}" if detail else trouble)
        self.trouble = trouble
        self.detail = detail


class Seen(StrEnum):
    """Where a node sees a transaction of its wallet."""

    NOWHERE = "NOWHERE"
    WAITING = "WAITING"
    """In its mempool."""
    MINED = "MINED"
    """In a block of its best chain."""
    CONFLICTED = "CONFLICTED"
    """A block has another transaction that spends the same coin."""


class Whereabouts(msgspec.Struct, frozen=True):
    """``blocks``: its block, or that of the conflict, and those after it. ``block``, ``height``: where it is mined."""

    seen: Seen
    blocks: int = 0
    block: str = ""
    height: int = 0


class MinedBlock(msgspec.Struct, frozen=True):
    """A block: its height and the ids of its transactions, as nodes show them, in their order."""

    height: int
    txids: tuple[str, ...]


class Purse(msgspec.Struct, frozen=True):
    """``spendable``: lit of confirmed coins and of our own change. ``is_locked``: no key can be used now."""

    spendable: int
    is_locked: bool


class Built(msgspec.Struct, frozen=True):
    """A signed transaction that was made and not sent. ``fee`` in lit."""

    raw: bytes
    fee: int


class HandedOut(msgspec.Struct, frozen=True):
    """A transaction that somebody else is to sign, base64 of BIP-174; ``unsigned``: its bytes without signatures."""

    psbt: str
    unsigned: bytes
    fee: int


class Chain(Protocol):
    """A node and its wallet. Raises ``ChainUnavailable`` and ``ChainRefused``; bounded in time and size."""

    @property
    def network(self) -> str:
        """main, test or regtest."""
        ...

    async def tip(self) -> Block:
        """The newest block of its best chain. Refuses a node of another network, too old, or still behind."""
        ...

    async def headers(self, first_height: int, count: int) -> tuple[bytes, ...]:
        """At most ``count`` headers of the best chain from this height on, in order; fewer at its end."""
        ...

    async def block(self, shown_id: str) -> MinedBlock:
        """The block with this name."""
        ...

    async def whereabouts(self, txid: str) -> Whereabouts:
        """Where it sees this transaction."""
        ...

    async def least_rate(self) -> int:
        """Lit for a virtual byte below which it takes nothing now."""
        ...

    async def purse(self) -> Purse:
        """What the wallet holds; refuses one that is not for anchors alone."""
        ...

    async def build(self, payload: bytes, *, rate: int) -> Built | HandedOut:
        """A new transaction with this payload in its first output and its change, bech32, in its second; not sent.

        It says that it may not be replaced: nobody here raises a fee that way.
        """
        ...

    async def collect(self, anchor: Anchor) -> bytes | None:
        """What came back signed for this anchor; ``None``: nothing yet. It is put out to be signed where it is not."""
        ...

    async def raise_fee(self, anchor: Anchor, *, fee: int) -> Child | None:
        """A child that spends the last output of ours and pays so much; not sent. ``None``: the keys are elsewhere."""
        ...

    async def send(self, raws: Sequence[bytes]) -> None:
        """Hand these over, in their order, unless it has them; each is asked about first. Those that it has stay."""
        ...
