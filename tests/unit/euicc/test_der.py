"""The strict reader: one spelling per value, and a code for each way to miss it."""

from __future__ import annotations

import pytest

from pteri.core.errors import Code, MalformedEvidence
from pteri.core.euicc.der import (
    MAX_DEPTH,
    MAX_ELEMENTS,
    Element,
    Fields,
    elements,
    exactly,
    named_bits,
    non_negative,
    one_of,
    only,
    text,
    well_formed,
)
from pteri.core.euicc.der_writer import bit, element, integer


def refusal(call: object, *arguments: object, **named: object) -> Code:
    with pytest.raises(MalformedEvidence) as refused:
        call(*arguments, **named)  # type: ignore[operator]  # any function of the reader
    return refused.value.code


@pytest.mark.parametrize(
    ("der", "tag", "content"),
    [
        ("0500", 0x05, ""),
        ("0401ff", 0x04, "ff"),
        ("bf2f0101", 0xBF2F, "01"),
        ("5f370101", 0x5F37, "01"),
        ("9f700101", 0x9F70, "01"),
        ("9f1f00", 0x9F1F, ""),
        ("04" + "8180" + "00" * 128, 0x04, "00" * 128),
        ("04" + "820100" + "00" * 256, 0x04, "00" * 256),
        ("04" + "83010000" + "00" * 65536, 0x04, "00" * 65536),
    ],
)
def test_an_element_has_one_spelling(der: str, tag: int, content: str) -> None:
    raw = bytes.fromhex(der)
    assert only(raw, max_bytes=1 << 20) == Element(tag, raw, bytes.fromhex(content))
    assert element(tag, bytes.fromhex(content)) == raw


@pytest.mark.parametrize(
    ("der", "code"),
    [
        ("", Code.DER),
        ("04", Code.DER),
        ("0401", Code.DER),
        ("0402ff", Code.DER),
        ("0000", Code.DER),
        ("bf2f", Code.DER),
        ("bf1e00", Code.DER),
        ("bf802f00", Code.DER),
        ("bf812f00", Code.DER),
        ("3080040100", Code.INDEFINITE_LENGTH),
        ("30800000", Code.INDEFINITE_LENGTH),
        ("0481", Code.DER),
        ("0482", Code.DER),
        ("048100", Code.DER),
        ("04817f" + "00" * 127, Code.DER),
        ("04820080" + "00" * 128, Code.DER),
        ("048181", Code.DER),
        ("0482ff", Code.DER),
        ("048400000001ff", Code.DER),
        ("048401000000", Code.DER),
        ("04ff", Code.DER),
        ("0401ff00", Code.TRAILING_BYTES),
        ("050005", Code.TRAILING_BYTES),
    ],
)
def test_any_other_spelling_is_refused(der: str, code: Code) -> None:
    assert refusal(only, bytes.fromhex(der), max_bytes=1 << 20) is code


def test_the_size_is_looked_at_first() -> None:
    assert refusal(only, bytes(11), max_bytes=10) is Code.TOO_LARGE
    assert only(b"\x04\x08" + bytes(8), max_bytes=10).content == bytes(8)


def test_a_sequence_is_taken_apart_in_order() -> None:
    assert [one.content for one in elements(bytes.fromhex("0401aa0401bb0500"))] == [b"\xaa", b"\xbb", b""]
    assert elements(b"") == []
    assert refusal(elements, bytes.fromhex("0401aa04")) is Code.DER


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("800101", Code.ELEMENT),
        ("810101800101", Code.ELEMENT),
        ("800101810101820101", Code.ELEMENT),
        ("", Code.ELEMENT),
        ("800101800101", Code.DUPLICATE_ELEMENT),
        ("800101800102810101", Code.DUPLICATE_ELEMENT),
        ("800101810101810101", Code.DUPLICATE_ELEMENT),
    ],
)
def test_exactly_these_elements(content: str, code: Code) -> None:
    assert [one.tag for one in exactly(bytes.fromhex("800101810101"), (0x80, 0x81), "x")] == [0x80, 0x81]
    assert refusal(exactly, bytes.fromhex(content), (0x80, 0x81), "x") is code


def test_an_element_that_must_be_there_twice_is_no_duplicate() -> None:
    assert len(exactly(bytes.fromhex("300030000500"), (0x30, 0x30, 0x05), "x")) == 3
    assert refusal(exactly, bytes.fromhex("30003000"), (0x30, 0x30, 0x05), "x") is Code.ELEMENT
    assert refusal(exactly, bytes.fromhex("300030003000"), (0x30, 0x30, 0x05), "x") is Code.DUPLICATE_ELEMENT


def test_one_of_several() -> None:
    assert one_of(bytes.fromhex("a100"), (0xA0, 0xA1), "x").tag == 0xA1
    for content in ("", "a200", "a000a100", "a000a000"):
        assert refusal(one_of, bytes.fromhex(content), (0xA0, 0xA1), "x") is Code.ELEMENT


def test_fields_are_taken_in_their_places() -> None:
    fields = Fields(bytes.fromhex("800101820103830104"), "x")
    assert fields.take(0x80).content == b"\x01"
    assert fields.optional(0x81) is None
    assert fields.take(0x82).content == b"\x03"
    assert [one.tag for one in fields.rest()] == [0x83]
    fields.end()
    assert fields.optional(0x80) is None
    assert refusal(fields.take, 0x80) is Code.ELEMENT


def test_fields_that_are_left_over_missing_or_there_twice_are_refused() -> None:
    fields = Fields(bytes.fromhex("800101800102830104830105"), "x")
    assert refusal(fields.end) is Code.ELEMENT
    fields.take(0x80)
    assert refusal(fields.take, 0x81) is Code.DUPLICATE_ELEMENT
    assert refusal(fields.end) is Code.DUPLICATE_ELEMENT
    fields.take(0x80)
    assert refusal(fields.take, 0x81) is Code.ELEMENT
    assert refusal(fields.rest) is Code.DUPLICATE_ELEMENT


@pytest.mark.parametrize("value", [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 2**63 - 1])
def test_an_integer_has_one_spelling(value: int) -> None:
    assert non_negative(only(integer(value), max_bytes=99)) == value


@pytest.mark.parametrize(
    ("der", "code"),
    [
        ("0200", Code.NON_MINIMAL_INTEGER),
        ("02020001", Code.NON_MINIMAL_INTEGER),
        ("0202007f", Code.NON_MINIMAL_INTEGER),
        ("0202ff80", Code.NON_MINIMAL_INTEGER),
        ("0203000080", Code.NON_MINIMAL_INTEGER),
        ("0201ff", Code.RANGE),
        ("02020080" + "00", Code.TRAILING_BYTES),
        ("0202ff7f", Code.RANGE),
        ("0209008000000000000000", Code.RANGE),
        ("0209010000000000000000", Code.RANGE),
    ],
)
def test_any_other_integer_is_refused(der: str, code: Code) -> None:
    assert refusal(lambda: non_negative(only(bytes.fromhex(der), max_bytes=99))) is code


@pytest.mark.parametrize("number", range(8))
def test_one_bit_is_written_and_read(number: int) -> None:
    assert named_bits(only(bit(number), max_bytes=9)) == {number}


def test_lists_of_bits() -> None:
    assert named_bits(Element(0x03, b"", b"\0")) == frozenset()
    assert named_bits(Element(0x03, b"", b"\x05\x60")) == {1, 2}
    assert named_bits(Element(0x03, b"", b"\x07\x00\x80")) == {8}


@pytest.mark.parametrize(
    "content", ["", "01", "0000", "0640" + "00", "0540", "0741", "0641", "0880", "080100", "00800001", "ff80"]
)
def test_any_other_list_of_bits_is_refused(content: str) -> None:
    assert refusal(named_bits, Element(0x03, b"", bytes.fromhex(content))) is Code.DER


def test_texts_are_visible_ascii() -> None:
    assert text(Element(0x0C, b"", b"a.example"), max_bytes=9) == "a.example"
    for content in (b"", b"a b", b"a\n", b"a\0", "ä".encode(), b"\x7f", b"0123456789"):
        assert refusal(text, Element(0x0C, b"", content), max_bytes=9) is Code.ENCODING


def deep(levels: int, inside: bytes) -> bytes:
    for _ in range(levels):
        inside = element(0x30, inside)
    return inside


def test_what_is_carried_along_is_der_to_a_bounded_depth() -> None:
    well_formed(only(deep(MAX_DEPTH, integer(5)), max_bytes=99))
    assert refusal(well_formed, only(deep(MAX_DEPTH + 1, integer(5)), max_bytes=99)) is Code.DER
    assert refusal(well_formed, only(deep(3, b"\x02\x02\0\x01"), max_bytes=99)) is Code.NON_MINIMAL_INTEGER
    assert refusal(well_formed, only(deep(3, b"\x30\x80\0\0"), max_bytes=99)) is Code.INDEFINITE_LENGTH
    assert refusal(well_formed, only(deep(3, b"\x04\x05\0"), max_bytes=99)) is Code.DER
    well_formed(only(deep(3, b"\x04\x02\x30\x80"), max_bytes=99))


def test_the_number_of_elements_is_bounded() -> None:
    assert len(elements(b"\5\0" * MAX_ELEMENTS)) == MAX_ELEMENTS
    assert refusal(elements, b"\5\0" * (MAX_ELEMENTS + 1)) is Code.TOO_LARGE
    some = element(0x30, b"\5\0" * (MAX_ELEMENTS // 2 - 1))
    well_formed(only(element(0x30, some, element(0x30, b"\5\0" * (MAX_ELEMENTS // 2 - 2))), max_bytes=1 << 20))
    assert refusal(well_formed, only(element(0x30, some, some), max_bytes=1 << 20)) is Code.TOO_LARGE


def test_what_is_too_much_is_refused_before_it_is_read() -> None:
    """The rest is not even DER: nobody has looked at it."""
    assert refusal(exactly, bytes.fromhex("800081008200ffff"), (0x80, 0x81), "x") is Code.ELEMENT
    assert refusal(exactly, bytes.fromhex("800081008100ffff"), (0x80, 0x81), "x") is Code.DUPLICATE_ELEMENT


def test_depth_costs_no_stack() -> None:
    levels = 20_000
    inside = b""
    for _ in range(levels):
        inside = element(0x30, inside)
    assert refusal(well_formed, only(inside, max_bytes=1 << 20)) is Code.DER
