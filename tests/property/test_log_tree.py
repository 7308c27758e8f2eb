"""Proofs of the log: every honest one verifies, and nothing of it can be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree
from pymerkle import verify_consistency as verified_elsewhere

from pteri.core.errors import ProtocolError
from pteri.core.log.checking import verify_consistency, verify_inclusion
from pteri.core.log.proving import consistency_proof, inclusion_proof
from pteri.core.log.tree import EMPTY_ROOT, TreeHead, leaf_hash
from trees import grown, leaf

BIGGEST = 600
TREE = grown(BIGGEST)
few = settings(max_examples=200, deadline=None)


@st.composite
def places(draw: st.DrawFn) -> tuple[int, int]:
    """A leaf and a size of the tree that has it."""
    size = draw(st.integers(1, BIGGEST))
    return draw(st.integers(0, size - 1)), size


@st.composite
def growths(draw: st.DrawFn) -> tuple[int, int]:
    """An older size and a newer one."""
    new = draw(st.integers(1, BIGGEST))
    return draw(st.integers(1, new)), new


def flipped(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")


@few
@given(places(), st.data())
def test_a_leaf_is_proved_at_its_place_only(place: tuple[int, int], data: st.DataObject) -> None:
    index, size = place
    head = TREE.heads[size]
    path = inclusion_proof(index, size, TREE.read)
    assert verify_inclusion(leaf(index), path, expected_index=index, expected_head=head) == head

    other_index = data.draw(st.integers(0, size + 3), label="another index")
    if other_index != index:
        with pytest.raises(ProtocolError):
            verify_inclusion(leaf(index), path, expected_index=other_index, expected_head=head)
    with pytest.raises(ProtocolError):
        verify_inclusion(leaf(index) + b" ", path, expected_index=index, expected_head=head)
    wrong_root = flipped(head.root, data.draw(st.integers(0, 255), label="a bit of the root"))
    with pytest.raises(ProtocolError):
        verify_inclusion(leaf(index), path, expected_index=index, expected_head=TreeHead(size, wrong_root))
    if path:
        step = data.draw(st.integers(0, len(path) - 1), label="a step")
        changed = [*path]
        changed[step] = flipped(path[step], data.draw(st.integers(0, 255), label="a bit of it"))
        for wrong in (changed, path[:-1], path[1:], [*path, path[-1]], [EMPTY_ROOT, *path]):
            with pytest.raises(ProtocolError):
                verify_inclusion(leaf(index), wrong, expected_index=index, expected_head=head)
    # An inner node that is shown as a leaf: the bytes before its hash would have to be those of a leaf.
    if size > 1:
        pair = node_children(index, size)
        with pytest.raises(ProtocolError):
            verify_inclusion(
                pair, path[1:], expected_index=index >> 1, expected_head=TreeHead((size + 1) // 2, head.root)
            )


def node_children(index: int, size: int) -> bytes:
    left = index & ~1
    return TREE.read(0, left) + (TREE.read(0, left + 1) if left + 1 < size else b"")


@few
@given(places(), st.integers(1, BIGGEST))
def test_a_path_fits_one_size_only_unless_the_root_is_the_same(place: tuple[int, int], other: int) -> None:
    index, size = place
    assume(other != size)
    path = inclusion_proof(index, size, TREE.read)
    # With the right head of the other size the path never leads there; the size alone is not in the hashes, which is
    # why a head, a checkpoint and an anchor always carry it beside the root.
    with pytest.raises(ProtocolError):
        verify_inclusion(leaf(index), path, expected_index=index, expected_head=TREE.heads[other])


@few
@given(growths(), st.data())
def test_a_newer_tree_begins_with_the_older_one_or_is_refused(growth: tuple[int, int], data: st.DataObject) -> None:
    old, new = growth
    heads = TREE.heads[old], TREE.heads[new]
    path = consistency_proof(old, new, TREE.read)
    assert verify_consistency(path, expected_old=heads[0], expected_new=heads[1]) == heads[1]

    bit = data.draw(st.integers(0, 255), label="a bit")
    wrong_old, wrong_new = (TreeHead(head.size, flipped(head.root, bit)) for head in heads)
    with pytest.raises(ProtocolError):
        verify_consistency(path, expected_old=wrong_old, expected_new=heads[1])
    with pytest.raises(ProtocolError):
        verify_consistency(path, expected_old=heads[0], expected_new=wrong_new)
    with pytest.raises(ProtocolError):
        verify_consistency([*path, EMPTY_ROOT], expected_old=heads[0], expected_new=heads[1])
    if path:
        step = data.draw(st.integers(0, len(path) - 1), label="a step")
        changed = [*path]
        changed[step] = flipped(path[step], bit)
        for forged in (changed, path[:-1], path[1:]):
            with pytest.raises(ProtocolError):
                verify_consistency(forged, expected_old=heads[0], expected_new=heads[1])


@few
@given(st.integers(0, 2**64), st.integers(0, 2**64), st.lists(st.binary(min_size=30, max_size=33), max_size=70))
def test_whatever_comes_in_only_our_own_refusal_comes_out(first: int, second: int, path: list[bytes]) -> None:
    root = leaf_hash(b"")
    attempts: list[Callable[[], TreeHead]] = [
        lambda: verify_inclusion(b"", path, expected_index=first, expected_head=TreeHead(second, root)),
        lambda: verify_consistency(path, expected_old=TreeHead(first, root), expected_new=TreeHead(second, root)),
    ]
    for attempt in attempts:
        try:
            attempt()
        except ProtocolError:
            continue
        # Two ways to be right by chance: one leaf that is its own root, and a size that did not change.
        assert first in {0, second}


def test_another_library_computes_the_same_roots_and_proofs() -> None:
    other: Any = InmemoryTree(algorithm="sha256")
    for number in range(200):
        other.append_entry(leaf(number))
    assert other.get_leaf(1) == leaf_hash(leaf(0))
    for size in range(201):
        assert other.get_root(size) == TREE.heads[size].root
    for size in range(1, 70):
        for index in range(size):
            path = inclusion_proof(index, size, TREE.read)
            # It counts leaves from one, and its path begins with the leaf's own hash.
            assert tuple(other.prove_inclusion(index + 1, size).path) == (leaf_hash(leaf(index)), *path), (index, size)
    for new in range(1, 70):
        for old in range(1, new + 1):
            verified_elsewhere(TREE.heads[old].root, TREE.heads[new].root, other.prove_consistency(old, new))
