"""The book of the log again from the stored records: each leaf, the tree over them, and what was signed of it.

It looks at the log as it is when it begins: leaves are never changed, and what comes later is left to the next time. A
page and the last leaves of some accounts are all that is remembered.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final

from pteri.app.careful import CarefulReader, Unreadable
from pteri.app.deployment import Deployment
from pteri.app.findings import Damage, Findings
from pteri.app.fsck_progress import LeavesSeen
from pteri.app.leaf_again import Chained, compared_leaf
from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import LogState, NewLeaf, Tail, Unlogged
from pteri.app.log_signing import LogSigning
from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, TenantId
from pteri.core.log.leaf import parse_leaf
from pteri.core.log.tree import EMPTY_FRONTIER, Frontier, TreeHead, leaf_hash
from pteri.domain.account import Account

__all__ = ["ERASED", "LogWalk"]

ERASED: Final = "ERASED"
"""The secret of the account is gone, and with it the proof that these leaves are of these records."""

_PAGE: Final = 200
_ACCOUNTS_REMEMBERED: Final = 10_000
_TILE_HEIGHT: Final = 8

Key = tuple[TenantId, AccountId]


class LogWalk:
    """One look at one log, from ``begun`` on. ``unchecked``: what could not be looked at, by the reason why."""

    def __init__(
        self,
        deployment: Deployment,
        reader: CarefulReader,
        findings: Findings,
        unchecked: Counter[str],
        *,
        step: Callable[[int], None] = lambda _: None,
        begun: LeavesSeen | None = None,
    ) -> None:
        self._book, self._desk, self._step = deployment.store.book, deployment.log, step
        self._reader, self._findings, self._unchecked = reader, findings, unchecked
        self._state = None if begun is None else begun.state
        self._frontier: Frontier = EMPTY_FRONTIER if begun is None else Frontier.of(begun.size, begun.peaks)
        self._position = 0 if begun is None else begun.position
        self._witnessed: TreeHead | None = None if begun is None else begun.witnessed
        self._signing = LogSigning(
            self._desk, findings, unchecked, at=deployment.clock.now(), keys=() if begun is None else begun.keys
        )
        self._before: OrderedDict[Key, Chained] = OrderedDict()

    @property
    def leaves(self) -> int:
        """How many were looked at."""
        return self._frontier.size

    @property
    def place(self) -> LeavesSeen | None:
        """How far it has come; ``None`` before it began."""
        if self._state is None:
            return None
        edge = self._frontier.size, self._frontier.peaks
        return LeavesSeen(self._state, *edge, self._position, self._witnessed, self._signing.keys)

    async def walk(self) -> None:
        """All leaves in their places, then what was signed of them."""
        try:
            self._state = state = self._state or await self._reader.read(self._book.state)
        except Unreadable:
            self._findings.note(Damage.EDGE_DIFFERS, "the state of the log cannot be read")
            return
        if state is None:
            if self._desk is not None:
                self._findings.note(Damage.NO_LOG, "the settings name a log, and the database has none")
            return
        try:
            await self._walk_to_end(state)
        except Unreadable:
            detail = f"the log cannot be read at place {self._frontier.size} or soon after; the rest was not looked at"
            self._findings.note(Damage.UNREADABLE, detail)

    async def _walk_to_end(self, state: LogState) -> None:
        self._see_witnessed(state)
        while (before := self._frontier.size) < state.size:
            if not await self._walk_page(state):
                break
            self._see_witnessed(state)
            self._step(self._frontier.size - before)
        if self._frontier.size == state.size:
            self._check_edge(state)
        await self._check_end(state)

    def _see_witnessed(self, state: LogState) -> None:
        if self._frontier.size == state.witnessed_size:
            self._witnessed = self._frontier.head

    async def _walk_page(self, state: LogState) -> bool:
        """The next leaves; whether the walk can go on."""
        start = self._frontier.size
        # A page ends where something was witnessed: the root of that moment is compared.
        end = state.witnessed_size if start < state.witnessed_size else state.size
        entries = await self._reader.read(lambda: self._book.entries(start, min(_PAGE, end - start)))
        if not entries:
            self._findings.note(Damage.LEAF_GAP, f"no leaf from place {start} on, and the log says {state.size} leaves")
            return False
        mine = sum(entry.event is not None for entry in entries)
        events = await self._reader.read(lambda: self._book.unlogged(self._position, mine)) if mine else []
        accounts = sorted({entry.event[:2] for entry in entries if entry.event})
        found = await self._reader.read(lambda: self._book.tails(accounts))
        tails = {(tail.tenant, tail.account): tail for tail in found}
        following = iter(events)
        for entry in entries:
            if entry.place != self._frontier.size:
                self._findings.note(
                    Damage.LEAF_GAP, f"no leaf at place {self._frontier.size}; the rest was not looked at"
                )
                return False
            if entry.event is not None:
                await self._check_leaf(entry, entry.event, next(following, None), tails)
                self._position += 1
            else:
                self._signing.take(entry.place, entry.leaf)
            await self._append(entry.leaf)
        return True

    async def _append(self, leaf: bytes) -> None:
        self._frontier, made = self._frontier.appended(leaf_hash(leaf))
        for node in made:
            if node.level and node.level % _TILE_HEIGHT == 0:
                level = node.level // _TILE_HEIGHT
                await self._check_node(level, node.place, node.hash)

    async def _check_node(self, level: int, place: int, expected: bytes) -> None:
        if await self._reader.read(lambda: self._book.nodes(level, place, 1)) != [expected]:
            self._findings.note(Damage.NODE_DIFFERS, f"subtree {place} of level {level} has another hash, or none")

    async def _check_leaf(
        self, entry: NewLeaf, event: tuple[TenantId, AccountId, int], waited: Unlogged | None, tails: dict[Key, Tail]
    ) -> None:
        key, seq = event[:2], event[2]
        if waited is None or (waited.position, waited.tenant, waited.account, waited.seq) != (self._position, *event):
            detail = f"the leaf at place {entry.place} is not of the event at log position {self._position}"
            self._findings.note_event(Damage.LEAF_ORDER, detail, event)
            return
        tail, before = tails.get(key), await self._chain_before(key, seq)
        if tail is None or before is None:
            self._findings.note_event(Damage.TAIL_DIFFERS, "the chain of its account is not there", event)
            return
        try:
            after = self._compared(entry, waited, tail, before)
        except ProtocolError as error:
            self._findings.note_event(Damage.LEAF_DIFFERS, f"the leaf at place {entry.place}: {error.detail}", event)
            after = None
        self._remember(key, after)

    def _compared(self, entry: NewLeaf, waited: Unlogged, tail: Tail, before: Chained) -> Chained:
        """The chain after this leaf. ``ProtocolError`` when record or leaf is none."""
        compared = compared_leaf(entry.leaf, waited.record, waited.seq, tail=tail, before=before)
        if tail.secret is None:
            self._unchecked[ERASED] += 1
        if compared.others:
            detail = f"the leaf at place {entry.place} is not that of its record: another {', '.join(compared.others)}"
            self._findings.note_event(Damage.LEAF_DIFFERS, detail, (waited.tenant, waited.account, waited.seq))
        return compared.after

    async def _chain_before(self, key: Key, seq: int) -> Chained | None:
        if seq == 1:
            return Chained()
        known = self._before.get(key)
        if known is not None and known.seq == seq - 1:
            return known
        found = await self._reader.read(lambda: self._book.logged(*key, seq - 2, 1))
        if not found or found[0].seq != seq - 1:
            return None
        try:
            return Chained(seq - 1, leaf_hash(found[0].leaf), parse_leaf(found[0].leaf).epoch)
        except ProtocolError:
            return None

    def _remember(self, key: Key, after: Chained | None) -> None:
        self._before.pop(key, None)
        if after is not None:
            self._before[key] = after
        if len(self._before) > _ACCOUNTS_REMEMBERED:
            self._before.popitem(last=False)

    def _check_edge(self, state: LogState) -> None:
        note = self._findings.note
        if state.peaks != self._frontier.peaks:
            note(Damage.EDGE_DIFFERS, "the edge of the tree is not that of its leaves")
        if state.next_position != self._position:
            note(Damage.EDGE_DIFFERS, f"{self._position} events have a leaf, and the next one is {state.next_position}")
        self._signing.check(state, head=self._frontier.head, witnessed=self._witnessed)

    async def _check_end(self, state: LogState) -> None:
        """Nothing beyond the log, unless it has grown meanwhile."""
        beyond = bool(await self._reader.read(lambda: self._book.entries(state.size, 1)))
        subtrees = [bool(await self._book.nodes(level, state.size >> _TILE_HEIGHT * level, 1)) for level in (1, 2, 3)]
        now = await self._book.state()
        if now is None or now.version != state.version:
            return
        if beyond:
            self._findings.note(Damage.LEAF_GAP, f"a leaf beyond the {state.size} that the log has")
        if any(subtrees):
            self._findings.note(Damage.NODE_DIFFERS, "a subtree that the tree does not have yet")

    async def check_tail(self, account: Account) -> None:
        """The chain of this account goes on from its last leaf."""
        try:
            await self._compare_tail(account)
        except Unreadable:
            self._findings.note(Damage.TAIL_DIFFERS, "it cannot be read, or the leaf before it", account)

    async def _compare_tail(self, account: Account) -> None:
        tail = await self._tail(account)
        seq = 0 if tail is None else tail.seq
        found = await self._reader.read(lambda: self._book.logged(account.tenant, account.id, max(0, seq - 1), 2))
        if tail is not None and not (found and found[0].seq == seq and self._is_last(tail, found[0].leaf)):
            self._findings.note(Damage.TAIL_DIFFERS, "not where its last leaf is", account, seq)
        elif tail is not None and self._desk is not None and tail.index != self._index_of(self._desk, account):
            self._findings.note(
                Damage.TAIL_DIFFERS, "not the number of this account by the log's index key", account, seq
            )
        elif any(each.seq > seq for each in found) and await self._tail(account) == tail:
            self._findings.note(Damage.TAIL_DIFFERS, "there are leaves after it", account, seq)

    @staticmethod
    def _index_of(desk: LogDesk, account: Account) -> bytes:
        # Its leaves agree with the number of the tail, and both may have been written past us.
        return desk.indexes.index_of(account.tenant, account.id)

    @staticmethod
    def _is_last(tail: Tail, leaf: bytes) -> bool:
        try:
            parsed = parse_leaf(leaf)
        except ProtocolError:
            return False
        return (tail.last, tail.epoch, tail.index) == (leaf_hash(leaf), parsed.epoch, parsed.index)

    async def _tail(self, account: Account) -> Tail | None:
        found = await self._reader.read(lambda: self._book.tails([(account.tenant, account.id)]))
        return found[0] if found else None
