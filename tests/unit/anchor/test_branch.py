"""From a transaction to its block: one place, one length, and no doubled end that is none."""

from __future__ import annotations

import hashlib

import pytest

from anchors import block_tree, branch_of
from pteri.core.anchor.branch import MAX_TRANSACTIONS, block_root
from pteri.core.errors import Code, ProtocolError

TXIDS = [hashlib.sha256(b"transaction %d" % number).digest() for number in range(40)]


def refused() -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is Code.MERKLE_BRANCH)


def test_every_transaction_of_every_block_leads_to_its_root() -> None:
    for count in range(1, 41):
        rows = block_tree(TXIDS[:count])
        for position in range(count):
            branch = branch_of(rows, position)
            assert block_root(TXIDS[position], branch, position=position, count=count) == rows[-1][0]


def test_a_position_has_one_number() -> None:
    rows = block_tree(TXIDS[:16])
    branch = branch_of(rows, 5)
    for position in (5 + 16, 5 + 32, -1, 16):
        with refused():
            block_root(TXIDS[5], branch, position=position, count=16)
    assert block_root(TXIDS[5], branch, position=4, count=16) != rows[-1][0]


@pytest.mark.parametrize("count", [0, -1, MAX_TRANSACTIONS + 1])
def test_a_block_has_as_many_transactions_as_a_block_can(count: int) -> None:
    with refused():
        block_root(TXIDS[0], [], position=0, count=count)


def test_a_branch_from_an_inner_node_is_too_short() -> None:
    rows = block_tree(TXIDS[:16])
    with refused():
        block_root(rows[1][2], branch_of(rows, 5)[1:], position=2, count=16)


def test_a_branch_from_below_a_transaction_is_too_long() -> None:
    rows = block_tree(TXIDS[:16])
    with refused():
        block_root(TXIDS[30], [TXIDS[31], *branch_of(rows, 5)], position=10, count=16)


def test_a_twin_at_a_doubled_end_is_refused() -> None:
    """Three transactions, and the same three with the last one twice: one root, two places for it."""
    rows = block_tree(TXIDS[:3])
    twins = block_tree([*TXIDS[:3], TXIDS[2]])
    assert rows[-1] == twins[-1]
    assert block_root(TXIDS[2], branch_of(rows, 2), position=2, count=3) == rows[-1][0]
    for position in (2, 3):
        with refused():
            block_root(TXIDS[2], branch_of(twins, position), position=position, count=4)


def test_an_odd_end_that_is_not_doubled_is_refused() -> None:
    rows = block_tree(TXIDS[:3])
    with refused():
        block_root(TXIDS[2], [TXIDS[9], rows[1][0]], position=2, count=3)
