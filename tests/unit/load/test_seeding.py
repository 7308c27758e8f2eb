"""The copies in a large registry: as many ids as are wanted, in order, each in its one form, none twice."""

from __future__ import annotations

from itertools import pairwise

import pytest
from bench.seed import Ids, cut

from pteri.core import ids


@pytest.mark.parametrize("wanted", [1, 7, 10_000, 10_000_000])
def test_ids_of_copies_grow_and_have_their_one_form(wanted: int) -> None:
    made = Ids(wanted)
    numbers = sorted({0, 1, 2, wanted // 3, wanted - 2, wanted - 1} & set(range(wanted)))
    for kind in (made.account, made.login, made.device, made.wallet):
        values = [kind(number) for number in numbers]
        assert all(smaller < larger for smaller, larger in pairwise(values))
    for number in numbers:
        assert ids.account_id(made.account(number))
        assert ids.account_bytes(ids.account_id(made.account(number)))
        for value in (made.login(number), made.device(number), made.wallet(number)):
            assert ids.digest_bytes(ids.digest(value))


def test_ids_lie_over_the_whole_range() -> None:
    made = Ids(1000)
    assert made.account(0) < "acct_01"
    assert made.account(999) > "acct_ZY"
    assert made.account(500)[5] in "FGH"


def test_a_text_is_cut_where_a_value_of_its_own_stands() -> None:
    parts = cut('{"id":"A","phone":"B","again":"A"}', "A", "B")
    assert "".join(text + ("1", "2", "")[which] for text, which in parts) == '{"id":"1","phone":"2","again":"1"}'


def test_a_text_without_a_value_stays_whole() -> None:
    assert cut("nothing", "A") == [("nothing", 1)]
