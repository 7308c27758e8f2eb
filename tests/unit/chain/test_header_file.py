"""Headers in a file: verified after a block that is known, once, a thousand in a turn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from anchors import START, mined
from pteri.adapters.chain.header_file import HeaderFile
from pteri.app.anchor_ports import ChainUnavailable
from pteri.core.anchor.header_chain import MAX_FILE_BYTES, parse_headers, verify_headers
from pteri.core.anchor.headers import Header
from pteri.core.anchor.proof import Block
from pteri.core.errors import Code, Malformed, ProtocolError

pytestmark = pytest.mark.anyio

KNOWN = Block(1000, bytes(range(32))[::-1].hex())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def grown(number: int, *, previous: bytes = KNOWN.id, at: int = START) -> list[Header]:
    headers: list[Header] = []
    for step in range(number):
        headers.append(mined(headers[-1].id if headers else previous, bytes(32), at=at + step))
    return headers


def file_of(place: Path, headers: Sequence[Header], *, at_once: int = 1000) -> HeaderFile:
    write(place, headers)
    return HeaderFile(place / "headers", network="regtest", known=KNOWN, at_once=at_once)


def write(place: Path, headers: Sequence[Header]) -> None:
    (place / "headers").write_bytes(b"".join(header.raw for header in headers))


TEN = grown(10)


async def test_heights_count_from_the_known_block(tmp_path: Path) -> None:
    source = file_of(tmp_path, TEN)
    assert source.network == "regtest"
    assert await source.headers(1001, 5) == ()
    assert await source.tip() == Block(1010, TEN[-1].shown_id)
    assert await source.headers(1001, 1) == (TEN[0].raw,)
    assert await source.headers(1009, 9) == (TEN[8].raw, TEN[9].raw)
    assert await source.headers(1000, 1) == await source.headers(1011, 1) == ()


async def test_an_empty_file_has_the_known_block_and_nothing_else(tmp_path: Path) -> None:
    source = file_of(tmp_path, [])
    assert await source.tip() == KNOWN


async def test_many_headers_are_verified_in_many_turns(tmp_path: Path) -> None:
    source = file_of(tmp_path, TEN, at_once=4)
    assert [(await source.tip()).height for _ in range(4)] == [1004, 1008, 1010, 1010]


async def test_what_was_verified_once_is_not_verified_again(tmp_path: Path) -> None:
    source = file_of(tmp_path, TEN[:7], at_once=4)
    assert [(await source.tip()).height for _ in range(2)] == [1004, 1007]
    write(tmp_path, TEN)
    # From the beginning it would take three turns.
    assert await source.tip() == Block(1010, TEN[-1].shown_id)


async def test_what_was_replaced_is_verified_anew_and_all_after_it(tmp_path: Path) -> None:
    source = file_of(tmp_path, TEN, at_once=5)
    assert [(await source.tip()).height for _ in range(2)] == [1005, 1010]
    other = [*TEN[:6], *grown(6, previous=TEN[5].id, at=START + 100)]
    write(tmp_path, other)
    assert [await source.tip() for _ in range(2)] == [
        Block(1011, other[10].shown_id),
        Block(1012, other[11].shown_id),
    ]
    write(tmp_path, TEN[:4])
    assert await source.tip() == Block(1004, TEN[3].shown_id)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (TEN[1:], Code.BLOCK_LINK),
        ([*TEN[:3], *TEN[4:]], Code.BLOCK_LINK),
        ([TEN[0], TEN[0]], Code.BLOCK_LINK),
        (list(reversed(TEN)), Code.BLOCK_LINK),
        (TEN, None),
        ([mined(KNOWN.id, bytes(32), bits=0x207FFFFE)], Code.WORK),
    ],
    ids=["another known block", "a gap", "twice", "backwards", "right", "another target"],
)
async def test_headers_that_do_not_hold_are_refused(tmp_path: Path, headers: list[Header], code: Code | None) -> None:
    source = file_of(tmp_path, headers)
    if code is None:
        assert (await source.tip()).height == 1000 + len(headers)
        return
    with pytest.raises(ProtocolError) as refused:
        await source.tip()
    assert refused.value.code is code
    assert await source.headers(1001, 9) == ()


async def test_a_file_that_is_not_there_breaks_off_or_is_too_long_is_a_source_that_is_away(tmp_path: Path) -> None:
    source = HeaderFile(tmp_path / "headers", network="regtest", known=KNOWN)
    with pytest.raises(ChainUnavailable, match="cannot read"):
        await source.tip()
    (tmp_path / "headers").write_bytes(TEN[0].raw + b"\0")
    with pytest.raises(ChainUnavailable, match="breaks off"):
        await source.tip()
    with (tmp_path / "headers").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 80)
    with pytest.raises(ChainUnavailable, match="newer block"):
        await source.tip()


def test_a_longer_file_than_that_is_not_taken_apart() -> None:
    with pytest.raises(Malformed) as refused:
        parse_headers(bytes(MAX_FILE_BYTES + 80))
    assert refused.value.code is Code.ANCHOR
    with pytest.raises(Malformed):
        parse_headers(TEN[0].raw[:-1])


def test_a_header_is_held_to_those_before_it_that_were_verified_already() -> None:
    old = mined(TEN[-1].id, bytes(32), at=START)
    after = Block(1010, TEN[-1].shown_id)
    verify_headers([old], expected_network="regtest", after=after)
    longer = grown(11)
    older = mined(longer[-1].id, bytes(32), at=START)
    with pytest.raises(ProtocolError) as refused:
        verify_headers([older], expected_network="regtest", after=Block(1011, longer[-1].shown_id), before=longer)
    assert refused.value.code is Code.WORK
