"""What is stored of witnesses, judged by the settings of today: each rule as a sentence."""

from __future__ import annotations

import pytest

from notes import LOG, NOW, TWO_OF_THREE, WITNESSES, witness
from pteri.app.log_ports import LogState
from pteri.app.log_seen import has_seen, joined, missing
from pteri.core.log.checkpoint import open_checkpoint
from pteri.core.log.note import MAX_SIGNATURES, Note, NoteSignature, NoteSigner, parse_note
from pteri.core.log.witness import verify_witnesses
from stored_notes import NAMES, NEWEST, kept, line, quorum, stored


def spoilt(state: LogState, signer: NoteSigner) -> LogState:
    """The line of this witness is another one's."""
    note = parse_note(state.witnessed.encode())
    lines = tuple(
        NoteSignature(each.name, each.id, each.raw[:-1] + bytes([each.raw[-1] ^ 1]))
        if each.name == signer.verifier.name
        else each
        for each in note.signatures
    )
    return kept(Note(note.text, lines).encoded.decode(), state.witnessed_size)


# --- what counts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seen_by", "counts"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_note_counts_when_enough_of_the_quorum_have_signed_it(seen_by: int, counts: bool) -> None:
    assert has_seen(stored(seen_by), TWO_OF_THREE) == counts


def test_a_note_that_was_enough_is_not_when_the_settings_ask_for_more() -> None:
    assert not has_seen(stored(2), quorum(3, *WITNESSES))


def test_who_is_no_longer_named_does_not_count() -> None:
    assert not has_seen(stored(2), quorum(2, WITNESSES[1], WITNESSES[2]))
    assert has_seen(stored(3), quorum(2, WITNESSES[1], WITNESSES[2]))


def test_who_is_named_now_and_never_signed_does_not_count() -> None:
    assert not has_seen(stored(3), quorum(1, witness(4)))


def test_one_forged_line_of_a_known_witness_spoils_a_note_that_enough_have_signed() -> None:
    assert not has_seen(spoilt(stored(3), WITNESSES[2]), TWO_OF_THREE)
    # Of a stranger nobody says anything.
    assert has_seen(spoilt(stored(3), WITNESSES[2]), quorum(2, *WITNESSES[:2]))


@pytest.mark.parametrize("note", ["hello", "a\nb\n\n", "\N{EM DASH} x AAAA\n"])
def test_what_is_no_checkpoint_nobody_has_seen(note: str) -> None:
    assert not has_seen(kept(note), TWO_OF_THREE)


def test_a_note_of_another_size_than_is_said_beside_it_nobody_has_seen() -> None:
    assert not has_seen(kept(stored(3, 8).witnessed, 9), TWO_OF_THREE)


# --- who is missing -------------------------------------------------------------------------------------------


def test_everybody_is_missing_below_a_checkpoint_that_is_new() -> None:
    assert missing(stored(3, 8), TWO_OF_THREE) == set(NAMES)
    assert missing(stored(0), TWO_OF_THREE) == set(NAMES)


def test_who_came_into_the_settings_later_is_missing_below_what_others_have_signed() -> None:
    assert missing(stored(2), TWO_OF_THREE) == {NAMES[2]}
    assert missing(stored(3), TWO_OF_THREE) == set()


def test_where_one_line_is_forged_everybody_is_asked_again() -> None:
    assert missing(spoilt(stored(3), WITNESSES[0]), TWO_OF_THREE) == set(NAMES)


# --- what is stored -------------------------------------------------------------------------------------------


def names_in(note: str | None) -> list[str]:
    assert note is not None
    return [each.name for each in parse_note(note.encode()).signatures][1:]


def test_too_few_lines_are_not_stored_in_place_of_an_older_checkpoint_that_enough_have_seen() -> None:
    assert joined(NEWEST, stored(2, 8), [line(WITNESSES[0])], TWO_OF_THREE) is None


def test_a_line_that_came_later_joins_those_that_are_there() -> None:
    note = joined(NEWEST, stored(2), [line(WITNESSES[2])], quorum(3, *WITNESSES))
    assert sorted(names_in(note)) == NAMES
    assert note is not None
    opened = open_checkpoint(note.encode(), expected_log=LOG.verifier)
    assert verify_witnesses(opened, expected_quorum=quorum(3, *WITNESSES), at=NOW)


def test_lines_below_an_older_checkpoint_say_nothing_of_a_newer_one() -> None:
    note = joined(NEWEST, stored(3, 8), [line(WITNESSES[0]), line(WITNESSES[1])], TWO_OF_THREE)
    assert names_in(note) == NAMES[:2]


def test_a_newer_line_of_a_witness_takes_the_place_of_its_older_one() -> None:
    later = line(WITNESSES[0], at=NOW + 5)
    note = joined(NEWEST, stored(2), [later], TWO_OF_THREE)
    assert sorted(names_in(note)) == NAMES[:2]
    assert note is not None
    assert later in parse_note(note.encode()).signatures


def test_a_forged_line_of_a_known_witness_is_not_taken_over() -> None:
    damaged = spoilt(stored(3), WITNESSES[2])
    note = joined(NEWEST, damaged, [line(WITNESSES[0])], TWO_OF_THREE)
    assert sorted(names_in(note)) == NAMES[:2]
    assert has_seen(kept(note or ""), TWO_OF_THREE)


def test_a_line_by_a_witness_of_another_process_stays_and_does_not_count() -> None:
    other = quorum(1, witness(4))
    note = joined(NEWEST, stored(2), [line(witness(4))], other)
    assert names_in(note) == [witness(4).verifier.name, *NAMES[:2]]
    assert joined(NEWEST, stored(3), [], other) is None


def test_strangers_go_when_there_is_no_room() -> None:
    strangers = [witness(number) for number in range(10, 10 + MAX_SIGNATURES - 2)]
    full = NEWEST.note.with_signatures([line(each) for each in strangers]).encoded.decode()
    note = joined(NEWEST, kept(full), [line(WITNESSES[0]), line(WITNESSES[1])], TWO_OF_THREE)
    assert note is not None
    assert len(parse_note(note.encode()).signatures) == MAX_SIGNATURES
    assert has_seen(kept(note), TWO_OF_THREE)


def test_whoever_is_believed_stays_when_strangers_have_no_room() -> None:
    strangers = [witness(number) for number in range(10, 10 + MAX_SIGNATURES - 2)]
    full = NEWEST.note.with_signatures([*[line(each) for each in strangers], line(WITNESSES[1])]).encoded.decode()
    note = joined(NEWEST, kept(full), [line(WITNESSES[0])], TWO_OF_THREE)
    assert names_in(note)[:2] == NAMES[:2]
