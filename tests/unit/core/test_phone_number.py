"""A mobile number: one spelling, and nothing of it to be seen."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from pteri.core.errors import Code, Malformed
from pteri.core.phone_number import PhoneNumber

NUMBER = "+4915112345678"


@pytest.mark.parametrize("text", [NUMBER, "+12345", "+123456789012345"])
def test_e164_is_a_number_and_comes_out_as_it_went_in(text: str) -> None:
    assert PhoneNumber(text).reveal() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "4915112345678",
        "004915112345678",
        "+0915112345678",
        "+1234",
        "+1234567890123456",
        "+49 151 12345678",
        "+49-151",
        "+4915112345678\n",
        "\u202a+4915112345678",
        "+\u0664\u0669151123456",
        "tel:+4915112345678",
        "+4915112345678;ext=1",
        b"+4915112345678",
        4915112345678,
        None,
    ],
)
def test_anything_else_is_no_number(text: Any) -> None:
    with pytest.raises(Malformed) as refused:
        PhoneNumber(text)
    assert refused.value.code is Code.FIELD
    assert "4915" not in str(refused.value)


def test_it_shows_nothing_and_leaves_by_one_door_only() -> None:
    number = PhoneNumber(NUMBER)
    assert NUMBER not in f"{number!r}{number}{[number]}"
    for way_out in (copy.copy, copy.deepcopy, pickle.dumps, PhoneNumber.__getstate__):
        with pytest.raises(TypeError, match="neither copied nor pickled"):
            way_out(number)
    with pytest.raises(AttributeError):
        number.text = "+1"  # type: ignore[attr-defined]  # a number has no room for anything else


def test_the_same_number_is_equal_and_another_is_not() -> None:
    assert PhoneNumber(NUMBER) == PhoneNumber(NUMBER)
    assert hash(PhoneNumber(NUMBER)) == hash(PhoneNumber(NUMBER))
    assert PhoneNumber(NUMBER) != PhoneNumber("+4915112345679")
    assert PhoneNumber(NUMBER) != NUMBER
