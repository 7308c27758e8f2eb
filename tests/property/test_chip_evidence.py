"""Bytes that somebody touched: nothing that changes the meaning is accepted, and nothing else is raised."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chip_cases
import chips as c
from pteri.core.errors import MalformedEvidence, NotAuthentic
from pteri.core.euicc.certificate import parse_certificate
from pteri.core.euicc.der import Element, elements, exactly, named_bits, non_negative, only, text, well_formed
from pteri.core.euicc.der_writer import element, integer
from pteri.core.euicc.numbers import Iccid, iccid_from_packed, packed
from pteri.core.euicc.signing_key import public_key

GOOD = [case for case in chip_cases.all_cases() if case.code is None]
KINDS = ("notification", "answer", "installation", "profiles")
REFUSALS = (MalformedEvidence, NotAuthentic)


def first_of(kind: str) -> chip_cases.Evidence:
    return next(case for case in GOOD if case.kind == kind and not case.lab)


def outcome(case: chip_cases.Evidence, der: bytes) -> object:
    """What is found in these bytes; ``None`` for a refusal. Any other exception ends the test."""
    try:
        return replace(case, der=der).verify()
    except REFUSALS:
        return None


def test_of_ten_thousand_flipped_bits_none_changes_what_is_accepted() -> None:
    dice = random.Random(20_261_125)
    accepted = 0
    for case in (first_of(kind) for kind in KINDS):
        right = case.verify()
        for _ in range(2_500):
            touched = bytearray(case.der)
            place = dice.randrange(8 * len(touched))
            touched[place // 8] ^= 1 << place % 8
            found = outcome(case, bytes(touched))
            assert found is None or found == right, (case.kind, place)
            accepted += found is not None
    # The verifier would prove nothing if flips that mean nothing existed: there are none.
    assert accepted == 0


def test_every_flipped_bit_of_one_notification_is_refused() -> None:
    case = first_of("notification")
    for place in range(8 * len(case.der)):
        touched = bytearray(case.der)
        touched[place // 8] ^= 1 << place % 8
        assert outcome(case, bytes(touched)) is None, place


def test_every_message_that_is_cut_short_is_refused() -> None:
    for case in (first_of(kind) for kind in KINDS):
        for length in range(len(case.der)):
            assert outcome(case, case.der[:length]) is None


def tree(raw: bytes) -> Iterator[tuple[int, Element]]:
    """Every element in these bytes, and where it begins."""
    waiting = [(0, raw)]
    while waiting:
        start, data = waiting.pop()
        at = 0
        try:
            found = elements(data)
        except MalformedEvidence:
            continue
        for one in found:
            yield start + at, one
            if one.raw[0] & 0x20:
                waiting.append((start + at + len(one.raw) - len(one.content), one.content))
            at += len(one.raw)


def rebuilt(raw: bytes, target: int, change: Callable[[Element], bytes]) -> bytes:
    """The same tree with one element changed and every length around it made right."""
    counter = [0]

    def walk(data: bytes) -> bytes:
        made = []
        for one in elements(data):
            mine, counter[0] = counter[0], counter[0] + 1
            inside = one.content
            if one.raw[0] & 0x20:
                inside = walk(inside)
            whole = element(one.tag, inside)
            made.append(change(Element(one.tag, whole, inside)) if mine == target else whole)
        return b"".join(made)

    return walk(raw)


CHANGES: dict[str, Callable[[Element], bytes]] = {
    "left out": lambda _: b"",
    "there twice": lambda one: one.raw * 2,
    "empty": lambda one: element(one.tag),
    "another tag": lambda one: element(0x85 if one.tag != 0x85 else 0x86, one.content),
    "a byte longer": lambda one: element(one.tag, one.content, b"\0"),
    "a byte shorter": lambda one: element(one.tag, one.content[:-1]),
    "a zero in front": lambda one: element(one.tag, b"\0", one.content),
    "wrapped": lambda one: element(0x30, one.raw),
    "indefinite": lambda one: one.raw[: (one.tag.bit_length() + 7) // 8] + b"\x80" + one.content + b"\0\0",
    "followed by nothing": lambda one: one.raw + b"\x05\0",
    "a long length": lambda one: (
        one.raw[: (one.tag.bit_length() + 7) // 8] + b"\x83" + len(one.content).to_bytes(3, "big") + one.content
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", CHANGES)
def test_no_change_of_the_structure_is_accepted(kind: str, change: str) -> None:
    """Each element of a message in turn, with the lengths around it put right."""
    case = first_of(kind)
    right, changed = case.verify(), 0
    for target, _ in enumerate(tree(case.der)):
        der = rebuilt(case.der, target, CHANGES[change])
        if der != case.der:
            found = outcome(case, der)
            assert found is None or found == right, (target, change)
            assert found is None, (target, change)
            changed += 1
    assert changed > 5


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    for kind in KINDS:
        assert outcome(first_of(kind), raw) is None
    for read in (parse_certificate, public_key, iccid_from_packed, elements):
        with suppress(MalformedEvidence):
            read(raw)


@settings(max_examples=400)
@given(st.sampled_from(KINDS), st.data())
def test_spliced_messages_raise_nothing_else_and_mean_nothing_else(kind: str, data: st.DataObject) -> None:
    case = first_of(kind)
    start = data.draw(st.integers(0, len(case.der)))
    end = data.draw(st.integers(start, min(len(case.der), start + 40)))
    der = case.der[:start] + data.draw(st.binary(max_size=40)) + case.der[end:]
    found = outcome(case, der)
    assert found is None or found == case.verify()


@settings(max_examples=300)
@given(st.binary(max_size=60), st.binary(max_size=60))
def test_certificates_with_spliced_bytes_in_what_is_signed_raise_nothing_else(prefix: bytes, value: bytes) -> None:
    """An issuer that is trusted and mad: the bytes are signed, and still only refused."""
    for changed in (
        replace(c.CHIP, subject=element(0x30, prefix, value)),
        replace(c.CHIP, extensions=(*c.CHIP.extensions, element(0x30, prefix), value)),
        replace(c.CHIP, validity=prefix + value),
    ):
        assert outcome(first_of("notification"), c.notification(leaf=changed.der())) is None


@given(st.binary(max_size=20))
def test_whatever_is_read_as_a_list_of_bits_is_written_in_one_way(content: bytes) -> None:
    try:
        bits = named_bits(Element(0x03, b"", content))
    except MalformedEvidence:
        return
    size = max(bits) + 1 if bits else 0
    value = sum(1 << (-(-size // 8) * 8 - 1 - bit) for bit in bits)
    assert content == bytes((-size % 8,)) + value.to_bytes(-(-size // 8), "big")


@given(st.integers(0, 2**63 - 1))
def test_integers_come_back(value: int) -> None:
    assert non_negative(only(integer(value), max_bytes=99)) == value


@given(st.binary(max_size=12))
def test_whatever_is_read_as_an_integer_is_written_in_one_way(content: bytes) -> None:
    try:
        value = non_negative(Element(0x02, b"", content), max_bytes=12)
    except MalformedEvidence:
        return
    assert integer(value) == element(0x02, content)


@given(st.from_regex(r"\A[0-9]{18,20}\Z"))
def test_iccids_come_back(digits: str) -> None:
    assert iccid_from_packed(packed(Iccid(digits))) == digits


@given(st.binary(min_size=10, max_size=10))
def test_whatever_is_read_as_an_iccid_is_packed_in_one_way(raw: bytes) -> None:
    try:
        digits = iccid_from_packed(raw)
    except MalformedEvidence:
        return
    assert packed(digits) == raw


TREES = st.recursive(
    st.builds(element, st.sampled_from([0x04, 0x80, 0x5F37]), st.binary(max_size=200)),
    lambda inner: st.builds(
        lambda tag, parts: element(tag, *parts), st.sampled_from([0x30, 0xA0, 0xBF2F]), st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)


@given(TREES)
def test_what_is_written_is_read_back(raw: bytes) -> None:
    found = only(raw, max_bytes=1 << 20)
    well_formed(found)
    assert element(found.tag, found.content) == raw == found.raw
    assert rebuilt(raw, -1, lambda one: one.raw) == raw


@given(
    st.lists(st.sampled_from([0x80, 0x81, 0x30]), max_size=5), st.lists(st.sampled_from([0x80, 0x81, 0x30]), max_size=5)
)
def test_exactly_these_means_exactly_these(tags: list[int], wanted: list[int]) -> None:
    content = b"".join(element(tag) for tag in tags)
    try:
        found = exactly(content, tuple(wanted), "x")
    except MalformedEvidence:
        assert tags != wanted
        return
    assert [one.tag for one in found] == wanted == tags


@given(st.binary(max_size=20))
def test_texts_are_what_they_were(content: bytes) -> None:
    try:
        found = text(Element(0x0C, b"", content), max_bytes=20)
    except MalformedEvidence:
        return
    assert found.encode() == content
