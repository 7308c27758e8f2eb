"""A log in a store, grown as the service grows it, and looked at by somebody who believes none of its tables."""

from __future__ import annotations

from collections.abc import Sequence

import builders as b
from commits import committed
from notes import INDEXES, LOG
from pteri.adapters.store.codec import decode_recorded
from pteri.app.growing import first_state, grow
from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import Logged, LogState
from pteri.app.log_reading import head
from pteri.app.ports import Changeset, Store
from pteri.audit.leaves import leaf_of
from pteri.core.ids import AccountId, TenantId
from pteri.core.log.checking import verify_consistency
from pteri.core.log.checkpoint import Checkpoint, open_checkpoint
from pteri.core.log.leaf import NOTHING, encode_leaf, parse_leaf, verify_account_chain
from pteri.core.log.proving import consistency_proof
from pteri.core.log.salts import leaf_salt
from pteri.core.log.tree import leaf_hash
from pteri.domain.evolving import evolve
from trees import Grown
from world import SimEntropy

DESK = LogDesk(LOG, INDEXES)


def history() -> list[Changeset]:
    """Two tenants, three accounts, seven events."""
    one = b.opened()
    moves = [b.moved(one, 1)]
    moves.append(b.moved(b.change_of(moves[0]).account, 2))
    moves += [b.moved(b.opened(2), 1), b.moved(b.opened(1, tenant=b.OTHER_TENANT), 1)]
    return [b.opening(2), b.opening(1, tenant=b.OTHER_TENANT), b.opening(1), *moves]


async def begun(store: Store) -> Store:
    """The same, with a log that has no leaf."""
    assert await store.book.start(first_state(LOG))
    return store


async def placed(store: Store, *changesets: Changeset) -> None:
    """Commit, and give positions."""
    await committed(store, *changesets)
    while await store.sequence(100):
        pass


async def caught_up(store: Store, label: str = "growth") -> None:
    """The sequencer has had its turns."""
    while await store.sequence(100):
        pass
    entropy = SimEntropy(label)
    while await grow(store, DESK, entropy):
        pass


async def state_of(store: Store) -> LogState:
    state = await store.book.state()
    assert state is not None
    return state


async def everything(store: Store) -> list[Logged]:
    """Every leaf of every account, in order of place."""
    found: list[Logged] = []
    for account in await store.accounts(None, 1000):
        found += await store.book.logged(account.tenant, account.id, 0, 1000)
    return sorted(found, key=lambda each: each.place)


async def check_log(store: Store, *, handed_out: Sequence[str] = (), complete: bool = True) -> None:
    """Leaves are what the records make, in the order of their positions, once each; tree, nodes, edge and checkpoint
    are theirs; and every checkpoint that was ever ``handed_out`` is of the same tree.
    """
    state, book = await state_of(store), store.book
    leaves = await book.leaves(0, state.size + 10)
    own = dict(await book.own_leaves())
    tree = Grown(leaves)
    assert len(leaves) == state.size
    assert tree.frontier.peaks == state.peaks
    shown = open_checkpoint(state.checkpoint.encode(), expected_log=LOG.verifier)
    assert shown.head == tree.heads[-1] == await head(book, state.size)
    for level in (1, 2):
        nodes = await book.nodes(level, 0, state.size)
        assert nodes == [tree.nodes[8 * level, place] for place in range(state.size >> 8 * level)]
    log = await store.log(0, state.size + 10)
    expected = [(entry.recorded.tenant, entry.recorded.account, entry.recorded.seq) for entry in log]
    logged = await everything(store)
    assert [each.place for each in logged] == [place for place in range(state.size) if place not in own]
    records = [decode_recorded(each.record) for each in logged]
    assert [(each.tenant, each.account, each.seq) for each in records] == expected[: state.next_position]
    if complete:
        assert state.next_position == len(expected)
    for account in await store.accounts(None, 1000):
        await _check_account(store, account.tenant, account.id, leaves)
    for note in handed_out:
        before = open_checkpoint(note.encode(), expected_log=LOG.verifier).head
        assert before == tree.heads[before.size]
        path = consistency_proof(before.size, state.size, tree.read)
        verify_consistency(path, expected_old=before, expected_new=shown.head)


async def _check_account(store: Store, tenant: TenantId, account: AccountId, leaves: list[bytes]) -> None:
    logged = await store.book.logged(tenant, account, 0, 1000)
    tails = await store.book.tails([(tenant, account)])
    if not logged:
        assert tails == []
        return
    [tail] = tails
    assert tail.secret is not None
    assert tail.index == INDEXES.index_of(tail.tenant, tail.account)
    verify_account_chain([each.leaf for each in logged], expected_index=tail.index)
    previous, folded = NOTHING, None
    for each in logged:
        recorded = decode_recorded(each.record)
        folded = evolve(folded, recorded.event)
        salt = leaf_salt(tail.secret, each.seq)
        made = leaf_of(recorded, each.record, index=tail.index, previous=previous, salt=salt, epoch=folded.epoch)
        assert encode_leaf(made) == each.leaf == leaves[each.place]
        previous = leaf_hash(each.leaf)
    assert (tail.seq, tail.last) == (logged[-1].seq, previous)
    assert tail.epoch == parse_leaf(logged[-1].leaf).epoch


def opened(state: LogState) -> Checkpoint:
    return open_checkpoint(state.checkpoint.encode(), expected_log=LOG.verifier)
