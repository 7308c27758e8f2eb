"""The one-time code. Its values are in vectors/protocol.json; here is what it refuses, and what a person may type."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from pteri.core.errors import Code, Malformed
from pteri.core.otp import DIGITS, one_time_code, parse_code, spaced

MADE_OF: dict[str, Any] = {
    "wallet_signature": b"w" * 64,
    "device_signature": b"d" * 64,
    "request_id": "lgn_2Y7K4M9QWZ3T",
    "session_hash": b"s" * 32,
    "nonce": "K7Q2M5XW3T6Z4J8N9R2H5V7C3B6D4F8G",
}


def code(**changes: Any) -> str:
    return one_time_code(b"statement", **(MADE_OF | changes))


def test_a_code_has_eight_digits_with_its_leading_zeros() -> None:
    codes = {code(session_hash=number.to_bytes(32, "big")) for number in range(100)}
    assert {len(found) for found in codes} == {DIGITS} == {8}
    assert len(codes) == 100
    assert any(found.startswith("0") for found in codes)


@pytest.mark.parametrize("digits", [6, 7, 8])
def test_a_shorter_code_is_the_end_of_the_longer_one(digits: int) -> None:
    assert code(digits=digits) == code()[-digits:]


@pytest.mark.parametrize("digits", [-1, 0, 1, 5, 9, 10, 100])
def test_a_code_of_another_length_is_neither_made_nor_read(digits: int) -> None:
    with pytest.raises(Malformed) as made:
        code(digits=digits)
    with pytest.raises(Malformed) as read:
        parse_code("0" * max(digits, 0), digits=digits)
    assert made.value.code is read.value.code is Code.CODE_FORMAT


@pytest.mark.parametrize("name", ["wallet_signature", "device_signature", "session_hash"])
@pytest.mark.parametrize("change", [-1, 1])
def test_what_a_code_is_made_of_has_fixed_sizes(name: str, change: int) -> None:
    with pytest.raises(Malformed) as refused:
        code(**{name: bytes(len(MADE_OF[name]) + change)})
    assert refused.value.code is Code.LENGTH


def test_a_wallet_signature_with_its_header_byte_makes_no_code() -> None:
    with pytest.raises(Malformed):
        code(wallet_signature=b"\x1f" + MADE_OF["wallet_signature"])


@pytest.mark.parametrize("name", ["request_id", "nonce"])
@pytest.mark.parametrize("text", ["\u0660", "lgn_\u00e9", "\ud800"])
def test_a_name_that_is_not_ascii_makes_no_code(name: str, text: str) -> None:
    with pytest.raises(Malformed) as refused:
        code(**{name: text})
    assert refused.value.code is Code.ENCODING


ANYTHING: list[Any] = [
    None,
    0,
    8.0,
    6.5,
    True,
    "",
    "x",
    "\ud800",
    b"",
    bytearray(64),
    memoryview(b"x"),
    [],
    {},
    object(),
    int,
]


@pytest.mark.parametrize("name", ["statement", *MADE_OF, "digits"])
@pytest.mark.parametrize("value", ANYTHING, ids=lambda value: type(value).__name__)
def test_whatever_is_handed_over_there_is_a_code_or_malformed(name: str, value: Any) -> None:
    arguments = {"statement": b"statement", **MADE_OF, name: value}
    with suppress(Malformed):
        made = one_time_code(arguments.pop("statement"), **arguments)
        assert type(value) in {str, bytes}
        assert len(made) == DIGITS


@pytest.mark.parametrize("signature", [bytes(64), b"\xff" * 64])
def test_a_signature_that_never_verified_still_gives_a_code_and_no_other_error(signature: bytes) -> None:
    assert len(code(device_signature=signature)) == 8


@pytest.mark.parametrize("typed", ["46416065", "4641 6065"])
def test_a_code_is_typed_with_one_group_space_or_none(typed: str) -> None:
    assert parse_code(typed) == "46416065"
    assert parse_code(spaced(typed.replace(" ", ""))) == "46416065"


@pytest.mark.parametrize(("digits", "typed"), [(6, "123 456"), (7, "123 4567"), (8, "1234 5678")])
def test_the_space_is_in_the_middle(digits: int, typed: str) -> None:
    assert parse_code(typed, digits=digits) == typed.replace(" ", "")
    assert spaced(typed.replace(" ", "")) == typed


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", "4641606", "464160650", "4641  6065", "464 16065", "46416 065", " 46416065", "46416065 "),
        *("4641-6065", "4641\u00a06065", "4641\t6065", "46416065\n", "+4641606", "4641606.", "0x464160", "4e416065"),
        *("\u0664\u0666\u0664\u0661\u0666\u0660\u0666\u0665", "\uff14\uff16\uff14\uff11\uff16\uff10\uff16\uff15"),
        *("4641606\u00b2", "\ud8004641606", "4 6 4 1 6 0 6 5", "0" * 1000),
    ],
)
def test_nothing_else_is_a_code(typed: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_code(typed)
    assert refused.value.code is Code.CODE_FORMAT


@pytest.mark.parametrize("value", [None, 46416065, b"46416065", ["4"] * 8])
def test_a_code_is_text(value: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_code(value)
    assert refused.value.code is Code.CODE_FORMAT
