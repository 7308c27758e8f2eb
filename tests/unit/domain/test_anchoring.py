"""The table of an anchor, and what its record keeps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Final

import msgspec
import pytest

from anchored import AT, CHILD, LOG, anchor_in, built, head, place, planned
from pteri.domain.anchoring import (
    ANCHOR_TABLE,
    FINAL_S,
    Anchor,
    AnchorEvent,
    AnchorState,
    deepened,
    is_live,
    misfit,
    plan_anchor,
)
from pteri.domain.tables import IllegalTransition

S, E = AnchorState, AnchorEvent
replace = msgspec.structs.replace

DONE: dict[AnchorEvent, Callable[[Anchor], Anchor]] = {
    E.REFRESH: lambda anchor: anchor.refreshed(head(6)),
    E.BUILD: built,
    E.SEND: lambda anchor: anchor.sent(AT),
    E.RAISE: lambda anchor: anchor.raised(CHILD, AT),
    E.MINE: lambda anchor: anchor.mined(place(), AT),
    E.CONFIRM: lambda anchor: anchor.deeper(E.CONFIRM),
    E.FINALISE: lambda anchor: anchor.deeper(E.FINALISE),
    E.REORG: lambda anchor: anchor.reorganised(AT),
    E.SPOIL: lambda anchor: anchor.spoilt(),
}


def bare(state: AnchorState) -> Anchor:
    """In this state with nothing built, so that the table alone decides."""
    return Anchor(log=LOG, number=1, head=head(5), planned_at=AT, state=state)


@pytest.mark.parametrize(("state", "event"), list(product(S, E)))
def test_an_anchor_takes_exactly_the_rows_of_its_table(state: AnchorState, event: AnchorEvent) -> None:
    if (state, event) in ANCHOR_TABLE:
        after = DONE[event](bare(state))
        assert (after.state, after.version) == (ANCHOR_TABLE[state, event], 2)
    else:
        with pytest.raises(IllegalTransition):
            DONE[event](bare(state))


def test_every_state_is_open_or_in_a_block_or_settled() -> None:
    assert {state for state in S if bare(state).is_open} == {S.PLANNED, S.SENT}
    assert {state for state in S if bare(state).is_settled} == {S.FINAL, S.SPOILT}


def test_only_the_loss_of_a_block_leads_back() -> None:
    order = list(S)
    back = {event for (before, event), after in ANCHOR_TABLE.items() if order.index(after) < order.index(before)}
    assert back == {E.REORG}


def test_the_next_anchor_of_a_log_has_the_next_number() -> None:
    first = plan_anchor(LOG, head(5), after=None, at=AT)
    assert (first.number, first.version, first.state) == (1, 1, S.PLANNED)
    assert plan_anchor(LOG, head(6), after=first, at=AT + 1).number == 2


def test_a_head_changes_while_nothing_is_built_and_never_after() -> None:
    assert planned().refreshed(head(9)).head == head(9)
    handed_out = planned().handed_out("cHNidP8=", txid="aa" * 32, fee=1, change=1)
    for anchor in (built(planned()), handed_out):
        with pytest.raises(AssertionError):
            anchor.refreshed(head(9))


def test_an_anchor_has_one_transaction_for_ever() -> None:
    handed_out = planned().handed_out("cHNidP8=", txid="aa" * 32, fee=1, change=1)
    with pytest.raises(AssertionError):
        built(built(handed_out))


def test_what_an_anchor_has_cost_is_told_with_its_children() -> None:
    anchor = anchor_in(S.SENT).raised(CHILD, AT + 9)
    assert (anchor.fee, anchor.paid, anchor.raised_at) == (1660, 6660, AT + 9)


def test_a_replaced_block_leaves_nothing_behind_and_the_anchor_waits_anew() -> None:
    for state in (S.MINED, S.CONFIRMED):
        back = anchor_in(state).reorganised(AT + 50)
        assert (back.state, back.place, back.mined_at, back.unmined_since) == (S.SENT, None, None, AT + 50)
        assert back.raw == anchor_in(S.SENT).raw


@pytest.mark.parametrize(
    ("state", "blocks", "after_s", "event"),
    [
        (S.MINED, 23, FINAL_S, None),
        (S.MINED, 24, 0, E.CONFIRM),
        (S.MINED, 1000, FINAL_S, E.CONFIRM),
        (S.CONFIRMED, 99, FINAL_S, None),
        (S.CONFIRMED, 100, FINAL_S - 1, None),
        (S.CONFIRMED, 100, FINAL_S, E.FINALISE),
        (S.CONFIRMED, 24, 10 * FINAL_S, None),
        (S.SENT, 1000, FINAL_S, None),
        (S.FINAL, 1000, FINAL_S, None),
    ],
)
def test_an_anchor_is_final_after_a_hundred_blocks_and_six_hours(
    state: AnchorState, blocks: int, after_s: int, event: AnchorEvent | None
) -> None:
    anchor = anchor_in(state)
    mined_at = anchor.mined_at or AT
    assert deepened(anchor, blocks=blocks, at=mined_at + after_s) is event


def test_a_confirmed_anchor_without_the_instant_of_its_block_is_never_final() -> None:
    assert deepened(bare(S.CONFIRMED), blocks=1000, at=AT + FINAL_S) is None


def test_an_anchor_is_told_in_a_line() -> None:
    assert repr(planned()).startswith("Anchor(1, PLANNED, 5 leaves, ")


# --- whether a stored record is one that an anchor comes into ---------------------------------------------------------


@pytest.mark.parametrize("state", AnchorState)
def test_every_state_that_is_walked_to_fits(state: AnchorState) -> None:
    assert misfit(anchor_in(state)) is None


def test_what_happens_on_the_way_fits_too() -> None:
    plan = planned()
    out = plan.handed_out("psbt", txid="aa" * 32, fee=1, change=1)
    sent = built(plan.refreshed(head(6))).sent(AT)
    again = sent.raised(CHILD, AT).mined(place(), AT).deeper(E.CONFIRM).reorganised(AT)
    for anchor in (plan, out, built(out), built(plan), sent, sent.raised(CHILD, AT), again, again.mined(place(), AT)):
        assert misfit(anchor) is None, anchor


MISFITS: Final[dict[str, Anchor]] = {
    "no number": replace(planned(), number=0),
    "no leaves": replace(planned(), head=head(0)),
    "sent, and no transaction": replace(anchor_in(S.SENT), raw=b""),
    "no name": replace(anchor_in(S.SENT), txid=""),
    "a name of nothing": replace(planned(), txid="aa" * 32),
    "a fee that was raised by nothing": replace(anchor_in(S.SENT), raised_at=AT),
    "a child that nobody paid for": replace(anchor_in(S.SENT), children=(CHILD,), version=9),
    "a child of what was never sent": replace(built(planned()), children=(CHILD,), raised_at=AT, version=9),
    "it waits for a block, and has one": replace(anchor_in(S.MINED), unmined_since=AT),
    "it does not wait for the block that it has not": replace(anchor_in(S.SENT), unmined_since=None),
    "mined, and no block": replace(anchor_in(S.MINED), place=None),
    "a block, and not mined": replace(anchor_in(S.SENT), place=place()),
    "mined at no time": replace(anchor_in(S.FINAL), mined_at=None),
    "mined before it was in a block": replace(anchor_in(S.SENT), mined_at=AT),
    "too young for its state": replace(anchor_in(S.FINAL), version=5),
    "too young for its child": replace(anchor_in(S.SENT), children=(CHILD,), raised_at=AT),
    "too young for its transaction": replace(built(planned()), version=1),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_record_that_no_walk_ends_at_does_not_fit(name: str) -> None:
    assert misfit(MISFITS[name])


def test_an_anchor_is_live_until_it_is_in_a_block_for_the_first_time() -> None:
    live = [planned(), built(planned()), anchor_in(S.SENT), anchor_in(S.SENT).raised(CHILD, AT)]
    assert all(map(is_live, live))
    others = [anchor_in(state) for state in (S.MINED, S.CONFIRMED, S.FINAL, S.SPOILT)]
    assert not any(map(is_live, [*others, anchor_in(S.MINED).reorganised(AT)]))
