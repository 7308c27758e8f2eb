"""What a phone finds in a page about its account: each alarm, and what is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insiders import Insider, chained
from leaves import INDEX, OTHER, START, TENANT, account_leaf, chain, sha
from looks import AROUND, ASKED, BEGUN, HONEST, MINE, SEEN, act, asked, code, look
from notes import INDEXES, LOG, NOW, WITNESSES, indexes, log_signer
from pteri.core.log.following import encode_suspicion, verify_suspicion
from pteri.core.log.leaf import KINDS, NOTHING, encode_leaf
from pteri.core.log.page import MOST_ENTRIES, LogEntry
from pteri.core.log.rotation import rotation_leaf
from pteri.core.log.tree import leaf_hash
from pteri.wallet.log_notes import LogNotes
from pteri.wallet.log_words import AlarmCode, alarm, words_of
from pteri.wallet.watching import Given
from trees import leaf

replaced = msgspec.structs.replace


def test_a_phone_that_looks_for_the_first_time_remembers_whom_it_believes_and_what_it_saw() -> None:
    watched = look(BEGUN, HONEST.page())
    assert (watched.alarm, watched.size, watched.seen) == (None, len(HONEST.leaves), 2)
    notes = watched.notes
    assert notes.believed is not None
    assert notes.believed.log_key == LOG.verifier.text
    assert (notes.believed.needed, len(notes.believed.witnesses)) == (2, 3)
    assert (notes.seq, notes.leaf, notes.index, notes.looked_at) == (4, leaf_hash(MINE[3]), INDEX, NOW)


def test_what_this_phone_signed_is_found_and_struck_out_and_the_rest_is_news() -> None:
    notes = replaced(BEGUN, acts=(act(1), act(3)), since=START)
    watched = look(notes, HONEST.page())
    assert watched.alarm is None
    assert (watched.notes.acts, watched.notes.found) == ((), 2)
    assert [(each.seq, each.by, each.words) for each in watched.news] == [
        (2, "phone", "a sign-in"),
        (4, "phone", "a sign-in"),
    ]


def test_what_nobody_signed_is_news_of_the_service() -> None:
    last = encode_leaf(
        account_leaf(5, leaf_hash(MINE[3]), kind=KINDS["FrozenByLink"], statement=NOTHING, wallet_signature=NOTHING)
    )
    [*_, news] = look(BEGUN, replace(HONEST, leaves=(*HONEST.leaves, last)).page()).news
    assert (news.by, news.words) == ("service", "the account was stopped by the link in a mail")


LONG = tuple(chain(MOST_ENTRIES + 2))
"""Of an account with more than one page."""


def test_what_is_older_than_the_notes_is_counted_only_until_the_phone_has_caught_up() -> None:
    long = Insider((*AROUND, *LONG), INDEX)
    notes = replaced(BEGUN, since=START + 5000)
    first = look(notes, long.page())
    assert (first.older, first.news, first.notes.has_caught_up) == (MOST_ENTRIES, (), False)
    second = look(first.notes, long.page(asked(first.notes, first.size)))
    assert (second.older, second.notes.has_caught_up) == (2, True)
    # Whoever dates an event back afterwards does not hide it.
    late = [encode_leaf(account_leaf(MOST_ENTRIES + 3, leaf_hash(LONG[-1]), at=1))]
    page = replace(long, leaves=(*long.leaves, *late)).page(asked(second.notes, second.size))
    assert [each.at for each in look(second.notes, page).news] == [1]
    # Nor with a page after which there is another one.
    while len(late) <= MOST_ENTRIES:
        late.append(encode_leaf(account_leaf(MOST_ENTRIES + 3 + len(late), leaf_hash(late[-1]), at=1)))
    twice = replace(long, leaves=(*long.leaves, *late))
    third = look(second.notes, twice.page(asked(second.notes, second.size)))
    fourth = look(third.notes, twice.page(asked(third.notes, third.size)))
    assert {each.at for each in (*third.news, *fourth.news)} == {1}
    assert len(third.news) + len(fourth.news) == len(late)


def test_a_page_before_the_last_one_is_full_or_something_is_held_back() -> None:
    """Or a service that always says that there is more would never have to show what is due."""
    notes = replaced(SEEN, acts=(act(77, due_at=NOW),))
    for most in (0, 1):
        assert code(look(notes, replace(HONEST, most=most).page(ASKED))) is AlarmCode.HELD_BACK
    long = Insider((*AROUND, *LONG), INDEX)
    assert code(look(BEGUN, replace(long, most=MOST_ENTRIES - 1).page())) is AlarmCode.HELD_BACK
    assert code(look(BEGUN, replaced(long.page(), entries=long.page().entries[1:]))) is AlarmCode.HELD_BACK
    # On a full one, what is due may be on the next.
    full = look(replaced(BEGUN, acts=(act(9999, due_at=NOW),)), long.page())
    assert (full.alarm, full.notes.seq) == (None, MOST_ENTRIES)
    assert code(look(full.notes, long.page(asked(full.notes, full.size)))) is AlarmCode.MISSING_ACT


def test_the_same_page_again_and_a_longer_log_are_no_alarm() -> None:
    assert code(look(SEEN, HONEST.page(ASKED, size=8))) is None
    watched = look(SEEN, HONEST.page(ASKED))
    assert (watched.alarm, watched.notes.seq) == (None, 4)


def test_a_log_that_went_back_changed_or_split_is_an_alarm_and_the_last_good_checkpoint_stays() -> None:
    other = replace(HONEST, leaves=(leaf(99), *HONEST.leaves[1:]))
    for page, wanted in (
        (HONEST.page(ASKED, size=7), AlarmCode.LOG_WENT_BACK),
        (other.page(ASKED, size=8), AlarmCode.SPLIT_VIEW),
        (other.page(ASKED), AlarmCode.LOG_CHANGED),
        (replaced(HONEST.page(ASKED), consistency=()), AlarmCode.LOG_CHANGED),
        (replaced(HONEST.page(ASKED), consistency=(b"short",)), AlarmCode.LOG_CHANGED),
    ):
        watched = look(SEEN, page)
        assert (code(watched), watched.notes) == (wanted, SEEN)
        assert watched.evidence is not None
        assert (watched.evidence.seen, watched.evidence.shown) == (SEEN.checkpoint, page.checkpoint)
        # Whoever has the key verifies the file, and nothing of the phone.
        assert verify_suspicion(encode_suspicion(watched.evidence), expected_logs=[LOG.verifier]) == watched.evidence


def test_another_key_is_an_alarm_unless_the_person_gives_it() -> None:
    enemy = replace(HONEST, signer=log_signer("an enemy"))
    assert code(look(SEEN, enemy.page(ASKED))) is AlarmCode.OTHER_KEY
    given = Given(log_key=log_signer("an enemy").verifier.text)
    watched = look(SEEN, enemy.page(ASKED), given=given)
    assert watched.alarm is None
    assert watched.notes.believed is not None
    assert watched.notes.believed.log_key == given.log_key
    assert code(look(SEEN, HONEST.page(ASKED), given=given)) is AlarmCode.OTHER_KEY


def test_the_key_of_another_log_is_an_alarm_also_when_a_person_gives_it() -> None:
    other = log_signer("log", "log.shop.example/pteri")
    page = replace(HONEST, signer=other).page(ASKED)
    assert code(look(SEEN, page, given=Given(log_key=other.verifier.text))) is AlarmCode.OTHER_KEY


def test_another_key_of_the_indexes_is_an_alarm() -> None:
    before = look(BEGUN, HONEST.page(size=8)).notes
    for other in (indexes("another").public.text, "two", ""):
        assert code(look(before, replaced(HONEST.page(ASKED), index_key=other))) is AlarmCode.OTHER_KEY
    assert code(look(before, HONEST.page(ASKED))) is None
    assert code(look(BEGUN, replaced(HONEST.page(), index_key="no key"))) is AlarmCode.NOT_MY_ACCOUNT


@pytest.mark.parametrize("witnesses", [0, 1])
def test_too_few_witnesses_are_an_alarm(witnesses: int) -> None:
    lonely = replace(HONEST, witnesses=witnesses)
    assert code(look(SEEN, lonely.page(ASKED))) is AlarmCode.UNWITNESSED
    assert code(look(BEGUN, lonely.page())) is AlarmCode.UNWITNESSED


def test_a_page_cannot_talk_a_phone_out_of_its_witnesses() -> None:
    lonely = replaced(replace(HONEST, witnesses=0).page(ASKED), witnesses=(), needed=0)
    assert code(look(SEEN, lonely)) is AlarmCode.UNWITNESSED
    # Where nobody watched the log before, the first witnesses count from now on.
    before = look(BEGUN, replaced(replace(HONEST, witnesses=0).page(size=8), witnesses=(), needed=0))
    assert (before.alarm, before.seen) == (None, 0)
    after = look(before.notes, HONEST.page(ASKED))
    assert after.notes.believed is not None
    assert after.notes.believed.needed == 2


def test_the_witnesses_that_a_person_gives_count() -> None:
    third = Given(witnesses=(WITNESSES[2].verifier.text,), needed=1)
    assert code(look(SEEN, HONEST.page(ASKED), given=third)) is AlarmCode.UNWITNESSED
    watched = look(SEEN, replace(HONEST, witnesses=3).page(ASKED), given=third)
    assert (watched.alarm, watched.seen) == (None, 1)


@pytest.mark.parametrize(
    "leaves",
    [
        [MINE[0], MINE[2]],
        [MINE[1]],
        [MINE[0], encode_leaf(account_leaf(2, sha("another leaf")))],
        [MINE[0], encode_leaf(account_leaf(2, leaf_hash(MINE[0]), epoch=0))],
    ],
)
def test_a_gap_another_chain_and_an_earlier_epoch_are_an_alarm(leaves: list[bytes]) -> None:
    assert code(look(BEGUN, Insider(tuple(leaves), INDEX).page())) is AlarmCode.CHAIN_BROKEN


def test_an_entry_that_does_not_follow_the_last_known_one_is_an_alarm() -> None:
    other = encode_leaf(account_leaf(3, sha("another leaf")))
    leaves = (*HONEST.leaves[:8], other)
    assert code(look(SEEN, replace(HONEST, leaves=leaves).page(ASKED))) is AlarmCode.CHAIN_BROKEN


def test_an_entry_that_is_not_in_the_log_is_an_alarm() -> None:
    page = HONEST.page(ASKED)
    for changes in ({"path": page.path[:-1]}, {"leaf_index": page.leaf_index - 1}, {"leaf_index": -1}):
        assert code(look(SEEN, replaced(page, **changes))) is AlarmCode.NOT_INCLUDED
    extra = encode_leaf(account_leaf(5, leaf_hash(MINE[3])))
    told = replaced(page, entries=(*page.entries, LogEntry(extra)))
    assert code(look(SEEN, told)) is AlarmCode.NOT_INCLUDED


def test_entries_of_another_account_are_an_alarm() -> None:
    index = INDEXES.index_of(TENANT, OTHER)
    theirs = [encode_leaf(account_leaf(1, index=index))]
    stranger = Insider((*AROUND, *theirs), index, INDEXES.proof_of(TENANT, OTHER))
    assert code(look(BEGUN, stranger.page())) is AlarmCode.NOT_MY_ACCOUNT
    for proof in (b"", b"\x01" + bytes(32), b"\x09"):
        assert code(look(BEGUN, replaced(HONEST.page(), index_proof=proof))) is AlarmCode.NOT_MY_ACCOUNT
    # An index that is known needs no proof again; another one under the right number is refused all the same.
    assert code(look(SEEN, replaced(HONEST.page(ASKED), index_proof=b""))) is None
    foreign = encode_leaf(account_leaf(3, leaf_hash(MINE[1]), index=index))
    swapped = replace(HONEST, leaves=(*HONEST.leaves[:8], foreign), index=index)
    assert code(look(SEEN, swapped.page(ASKED))) is AlarmCode.NOT_MY_ACCOUNT


def test_a_signature_that_is_not_the_phones_own_is_an_alarm() -> None:
    forged = replaced(act(3), wallet_signature=sha("another signature"))
    assert code(look(replaced(SEEN, acts=(forged,)), HONEST.page(ASKED))) is AlarmCode.OTHER_SIGNATURE


def test_what_was_signed_and_is_missing_is_an_alarm_from_the_time_on_when_it_is_due() -> None:
    assert code(look(replaced(SEEN, acts=(act(77, due_at=NOW + 1),)), HONEST.page(ASKED))) is None
    notes = replaced(SEEN, acts=(act(77, due_at=NOW),))
    watched = look(notes, HONEST.page(ASKED))
    assert code(watched) is AlarmCode.MISSING_ACT
    # The log itself is good, and is remembered; the alarm stays.
    assert watched.notes.seq == 4
    assert code(look(watched.notes, HONEST.page(asked(watched.notes, watched.size)))) is AlarmCode.MISSING_ACT
    # What was never answered need not be there.
    assert code(look(replaced(SEEN, acts=(act(77, due_at=0),)), HONEST.page(ASKED))) is None


def test_an_act_that_was_left_out_of_a_chain_that_was_mended_is_missed() -> None:
    mended = Insider((*AROUND, *chained([MINE[0], MINE[2], MINE[3]])), INDEX)
    watched = look(replaced(BEGUN, acts=(act(1), act(2), act(3), act(4))), mended.page())
    assert code(watched) is AlarmCode.MISSING_ACT
    assert watched.notes.acts == (act(2),)


def test_an_account_without_an_entry_yet_is_no_alarm() -> None:
    watched = look(BEGUN, replaced(Insider(AROUND, INDEX).page(), index_proof=b""))
    assert (watched.alarm, watched.notes.seq, watched.notes.index) == (None, 0, b"")


def test_pages_that_are_none_are_an_alarm() -> None:
    page = HONEST.page()
    late = encode_leaf(account_leaf(1, at=1 << 62))
    for changes in (
        {"checkpoint": ""},
        {"log_key": "nobody"},
        {"entries": (LogEntry(b"short"),)},
        {"entries": (LogEntry(late),)},
        {"entries": (LogEntry(MINE[0]),) * 401},
    ):
        assert code(look(BEGUN, replaced(page, **changes))) is AlarmCode.UNREADABLE


_HANDOVER = rotation_leaf(LOG, log_signer("the next key"), place=len(HONEST.leaves))
_BYTES = st.binary(max_size=40) | st.sampled_from([MINE[0], MINE[2], bytes(32), bytes(199)])
_TEXT = st.text(max_size=60) | st.sampled_from([LOG.verifier.text, HONEST.page().checkpoint])
_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "log_key": _TEXT,
        "witnesses": st.lists(_TEXT, max_size=3).map(tuple),
        "needed": st.integers(-1, 5),
        "checkpoint": _TEXT,
        "handovers": st.lists(_BYTES | st.just(_HANDOVER), max_size=2).map(tuple),
        "handover_paths": st.lists(st.lists(_BYTES, max_size=3).map(tuple), max_size=2).map(tuple),
        "consistency": st.lists(_BYTES, max_size=6).map(tuple),
        "index_key": _TEXT,
        "index_proof": _BYTES,
        "entries": st.lists(_BYTES.map(LogEntry), max_size=4).map(tuple),
        "leaf_index": st.integers(-(2**70), 2**70),
        "path": st.lists(_BYTES, max_size=6).map(tuple),
        "more": st.booleans(),
    },
)


@settings(max_examples=300, deadline=None)
@given(_FIELDS, st.sampled_from([BEGUN, SEEN]))
def test_garbage_raises_nothing_and_never_moves_a_phone_to_what_was_not_signed(
    fields: dict[str, Any], notes: LogNotes
) -> None:
    honest = HONEST.page(asked(notes, 8 if notes is SEEN else 0))
    watched = look(notes, replaced(honest, **fields))
    if watched.alarm is None:
        assert watched.notes.checkpoint == honest.checkpoint
        assert watched.notes.seq in {notes.seq, 4} or fields.get("entries")
    else:
        assert watched.notes == notes


def test_every_event_and_every_alarm_has_words() -> None:
    words = [words_of(number) for number in KINDS.values()]
    assert len({*words}) == len(KINDS)
    assert not any("does not know" in each for each in words)
    assert words_of(250) == "something that this program does not know (number 250)"
    assert all(alarm(each).message for each in AlarmCode)
