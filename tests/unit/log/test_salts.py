"""The random bytes behind a leaf: all of one secret, none of them tells another."""

from __future__ import annotations

import pytest

from pteri.core.errors import Code, Malformed
from pteri.core.keys.secret import Secret
from pteri.core.log.salts import leaf_salt

SECRET = Secret(bytes(range(32)))


def test_each_leaf_has_a_salt_of_its_own_and_keeps_it() -> None:
    salts = [leaf_salt(SECRET, number) for number in range(1, 100)]
    assert {len(salt) for salt in salts} == {32}
    assert len(set(salts)) == len(salts)
    assert salts == [leaf_salt(SECRET, number) for number in range(1, 100)]
    assert leaf_salt(Secret(bytes(32)), 1) != salts[0]


@pytest.mark.parametrize("number", [0, -1, 2**63, True, 1.0, None], ids=repr)
def test_what_is_no_number_of_an_event_has_no_salt(number: int) -> None:
    with pytest.raises(Malformed) as refused:
        leaf_salt(SECRET, number)
    assert refused.value.code is Code.LEAF


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_secret_has_32_bytes(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        leaf_salt(Secret(bytes(size)), 1)
    assert refused.value.code is Code.LENGTH
