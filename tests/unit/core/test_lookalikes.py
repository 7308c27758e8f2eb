"""Skeletons: what is left of a text when everything is gone that a person does not see."""

from __future__ import annotations

import sys

import pytest

from pteri.core.lookalikes import skeleton


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paypal", "p\u0430yp\u0430l"),
        ("Litecoin", "L1TEC0IN"),
        ("Litecoin", "\uff2c\uff49\uff54\uff45\uff43\uff4f\uff49\uff4e"),
        ("wallet", "vva||et"),
        ("see you", "s\u00e9e\u200b\nyou"),
        ("account", "@cc0un+"),
    ],
)
def test_texts_that_read_alike_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), [("sign in", "sign out"), ("Litecoin", "Bitcoin"), ("yes", "no")])
def test_texts_that_do_not_have_two(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


def test_nothing_is_left_of_what_is_invisible() -> None:
    assert skeleton(" \t\r\n\0\u00ad\u200b\u200c\u200d\u2060\ufeff\u202e\u0301.,:;-_/\\\ufffd\ud800") == ""


def test_a_skeleton_has_no_disguise_left() -> None:
    bare = {skeleton(one) for one in map(chr, range(sys.maxunicode + 1))}
    assert all(skeleton(one) == one for one in bare)


def test_case_is_none() -> None:
    for number in range(128):
        assert skeleton(chr(number).upper()) == skeleton(chr(number).lower())
