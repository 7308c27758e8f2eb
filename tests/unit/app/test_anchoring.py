"""The worker of anchors: when it begins one, what it does with it, and what it says when it cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from anchor_worker import NOW, GrowingLog, Workshop, told
from anchors import output
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.anchor_ports import Trouble
from pteri.app.anchoring import MOST_CHILDREN, UNMINED_S, Schedule
from pteri.core.anchor.transaction import parse_transaction, payload, payload_script, virtual_bytes
from pteri.domain.anchoring import FINAL_S, AnchorState
from simulated_chain import SimulatedChain

pytestmark = pytest.mark.anyio

S = AnchorState
HOUR, DAY = 3600, 86_400


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def chain() -> SimulatedChain:
    return SimulatedChain()


@pytest.fixture
async def workshop(tmp_path: Path, chain: SimulatedChain) -> AsyncIterator[Workshop]:
    store = SqliteStore.open(tmp_path / "store.db")
    made = Workshop(store.anchors, chain)
    chain.is_recorded = made.is_recorded
    yield made
    await store.close()


async def sent(workshop: Workshop) -> Workshop:
    await workshop.turns()
    assert (await workshop.newest()).state is S.SENT
    return workshop


# --- the way of an anchor -------------------------------------------------------------------------------------------


async def test_an_anchor_walks_from_its_plan_to_final(workshop: Workshop, chain: SimulatedChain) -> None:
    await sent(workshop)
    chain.mine()
    await workshop.turns()
    anchor = await workshop.newest()
    assert (anchor.state, anchor.mined_at, anchor.unmined_since) == (S.MINED, NOW, None)
    assert anchor.place is not None
    assert (anchor.place.height, anchor.place.position, anchor.place.transactions) == (3, 1, 2)
    chain.mine(22)
    await workshop.turns()
    assert (await workshop.newest()).state is S.MINED
    chain.mine()
    await workshop.turns()
    assert (await workshop.newest()).state is S.CONFIRMED
    chain.mine(76)
    await workshop.turns()
    assert (await workshop.newest()).state is S.CONFIRMED, "a hundred blocks in a moment are not enough"
    workshop.at += FINAL_S
    await workshop.turns()
    assert (await workshop.newest()).state is S.FINAL
    assert not told(workshop)


async def test_a_log_without_a_head_or_a_leaf_has_no_anchor(workshop: Workshop) -> None:
    workshop.log.size = 0
    await workshop.turns()
    assert await workshop.states() == []
    assert await workshop.worker.plan(workshop.at) is None


async def test_an_hour_without_news_is_skipped_and_a_day_is_not(workshop: Workshop, chain: SimulatedChain) -> None:
    await sent(workshop)
    chain.mine()
    workshop.at += HOUR - 1
    workshop.log.size = 6
    await workshop.turns()
    assert await workshop.states() == [S.MINED]
    workshop.at += 1
    await workshop.turns()
    assert await workshop.states() == [S.MINED, S.SENT]
    chain.mine()
    workshop.at += DAY - 1
    await workshop.turns()
    assert len(await workshop.states()) == 2
    workshop.at += 1
    await workshop.turns()
    assert len(await workshop.states()) == 3


async def test_the_next_one_waits_until_the_one_before_is_in_a_block(workshop: Workshop, chain: SimulatedChain) -> None:
    await sent(workshop)
    workshop.log.size, workshop.at = 9, NOW + HOUR
    await workshop.turns()
    assert await workshop.states() == [S.SENT]
    chain.mine()
    await workshop.turns()
    await workshop.turns()
    assert await workshop.states() == [S.MINED, S.SENT]


async def test_many_that_wait_to_be_final_do_not_keep_the_next_one_waiting(
    workshop: Workshop, chain: SimulatedChain
) -> None:
    workshop.worker.schedule = Schedule(every_s=60, at_least_every_s=60)
    for _ in range(70):
        await sent(workshop)
        chain.mine()
        await workshop.turns()
        workshop.at += 60
    assert await workshop.states() == [*([S.CONFIRMED] * 47), *([S.MINED] * 23)]


async def test_an_anchor_can_be_begun_before_its_time(workshop: Workshop, chain: SimulatedChain) -> None:
    await sent(workshop)
    assert await workshop.worker.plan(workshop.at) is None, "one is open"
    chain.mine()
    await workshop.turns()
    planned = await workshop.worker.plan(workshop.at)
    assert planned is not None
    assert planned.number == 2


# --- trouble --------------------------------------------------------------------------------------------------------


async def test_a_node_that_is_away_for_a_day_costs_a_day_of_anchors_and_nothing_else(
    workshop: Workshop, chain: SimulatedChain
) -> None:
    chain.down = True
    for _ in range(24):
        await workshop.turns()
        workshop.at += HOUR
        workshop.log.size += 1
    assert await workshop.states() == [S.PLANNED]
    assert told(workshop) == {Trouble.NODE_DOWN: 1, Trouble.UNMINED_6H: 1}
    chain.down = False
    await sent(workshop)
    assert (await workshop.newest()).head == await workshop.log.head(), "the newest head, not that of yesterday"
    await workshop.turns()
    assert (Trouble.NODE_DOWN, False) in workshop.heard


@pytest.mark.parametrize(
    "trouble",
    [Trouble.WRONG_NETWORK, Trouble.NODE_TOO_OLD, Trouble.NODE_BEHIND, Trouble.NODE_UNAUTHORISED, Trouble.NO_FUNDS],
)
async def test_a_node_that_refuses_keeps_an_anchor_waiting_and_is_said_once(
    workshop: Workshop, chain: SimulatedChain, trouble: Trouble
) -> None:
    chain.refuses = trouble
    for _ in range(5):
        await workshop.turns()
    assert await workshop.states() == [S.PLANNED]
    assert workshop.heard == [(trouble, True)]
    chain.refuses = None
    await sent(workshop)
    assert workshop.heard == [(trouble, True), (trouble, False)]


async def test_a_locked_wallet_keeps_an_anchor_waiting(workshop: Workshop, chain: SimulatedChain) -> None:
    chain.locked = True
    await workshop.turns()
    assert await workshop.states() == [S.PLANNED]
    assert told(workshop) == {Trouble.WALLET_LOCKED: 1}
    chain.locked = False
    await sent(workshop)


async def test_fees_above_the_cap_are_waited_out(workshop: Workshop, chain: SimulatedChain) -> None:
    chain.least = 201
    await workshop.turns()
    assert told(workshop) == {Trouble.FEE_CAP: 1}
    workshop.worker.schedule = Schedule(most_fee=100)
    chain.least = 1
    await workshop.turns()
    assert await workshop.states() == [S.PLANNED]
    workshop.worker.schedule = Schedule()
    await sent(workshop)
    assert (await workshop.newest()).fee == 1660


HEAD = GrowingLog().tree.heads[5]
PAYLOAD = output(payload_script(payload(HEAD)))
OTHER_PAYLOAD = output(payload_script(payload(GrowingLog().tree.heads[4])))
OURS = output(b"\0\x14" + bytes(20), 4_000_000)


@pytest.mark.parametrize(
    "outputs",
    [
        [PAYLOAD],
        [OURS],
        [PAYLOAD, OURS, OURS],
        [PAYLOAD, OURS, OTHER_PAYLOAD],
        [OTHER_PAYLOAD, OURS],
        [PAYLOAD, output(b"\x76\xa9\x14" + bytes(20) + b"\x88\xac", 4_000_000)],
        [PAYLOAD, output(b"\0\x20" + bytes(32), 4_000_000)],
        [PAYLOAD, output(b"", 4_000_000)],
    ],
)
async def test_a_transaction_of_another_form_is_not_recorded(
    workshop: Workshop, chain: SimulatedChain, outputs: list[bytes]
) -> None:
    chain.outputs = outputs
    await workshop.turns()
    assert told(workshop) == {Trouble.WALLET_UNFIT: 1}
    assert not (await workshop.newest()).is_built
    assert chain.sent == []


async def test_a_block_that_does_not_have_what_the_node_says_is_none(workshop: Workshop, chain: SimulatedChain) -> None:
    await sent(workshop)
    chain.mine()
    chain.hides = True
    await workshop.turns()
    assert await workshop.states() == [S.SENT]
    assert told(workshop) == {Trouble.NODE_DOWN: 1}
    chain.hides = False
    await workshop.turns()
    assert await workshop.states() == [S.MINED]


async def test_a_node_that_takes_a_transaction_and_has_it_nowhere_is_not_believed(
    workshop: Workshop, chain: SimulatedChain
) -> None:
    chain.forgets = True
    await workshop.turns()
    await workshop.turns()
    assert await workshop.states() == [S.PLANNED]
    assert told(workshop) == {Trouble.TRANSACTION_REFUSED: 1}
    chain.forgets = False
    await sent(workshop)
    assert len(set(chain.sent)) == 1, "the same bytes, each time"


async def test_what_a_mempool_forgot_is_sent_again(workshop: Workshop, chain: SimulatedChain) -> None:
    await sent(workshop)
    chain.mempool.clear()
    await workshop.turns()
    assert list(chain.mempool) == [(await workshop.newest()).txid]


async def test_a_coin_that_was_spent_elsewhere_ends_an_anchor_and_the_next_begins_at_once(
    workshop: Workshop, chain: SimulatedChain
) -> None:
    await sent(workshop)
    txid = (await workshop.newest()).txid
    chain.mempool.clear()
    chain.conflicts[txid] = 23
    await workshop.turns()
    assert await workshop.states() == [S.SENT]
    chain.conflicts[txid] = 24
    await workshop.turns()
    assert await workshop.states() == [S.SPOILT, S.SENT]
    assert told(workshop) == {Trouble.SPOILT: 1}


async def test_a_coin_that_was_spent_before_the_sending_ends_an_anchor_too(
    workshop: Workshop, chain: SimulatedChain
) -> None:
    chain.forgets = True
    await workshop.turns()
    chain.conflicts[(await workshop.newest()).txid] = 24
    chain.forgets = False
    chain.sent.clear()
    await workshop.turns()
    assert await workshop.states() == [S.SPOILT, S.SENT]


# --- fees -----------------------------------------------------------------------------------------------------------


async def test_a_child_pays_for_an_anchor_that_nobody_mines_and_each_next_one_twice_as_much(
    workshop: Workshop, chain: SimulatedChain
) -> None:
    workshop.worker.schedule = Schedule(most_fee=10_000_000)
    await sent(workshop)
    for number in range(MOST_CHILDREN + 2):
        chain.mine(1, empty=True)
        workshop.at += workshop.schedule.raise_after_s
        await workshop.turns()
        anchor = await workshop.newest()
        assert len(anchor.children) == min(number + 1, MOST_CHILDREN)
        raws = [anchor.raw, *(child.raw for child in anchor.children)]
        size = sum(virtual_bytes(parse_transaction(raw), raw) for raw in raws)
        assert anchor.paid >= size * min(200, 10 * 2 ** len(anchor.children))
        assert set(chain.mempool.values()) == set(raws)
    assert told(workshop) == {Trouble.UNMINED_6H: 1}
    chain.mine()
    await workshop.turns()
    assert await workshop.states() == [S.MINED]
    await workshop.turns()
    assert (Trouble.UNMINED_6H, False) in workshop.heard


async def test_a_child_is_not_made_early_and_never_above_the_cap(workshop: Workshop, chain: SimulatedChain) -> None:
    await sent(workshop)
    workshop.at += workshop.schedule.raise_after_s - 1
    await workshop.turns()
    assert (await workshop.newest()).children == ()
    workshop.at += 1
    workshop.worker.schedule = Schedule(most_fee=1700)
    await workshop.turns()
    assert (await workshop.newest()).children == ()
    assert told(workshop) == {Trouble.FEE_CAP: 1}
    workshop.worker.schedule = Schedule()
    chain.least = 500
    await workshop.turns()
    assert (await workshop.newest()).children == ()


async def test_a_child_that_was_recorded_and_not_sent_is_sent(workshop: Workshop, chain: SimulatedChain) -> None:
    await sent(workshop)
    workshop.at += workshop.schedule.raise_after_s
    assert await workshop.worker.turn(workshop.at)
    anchor = await workshop.newest()
    assert [child.txid in chain.mempool for child in anchor.children] == [False]
    await workshop.turns()
    assert [child.txid in chain.mempool for child in anchor.children] == [True]


async def test_a_mempool_that_forgot_all_gets_anchor_and_children_in_their_order(
    workshop: Workshop, chain: SimulatedChain
) -> None:
    await sent(workshop)
    workshop.at += workshop.schedule.raise_after_s
    await workshop.turns()
    chain.mempool.clear()
    await workshop.turns()
    anchor = await workshop.newest()
    assert list(chain.mempool) == [anchor.txid, anchor.children[0].txid]


# --- blocks that are replaced ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 6, 13, 30])
@pytest.mark.parametrize("evict", [False, True])
async def test_a_replaced_block_takes_an_anchor_back_and_another_one_has_it_again(
    workshop: Workshop, chain: SimulatedChain, depth: int, evict: bool
) -> None:
    await sent(workshop)
    chain.mine(depth)
    await workshop.turns()
    before = await workshop.newest()
    assert before.place is not None
    chain.reorganise(depth, evict=evict)
    await workshop.turns()
    assert (await workshop.newest()).state is S.SENT
    assert told(workshop) == {Trouble.REORG: 1}
    chain.mine()
    await workshop.turns()
    after = await workshop.newest()
    assert after.state is S.MINED
    assert after.place is not None
    assert after.place.block != before.place.block
    assert (after.raw, after.txid) == (before.raw, before.txid)


async def test_an_anchor_that_is_in_another_block_at_once_goes_back_first(
    workshop: Workshop, chain: SimulatedChain
) -> None:
    await sent(workshop)
    chain.mine(2)
    await workshop.turns()
    old = (await workshop.newest()).place
    chain.reorganise(2)
    chain.mine()
    await workshop.turns()
    anchor = await workshop.newest()
    assert anchor.place is not None
    assert old is not None
    assert (anchor.state, anchor.place.height) == (S.MINED, old.height + 3)
    assert told(workshop) == {Trouble.REORG: 1}


# --- keys elsewhere -------------------------------------------------------------------------------------------------


async def elsewhere(workshop: Workshop, chain: SimulatedChain) -> str:
    """An anchor that waits to be signed; its id."""
    chain.elsewhere = True
    await workshop.turns()
    anchor = await workshop.newest()
    assert (anchor.state, anchor.raw, bool(anchor.psbt)) == (S.PLANNED, b"", True)
    assert told(workshop) == {Trouble.SIGNATURE_AWAITED: 1}
    return anchor.txid


async def test_what_was_signed_elsewhere_is_recorded_and_sent(workshop: Workshop, chain: SimulatedChain) -> None:
    txid = await elsewhere(workshop, chain)
    workshop.log.size = 8
    await workshop.turns()
    chain.signed[txid] = chain.signed_bytes
    await sent(workshop)
    anchor = await workshop.newest()
    assert (anchor.txid, anchor.head.size) == (txid, 5), "what may be signed by now does not change"
    assert list(chain.mempool) == [txid]


async def test_another_transaction_that_comes_back_signed_is_refused(workshop: Workshop, chain: SimulatedChain) -> None:
    txid = await elsewhere(workshop, chain)
    mine = chain.signed_bytes
    head = await workshop.log.head()
    assert head is not None
    await chain.build(payload(head), rate=10)
    for wrong in (chain.signed_bytes, b"\2" * 70, mine + b"\0"):
        chain.signed[txid] = wrong
        await workshop.turns()
        assert (await workshop.newest()).raw == b""
    assert told(workshop)[Trouble.WRONG_SIGNED] == 1
    assert chain.sent == []


async def test_where_the_keys_are_elsewhere_no_fee_is_raised(workshop: Workshop, chain: SimulatedChain) -> None:
    txid = await elsewhere(workshop, chain)
    chain.signed[txid] = chain.signed_bytes
    await sent(workshop)
    workshop.at += UNMINED_S
    await workshop.turns()
    assert (await workshop.newest()).children == ()
    assert told(workshop)[Trouble.UNMINED_6H] == 1
