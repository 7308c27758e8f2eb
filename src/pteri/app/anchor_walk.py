"""Every anchor that is stored, looked at again with nothing but the database: its state, its head, its transaction.

What takes a node is not looked at: that a block has the root to which a branch leads. That is the proof of an anchor,
and whoever asks for one gets it verified (docs/spec/anchors.md section 5). Here it is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from pteri.app.anchor_ports import ChainRefused, KeptAnchor
from pteri.app.anchoring import our_transaction
from pteri.app.careful import CarefulReader, Unreadable
from pteri.app.deployment import Deployment
from pteri.app.findings import Damage, Findings
from pteri.app.fsck_progress import AnchorsSeen
from pteri.app.log_ports import LogState
from pteri.app.log_reading import head
from pteri.core.anchor.branch import block_root
from pteri.core.anchor.transaction import parse_transaction
from pteri.core.errors import ProtocolError
from pteri.core.log.checkpoint import claimed_head
from pteri.core.log.note import parse_note
from pteri.domain.anchoring import Anchor, is_live, misfit

__all__ = ["BLOCK", "UNSIGNED", "AnchorWalk"]

BLOCK: Final = "ANCHOR_BLOCK"
"""That its block has the root to which the branch of this anchor leads: the header is with the node."""
UNSIGNED: Final = "ANCHOR_UNSIGNED"
"""A transaction that somebody else is to sign is looked at when it comes back signed."""
_PAGE: Final = 50


class AnchorWalk:
    """One look at all anchors, from ``begun`` on. ``unchecked``: what could not be looked at, by the reason why."""

    def __init__(
        self,
        deployment: Deployment,
        reader: CarefulReader,
        findings: Findings,
        unchecked: Counter[str],
        *,
        step: Callable[[int], None],
        begun: AnchorsSeen,
    ) -> None:
        self.place = begun
        """How far it has come."""
        self._store, self._book, self._step = deployment.store.anchors, deployment.store.book, step
        self._reader, self._findings, self._unchecked = reader, findings, unchecked
        self._origin = ""
        self._state: LogState | None = None

    async def walk(self) -> None:
        """All anchors of all logs in the order of their numbers."""
        await self._read_log()
        while True:
            after = (self.place.log, self.place.number)
            page = await self._reader.page(self._store.kept, after, _PAGE)
            if page is None:
                where = f"the anchor after number {after[1]} of the log {after[0]}" if after[0] else "the first anchor"
                self._findings.note(Damage.UNREADABLE, f"{where} cannot be read; the rest was not looked at")
                return
            if not page:
                return
            for kept in page:
                await self._check(kept)
            self._step(len(page))

    async def _read_log(self) -> None:
        """The log that there is. Where it cannot be read, that is found with it."""
        try:
            self._state = await self._reader.read(self._book.state)
            if self._state is not None:
                self._origin = claimed_head(parse_note(self._state.checkpoint.encode()))[0]
        except (Unreadable, ProtocolError):
            self._origin = ""

    async def _check(self, kept: KeptAnchor) -> None:
        before, anchor = self.place, kept.anchor
        follows = before.log == kept.log
        if kept.number != (before.number + 1 if follows else 1):
            self._note(Damage.ANCHOR_GAP, kept, f"comes after number {before.number if follows else 0}")
        if follows and before.is_live:
            self._note(Damage.ANCHOR_TWICE, kept, "begun while the one before was open")
        if not kept.agrees:
            self._note(Damage.ANCHOR_DIFFERS, kept, "its row is not that of its record")
        if (why := misfit(anchor)) is not None:
            self._note(Damage.ANCHOR_DIFFERS, kept, why)
        if follows and anchor.head.size < before.size:
            self._note(Damage.ANCHOR_HEAD, kept, f"of {anchor.head.size} leaves, and the one before of {before.size}")
        await self._check_head(kept)
        self._check_transactions(kept)
        self._check_place(kept)
        self.place = AnchorsSeen(before.seen + 1, kept.log, kept.number, anchor.head.size, is_live(anchor))

    def _note(self, code: Damage, kept: KeptAnchor, detail: str) -> None:
        self._findings.note(code, f"anchor {kept.number} of {kept.log}: {detail}")

    async def _check_head(self, kept: KeptAnchor) -> None:
        """The log had this root when it had so many leaves, by the subtrees that were compared with its leaves."""
        size, state = kept.anchor.head.size, self._state
        if state is None or kept.log != self._origin:
            self._note(Damage.ANCHOR_HEAD, kept, "of a log that is not in this database")
        elif not 1 <= size <= state.size:
            self._note(Damage.ANCHOR_HEAD, kept, f"of {size} leaves, and the log has {state.size}")
        else:
            try:
                found = await self._reader.read(lambda: head(self._book, size))
            except Unreadable:
                found = None
            if found != kept.anchor.head:
                self._note(Damage.ANCHOR_HEAD, kept, f"another root than the log's first {size} leaves have")

    def _check_transactions(self, kept: KeptAnchor) -> None:
        anchor = kept.anchor
        if anchor.psbt and not anchor.raw:
            self._unchecked[UNSIGNED] += 1
        if not anchor.raw:
            return
        try:
            transaction, change = our_transaction(anchor.raw, anchor.head)
        except ChainRefused as refused:
            self._note(Damage.ANCHOR_TRANSACTION, kept, refused.detail)
            return
        if (transaction.shown_txid, change) != (anchor.txid, anchor.change):
            self._note(Damage.ANCHOR_TRANSACTION, kept, "its transaction has another name, or another change")
        for number, child in enumerate(anchor.children, 1):
            try:
                is_named = parse_transaction(child.raw).shown_txid == child.txid
            except ProtocolError:
                is_named = False
            if not is_named:
                self._note(Damage.ANCHOR_TRANSACTION, kept, f"child {number} is no transaction of its name")

    def _check_place(self, kept: KeptAnchor) -> None:
        if not self._is_in_a_tree(kept.anchor):
            self._note(Damage.ANCHOR_PLACE, kept, "its branch is none of a transaction at its place in a block")
        elif kept.anchor.place is not None:
            self._unchecked[BLOCK] += 1

    @staticmethod
    def _is_in_a_tree(anchor: Anchor) -> bool:
        place = anchor.place
        if place is None:
            return True
        try:
            name = bytes.fromhex(anchor.txid)[::-1]
            block_root(name, place.branch, position=place.position, count=place.transactions)
        except (ProtocolError, ValueError):
            return False
        return len(place.block) == 64 and place.height >= 0
