"""Two checkpoints that two people were shown, and the tiles of whatever tree the service serves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notes import LOG, checkpoint, log_signer
from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.core.log.comparing import compare, require_included
from pteri.core.log.following import Followed, Suspicion, SuspicionKind, encode_suspicion, verify_suspicion
from pteri.core.log.tiles import ReadTile, Tile, tile_bytes
from trees import Grown, grown, leaf

HONEST = grown(600)
OTHER = Grown([leaf(number if number != 7 else 700) for number in range(600)])


class NoAnswerError(Exception):
    """Of whoever reads."""


def of(tree: Grown) -> ReadTile:
    return lambda tile: tile_bytes(tile, tree.read)


def nobody(_: Tile) -> bytes:
    raise NoAnswerError


def suspected(mine: int, theirs: int, read: ReadTile, tree: Grown = OTHER) -> Suspicion:
    found = compare(checkpoint(HONEST.heads[mine]), checkpoint(tree.heads[theirs]), read)
    assert isinstance(found, Suspicion)
    assert verify_suspicion(encode_suspicion(found), expected_logs=[LOG.verifier]) == found
    return found


@given(st.integers(0, 600), st.integers(0, 600))
def test_of_one_tree_the_larger_one_is_kept_whoever_has_it(mine: int, theirs: int) -> None:
    own, shown = checkpoint(HONEST.heads[mine]), checkpoint(HONEST.heads[theirs])
    assert compare(own, shown, of(HONEST)) == Followed(max(own, shown, key=lambda each: each.head.size))


def test_of_one_size_nothing_is_read() -> None:
    same = checkpoint(HONEST.heads[300])
    assert compare(same, same, nobody) == Followed(same)
    found = suspected(300, 300, nobody)
    assert found.kind is SuspicionKind.SPLIT_VIEW
    assert found.seen == same.note.encoded.decode()


@given(st.integers(8, 600), st.integers(8, 600))
def test_of_two_trees_the_tiles_of_the_larger_are_a_proof(mine: int, theirs: int) -> None:
    newer = HONEST if mine > theirs else OTHER
    found = suspected(mine, theirs, of(newer))
    assert found.kind is (SuspicionKind.SPLIT_VIEW if mine == theirs else SuspicionKind.REWRITTEN)
    assert found.kind.is_proof


@pytest.mark.parametrize(
    "read",
    [of(HONEST), lambda _: b"", lambda _: bytes(31), lambda tile: bytes(32 * tile.width), lambda _: b"<html>" * 900],
)
def test_of_two_trees_whatever_else_is_answered_is_no_proof_and_no_yes(read: ReadTile) -> None:
    assert suspected(20, 300, read).kind is SuspicionKind.NOT_SHOWN


def test_before_they_part_both_are_one_tree() -> None:
    assert isinstance(compare(checkpoint(HONEST.heads[7]), checkpoint(OTHER.heads[300]), of(OTHER)), Followed)


def test_where_nobody_answers_nothing_is_known() -> None:
    with pytest.raises(NoAnswerError):
        compare(checkpoint(HONEST.heads[20]), checkpoint(HONEST.heads[300]), nobody)


def test_two_logs_are_not_compared() -> None:
    stranger = signed_checkpoint(HONEST.heads[20], log_signer("other", "other.example"))
    with pytest.raises(NotAuthentic) as refused:
        compare(checkpoint(HONEST.heads[20]), stranger, of(HONEST))
    assert refused.value.code is Code.CHECKPOINT


@pytest.mark.parametrize("place", [0, 255, 256, 511, 599])
def test_a_leaf_is_in_the_tree_at_its_place_and_nowhere_else(place: int) -> None:
    shown = checkpoint(HONEST.heads[600])
    require_included(leaf(place), place, shown, of(HONEST))
    wrong: list[Callable[[], None]] = [
        lambda: require_included(leaf(place), (place + 1) % 600, shown, of(HONEST)),
        lambda: require_included(leaf(1000), place, shown, of(HONEST)),
        lambda: require_included(leaf(place), place, checkpoint(OTHER.heads[600]), of(HONEST)),
    ]
    for call in wrong:
        with pytest.raises(NotAuthentic) as refused:
            call()
        assert refused.value.code is Code.NOT_INCLUDED


def test_a_place_beyond_the_tree_and_tiles_of_another_shape_are_refused() -> None:
    shown = checkpoint(HONEST.heads[600])
    with pytest.raises(Malformed):
        require_included(leaf(600), 600, shown, of(HONEST))
    with pytest.raises(Malformed):
        require_included(leaf(5), 5, shown, lambda _: b"")
