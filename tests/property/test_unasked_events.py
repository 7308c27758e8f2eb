"""An event that comes unasked, in whatever order with answers and however often: one effect, and never a good one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

import lines
from builders import thumbprint
from ledger import DAY, HOUR, Ledger, opened
from lines import hear, says, see
from pteri.domain.line import LineState
from pteri.domain.signals import Finding, Question
from stories import grown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pteri.domain.signals import Signal

_WORSE = {
    LineState.BOUND: 0,
    LineState.MOVED: 0,
    LineState.STALE: 1,
    LineState.PROBATION: 1,
    LineState.SUSPECT: 2,
    LineState.DETACHED: 3,
}
AGO = st.sampled_from([0, 1, HOUR, 2 * HOUR, 20 * DAY])
STORIES: dict[str, Callable[[], Ledger]] = {"nothing announced": grown, "announced": lambda: _announced(grown())}


def _announced(ledger: Ledger) -> Ledger:
    lines.announce(ledger, 1, 2, within=DAY)
    ledger.wait(3 * HOUR)
    return ledger


def event(ledger: Ledger, ago: int) -> Signal:
    """What ``hear_event`` makes of a swap: heard now, of then."""
    return says(ledger.at, Finding.CHANGED, changed_at=ledger.at - ago, code="SIM_SWAPPED")


def state(ledger: Ledger) -> LineState:
    line = ledger.now().mobile_line
    assert line is not None
    return line.state


def told(story: str, order: Sequence[int]) -> LineState:
    """Each is told by an event, one after the other."""
    ledger = STORIES[story]()
    for ago in order:
        hear(ledger, event(ledger, ago))
    return state(ledger)


@given(st.sampled_from(list(STORIES)), st.lists(AGO, max_size=4), st.data())
def test_neither_order_nor_repetition_matters(story: str, swaps: list[int], data: st.DataObject) -> None:
    again = data.draw(
        st.permutations([*swaps, *data.draw(st.lists(st.sampled_from(swaps), max_size=3))] if swaps else [])
    )
    assert told(story, swaps) is told(story, again)


@given(st.sampled_from(list(STORIES)), st.lists(AGO, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4))
def test_it_does_not_matter_whether_a_swap_is_told_unasked_or_as_an_answer(
    story: str, swaps: list[int], asked: list[bool]
) -> None:
    ledger = STORIES[story]()
    for ago, is_answer in zip(swaps, asked, strict=False):
        also = (says(ledger.at, Finding.CLEAR, Question.DEVICE_SWAP),) if is_answer else ()
        hear(ledger, event(ledger, ago), *also)
    assert state(ledger) is told(story, swaps)


@given(st.sampled_from(list(STORIES)), st.lists(st.tuples(AGO, st.sampled_from([0, 60, HOUR, 3 * DAY])), max_size=5))
def test_no_event_makes_a_line_better(story: str, swaps: list[tuple[int, int]]) -> None:
    ledger = STORIES[story]()
    for ago, then in swaps:
        before = state(ledger)
        heard = hear(ledger, event(ledger, ago))
        assert _WORSE[state(ledger)] >= _WORSE[before]
        assert len(heard) <= 1
        ledger.wait(then)


def test_a_line_that_was_seen_on_its_new_phone_first_arrives_with_the_event() -> None:
    ledger = _announced(grown())
    see(ledger, 2)
    hear(ledger, event(ledger, HOUR))
    assert state(ledger) is LineState.MOVED
    line = ledger.now().mobile_line
    assert line is not None
    assert line.confirmed_on == thumbprint(2)


def test_of_what_was_before_the_line_was_bound_an_event_says_nothing() -> None:
    ledger = opened()
    hear(ledger, event(ledger, 20 * DAY))
    assert state(ledger) is LineState.BOUND
