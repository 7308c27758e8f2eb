"""Offline codes: one chain, one window, one use; and typing errors are told from guesses."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NOW, account_id, thumbprint
from chains import DAY, STEP, Chain, seed_of
from pteri.core import checked32, ids
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow, ProtocolError
from pteri.core.keys.secret import Secret
from pteri.core.offline import (
    AHEAD,
    BEHIND,
    ChainTerms,
    SpentElement,
    chain_end,
    check_terms,
    offline_code,
    parse_offline_code,
    spaced_offline_code,
    verify_for_nobody,
    verify_offline_code,
)

LENGTH = 200
TERMS = ChainTerms(account_id(), thumbprint(1), NOW, STEP, LENGTH)
CHAIN = Chain(TERMS, seed_of("test"))


def verified(code: str, at: int, spent: SpentElement | None = None, chain: Chain = CHAIN) -> SpentElement:
    typed = parse_offline_code(code)
    return verify_offline_code(typed, expected_terms=chain.terms, expected_end=chain.end, spent=spent, at=at)


def refused(code: str, at: int, spent: SpentElement | None = None, chain: Chain = CHAIN) -> Code:
    with pytest.raises(ProtocolError) as error:
        verified(code, at, spent, chain)
    assert isinstance(error.value, OutOfWindow | NotAuthentic)
    return error.value.code


# --- what a code is --------------------------------------------------------------------------------------------------


def test_the_code_of_the_first_slot_hashes_to_the_end_that_was_signed() -> None:
    """Written out once, so that the formula stands in two places."""
    prefix = hashlib.sha256(
        b"PTERI-OFFLINE-v1\0" + f"{TERMS.account} {TERMS.device} {NOW} {STEP} {LENGTH}".encode()
    ).digest()
    element = int.from_bytes(CHAIN.seed.reveal(), "big") >> 6
    for place in range(1, LENGTH + 1):
        told = (element << 6).to_bytes(17, "big")
        element = int.from_bytes(hashlib.sha256(prefix + place.to_bytes(4, "big") + told).digest(), "big") >> 126
    code = CHAIN.shown(NOW)
    digits = [checked32.ALPHABET[element >> shift & 31] for shift in range(125, -1, -5)]
    assert code[:26] == "".join(digits)
    assert code[26] == "0"
    last = prefix + (LENGTH + 1).to_bytes(4, "big") + (element << 6).to_bytes(17, "big")
    assert CHAIN.end == ids.digest_text(hashlib.sha256(last).digest())


def test_a_code_is_twenty_eight_characters_and_another_one_in_each_slot() -> None:
    codes = [CHAIN.shown(NOW + slot * STEP) for slot in range(LENGTH)]
    assert {len(code) for code in codes} == {28}
    assert len(set(codes)) == LENGTH
    assert CHAIN.shown(NOW) == CHAIN.shown(NOW + STEP - 1) != CHAIN.shown(NOW + STEP)


def test_every_other_account_phone_and_plan_makes_another_chain() -> None:
    others: dict[str, object] = {
        "account": account_id(2),
        "device": thumbprint(2),
        "start": NOW + 1,
        "step": STEP + 1,
        "length": LENGTH + 1,
    }
    ends = {chain_end(msgspec.structs.replace(TERMS, **{name: value}), CHAIN.seed) for name, value in others.items()}
    assert len(ends | {CHAIN.end}) == 6


@pytest.mark.parametrize(
    "changes",
    [{"step": 29}, {"step": 601}, {"length": 0}, {"length": 86_401}, {"start": -1}, {"start": 1 << 40}],
    ids=str,
)
def test_a_plan_outside_its_bounds_makes_no_chain(changes: dict[str, int]) -> None:
    wrong = msgspec.structs.replace(TERMS, **changes)
    for make in (lambda: check_terms(wrong), lambda: chain_end(wrong, CHAIN.seed)):
        with pytest.raises(Malformed) as error:
            make()
        assert error.value.code is Code.FIELD


@pytest.mark.parametrize("size", [0, 16, 18, 32])
def test_a_seed_has_seventeen_bytes(size: int) -> None:
    with pytest.raises(Malformed) as error:
        chain_end(TERMS, Secret(bytes(size)))
    assert error.value.code is Code.LENGTH


def test_before_the_first_slot_and_after_the_last_there_is_nothing_to_show() -> None:
    for at, code in ((NOW - 1, Code.NOT_YET_VALID), (TERMS.ends_at, Code.EXPIRED)):
        with pytest.raises(OutOfWindow) as error:
            offline_code(TERMS, CHAIN.seed, at)
        assert error.value.code is code
    assert offline_code(TERMS, CHAIN.seed, TERMS.ends_at - 1)


# --- typing ----------------------------------------------------------------------------------------------------------


def test_it_is_shown_in_seven_groups_of_four_and_read_however_it_is_typed() -> None:
    code = CHAIN.shown(NOW)
    spaced = spaced_offline_code(code)
    assert [len(group) for group in spaced.split(" ")] == [4] * 7
    for typed in (spaced, spaced.lower(), spaced.replace(" ", "-"), f"\t{code}\n", code.replace("0", "o")):
        assert parse_offline_code(typed) == parse_offline_code(code)
    assert parse_offline_code(code.replace("1", "l").replace("0", "O")) == parse_offline_code(code)


@given(st.integers(0, LENGTH - 1), st.integers(0, 27), st.sampled_from(checked32.ALPHABET))
def test_one_wrong_character_is_a_typing_error(slot: int, place: int, character: str) -> None:
    code = CHAIN.shown(NOW + slot * STEP)
    typed = code[:place] + character + code[place + 1 :]
    if typed != code:
        with pytest.raises(Malformed) as error:
            parse_offline_code(typed)
        assert error.value.code is Code.CODE_FORMAT


@given(st.integers(0, LENGTH - 1), st.integers(0, 27), st.integers(0, 27))
def test_two_characters_that_have_changed_places_are_a_typing_error(slot: int, one: int, other: int) -> None:
    code = CHAIN.shown(NOW + slot * STEP)
    typed = list(code)
    typed[one], typed[other] = typed[other], typed[one]
    if typed != list(code):
        with pytest.raises(Malformed):
            parse_offline_code("".join(typed))


@pytest.mark.parametrize("text", ["", "0", "U" * 28, "\u0661" * 28, "A" * 29, "!" * 28, " " * 2000, None, 7, b"A"])
def test_what_is_no_code_is_malformed(text: str) -> None:
    with pytest.raises(Malformed) as error:
        parse_offline_code(text)
    assert error.value.code is Code.CODE_FORMAT


def test_the_check_of_characters_makes_their_remainder_nothing() -> None:
    for start in range(32):
        assert checked32.remainder("AB7Z" + checked32.check_of("AB7Z", start), start) == 0


# --- when it counts --------------------------------------------------------------------------------------------------


def test_a_code_counts_from_a_slot_before_it_to_four_slots_after_it() -> None:
    slot = 100
    code = CHAIN.shown(NOW + slot * STEP)
    first, last = NOW + (slot - AHEAD) * STEP, NOW + (slot + BEHIND + 1) * STEP
    assert verified(code, first).slot == verified(code, last - 1).slot == slot
    assert refused(code, first - 1) is refused(code, last) is Code.EXPIRED


def test_no_code_counts_twice_and_none_before_one_that_was_taken() -> None:
    codes = [CHAIN.shown(NOW + slot * STEP) for slot in (50, 51, 52)]
    at = NOW + 52 * STEP
    spent = verified(codes[1], at)
    assert refused(codes[0], at, spent) is refused(codes[1], at, spent) is Code.ORDER
    assert verified(codes[2], at, spent).slot == 52


def test_a_code_counts_to_the_end_of_its_chain_and_not_after_it() -> None:
    code = CHAIN.shown(TERMS.ends_at - 1)
    assert verified(code, TERMS.ends_at - 1).slot == LENGTH - 1
    assert refused(code, TERMS.ends_at) is Code.EXPIRED


def test_in_the_first_slots_none_from_before_the_chain_counts() -> None:
    assert verified(CHAIN.shown(NOW), NOW - STEP).slot == 0
    assert refused(CHAIN.shown(NOW), NOW - STEP - 1) is Code.EXPIRED
    late = CHAIN.shown(NOW + 31 * STEP)  # the slot that -1 would be, modulo 32
    assert refused(late, NOW) is Code.EXPIRED


def test_the_code_of_another_chain_is_none_of_this_one() -> None:
    other = Chain(TERMS, seed_of("another"))
    at = NOW + 9 * STEP
    spent = verified(CHAIN.shown(NOW + 3 * STEP), NOW + 3 * STEP)
    for before in (None, spent):
        assert refused(other.shown(at), at, before) is Code.MISMATCH
    longer = Chain(msgspec.structs.replace(TERMS, length=LENGTH + 1), CHAIN.seed)
    assert refused(longer.shown(at), at) is Code.MISMATCH


def test_a_code_with_the_slot_of_another_is_refused() -> None:
    """An element that was seen does not become one of a later slot."""
    at = NOW + 40 * STEP
    seen = CHAIN.shown(at)
    for slot in range(41, 42 + AHEAD):
        said = seen[:26] + checked32.ALPHABET[slot % 32]
        assert refused(said + checked32.check_of(said), at + STEP * (slot - 40)) is Code.MISMATCH


@given(st.lists(st.integers(0, LENGTH - 1), min_size=1, max_size=12), st.integers(-3 * STEP, 8 * STEP))
def test_what_is_taken_only_goes_forward(slots: list[int], late: int) -> None:
    """Whatever is typed in whatever order: each slot at most once, and the accepted ones ascend."""
    spent: SpentElement | None = None
    for slot in slots:
        at = NOW + slot * STEP + late
        try:
            found = verified(CHAIN.shown(NOW + slot * STEP), at, spent)
        except ProtocolError:
            continue
        assert spent is None or found.slot > spent.slot
        assert found.slot == slot
        spent = found


def test_nothing_but_ones_own_errors_comes_of_any_text() -> None:
    @given(st.text(max_size=60))
    def typed(text: str) -> None:
        with pytest.raises(ProtocolError):
            verified(text, NOW)

    typed()


def test_a_day_of_codes_is_that_long() -> None:
    assert ChainTerms(account_id(), thumbprint(1), NOW, STEP, DAY // STEP).ends_at == NOW + DAY


# --- guesses at nobody -----------------------------------------------------------------------------------------------


def guesses() -> list[str]:
    """One for each slot that a code may claim."""
    said = [ids.crockford(bytes(17), 26) + hint for hint in checked32.ALPHABET]
    return [text + checked32.check_of(text) for text in said]


def at_nobody(code: str, tag: bytes, at: int) -> Code:
    with pytest.raises(ProtocolError) as error:
        verify_for_nobody(parse_offline_code(code), tag=tag, at=at)
    return error.value.code


def hashed(refusals: list[Code]) -> int:
    assert set(refusals) == {Code.EXPIRED, Code.MISMATCH}
    return refusals.count(Code.MISMATCH)


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.integers(NOW, NOW + 60 * DAY))
def test_as_many_guesses_at_nobody_are_hashed_as_at_somebody(tag: bytes, at: int) -> None:
    long_ago = Chain(msgspec.structs.replace(TERMS, start=NOW - 100 * STEP), seed_of("test"))
    at_somebody = hashed([refused(code, NOW, chain=long_ago) for code in guesses()])
    told = hashed([at_nobody(code, tag, at) for code in guesses()])
    # A chain that has just begun has no slots behind it.
    assert at_somebody == BEHIND + 1 + AHEAD >= told >= 1 + AHEAD


def test_which_guesses_at_nobody_are_hashed_changes_with_the_slot_and_not_before() -> None:
    def window(at: int) -> list[Code]:
        return [at_nobody(code, b"\x01" * 32, at) for code in guesses()]

    windows = [window(NOW + second) for second in range(2 * STEP)]
    changes = [second for second in range(1, 2 * STEP) if windows[second] != windows[second - 1]]
    assert len(changes) == 2
    assert changes[1] - changes[0] == STEP
