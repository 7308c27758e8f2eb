"""The tree of the log: it grows by its right edge only, and has one root for each size."""

from __future__ import annotations

import pytest

from pteri.core.errors import Code, ProtocolError
from pteri.core.log.checking import check_head, path_length, verify_consistency, verify_inclusion
from pteri.core.log.proving import consistency_proof, frontier_of, head_of, inclusion_proof
from pteri.core.log.tree import (
    EMPTY_FRONTIER,
    EMPTY_ROOT,
    MAX_SIZE,
    Frontier,
    TreeHead,
    check_size,
    leaf_hash,
    peaks_of,
)
from trees import Grown, grown, leaf, root_by_definition

TREE = grown(70)


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


@pytest.mark.parametrize("size", range(71))
def test_every_size_has_the_root_of_the_definition(size: int) -> None:
    expected = TreeHead(size, root_by_definition([leaf(number) for number in range(size)]))
    assert TREE.heads[size] == expected
    assert head_of(size, TREE.read) == expected
    assert frontier_of(size, TREE.read).head == expected


def test_a_restarted_tree_grows_as_if_it_had_not_stopped() -> None:
    again = frontier_of(37, TREE.read)
    for number in range(37, 70):
        again, _ = again.appended(leaf_hash(leaf(number)))
    assert again == TREE.frontier


def test_the_edge_of_a_tree_stays_small() -> None:
    assert max(len(grown(size).frontier.peaks) for size in range(65)) == 6
    assert len(peaks_of(MAX_SIZE)) == 63


def test_an_edge_with_another_number_of_peaks_is_refused() -> None:
    with refused(Code.TREE):
        Frontier.of(3, [EMPTY_ROOT])
    with refused(Code.TREE):
        Frontier.of(1, [b"short"])
    assert Frontier.of(0, []) == EMPTY_FRONTIER


def test_a_full_tree_takes_no_more() -> None:
    full = Frontier.of(MAX_SIZE, [EMPTY_ROOT] * 63)
    with refused(Code.TREE):
        full.appended(EMPTY_ROOT)


@pytest.mark.parametrize("size", [-1, MAX_SIZE + 1, True, 1.0, "1", None])
def test_what_is_no_number_of_leaves_is_refused(size: object) -> None:
    with refused(Code.TREE):
        check_size(size)  # type: ignore[arg-type]  # what a caller of Python may do


def test_every_leaf_of_every_size_is_proved() -> None:
    for size in range(1, 40):
        for index in range(size):
            path = inclusion_proof(index, size, TREE.read)
            assert len(path) == path_length(index, size)
            head = TREE.heads[size]
            assert verify_inclusion(leaf(index), path, expected_index=index, expected_head=head) == head


def test_every_size_begins_with_every_earlier_one() -> None:
    for new in range(40):
        for old in range(new + 1):
            path = consistency_proof(old, new, TREE.read)
            heads = TREE.heads[old], TREE.heads[new]
            assert verify_consistency(path, expected_old=heads[0], expected_new=heads[1]) == heads[1]


def test_there_is_no_proof_of_a_leaf_after_the_end() -> None:
    for index, size in [(0, 0), (7, 7), (8, 7)]:
        with refused(Code.TREE):
            inclusion_proof(index, size, TREE.read)
        with refused(Code.TREE):
            path_length(index, size)


def test_a_tree_that_shrank_is_refused() -> None:
    with refused(Code.TREE):
        consistency_proof(8, 7, TREE.read)
    with refused(Code.NOT_CONSISTENT):
        verify_consistency((), expected_old=TREE.heads[8], expected_new=TREE.heads[7])


def test_two_roots_for_one_size_are_refused() -> None:
    with refused(Code.NOT_CONSISTENT):
        verify_consistency((), expected_old=TREE.heads[7], expected_new=TreeHead(7, TREE.heads[8].root))


def test_a_tree_with_another_leaf_in_its_past_is_refused() -> None:
    other = Grown([leaf(number if number != 3 else 99) for number in range(20)])
    for old in range(5, 20):
        path = consistency_proof(old, 20, other.read)
        with refused(Code.NOT_CONSISTENT):
            verify_consistency(path, expected_old=TREE.heads[old], expected_new=other.heads[20])


def test_the_old_root_alone_is_not_enough() -> None:
    """The new root is checked too, also where the path leads to the right old one."""
    path = consistency_proof(6, 9, TREE.read)
    with refused(Code.NOT_CONSISTENT):
        verify_consistency(path, expected_old=TREE.heads[6], expected_new=TreeHead(9, TREE.heads[10].root))


def test_an_empty_tree_has_one_root() -> None:
    with refused(Code.TREE):
        check_head(TreeHead(0, TREE.heads[1].root))
    assert check_head(TREE.heads[0]).root == EMPTY_ROOT


def test_hashes_of_a_wrong_size_are_refused_wherever_they_come_from() -> None:
    with refused(Code.TREE):
        head_of(4, lambda _level, _index: b"short")
    with refused(Code.TREE):
        verify_inclusion(leaf(0), [b"short"], expected_index=0, expected_head=TREE.heads[2])
    with refused(Code.MERKLE_PATH):
        verify_inclusion(leaf(0), b"", expected_index=0, expected_head=TREE.heads[1])  # type: ignore[arg-type]  # bytes
