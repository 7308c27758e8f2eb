"""What is alike in the certificates of one manufacturer's chips is read once, and nothing gets in that way."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chip_cases
import chips as c
from pteri.core.errors import Code, MalformedEvidence, NotAuthentic
from pteri.core.euicc.anchors import TrustAnchors
from pteri.core.euicc.certificate import Certificate, parse_certificate
from pteri.core.euicc.der_writer import element, integer
from pteri.core.euicc.mould import Mould
from pteri.core.euicc.notification import verify_notification

FIELDS = ("raw", "tbs", "signature", "issuer", "subject", "names", "not_before", "not_after")
ANOTHER = replace(c.OTHER_CHIP, not_before=c.AT - 500, not_after=c.AT + 500, serial=integer(7_777_777))


def is_a_place(case: chip_cases.Evidence) -> bool:
    try:
        case.anchors()
    except (MalformedEvidence, NotAuthentic):
        return False  # the place itself is refused, before any message
    return True


CASES = [case for case in chip_cases.all_cases() if case.kind == "notification" and is_a_place(case)]


def the_mould() -> Mould:
    made = Mould.of(parse_certificate(c.CHIP.der()))
    assert made is not None
    return made


def said_by(certificate: Certificate) -> tuple[object, ...]:
    """All that a certificate says; of its key, what it accepts is asked elsewhere."""
    return (*[getattr(certificate, name) for name in FIELDS], msgspec.structs.astuple(certificate.extensions))


def outcome(der: bytes, anchors: TrustAnchors, at: int) -> object:
    try:
        return verify_notification(der, anchors=anchors, at=at)
    except (MalformedEvidence, NotAuthentic) as refused:
        return refused.code


def acquainted(case: chip_cases.Evidence) -> TrustAnchors:
    """A place that knows two other chips of the manufacturer, and so what is alike in them."""
    anchors = case.anchors()
    for chip in (c.CHIP, ANOTHER):
        outcome(c.notification(chip=chip), anchors, c.AT)
    return anchors


def test_a_second_chip_of_a_manufacturer_is_read_the_short_way_to_the_same_end() -> None:
    raw = ANOTHER.der()
    cast = the_mould().cast(raw)
    assert cast is not None
    assert said_by(cast) == said_by(parse_certificate(raw))
    cast.key.check_raw(b"x", c.raw_signature(ANOTHER.key, b"x"), otherwise=Code.CHIP_SIGNATURE)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_a_place_that_knows_the_manufacturer_says_the_same_of_every_message(case: chip_cases.Evidence) -> None:
    assert outcome(case.der, acquainted(case), case.at) == outcome(case.der, case.anchors(), case.at)


def test_every_flipped_bit_of_an_alike_certificate_is_refused_for_the_same_reason() -> None:
    first = CASES[0]
    known, fresh = acquainted(first), first.anchors()
    leaf = replace(ANOTHER, serial=integer(9)).der()
    for place in range(8 * len(leaf)):
        touched = bytearray(leaf)
        touched[place // 8] ^= 1 << place % 8
        der = c.notification(chip=ANOTHER, leaf=bytes(touched))
        found = outcome(der, known, c.AT)
        assert isinstance(found, Code)
        assert found == outcome(der, fresh, c.AT), place


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (Code.NON_MINIMAL_INTEGER, {"serial": element(0x02, b"\0\1")}),
        (Code.RANGE, {"serial": element(0x02, b"\x81")}),
        (Code.CERTIFICATE, {"validity": element(0x17, b"991332000000Z") + element(0x17, b"991231000000Z")}),
        (Code.KEY, {"spki": c.spki(c.CHIP.key.public_key())[:-65] + b"\4" + bytes(64)}),
    ],
)
def test_a_value_that_each_chip_has_for_itself_is_read_as_strictly_as_ever(
    code: Code, changes: dict[str, bytes]
) -> None:
    with pytest.raises(MalformedEvidence) as refused:
        the_mould().cast(c.edit(c.CHIP, **changes).der())
    assert refused.value.code is code


@pytest.mark.parametrize(
    "changes",
    [
        {"version": element(0xA0, integer(1))},
        {"serial": element(0x04, b"\1")},
        {"issuer": c.name((c.ORG, c.MAKER), (c.CN, "Works 2"))},
        {"extensions": (c.usage(5), c.policies("chip"))},
        {"extensions": (c.usage(0), c.policies("server"))},
        {"authority_key_id": c.key_id(0xE9)},
        {"inner_algorithm": c.ALGORITHM[:-1] + b"\3"},
        {"more": element(0x05)},
    ],
)
def test_whatever_else_is_not_alike_is_left_to_the_long_way(changes: dict[str, object]) -> None:
    assert the_mould().cast(c.edit(c.CHIP, **changes).der()) is None


def test_a_value_that_stands_twice_makes_no_mould_and_its_chip_is_believed() -> None:
    twice = c.edit(c.CHIP, subject=c.name((c.ORG, c.MAKER), (c.SERIAL, c.EID), (c.CN, c.EID)))
    assert Mould.of(parse_certificate(twice.der())) is None
    nameless = c.edit(c.CHIP, subject=c.name((c.ORG, c.MAKER)))
    assert Mould.of(parse_certificate(nameless.der())) is None
    anchors = c.trusting()
    for number in range(3):
        leaf = replace(twice, serial=integer(number + 1)).der()
        assert anchors.chip(leaf, c.EUM.der(), at=c.AT).eid == c.EID


def test_of_chips_that_take_turns_each_is_believed() -> None:
    anchors = c.trusting()
    longer = c.edit(c.OTHER_CHIP, subject=c.name((c.ORG, c.MAKER), (c.SERIAL, c.OTHER_EID), (c.CN, "Longer name")))
    for number in range(4):
        for chip, eid in ((c.CHIP, c.EID), (longer, c.OTHER_EID)):
            leaf = replace(chip, serial=integer(number + 1)).der()
            assert anchors.chip(leaf, c.EUM.der(), at=c.AT).eid == eid


@settings(max_examples=300)
@given(st.data())
def test_spliced_certificates_are_read_alike_or_not_at_all(data: st.DataObject) -> None:
    raw = ANOTHER.der()
    start = data.draw(st.integers(0, len(raw)))
    end = data.draw(st.integers(start, min(len(raw), start + 40)))
    spliced = raw[:start] + data.draw(st.binary(min_size=end - start, max_size=end - start)) + raw[end:]
    try:
        cast = the_mould().cast(spliced)
    except MalformedEvidence:
        with pytest.raises(MalformedEvidence):
            parse_certificate(spliced)
        return
    if cast is not None:
        assert said_by(cast) == said_by(parse_certificate(spliced))
