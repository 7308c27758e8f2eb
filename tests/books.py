"""Growths of a log for tests of its book: leaves of events that have a position, under the checkpoint of a test key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

import builders as b
from commits import committed
from notes import LOG
from pteri.app.growing import Longer, first_state
from pteri.app.log_ports import Growth, LogBook, Logged, LogState, NewLeaf, Tail, Unlogged
from pteri.app.ports import Changeset, Store
from pteri.audit.leaves import leaf_of, read_record
from pteri.core.ids import AccountId, TenantId
from pteri.core.keys.secret import Secret
from pteri.core.log.checkpoint import open_checkpoint, signed_checkpoint
from pteri.core.log.leaf import NOTHING, encode_leaf, parse_leaf
from pteri.core.log.salts import leaf_salt
from pteri.core.log.tree import Frontier, leaf_hash
from pteri.domain.evolving import AUTHORITY_CHANGES
from trees import Grown

replace = msgspec.structs.replace

FIRST = first_state(LOG)


def leaf(number: int) -> bytes:
    """Bytes of a leaf, which a book never reads."""
    return f"leaf {number}".encode()


def tail_of(event: Unlogged, *, secret: str = "secret") -> Tail:
    """Where an account goes on after this event."""
    name = f"{event.tenant} {event.account}".encode()
    hides = Secret(hashlib.sha256(secret.encode() + name).digest())
    last = leaf_hash(leaf(event.position))
    return Tail(event.tenant, event.account, hashlib.sha256(name).digest(), hides, event.seq, last, 1)


def growth(state: LogState, events: list[Unlogged], *, salt: str = "") -> Growth:
    """The log after these events. ``salt`` makes other leaves of the same events."""
    frontier, leaves, tails = Frontier.of(state.size, state.peaks), [], {}
    for event in events:
        made = leaf(event.position) + salt.encode()
        leaves.append(NewLeaf(frontier.size, made, (event.tenant, event.account, event.seq)))
        frontier, _ = frontier.appended(leaf_hash(made))
        tails[event.tenant, event.account] = tail_of(event)
    after = replace(
        state,
        version=state.version + 1,
        size=frontier.size,
        next_position=state.next_position + len(events),
        peaks=frontier.peaks,
        checkpoint=signed_checkpoint(frontier.head, LOG).note.encoded.decode(),
    )
    return Growth(after, tuple(leaves), (), tuple(tails.values()))


async def history(store: Store) -> list[Unlogged]:
    """Seven events of three accounts at two tenants, each with its position, and a log that has begun."""
    second = b.moved(b.opened(1), 1)
    third = b.moved(b.change_of(second).account, 2)
    await committed(store, b.opening(2), b.opening(1, tenant=b.OTHER_TENANT), b.opening(1))
    await committed(store, second, third, b.moved(b.opened(2), 1))
    await committed(store, b.moved(b.opened(1, tenant=b.OTHER_TENANT), 1))
    while await store.sequence(3):
        pass
    assert await store.book.start(FIRST)
    return await store.book.unlogged(0, 100)


async def state_of(book: LogBook) -> LogState:
    """The state of a log that has begun."""
    state = await book.state()
    assert state is not None
    return state


async def content(book: LogBook) -> list[object]:
    """Everything that a growth can have left behind."""
    keys = [(b.TENANT, b.account_id(1)), (b.TENANT, b.account_id(2)), (b.OTHER_TENANT, b.account_id(1))]
    return [
        await book.state(),
        await book.leaves(0, 1000),
        await book.own_leaves(),
        [await book.nodes(level, 0, 1000) for level in (1, 2)],
        [(replace(tail, secret=None), tail.secret and tail.secret.reveal()) for tail in await book.tails(keys)],
        [await book.logged(*key, 0, 1000) for key in keys],
    ]


async def lengthened(book: LogBook, count: int) -> LogState:
    """The log with so many more leaves of its own, in one growth: for trees of any size."""
    longer = Longer(before := await state_of(book))
    for number in range(before.size, before.size + count):
        longer.append(leaf(number), None)
    assert await book.grow(longer.growth(LOG, ()))
    return await state_of(book)


def recorded(changeset: Changeset) -> Changeset:
    """The same without evidence, as of events that nobody signed: the signed bytes of builders are no payloads."""
    change = b.change_of(changeset)
    events = tuple(replace(event, evidence=None) for event in change.events)
    return replace(changeset, account=replace(change, events=events))


async def lived(store: Store, accounts: int = 3, rounds: int = 3) -> None:
    """So many accounts with so many events each, in the order of rounds, and a log that has begun."""
    now = []
    for number in range(1, accounts + 1):
        await committed(store, recorded(b.opening(number)))
        now.append(b.opened(number))
    for turn in range(1, rounds):
        for place, account in enumerate(now):
            move = recorded(b.moved(account, turn))
            await committed(store, move)
            now[place] = b.change_of(move).account
    await store.book.start(FIRST)


async def check_book(store: Store, *, complete: bool = False, checkpoints: Iterable[str] = ()) -> None:
    """The whole log again, from the records: places in the order of positions, chains, edge, subtrees, checkpoint.

    ``complete``: nothing waits. ``checkpoints``: others that were handed out; all are of this one tree.
    """
    book = store.book
    state = await state_of(book)
    events = await book.unlogged(0, 1_000_000)
    assert [event.position for event in events] == list(range(len(events)))
    assert not complete or state.next_position == len(events) == await book.next_position()
    own = dict(await book.own_leaves())
    leaves = await book.leaves(0, 1_000_000)
    assert len(leaves) == state.size == state.next_position + len(own)
    seen: dict[tuple[TenantId, AccountId], Tail] = {}
    places: dict[tuple[TenantId, AccountId], list[Logged]] = {}
    following = iter(events)
    for place, made in enumerate(leaves):
        if place in own:
            assert own[place] == made
            continue
        event = next(following)
        key = event.tenant, event.account
        [tail] = await book.tails([key])
        before = seen.get(key)
        seen[key] = await _checked_leaf(event, made, tail, before)
        places.setdefault(key, []).append(Logged(event.seq, event.record, place, made))
    for key, last in seen.items():
        [tail] = await book.tails([key])
        assert (tail.seq, tail.last, tail.epoch) == (last.seq, last.last, last.epoch)
        assert await book.logged(*key, 0, 1_000_000) == places[key]
    tree = Grown(leaves)
    assert state.peaks == tree.frontier.peaks
    for level in (1, 2):
        hashes = await book.nodes(level, 0, 1_000_000)
        assert hashes == [tree.nodes[8 * level, place] for place in range(state.size >> 8 * level)]
    for note in (state.checkpoint, *checkpoints):
        shown = open_checkpoint(note.encode(), expected_log=LOG.verifier)
        assert tree.heads[shown.head.size] == shown.head
    assert open_checkpoint(state.checkpoint.encode(), expected_log=LOG.verifier).head.size == state.size


async def _checked_leaf(event: Unlogged, made: bytes, tail: Tail, before: Tail | None) -> Tail:
    parsed, record = parse_leaf(made), read_record(event.record)
    epoch = (0 if before is None else before.epoch) + (event.seq == 1 or type(record.event) in AUTHORITY_CHANGES)
    last = NOTHING if before is None else before.last
    assert event.seq == (1 if before is None else before.seq + 1)
    assert (parsed.index, parsed.account_seq, parsed.previous, parsed.epoch) == (tail.index, event.seq, last, epoch)
    if tail.secret is not None:
        salt = leaf_salt(tail.secret, event.seq)
        again = leaf_of(record, event.record, index=tail.index, previous=last, salt=salt, epoch=epoch)
        assert made == encode_leaf(again)
    return replace(tail, seq=event.seq, last=leaf_hash(made), epoch=epoch)
