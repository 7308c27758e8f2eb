"""Growths of a log for tests of its book: leaves of events that have a position, under the checkpoint of a test key."""

from __future__ import annotations

import hashlib

import msgspec

import builders as b
from commits import committed
from notes import LOG
from pteri.app.growing import first_state
from pteri.app.log_ports import Growth, LogBook, LogState, NewLeaf, Tail, Unlogged
from pteri.app.ports import Store
from pteri.core.keys.secret import Secret
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.core.log.tree import Frontier, leaf_hash

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
