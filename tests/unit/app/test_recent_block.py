"""Which block statements name: deep, recent, with its work; and what is said when there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from anchors import START, mined, scrypt_of
from pteri.app.anchor_ports import ChainUnavailable, Trouble
from pteri.app.recent_block import SENTENCES, BlockTrouble, RecentBlock, watch_blocks
from pteri.core.anchor.headers import Header, target_of
from pteri.core.anchor.proof import Block
from simulated_chain import SimulatedChain
from world import SimClock

pytestmark = pytest.mark.anyio

B = BlockTrouble
MAX_AGE_S = 10_800


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Look:
    """A service that looks at a chain, and whoever hears of its troubles."""

    chain: SimulatedChain = field(default_factory=SimulatedChain)
    heard: list[tuple[BlockTrouble, bool]] = field(default_factory=list)
    at: int = START + 20

    def __post_init__(self) -> None:
        self.blocks = RecentBlock(
            self.chain,
            confirmations=6,
            max_age_s=MAX_AGE_S,
            every_s=60,
            tell=lambda trouble, begins, _: self.heard.append((trouble, begins)),
        )

    async def turns(self) -> None:
        """Until there is nothing more to look at."""
        for _ in range(9):
            if not await self.blocks.turn(self.at):
                return
        raise AssertionError("it never rests")

    def header(self, confirmations: int) -> Header:
        return self.chain.blocks[-confirmations][0]

    @property
    def named(self) -> str | None:
        return self.blocks.at(self.at)


async def test_the_block_is_the_one_with_six_confirmations() -> None:
    look = Look()
    look.chain.mine(7)
    assert look.named is None
    await look.turns()
    assert look.named == look.header(6).shown_id
    look.chain.mine()
    assert look.named == look.header(7).shown_id
    await look.turns()
    assert look.named == look.header(6).shown_id
    assert look.heard == []


async def test_a_chain_that_is_too_short_has_none() -> None:
    look = Look()
    look.chain.mine(3)
    await look.turns()
    assert (look.named, look.heard) == (None, [(B.SOURCE_DOWN, True), (B.BLOCK_STALE, True)])
    look.chain.mine(1)
    await look.turns()
    assert look.named == look.header(6).shown_id
    assert look.heard[2:] == [(B.BLOCK_STALE, False), (B.SOURCE_DOWN, False)]


async def test_a_replaced_block_is_not_named_any_more() -> None:
    look = Look()
    look.chain.mine(9)
    await look.turns()
    before = look.named
    del look.chain.blocks[-8:]
    look.chain.mine(9)
    await look.turns()
    assert look.named == look.header(6).shown_id != before


async def test_a_node_that_is_away_is_said_once_and_its_last_block_is_named_until_it_is_old() -> None:
    look = Look()
    look.chain.mine(9)
    await look.turns()
    block, born = look.named, look.header(6).time
    look.chain.down = True
    for look.at in (born, born + 60, born + MAX_AGE_S - 1):
        await look.turns()
        assert look.named == block
    assert look.heard == [(B.SOURCE_DOWN, True)]
    look.at = born + MAX_AGE_S
    for _ in range(3):
        await look.turns()
        assert look.named is None
    assert look.heard == [(B.SOURCE_DOWN, True), (B.BLOCK_STALE, True)]
    look.chain.down = False
    look.at = born
    await look.turns()
    assert look.named == block
    assert look.heard[2:] == [(B.BLOCK_STALE, False), (B.SOURCE_DOWN, False)]


async def test_a_chain_that_stands_still_is_old_though_its_node_answers() -> None:
    look = Look()
    look.chain.mine(9)
    look.at += MAX_AGE_S
    await look.turns()
    assert look.named is None
    assert look.heard == [(B.BLOCK_STALE, True)]


async def test_a_block_of_hours_that_have_not_come_is_none() -> None:
    """This machine's clock is wrong, or the node is somebody else's."""
    look = Look()
    look.chain.mine(9)
    born = look.chain.blocks[-6][0].time
    look.at = born - 7200
    await look.turns()
    assert look.named == look.header(6).shown_id
    look.at = born - 7201
    await look.turns()
    assert look.heard == [(B.BLOCK_STALE, True)]
    assert look.blocks.at(born - 7201) is None


@pytest.mark.parametrize("trouble", [Trouble.WRONG_NETWORK, Trouble.NODE_TOO_OLD, Trouble.NODE_BEHIND])
async def test_a_node_that_says_no_is_said_once(trouble: Trouble) -> None:
    look = Look()
    look.chain.refuses = trouble
    for _ in range(3):
        await look.turns()
    assert look.heard == [(B.SOURCE_REFUSED, True), (B.BLOCK_STALE, True)]


class Told(SimulatedChain):
    """Somebody in the place of the node, who shows this header whatever is asked for."""

    def __init__(self, raw: bytes, network: str = "regtest") -> None:
        super().__init__()
        self.raw, self.network = raw, network

    async def tip(self) -> Block:
        return Block(100, "11" * 32)

    async def headers(self, first_height: int, count: int) -> Sequence[bytes]:  # type: ignore[override]  # it lies
        assert (first_height, count) == (95, 1)
        return (self.raw,)


GOOD = mined(bytes(32), bytes(32))


def without_work() -> bytes:
    """The same header with another number at its end, until it costs nothing."""
    for number in range(1000):
        raw = GOOD.raw[:76] + number.to_bytes(4, "little")
        if scrypt_of(raw) > target_of(GOOD.bits):
            return raw
    raise AssertionError("half of all numbers will do")


@pytest.mark.parametrize(
    ("raw", "network"),
    [
        (GOOD.raw[:-1], "regtest"),
        (b"", "regtest"),
        (without_work(), "regtest"),
        # A block of regtest costs two hashes; nobody is to name one as a block of the main network.
        (GOOD.raw, "main"),
        (GOOD.raw, "test"),
    ],
    ids=["79 bytes", "no bytes", "no work", "too easy for main", "too easy for test"],
)
async def test_a_header_that_does_not_hold_is_not_named(raw: bytes, network: str) -> None:
    look = Look(chain=Told(raw, network), at=GOOD.time)
    await look.turns()
    assert (look.named, look.heard) == (None, [(B.HEADER_UNFIT, True), (B.BLOCK_STALE, True)])


async def test_what_does_not_hold_does_not_take_the_place_of_what_does() -> None:
    chain = Told(GOOD.raw)
    look = Look(chain=chain, at=GOOD.time)
    await look.turns()
    assert (look.named, look.heard) == (GOOD.shown_id, [])
    chain.raw = without_work()
    await look.turns()
    assert (look.named, look.heard) == (GOOD.shown_id, [(B.HEADER_UNFIT, True)])


async def test_it_looks_until_it_is_told_to_stop() -> None:
    @dataclass
    class Turns:
        left: int = 4
        pauses: list[float] = field(default_factory=list)

        def is_set(self) -> bool:
            return self.left == 0

        async def wait(self, seconds: float) -> None:
            self.left -= 1
            self.pauses.append(seconds)

    look, stop = Look(), Turns()
    look.chain.mine(9)
    await watch_blocks(look.blocks, SimClock(look.at), stop=stop)
    # A new tip: there may be more. Then it rests.
    assert stop.pauses == [0.05, 60, 60, 60]
    assert look.named == look.header(6).shown_id


async def test_a_source_that_falls_silent_between_two_questions_is_a_source_that_is_away() -> None:
    class Half(SimulatedChain):
        async def headers(self, first_height: int, count: int) -> tuple[bytes, ...]:
            raise ChainUnavailable(f"nothing from {first_height} on, of {count}")

    chain = Half()
    chain.mine(9)
    look = Look(chain=chain)
    await look.turns()
    assert look.heard == [(B.SOURCE_DOWN, True), (B.BLOCK_STALE, True)]


def test_every_trouble_has_a_sentence_that_says_what_to_do() -> None:
    assert SENTENCES.keys() == set(BlockTrouble)
    assert all(len(sentence) > 40 and sentence.endswith(".") for sentence in SENTENCES.values())
