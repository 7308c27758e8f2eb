"""Which witness is asked when, what the operator hears of it, and what may be shown: decided from values alone."""

from __future__ import annotations

import dataclasses

import pytest

from notes import INDEXES, LOG, NOW, TWO_OF_THREE, WITNESSES, checkpoint, log_signer, witness
from pteri.app.log_desk import Asked, LogDesk, Stance, Standing
from pteri.app.log_reading import is_by, published
from pteri.app.publishing import says_more
from pteri.app.witnessing import ASK_AGAIN_S, WitnessNews, news_of, whom_to_ask
from pteri.core.log.witness import Quorum
from stored_notes import NAMES, TREE, quorum, stored

# --- whom to ask ----------------------------------------------------------------------------------------------

JUST_NOW = {name: Asked(9, NOW) for name in NAMES}


def test_nobody_is_asked_when_everybody_has_signed_the_newest_checkpoint() -> None:
    assert whom_to_ask(stored(3), TWO_OF_THREE, {}, at=NOW) == set()


def test_as_long_as_too_few_have_signed_everybody_who_is_missing_is_asked_in_each_turn() -> None:
    assert whom_to_ask(stored(3, 8), TWO_OF_THREE, JUST_NOW, at=NOW) == set(NAMES)
    assert whom_to_ask(stored(2), quorum(3, *WITNESSES), JUST_NOW, at=NOW) == {NAMES[2]}


def test_who_is_new_in_the_settings_is_asked_at_once_also_for_a_checkpoint_that_enough_have_seen() -> None:
    four = Quorum.of(2, [*TWO_OF_THREE.witnesses, witness(4).verifier])
    assert whom_to_ask(stored(3), four, JUST_NOW, at=NOW) == {witness(4).verifier.name}


def test_who_did_not_sign_what_enough_have_seen_is_left_alone_for_a_minute() -> None:
    for later, asked in ((0, set()), (ASK_AGAIN_S - 1, set()), (ASK_AGAIN_S, {NAMES[2]})):
        assert whom_to_ask(stored(2), TWO_OF_THREE, JUST_NOW, at=NOW + later) == asked


def test_a_clock_that_was_set_back_does_not_put_it_off() -> None:
    assert whom_to_ask(stored(2), TWO_OF_THREE, JUST_NOW, at=NOW - 1) == {NAMES[2]}


def test_who_was_asked_for_a_smaller_tree_was_not_asked_for_this_one() -> None:
    before = {name: Asked(8, NOW) for name in NAMES}
    assert whom_to_ask(stored(2), TWO_OF_THREE, before, at=NOW) == {NAMES[2]}


# --- what the operator hears ----------------------------------------------------------------------------------

SIGNS = Standing(Stance.SIGNS)
SILENT = Standing(Stance.SILENT, "it does not answer in time")
REFUSES = Standing(Stance.REFUSES, "it does not watch this log")
CONTRADICTS = Standing(Stance.CONTRADICTS, "it saw another tree of this size")


def test_nothing_is_told_of_a_witness_that_signs() -> None:
    assert news_of({"w": SIGNS}, {}) == ()


@pytest.mark.parametrize("now", [SILENT, REFUSES, CONTRADICTS])
def test_what_a_witness_does_not_sign_is_told_once(now: Standing) -> None:
    assert news_of({"w": now}, {}) == (WitnessNews("w", now.stance, now.why),)
    assert news_of({"w": now}, {"w": now.stance}) == ()


def test_other_words_for_the_same_are_no_news() -> None:
    assert news_of({"w": Standing(Stance.SILENT, "it did not answer a moment ago")}, {"w": Stance.SILENT}) == ()


def test_a_witness_that_becomes_worse_is_news_and_so_is_one_that_is_well_again() -> None:
    assert news_of({"w": CONTRADICTS}, {"w": Stance.REFUSES})[0].is_alarm
    [well] = news_of({"w": SIGNS}, {"w": Stance.REFUSES})
    assert (well.stance, well.is_alarm) == (Stance.SIGNS, False)


@pytest.mark.parametrize(("now", "wakes"), [(SILENT, False), (REFUSES, True), (CONTRADICTS, True)])
def test_a_witness_that_says_no_is_an_alarm_and_one_that_says_nothing_is_none(now: Standing, wakes: bool) -> None:
    [told] = news_of({"w": now}, {})
    assert told.is_alarm == wakes


def test_each_witness_is_told_of_by_itself() -> None:
    told = news_of({"b": SILENT, "a": REFUSES, "c": SIGNS}, {"b": Stance.SILENT, "c": Stance.SILENT})
    assert [(news.witness, news.stance) for news in told] == [("a", Stance.REFUSES), ("c", Stance.SIGNS)]


# --- what may be shown ----------------------------------------------------------------------------------------

UNWATCHED = LogDesk(LOG, INDEXES)
WATCHED = LogDesk(LOG, INDEXES, quorum=TWO_OF_THREE)


def test_where_nobody_watches_the_newest_checkpoint_is_shown() -> None:
    shown = published(stored(0), UNWATCHED)
    assert shown is not None
    assert shown.size == 9


def test_where_somebody_watches_the_newest_that_enough_have_seen_is_shown() -> None:
    shown = published(stored(2, 7), WATCHED)
    assert shown is not None
    assert (shown.size, shown.checkpoint) == (7, stored(2, 7).witnessed.encode())


def test_nothing_is_shown_before_enough_have_seen_something() -> None:
    assert published(stored(0), WATCHED) is None
    assert published(stored(1), WATCHED) is None


def test_a_checkpoint_that_was_shown_is_not_when_the_settings_name_other_witnesses() -> None:
    changed = dataclasses.replace(WATCHED, quorum=quorum(2, WITNESSES[0], witness(4)))
    assert published(stored(2), WATCHED) is not None
    assert published(stored(2), changed) is None


def test_whose_a_checkpoint_is_its_line_says() -> None:
    shown = published(stored(2), WATCHED)
    assert shown is not None
    assert is_by(shown, WATCHED)
    assert not is_by(shown, dataclasses.replace(WATCHED, signer=log_signer("successor")))


# --- when a checkpoint is written over one of the same size ---------------------------------------------------


@pytest.mark.parametrize(
    ("there", "new", "writes"), [(2, 3, True), (0, 2, True), (3, 3, False), (3, 2, False), (2, 0, False)]
)
def test_a_note_with_more_lines_is_written_over_one_of_the_same_size_and_never_one_with_fewer(
    there: int, new: int, writes: bool
) -> None:
    notes = [checkpoint(TREE.heads[9], number).note.encoded for number in (new, there)]
    assert says_more(*notes) == writes
