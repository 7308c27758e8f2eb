"""Whose clock says that something is missing: a wrong one of the phone accuses nobody, and nobody hides behind it."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from looks import ASKED, BEGUN, HONEST, SEEN, act, asked, code, look
from notes import NOW
from pteri.wallet.log_words import AlarmCode, alarm
from trees import leaf

replaced = msgspec.structs.replace


def test_a_phone_whose_clock_is_behind_says_that_and_checks_all_the_rest() -> None:
    ahead = replace(HONEST, at=NOW + 301)
    watched = look(SEEN, ahead.page(ASKED))
    assert (code(watched), watched.notes.seq, watched.seen) == (AlarmCode.PHONE_CLOCK, 4, 2)
    assert "clock seems to be behind" in alarm(AlarmCode.PHONE_CLOCK).message
    assert code(look(SEEN, ahead.page(ASKED), at=NOW + 1)) is None
    assert code(look(watched.notes, ahead.page(asked(watched.notes, watched.size)), at=NOW + 1)) is None


def test_and_that_is_no_way_around_any_check() -> None:
    ahead = replace(HONEST, at=NOW + 301)
    assert code(look(SEEN, replace(ahead, witnesses=1).page(ASKED))) is AlarmCode.UNWITNESSED
    other = replace(ahead, leaves=(leaf(99), *HONEST.leaves[1:]))
    assert code(look(SEEN, other.page(ASKED, size=8))) is AlarmCode.SPLIT_VIEW
    # Nor does it hide what is due by the phone's own clock.
    assert code(look(replaced(SEEN, acts=(act(77, due_at=NOW),)), ahead.page(ASKED))) is AlarmCode.MISSING_ACT


def test_one_witness_from_the_future_spoils_nothing_where_enough_others_are_not() -> None:
    assert code(look(SEEN, replace(HONEST, witnesses=3, ahead=(10**9, 0, 0)).page(ASKED))) is None
    assert code(look(SEEN, replace(HONEST, ahead=(10**9, 0)).page(ASKED))) is AlarmCode.PHONE_CLOCK
    # And it makes nothing due.
    notes = replaced(SEEN, acts=(act(77, due_at=NOW + 1),))
    assert code(look(notes, replace(HONEST, witnesses=3, ahead=(300, 0, 0)).page(ASKED))) is None
    assert code(look(notes, replace(HONEST, ahead=(300, 1)).page(ASKED))) is AlarmCode.MISSING_ACT


def test_a_phone_whose_clock_is_ahead_does_not_say_that_something_was_left_out() -> None:
    notes = replaced(SEEN, acts=(act(77, due_at=NOW + 5),))
    watched = look(notes, HONEST.page(ASKED), at=NOW + 10**6)
    assert (code(watched), watched.notes.seq) == (AlarmCode.OLD_LOG, 4)
    assert "If this phone's clock is ahead" in alarm(AlarmCode.OLD_LOG).message
    assert code(look(notes, HONEST.page(ASKED))) is None


def test_but_an_old_checkpoint_hides_no_act_for_ever() -> None:
    """The other face: an insider shows what witnesses saw before the act was due, again and again."""
    notes = replaced(SEEN, acts=(act(77, due_at=NOW + 5),))
    kept = replace(HONEST, at=NOW + 4)
    assert code(look(notes, kept.page(ASKED), at=NOW + 4)) is None
    assert code(look(notes, kept.page(ASKED), at=NOW + 5)) is AlarmCode.OLD_LOG
    # With a newer one the act is missing whatever the phone's clock says: it may stand still.
    newer = replace(HONEST, at=NOW + 5).page(ASKED)
    for at in (NOW, NOW + 5, NOW + 10**6):
        assert code(look(notes, newer, at=at)) is AlarmCode.MISSING_ACT


def test_where_nobody_watches_the_phones_clock_is_all_there_is() -> None:
    lonely = replace(HONEST, witnesses=0)
    before = look(BEGUN, replaced(lonely.page(size=8), witnesses=(), needed=0)).notes
    notes = replaced(before, acts=(act(77, due_at=NOW + 5),))
    again = replaced(lonely.page(ASKED), witnesses=(), needed=0)
    assert code(look(notes, again, at=NOW + 4)) is None
    assert code(look(notes, again, at=NOW + 5)) is AlarmCode.MISSING_ACT
