"""Headers: they follow each other, their targets follow the rule, and each cost its work."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchors import REGTEST_BITS, START, mined, scrypt_of
from pteri.core.anchor.headers import (
    INTERVAL,
    WORK_RULES,
    Header,
    check_links,
    check_targets,
    check_work,
    compact_of,
    parse_header,
    retargeted,
    target_of,
    work_of,
)
from pteri.core.errors import Code, ProtocolError

MAIN, TEST, REGTEST = WORK_RULES["main"], WORK_RULES["test"], WORK_RULES["regtest"]
# The first block of Litecoin, of October 2011: its header, its name and its work are public.
GENESIS = parse_header(
    bytes.fromhex(
        "01000000" + "00" * 32 + "d9ced4ed1130f7b7faad9be25323ffafa33232a17c3edf6cfd97bee6bafbdd97" + "b9aa8e4e"
        "f0ff0f1e" + "cd513f7c"
    )
)
HARD = 0x1901FFF0


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


def header(at: int, bits: int) -> Header:
    """Without work, and in no chain."""
    return parse_header(bytes(68) + at.to_bytes(4, "little") + bits.to_bytes(4, "little") + bytes(4))


def test_the_first_block_of_litecoin_has_its_name_and_its_work() -> None:
    assert GENESIS.shown_id == "12a765e31ffd4059bada1e25190f6e98c99d9714d334efa41a195a7e7e04bfe2"
    assert (GENESIS.time, GENESIS.bits) == (1_317_972_665, 0x1E0FFFF0)
    assert check_work([GENESIS]) == work_of(target_of(0x1E0FFFF0))


def test_the_name_of_a_block_is_not_its_work() -> None:
    """A header whose name meets the target, and whose scrypt hash does not."""
    easy = target_of(REGTEST_BITS)
    start = GENESIS.raw[:72] + REGTEST_BITS.to_bytes(4, "little")
    tries = (parse_header(start + nonce.to_bytes(4, "little")) for nonce in range(1000))
    found = next(each for each in tries if int.from_bytes(each.id, "little") <= easy < scrypt_of(each.raw))
    with refused(Code.WORK):
        check_work([found])


@pytest.mark.parametrize("raw", [b"", GENESIS.raw[:-1], GENESIS.raw + b"\0"])
def test_a_header_has_80_bytes(raw: bytes) -> None:
    with refused(Code.ANCHOR):
        parse_header(raw)


@pytest.mark.parametrize(
    ("bits", "target"),
    [
        (0x1E0FFFF0, 0x0FFFF0 << 216),
        (0x207FFFFF, 0x7FFFFF << 232),
        (0x01120000, 0x12),
        (0x02123400, 0x1234),
        (0x03123456, 0x123456),
        (0x04123456, 0x12345600),
    ],
)
def test_a_target_has_a_short_form(bits: int, target: int) -> None:
    assert target_of(bits) == target
    assert compact_of(target) == bits


@pytest.mark.parametrize(
    "bits",
    [
        0,
        0x01003456,
        0x02000056,
        0x04000000,
        0x04923456,
        0x01FEDCBA,
        0x1E800001,
        0x21010000,
        0x220000FF,
        0xFF123456,
        0x05009234 & 0x050000FF,
        0x1F000FFF,
    ],
)
def test_what_is_no_target_is_refused(bits: int) -> None:
    with refused(Code.WORK):
        target_of(bits)


@given(st.integers(1, (1 << 256) - 1))
def test_a_short_form_reads_as_the_target_it_is_short_for(target: int) -> None:
    short = compact_of(target)
    read = target_of(short)
    assert compact_of(read) == short
    assert read <= target < read + (1 << max(0, target.bit_length() - 15))


@pytest.mark.parametrize(
    ("first", "last", "bits", "then"),
    [
        # As the tests of Litecoin Core have them: ordinary, the limit, and the two largest steps.
        (1_358_118_740, 1_358_378_777, 0x1C0AC141, 0x1C093F8D),
        (1_317_972_665, 1_318_480_354, 0x1E0FFFF0, 0x1E0FFFFF),
        (1_401_682_934, 1_401_757_934, 0x1B075CF1, 0x1B01D73C),
        (1_463_690_315, 1_464_900_315, 0x1B015318, 0x1B054C60),
    ],
)
def test_a_target_changes_as_the_network_says(first: int, last: int, bits: int, then: int) -> None:
    assert retargeted(bits, last - first, limit=MAIN.limit) == then


def test_a_target_that_is_as_long_as_the_limit_loses_its_lowest_bit() -> None:
    """The node shifts it out, for the product may have a bit more than its 256. Here the limit has five bits."""
    assert retargeted(0x01130000, 302_400, limit=31) == 0x01120000
    assert retargeted(0x010F0000, 302_400, limit=31) == 0x010F0000


def test_headers_follow_the_block_that_is_known() -> None:
    first = mined(bytes(32), bytes(32))
    second = mined(first.id, bytes(32))
    check_links([], expected_previous=bytes(32))
    check_links([first, second], expected_previous=bytes(32))
    for headers in ([second], [second, first], [first, first], [first, second, first]):
        with refused(Code.BLOCK_LINK):
            check_links(headers, expected_previous=bytes(32))


def test_regtest_has_one_target() -> None:
    easy, other = header(START, REGTEST_BITS), header(START, 0x207FFFFE)
    check_targets([easy, easy], first_height=1, rules=REGTEST)
    with refused(Code.WORK):
        check_targets([easy, other], first_height=1, rules=REGTEST)


def test_on_the_test_network_a_late_block_may_be_easy() -> None:
    check_targets([header(START, HARD), header(START, 0x1E0FFFFF)], first_height=1, rules=TEST)
    with refused(Code.WORK):
        check_targets([header(START, 0x1F00FFFF)], first_height=1, rules=TEST)


def test_a_header_that_cost_too_little_is_not_believed_whatever_it_claims() -> None:
    check_targets([header(START, HARD)], first_height=1, rules=MAIN)
    for bits in (0x1E0FFFF0, 0x1C0FFFF0, 0x1B00FFFF):
        with refused(Code.WORK):
            check_targets([header(START, bits)], first_height=1, rules=MAIN)


def test_a_target_does_not_change_within_its_interval() -> None:
    for bits in (HARD + 1, HARD - 1):
        with refused(Code.WORK):
            check_targets([header(START, HARD), header(START, bits)], first_height=2016 * 5, rules=MAIN)


def test_a_target_changes_by_one_step_at_most_where_the_interval_is_not_known() -> None:
    def change(bits: int) -> None:
        check_targets([header(START, HARD), header(START, bits)], first_height=2016 * 5 - 1, rules=MAIN)

    change(HARD)
    change(compact_of(target_of(HARD) * 4))
    change(compact_of(target_of(HARD) // 4))
    for wrong in (target_of(HARD) * 4 + (1 << 200), target_of(HARD) // 4 - (1 << 190)):
        with refused(Code.WORK):
            change(compact_of(wrong))


def test_a_change_is_exact_where_the_whole_interval_is_known() -> None:
    """Litecoin looks back over 2016 blocks, one more than Bitcoin does: so the first of them must be known too."""
    first_height = 2016 * 5 - INTERVAL - 1
    headers = [header(START + 140 * number, HARD) for number in range(INTERVAL + 1)]
    took = headers[-1].time - headers[0].time
    assert took == 140 * INTERVAL
    right = retargeted(HARD, took, limit=MAIN.limit)
    at = headers[-1].time + 140
    check_targets([*headers, header(at, right)], first_height=first_height, rules=MAIN)
    as_bitcoin = retargeted(HARD, headers[-1].time - headers[1].time, limit=MAIN.limit)
    assert as_bitcoin != right
    for wrong in (as_bitcoin, HARD, right + 1, right - 1):
        with refused(Code.WORK):
            check_targets([*headers, header(at, wrong)], first_height=first_height, rules=MAIN)
    # Without the first of them the rule cannot be computed, and only the step is checked.
    check_targets([*headers[1:], header(at, as_bitcoin)], first_height=first_height + 1, rules=MAIN)


def test_a_header_is_younger_than_the_middle_of_the_eleven_before_it() -> None:
    times = [START + number for number in range(11)]
    headers = [header(at, REGTEST_BITS) for at in times]
    check_targets([*headers, header(START + 6, REGTEST_BITS)], first_height=1, rules=REGTEST)
    with refused(Code.WORK):
        check_targets([*headers, header(START + 5, REGTEST_BITS)], first_height=1, rules=REGTEST)
    # Of ten, nobody knows the middle of eleven.
    check_targets([*headers[1:], header(START, REGTEST_BITS)], first_height=1, rules=REGTEST)
