"""An eSIM chip folds by its own counter, decays, and gives nothing to anybody."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lines
from builders import NOW, digest, request_id, thumbprint
from ledger import DAY, HOUR, Ledger, opened
from pteri.core.euicc.notification import Operation
from pteri.domain.chip import Chip, chip_level
from pteri.domain.events import ChipAnswered, ChipTold
from pteri.domain.evolving import evolve
from pteri.domain.tables import IllegalTransition
from stories import acts_on, grown

EVENTS = st.lists(
    st.tuples(st.sampled_from(Operation), st.integers(0, 6), st.sampled_from(["profile", "another profile"])),
    min_size=2,
    max_size=5,
    unique_by=lambda told: told[1],
)


def chip(ledger: Ledger) -> Chip:
    found = ledger.settled()[0].chip
    assert found is not None
    return found


def known() -> Ledger:
    ledger = grown()
    lines.chip_answers(ledger)
    return ledger


def level(ledger: Ledger) -> int:
    return chip_level(ledger.settled()[0].chip, ledger.at, ledger.rules)


def test_a_chip_that_nobody_asked_is_known_at_no_level() -> None:
    assert level(grown()) == 0


def test_its_answer_is_level_4_its_events_are_level_3_and_both_are_level_5() -> None:
    ledger = known()
    assert level(ledger) == 4
    assert lines.chip_tells(ledger.wait(20 * DAY), Operation.ENABLE, 2)
    assert level(ledger) == 5
    assert level(ledger.wait(10 * DAY)) == 3
    assert level(ledger.wait(20 * DAY)) == 0


@pytest.mark.parametrize("operation", [Operation.DISABLE, Operation.DELETE])
def test_a_profile_that_is_disabled_or_deleted_is_in_use_no_more(operation: Operation) -> None:
    ledger = known()
    lines.chip_tells(ledger, Operation.ENABLE, 2)
    assert lines.chip_tells(ledger, operation, 3, "another profile")
    assert level(ledger) == 5
    assert lines.chip_tells(ledger, operation, 4)
    assert level(ledger) == 4
    assert lines.chip_tells(ledger, Operation.ENABLE, 5)
    assert level(ledger) == 5


def test_an_installation_moves_nothing() -> None:
    assert not lines.chip_tells(known(), Operation.INSTALL, 9)


def test_zero_is_a_number_and_gaps_are_normal() -> None:
    ledger = known()
    assert lines.chip_tells(ledger, Operation.ENABLE, 0)
    assert lines.chip_tells(ledger, Operation.DISABLE, 2**62)
    assert not chip(ledger).in_use


@given(told=EVENTS)
def test_the_order_of_arrival_does_not_matter_and_twice_is_once(told: list[tuple[Operation, int, str]]) -> None:
    found = set()
    for order in permutations(told):
        ledger = known()
        for operation, sequence, profile in (*order, *order):
            lines.chip_tells(ledger, operation, sequence, profile)
        found.add((chip(ledger).profile, chip(ledger).enabled, chip(ledger).ended, chip(ledger).in_use))
        assert not any(lines.chip_tells(ledger, *event) for event in told)
    assert len(found) == 1


def test_more_ends_than_a_chip_has_profiles_are_forgotten_the_oldest_first() -> None:
    ledger = known()
    for number in range(20):
        lines.chip_tells(ledger, Operation.DELETE, number, f"profile {number}")
    assert [ended.sequence for ended in chip(ledger).ended] == list(range(4, 20))


def test_another_chip_starts_anew_and_the_same_one_keeps_what_it_told() -> None:
    ledger = known()
    lines.chip_tells(ledger, Operation.ENABLE, 2)
    lines.chip_answers(ledger.wait(HOUR), 2)
    assert (level(ledger), chip(ledger).device) == (5, thumbprint(2))
    lines.chip_answers(ledger.wait(HOUR), 1, "another chip")
    assert (level(ledger), chip(ledger).profile) == (4, None)
    assert not chip(ledger).takes(Operation.INSTALL, digest("profile"), 1)


def test_what_cannot_follow_is_a_bug_that_says_so() -> None:
    account = opened().now()
    told = ChipTold(NOW, request_id(9), digest("chip"), digest("profile"), Operation.ENABLE, 2)
    with_chip = evolve(account, ChipAnswered(NOW, request_id(9), thumbprint(1), digest("chip"), "key", "00" * 20))
    impossible = (
        (account, told),
        (account, ChipAnswered(NOW, request_id(9), thumbprint(9), digest("chip"), "key", "00" * 20)),
        (with_chip, ChipTold(NOW, request_id(9), digest("another chip"), digest("profile"), Operation.ENABLE, 2)),
        (evolve(with_chip, told), told),
    )
    for before, event in impossible:
        with pytest.raises(IllegalTransition):
            evolve(before, event)


def test_a_chip_changes_no_decision() -> None:
    """Whatever it says, nobody may do more, or less, or sooner than without it."""
    quiet, heard = grown(), known()
    lines.chip_tells(heard, Operation.ENABLE, 2)
    lines.chip_tells(heard, Operation.DELETE, 3)
    for attempt in acts_on(quiet):
        assert attempt.on(quiet.copy()) == attempt.on(heard.copy())
