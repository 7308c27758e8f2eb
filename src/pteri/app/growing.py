"""The log grows: events that have a position become leaves, under a checkpoint that the log signs (law 5).

Leaves, edge and signed checkpoint are one transaction, and the next turn begins from what it finds there: so a process
may die on any line. Of two that grow the log at once one comes too late, and nobody ever sees what it signed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import Growth, LogState, NewLeaf, NewNode, Tail, Unlogged
from pteri.app.ports import Entropy, Store, StoreUnavailable
from pteri.audit.leaves import leaf_of, read_record
from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, TenantId
from pteri.core.keys.secret import Secret
from pteri.core.log.checkpoint import open_checkpoint, signed_checkpoint
from pteri.core.log.index import AccountIndexes, IndexKey
from pteri.core.log.leaf import NOTHING, encode_leaf
from pteri.core.log.note import NoteSigner
from pteri.core.log.rotation import rotation_leaf
from pteri.core.log.salts import SECRET_BYTES, leaf_salt
from pteri.core.log.tree import EMPTY_FRONTIER, Frontier, leaf_hash
from pteri.domain.evolving import AUTHORITY_CHANGES

__all__ = [
    "Longer",
    "NoLog",
    "first_state",
    "grow",
    "grown",
    "handed_over",
    "is_signed",
    "require_index_key",
    "require_log",
]

_BATCH: Final = 200
_TILE_HEIGHT: Final = 8
_INDEX_KEY: Final = "log index key"

Account = tuple[TenantId, AccountId]


class NoLog(StoreUnavailable):
    """The settings name a log, and the database has none: somebody must start it, or restore the right database."""


def first_state(signer: NoteSigner) -> LogState:
    """A log without a leaf. Whether one may be begun is a decision of people."""
    note = signed_checkpoint(EMPTY_FRONTIER.head, signer).note
    return LogState(version=1, size=0, next_position=0, peaks=(), checkpoint=note.encoded.decode())


async def require_log(store: Store, signer: NoteSigner) -> LogState:
    """The log that this key signs; ``NoLog`` when the database has none, or one of another key.

    Never begun here: whoever serves with an empty database under the name of an old log would show the world two.
    """
    state = await store.book.state()
    if state is None:
        raise NoLog("there is no log in this database: begin it with `pteri log new`, or restore the right database")
    if not is_signed(state, signer):
        raise NoLog("the log in this database is of another key or name than the settings say")
    return state


def is_signed(state: LogState, signer: NoteSigner) -> bool:
    """Whether this key signed the newest checkpoint."""
    try:
        open_checkpoint(state.checkpoint.encode(), expected_log=signer.verifier)
    except ProtocolError:
        return False
    return True


async def require_index_key(store: Store, key: IndexKey) -> None:
    """Return when the numbers of this database's accounts are by this key; ``NoLog`` when they are by another one.

    The first key that asks is remembered. An account that got a second number would seem to be two.
    """
    if await store.pin(_INDEX_KEY, key.text) != key.text:
        raise NoLog("the log in this database has another index key than the settings say: restore that key")


async def grow(store: Store, desk: LogDesk, entropy: Entropy) -> bool:
    """Give leaves to some events that have a position and no leaf; whether more may be waiting."""
    book = store.book
    state = await require_log(store, desk.signer)
    waiting = await book.unlogged(state.next_position, _BATCH)
    if not waiting:
        return False
    accounts = sorted({(each.tenant, each.account) for each in waiting})
    tails = {(tail.tenant, tail.account): tail for tail in await book.tails(accounts)}
    try:
        growth = grown(state, waiting, tails, draw=entropy.draw, signer=desk.signer, indexes=desk.indexes)
    except StoreUnavailable:
        if await book.state() == state:
            raise
        # What was read is of two versions: another process was faster in between.
        return True
    # A new version of the state or none: what another process was faster with is seen in the next turn.
    await book.grow(growth)
    return len(waiting) == _BATCH


def grown(
    state: LogState,
    waiting: Sequence[Unlogged],
    tails: Mapping[Account, Tail],
    *,
    draw: Callable[[int], bytes],
    signer: NoteSigner,
    indexes: AccountIndexes,
) -> Growth:
    """The log after these events. ``tails``: those of their accounts that have a leaf already."""
    now = dict(tails)
    longer = Longer(state)
    for position, each in enumerate(waiting, start=state.next_position):
        if each.position != position:
            raise StoreUnavailable("the positions of the log have a gap")
        account = (each.tenant, each.account)
        leaf, now[account] = _leaf_and_tail(each, now.get(account), draw, indexes)
        longer.append(leaf, (*account, each.seq))
    changed = tuple(now[account] for account in sorted({(each.tenant, each.account) for each in waiting}))
    return longer.growth(signer, changed, events=len(waiting))


def handed_over(state: LogState, old: NoteSigner, new: NoteSigner) -> Growth:
    """The log with one more leaf, by which it hands over to a new key; that key signs from now on."""
    longer = Longer(state)
    longer.append(rotation_leaf(old, new, place=state.size), None)
    return longer.growth(new, ())


class Longer:
    """A log that gets leaves, one after another."""

    def __init__(self, state: LogState) -> None:
        self._state, self._frontier = state, Frontier.of(state.size, state.peaks)
        self._leaves: list[NewLeaf] = []
        self._nodes: list[NewNode] = []

    def append(self, leaf: bytes, event: tuple[TenantId, AccountId, int] | None) -> None:
        """One more, of this event or of the log itself."""
        self._leaves.append(NewLeaf(self._frontier.size, leaf, event))
        self._frontier, made = self._frontier.appended(leaf_hash(leaf))
        self._nodes += [
            NewNode(node.level // _TILE_HEIGHT, node.place, node.hash)
            for node in made
            if node.level and node.level % _TILE_HEIGHT == 0
        ]

    def growth(self, signer: NoteSigner, tails: tuple[Tail, ...], *, events: int = 0) -> Growth:
        """Everything that is new, under a checkpoint that this key signs."""
        note = signed_checkpoint(self._frontier.head, signer).note
        state = msgspec.structs.replace(
            self._state,
            version=self._state.version + 1,
            size=self._frontier.size,
            next_position=self._state.next_position + events,
            peaks=self._frontier.peaks,
            checkpoint=note.encoded.decode(),
        )
        return Growth(state, tuple(self._leaves), tuple(self._nodes), tails)


def _leaf_and_tail(
    each: Unlogged, before: Tail | None, draw: Callable[[int], bytes], indexes: AccountIndexes
) -> tuple[bytes, Tail]:
    tail = before or _first_tail(each, draw, indexes)
    if each.seq != tail.seq + 1:
        # It stops here, where somebody sees it: a leaf that skips one would be there for ever.
        raise StoreUnavailable("an account has an event that does not follow its last leaf")
    try:
        recorded = read_record(each.record)
        # Erased: whatever comes after has a salt that is told to nobody.
        secret = tail.secret or Secret(draw(SECRET_BYTES))
        leaf = encode_leaf(
            leaf_of(
                recorded,
                each.record,
                index=tail.index,
                previous=tail.last,
                salt=leaf_salt(secret, each.seq),
                epoch=(epoch := tail.epoch + (each.seq == 1 or type(recorded.event) in AUTHORITY_CHANGES)),
            )
        )
    except ProtocolError as error:
        raise StoreUnavailable("the database holds an event that cannot become a leaf") from error
    return leaf, msgspec.structs.replace(tail, seq=each.seq, last=leaf_hash(leaf), epoch=epoch)


def _first_tail(each: Unlogged, draw: Callable[[int], bytes], indexes: AccountIndexes) -> Tail:
    index = indexes.index_of(each.tenant, each.account)
    return Tail(each.tenant, each.account, index, Secret(draw(SECRET_BYTES)), seq=0, last=NOTHING, epoch=0)
