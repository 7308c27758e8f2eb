"""EID and ICCID: one spelling each."""

from __future__ import annotations

import pytest

from chips import EID, eid_of
from pteri.core.errors import Code, MalformedEvidence
from pteri.core.euicc.numbers import eid, iccid, iccid_from_packed, packed


@pytest.mark.parametrize(
    "digits",
    # The first is the example of the specification of EIDs that everybody quotes; the second is of the lab.
    ["89049032123451234512345678901235", "89999901000000000000000000001134", EID, eid_of("89" + "0" * 28)],
)
def test_an_eid_is_32_digits_that_check(digits: str) -> None:
    assert eid(digits) == digits


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "89",
        EID[:-1],
        EID + "0",
        EID[:-1] + " ",
        "88" + EID[2:],
        EID.replace("4", "a", 1),
        EID + "\n",
        "٨" + EID[1:],
    ],
)
def test_anything_else_is_no_eid(digits: str) -> None:
    with pytest.raises(MalformedEvidence) as refused:
        eid(digits)
    assert refused.value.code is Code.EID


def test_each_single_wrong_digit_of_an_eid_is_noticed() -> None:
    for place in range(2, 32):
        for digit in "0123456789":
            if digit != EID[place]:
                with pytest.raises(MalformedEvidence) as refused:
                    eid(EID[:place] + digit + EID[place + 1 :])
                assert refused.value.code is Code.EID_CHECK_DIGITS


@pytest.mark.parametrize(
    ("digits", "bytes_"),
    [
        ("89490200001234567894", "98942000002143658749"),
        ("8949020000123456780", "989420000021436587f0"),
        ("894902000012345678", "989420000021436587ff"),
    ],
)
def test_an_iccid_is_packed_in_one_way(digits: str, bytes_: str) -> None:
    assert iccid_from_packed(bytes.fromhex(bytes_)) == digits
    assert packed(iccid(digits)).hex() == bytes_


@pytest.mark.parametrize(
    "packed_bytes",
    [
        "",
        "989420000021436587",
        "9894200000214365874900",
        "98942000002143658f49",
        "989420000021436587" + "4f",
        "9894200000214365f7ff",
        "98942000002143658a49",
        "ffffffffffffffffffff",
        "f8942000002143658749",
    ],
)
def test_anything_else_is_no_iccid(packed_bytes: str) -> None:
    with pytest.raises(MalformedEvidence) as refused:
        iccid_from_packed(bytes.fromhex(packed_bytes))
    assert refused.value.code is Code.ICCID


@pytest.mark.parametrize("digits", ["", "8" * 17, "8" * 21, "8" * 18 + "f", "8" * 18 + "\n", "٨" * 18])
def test_text_that_is_no_iccid(digits: str) -> None:
    with pytest.raises(MalformedEvidence) as refused:
        iccid(digits)
    assert refused.value.code is Code.ICCID
