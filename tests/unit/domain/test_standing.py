"""What each set of evidence is worth: all 32, none left to chance."""

from __future__ import annotations

from itertools import combinations
from typing import Final, NamedTuple

import pytest

from ledger import HOUR
from pteri.domain.rules import Rules
from pteri.domain.standing import Strength, is_enough, line_counts, pre_empts, replaces_wallet, strength, wait_s

LETTERS: Final = "WDCGA"
SUBSETS: Final = ["".join(letters) for size in range(6) for letters in combinations(LETTERS, size)]
RULES: Final = Rules()


class Row(NamedTuple):
    """Hours to wait, also after a change of the line and in a quarrel; whether another wallet comes; the weight."""

    hours: int
    line_changed: int
    quarrel: int | None
    new_wallet: bool
    weight: Strength


NEW, SAME = True, False
OWN, FRIENDS, PROVED = Strength.OWN_FACTORS, Strength.GUARDIANS, Strength.RE_PROOFED
TABLE: Final[dict[str, Row | None]] = {
    "": None,
    "W": Row(72, 168, None, SAME, OWN),
    "D": None,
    "C": None,
    "G": None,
    "A": Row(72, 72, 72, NEW, PROVED),
    "WD": Row(72, 168, None, NEW, OWN),
    "WC": Row(48, 48, None, NEW, OWN),
    "WG": Row(24, 24, 24, NEW, FRIENDS),
    "WA": Row(72, 72, 72, NEW, PROVED),
    "DC": None,
    "DG": None,
    "DA": Row(72, 72, 72, NEW, PROVED),
    "CG": Row(24, 24, 24, NEW, FRIENDS),
    "CA": Row(72, 72, 72, NEW, PROVED),
    "GA": Row(72, 72, 72, NEW, PROVED),
    "WDC": Row(0, 0, None, NEW, OWN),
    "WDG": Row(24, 24, 24, NEW, FRIENDS),
    "WDA": Row(72, 72, 72, NEW, PROVED),
    "WCG": Row(24, 24, 24, NEW, FRIENDS),
    "WCA": Row(72, 72, 72, NEW, PROVED),
    "WGA": Row(24, 24, 24, NEW, PROVED),
    "DCG": Row(24, 24, 24, NEW, FRIENDS),
    "DCA": Row(72, 72, 72, NEW, PROVED),
    "DGA": Row(72, 72, 72, NEW, PROVED),
    "CGA": Row(24, 24, 24, NEW, PROVED),
    "WDCG": Row(0, 0, 24, NEW, FRIENDS),
    "WDCA": Row(0, 0, 72, NEW, PROVED),
    "WDGA": Row(24, 24, 24, NEW, PROVED),
    "WCGA": Row(24, 24, 24, NEW, PROVED),
    "DCGA": Row(24, 24, 24, NEW, PROVED),
    "WDCGA": Row(0, 0, 24, NEW, PROVED),
}
OPENING: Final = {letters: row for letters, row in TABLE.items() if row is not None}


def waits(letters: str, *, line_changed: bool = False, quarrel: bool = False) -> int:
    return wait_s(frozenset(letters), RULES, line_changed=line_changed, quarrel=quarrel)


def test_the_table_has_every_set_of_evidence() -> None:
    assert list(TABLE) == SUBSETS
    assert len(SUBSETS) == 32


@pytest.mark.parametrize("letters", SUBSETS)
def test_evidence_opens_a_case_or_does_not(letters: str) -> None:
    assert is_enough(frozenset(letters)) is (TABLE[letters] is not None)


@pytest.mark.parametrize(("letters", "row"), OPENING.items(), ids=OPENING.keys())
def test_evidence_that_opens_a_case_waits_and_weighs_as_it_is_told(letters: str, row: Row) -> None:
    evidence = frozenset(letters)
    assert waits(letters) == row.hours * HOUR
    assert waits(letters, line_changed=True) == row.line_changed * HOUR
    assert replaces_wallet(evidence) is row.new_wallet
    assert strength(evidence) is row.weight


@pytest.mark.parametrize(("letters", "row"), OPENING.items(), ids=OPENING.keys())
def test_in_a_quarrel_only_guardians_and_officers_are_heard_and_nobody_is_at_once(letters: str, row: Row) -> None:
    assert (row.quarrel is not None) is (row.weight >= FRIENDS)
    if row.quarrel is not None:
        assert waits(letters, quarrel=True) == row.quarrel * HOUR > 0


def test_no_evidence_weighs_nothing() -> None:
    assert strength(frozenset()) is Strength.NOTHING
    assert all(strength(frozenset(letters)) > Strength.NOTHING for letters in SUBSETS if letters)


def test_without_the_wallet_nothing_opens_a_case_unless_guardians_with_a_code_or_officers_speak() -> None:
    assert [letters for letters in OPENING if "W" not in letters and "A" not in letters] == ["CG", "DCG"]


def test_nothing_but_all_that_an_owner_has_is_at_once() -> None:
    assert {letters for letters, row in OPENING.items() if row.hours == 0} == {
        letters for letters in SUBSETS if set("WDC") <= set(letters)
    }


def test_a_phone_speeds_up_nothing_that_is_not_then_all_that_an_owner_has() -> None:
    """What a thief has in his hand shortens nothing but together with everything else."""
    for letters, row in OPENING.items():
        with_phone = OPENING.get("".join(letter for letter in LETTERS if letter in letters + "D"))
        if with_phone is not None and not set("WC") <= set(letters):
            assert with_phone.hours == row.hours


@pytest.mark.parametrize("letters", OPENING)
def test_the_line_lengthens_the_wait_of_wallet_and_phone_and_of_nothing_else(letters: str) -> None:
    row = OPENING[letters]
    assert row.line_changed >= row.hours
    assert (row.line_changed > row.hours) is (letters in {"W", "WD"})
    assert line_counts(frozenset(letters)) is (letters in {"W", "WD"})


@pytest.mark.parametrize("letters", OPENING)
def test_who_shows_more_never_weighs_less(letters: str) -> None:
    for more, row in OPENING.items():
        if set(letters) <= set(more):
            assert row.weight >= OPENING[letters].weight


@pytest.mark.parametrize("letters", [letters for letters in OPENING if "D" in letters])
def test_a_phone_that_asks_for_another_wallet_never_waits_longer_for_showing_more(letters: str) -> None:
    """There everything counts that is shown. Who claims on a new phone says himself which evidence he claims with."""
    for more, row in OPENING.items():
        if set(letters) <= set(more):
            assert row.hours <= OPENING[letters].hours


def test_the_shortest_wait_is_a_day_with_guardians_and_two_days_without_them_or_officers() -> None:
    assert min(row.hours for letters, row in OPENING.items() if not set("WDC") <= set(letters)) == 24
    assert min(row.hours for row in OPENING.values() if row.weight is OWN and row.hours) == 48


def test_stronger_evidence_and_everything_that_an_owner_has_take_the_place_of_less() -> None:
    for letters, row in OPENING.items():
        for other, less in OPENING.items():
            everything = letters == "WDC" != other and less.weight is OWN
            assert pre_empts(frozenset(letters), frozenset(other)) is (row.weight > less.weight or everything)
