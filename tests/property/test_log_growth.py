"""The log grows through the real store, whatever the batches, whoever else grows it, and wherever somebody dies.

After any history: the tree is the one that the same leaves make at once, and every proof between what was ever shown is
right, by our own verifier and by another hand's library.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree
from pymerkle import verify_consistency as verified_elsewhere
from pymerkle import verify_inclusion as included_elsewhere

import builders as b
from books import FIRST, check_book, lengthened, recorded, state_of
from commits import committed
from interrupting import failing_at
from log_books import DESK
from notes import INDEXES, LOG
from postgres import PostgresServer
from pteri.adapters.store.postgres import PostgresStore
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.growing import grow, grown
from pteri.app.log_ports import Growth
from pteri.app.log_reading import consistency, head, inclusion
from pteri.app.ports import Store, StoreUnavailable
from pteri.core.log.checking import verify_consistency, verify_inclusion
from pteri.core.log.checkpoint import open_checkpoint
from pteri.core.log.tree import TreeHead, leaf_hash
from pteri.domain.account import Account
from trees import Grown, root_by_definition
from wire import When, Wire
from world import SimEntropy

ACCOUNTS = 4
SEQUENCERS = 3


# --- what happens ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Happens:
    """Something is committed for this account."""

    account: int


@dataclass(frozen=True)
class Places:
    """A sequencer gives so many positions; it dies at this statement, if there are so many."""

    who: int
    limit: int
    dies_at: int


@dataclass(frozen=True)
class Grows:
    """A sequencer makes so many leaves; the same."""

    who: int
    limit: int
    dies_at: int
    when: When


@dataclass(frozen=True)
class Overtaken:
    """A sequencer reads what there is, another one is faster, and then the first one writes."""

    who: int
    limit: int
    faster: int


@dataclass(frozen=True)
class Turns:
    """A sequencer has a turn of the service's own loop."""

    who: int


Step = Happens | Places | Grows | Overtaken | Turns

who = st.integers(0, SEQUENCERS - 1)
# Mostly nobody dies: statement 0 never comes.
death = st.one_of(st.just(0), st.integers(1, 24))
batch = st.integers(1, 9)
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.builds(Happens, st.integers(1, ACCOUNTS)),
        st.builds(Happens, st.integers(1, ACCOUNTS)),
        st.builds(Places, who, batch, death),
        st.builds(Grows, who, batch, death, st.sampled_from(["before", "after"])),
        st.builds(Overtaken, who, batch, batch),
        st.builds(Turns, who),
    ),
    min_size=10,
    max_size=40,
)


# --- the stores -----------------------------------------------------------------------------------------------


@dataclass
class Sequencer:
    """One process, as far as the log knows it: its own handle on the database, and a way to die."""

    store: Store
    dying: Callable[[int, When], Any]


@asynccontextmanager
async def sqlite() -> AsyncIterator[list[Sequencer]]:
    with tempfile.TemporaryDirectory(prefix="pteri-growth-") as directory:
        stores = [SqliteStore.open(Path(directory) / "store.db") for _ in range(SEQUENCERS)]

        def dying(store: SqliteStore) -> Callable[[int, When], Any]:
            @asynccontextmanager
            async def at(statement: int, _: When) -> AsyncIterator[None]:
                with failing_at(store, statement):
                    yield

            return at

        yield [Sequencer(store, dying(store)) for store in stores]
        for store in stores:
            await store.close()


@asynccontextmanager
async def postgres(server: PostgresServer) -> AsyncIterator[list[Sequencer]]:
    def dying(wire: Wire) -> Callable[[int, When], Any]:
        @asynccontextmanager
        async def at(statement: int, when: When) -> AsyncIterator[None]:
            if statement:
                wire.cut_at(statement, when)
            try:
                yield
            finally:
                wire.stay_whole()

        return at

    with server.store() as url:
        async with AsyncExitStack() as opened:
            sequencers = []
            for _ in range(SEQUENCERS):
                wire = await opened.enter_async_context(Wire(url))
                store = await PostgresStore.open(wire.url)
                opened.push_async_callback(store.close)
                sequencers.append(Sequencer(store, dying(wire)))
            yield sequencers


# --- a history of it ------------------------------------------------------------------------------------------


@dataclass
class Lived:
    """A log through which steps go."""

    sequencers: list[Sequencer]
    accounts: dict[int, Account] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    """Every checkpoint that anybody could have read."""
    deaths: int = 0
    overtaken: int = 0
    _drawn: Any = field(default_factory=itertools.count)

    @property
    def store(self) -> Store:
        return self.sequencers[0].store

    def entropy(self) -> SimEntropy:
        """No two growths draw the same bytes: what one of them signed is seen, or it is not."""
        return SimEntropy(f"growth {next(self._drawn)}")

    async def goes_through(self, steps: Sequence[Step]) -> None:
        assert await self.store.book.start(FIRST)
        for step in steps:
            await self._step(step)
            self.shown.append((await state_of(self.store.book)).checkpoint)
        # Whoever is left finishes.
        last = self.sequencers[-1].store
        more = True
        while more:
            placed = await last.sequence(3)
            more = await grow(last, DESK, self.entropy()) or placed > 0
        self.shown.append((await state_of(last.book)).checkpoint)

    async def _step(self, step: Step) -> None:
        match step:
            case Happens(number):
                await self._happens(number)
            case Places(place, limit, dies_at):
                await self._dying(place, dies_at, "after", lambda store: store.sequence(limit))
            case Grows(place, limit, dies_at, when):
                await self._dying(place, dies_at, when, lambda store: self._grow(store, limit))
            case Overtaken(place, limit, faster):
                await self._overtaken(place, limit, faster)
            case Turns(place):
                await grow(self.sequencers[place].store, DESK, self.entropy())

    async def _happens(self, number: int) -> None:
        now = self.accounts.get(number)
        change = recorded(b.opening(number) if now is None else b.moved(now, now.version))
        await committed(self.store, change)
        self.accounts[number] = b.change_of(change).account

    async def _dying(self, place: int, statement: int, when: When, work: Callable[[Store], Any]) -> None:
        sequencer = self.sequencers[place]
        try:
            async with sequencer.dying(statement, when):
                await work(sequencer.store)
        except StoreUnavailable:
            self.deaths += 1

    async def _next(self, store: Store, limit: int) -> Growth:
        state = await state_of(store.book)
        waiting = await store.book.unlogged(state.next_position, limit)
        keys = sorted({(each.tenant, each.account) for each in waiting})
        tails = {(tail.tenant, tail.account): tail for tail in await store.book.tails(keys)}
        return grown(state, waiting, tails, draw=self.entropy().draw, signer=LOG, indexes=INDEXES)

    async def _grow(self, store: Store, limit: int) -> None:
        growth = await self._next(store, limit)
        if growth.leaves:
            await store.book.grow(growth)

    async def _overtaken(self, place: int, limit: int, faster: int) -> None:
        slow, fast = self.sequencers[place].store, self.sequencers[place - 1].store
        growth = await self._next(slow, limit)
        before = await state_of(slow.book)
        await self._grow(fast, faster)
        if growth.leaves and await state_of(fast.book) != before:
            assert not await slow.book.grow(growth)
            self.overtaken += 1


async def check_proofs(store: Store, shown: Sequence[str]) -> None:
    """Everything that somebody could ask of any two of these checkpoints."""
    book, leaves = store.book, await store.book.leaves(0, 100_000)
    at_once = Grown(leaves)
    other: Any = InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        other.append_entry(leaf)
    heads = sorted({open_checkpoint(note.encode(), expected_log=LOG.verifier).head for note in shown}, key=size_of)
    # Of one size there was one tree, ever.
    assert len({size_of(each) for each in heads}) == len(heads)
    for now in heads:
        assert now == at_once.heads[now.size] == await head(book, now.size)
        assert (
            now.root == root_by_definition(leaves[: now.size]) == (other.get_root(now.size) if now.size else now.root)
        )
        for place in range(now.size):
            path = await inclusion(book, place, now.size)
            assert verify_inclusion(leaves[place], path, expected_index=place, expected_head=now) == now
    for old, new in itertools.combinations_with_replacement(heads, 2):
        path = await consistency(book, old.size, new.size)
        assert verify_consistency(path, expected_old=old, expected_new=new) == new
        if old.size:
            verified_elsewhere(old.root, new.root, other.prove_consistency(old.size, new.size))
    for place in range(heads[-1].size):
        included_elsewhere(leaf_hash(leaves[place]), heads[-1].root, other.prove_inclusion(place + 1, heads[-1].size))


def size_of(head: TreeHead) -> int:
    return head.size


async def history(sequencers: list[Sequencer], steps: Sequence[Step]) -> Lived:
    lived = Lived(sequencers)
    await lived.goes_through(steps)
    await check_book(lived.store, complete=True, checkpoints=lived.shown)
    await check_proofs(lived.store, lived.shown)
    return lived


@settings(max_examples=40, deadline=None, phases=[Phase.generate, Phase.shrink])
@given(STEPS)
def test_a_log_in_a_file_is_one_tree_whatever_the_batches_are_and_whoever_dies(steps: list[Step]) -> None:
    async def trial() -> None:
        async with sqlite() as sequencers:
            await history(sequencers, steps)

    asyncio.run(trial())


def test_a_log_at_a_distance_is_one_tree_whatever_the_batches_are_and_whoever_dies(
    postgres_server: PostgresServer,
) -> None:
    @settings(max_examples=8, deadline=None, phases=[Phase.generate])
    @given(STEPS)
    def each(steps: list[Step]) -> None:
        async def trial() -> None:
            async with postgres(postgres_server) as sequencers:
                await history(sequencers, steps)

        asyncio.run(trial())

    each()


FULL: list[Step] = [
    step
    for turn in range(1, 25)
    for step in (
        Happens(1 + turn % ACCOUNTS),
        Happens(1 + turn % 2),
        Places(turn % SEQUENCERS, 3, turn % 5),
        Overtaken(turn % SEQUENCERS, 2, 1),
        Grows(turn % SEQUENCERS, 1 + turn % 4, turn, "before" if turn % 2 else "after"),
    )
]


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_sequencers_do_die_and_are_overtaken_in_such_a_history(request: pytest.FixtureRequest, kind: str) -> None:
    """So the histories above are not all of them quiet ones."""

    async def trial() -> Lived:
        async with sqlite() if kind == "sqlite" else postgres(request.getfixturevalue("postgres_server")) as sequencers:
            return await history(sequencers, FULL)

    lived = asyncio.run(trial())
    assert lived.deaths > 5
    assert lived.overtaken > 2


# --- the edges of tiles ---------------------------------------------------------------------------------------

EDGES = (255, 256, 257, 511, 512, 513)


async def check_edges(store: Store, batches: Sequence[int]) -> None:
    """A log of 513 leaves, grown in these batches: proofs at the edges of its tiles, and wherever a batch ended."""
    assert await store.book.start(FIRST)
    size, ends = 0, {*EDGES, *itertools.accumulate(batches)}
    heads: dict[int, TreeHead] = {}
    for end in sorted(end for end in ends if end <= EDGES[-1]):
        if end > size:
            note = (await lengthened(store.book, end - size)).checkpoint
            size, heads[end] = end, open_checkpoint(note.encode(), expected_log=LOG.verifier).head
    leaves = await store.book.leaves(0, 1000)
    at_once = Grown(leaves)
    other: Any = InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        other.append_entry(leaf)
    for end, now in heads.items():
        assert now == at_once.heads[end] == await head(store.book, end)
        assert now.root == root_by_definition(leaves[:end]) == other.get_root(end)
    for old, new in itertools.combinations_with_replacement(heads, 2):
        path = await consistency(store.book, old, new)
        assert verify_consistency(path, expected_old=heads[old], expected_new=heads[new]) == heads[new]
    for end in EDGES:
        # All of the newest leaves, and of the older ones those at an edge.
        for place in {*range(max(0, end - 3), end), *(edge for edge in (0, 1, *EDGES) if edge < end)}:
            path = await inclusion(store.book, place, end)
            assert verify_inclusion(leaves[place], path, expected_index=place, expected_head=heads[end]) == heads[end]
    for place in range(EDGES[-1]):
        path = await inclusion(store.book, place, EDGES[-1])
        verify_inclusion(leaves[place], path, expected_index=place, expected_head=heads[EDGES[-1]])
        # It counts leaves from one, and its path begins with the leaf's own hash.
        assert tuple(other.prove_inclusion(place + 1, EDGES[-1]).path) == (leaf_hash(leaves[place]), *path)


BATCHES = st.lists(st.one_of(st.integers(1, 40), st.sampled_from([255, 256, 257])), min_size=1, max_size=12)


@settings(max_examples=6, deadline=None, phases=[Phase.generate])
@given(BATCHES)
def test_proofs_hold_at_the_edges_of_tiles_in_a_file(batches: list[int]) -> None:
    async def trial() -> None:
        async with sqlite() as sequencers:
            await check_edges(sequencers[0].store, batches)

    asyncio.run(trial())


def test_proofs_hold_at_the_edges_of_tiles_at_a_distance(postgres_server: PostgresServer) -> None:
    @settings(max_examples=2, deadline=None, phases=[Phase.generate])
    @given(BATCHES)
    def each(batches: list[int]) -> None:
        async def trial() -> None:
            async with postgres(postgres_server) as sequencers:
                await check_edges(sequencers[0].store, batches)

        asyncio.run(trial())

    each()


BIG = 65_536
PLACES = (0, 1, 255, 256, 257, 511, 32_767, 32_768, 65_279, 65_280, 65_281, 65_535, 65_536)


async def check_a_tile_of_tiles(store: Store) -> None:
    """A tile of the second level is full, and one leaf less and one more."""
    assert await store.book.start(FIRST)
    heads: dict[int, TreeHead] = {}
    for end, count in ((300, 300), (BIG - 1, BIG - 301), (BIG, 1), (BIG + 1, 1)):
        note = (await lengthened(store.book, count)).checkpoint
        heads[end] = open_checkpoint(note.encode(), expected_log=LOG.verifier).head
    leaves = await store.book.leaves(0, BIG + 1)
    at_once = Grown(leaves)
    for level in (1, 2):
        hashes = await store.book.nodes(level, 0, BIG)
        assert hashes == [at_once.nodes[8 * level, place] for place in range(BIG + 1 >> 8 * level)]
    for end, now in heads.items():
        assert now == at_once.heads[end] == await head(store.book, end)
        for place in (place for place in PLACES if place < end):
            path = await inclusion(store.book, place, end)
            assert verify_inclusion(leaves[place], path, expected_index=place, expected_head=now) == now
    assert heads[BIG + 1].root == root_by_definition(leaves)
    for old, new in itertools.combinations_with_replacement(heads, 2):
        path = await consistency(store.book, old, new)
        assert verify_consistency(path, expected_old=heads[old], expected_new=heads[new]) == heads[new]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_proofs_hold_around_a_tile_of_the_second_level(request: pytest.FixtureRequest, kind: str) -> None:
    async def trial() -> None:
        async with sqlite() if kind == "sqlite" else postgres(request.getfixturevalue("postgres_server")) as sequencers:
            await check_a_tile_of_tiles(sequencers[0].store)

    asyncio.run(trial())
