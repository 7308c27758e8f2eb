"""Who may help: one spelling, a quorum of at least two, and no more than fit on every screen."""

from __future__ import annotations

import pytest

from pteri.core.errors import Code, Malformed
from pteri.core.guardians import MAX_GUARDIANS, Guardians, parse_guardians
from statements import ADDRESS, FRIENDS

ONE, TWO, THREE = FRIENDS


@pytest.mark.parametrize(
    ("text", "guardians"),
    [
        (f"2,{ONE},{TWO}", Guardians(2, (ONE, TWO))),
        (f"2,{ONE},{TWO},{THREE}", Guardians(2, FRIENDS)),
        (f"3,{ONE},{TWO},{THREE}", Guardians(3, FRIENDS)),
    ],
)
def test_a_quorum_has_one_spelling(text: str, guardians: Guardians) -> None:
    assert parse_guardians(text) == guardians
    assert guardians.encode() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "2,",
        f"1,{ONE}",
        f"2,{ONE}",
        f"0,{ONE},{TWO}",
        f"1,{ONE},{TWO}",
        f"3,{ONE},{TWO}",
        f"4,{ONE},{TWO},{THREE}",
        f"02,{ONE},{TWO}",
        f"+2,{ONE},{TWO}",
        f"\u0662,{ONE},{TWO}",
        f"2,{TWO},{ONE}",
        f"2,{ONE},{ONE}",
        f"2,{ONE},{ONE},{TWO}",
        f"2,{ONE}, {TWO}",
        f"2;{ONE};{TWO}",
        f"2,{ONE},{TWO},",
        f"2,{ONE},{TWO}\n",
        f"2,{ONE[:25]},{TWO}",
        f"2,{ONE},{'L' * 65}",
        f"2,{ONE},{TWO[:-1]}-",
        f"2,{ONE},{TWO},{THREE},{'L' + 'D' * 33}",
    ],
)
def test_what_is_no_quorum_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_guardians(text)
    assert refused.value.code is Code.FIELD


def test_no_friend_alone_can_help_and_no_quorum_is_larger_than_its_guardians() -> None:
    assert MAX_GUARDIANS == 3
    for needed in range(10):
        for wallets in (FRIENDS[:1], FRIENDS[:2], FRIENDS, (*FRIENDS, ADDRESS)):
            text = Guardians(needed, tuple(sorted(wallets))).encode()
            if 2 <= needed <= len(wallets) <= MAX_GUARDIANS:
                assert parse_guardians(text).encode() == text
            else:
                with pytest.raises(Malformed):
                    parse_guardians(text)
