"""A phone follows a log to its new keys: each hand-over is in the log, and of each key there is one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import msgspec
import pytest

from looks import ASKED, HONEST, SEEN, asked, code, look
from notes import LOG, log_signer
from pteri.core.log.following import SuspicionKind, encode_suspicion, verify_suspicion
from pteri.core.log.note import Note, NoteSignature
from pteri.core.log.rotation import ROTATION_TAG, rotation_leaf
from pteri.wallet.log_notes import FollowedHandover
from pteri.wallet.log_words import AlarmCode
from pteri.wallet.watching import Given
from trees import leaf

NEXT, LAST, THIEF = log_signer("the next key"), log_signer("the key after that"), log_signer("a thief")
PLACE = len(HONEST.leaves)
FIRST = rotation_leaf(LOG, NEXT, place=PLACE)
SECOND = rotation_leaf(NEXT, LAST, place=PLACE + 1)
STOLEN = rotation_leaf(LOG, THIEF, place=PLACE)
"""By whoever has the key that was retired."""
MOVED = replace(HONEST, leaves=(*HONEST.leaves, FIRST, SECOND, leaf(9)), signer=LAST, handovers=(FIRST, SECOND))
replaced = msgspec.structs.replace


def test_a_phone_follows_the_log_from_key_to_key_and_says_so() -> None:
    watched = look(SEEN, MOVED.page(ASKED))
    assert (watched.alarm, watched.handed_over) == (None, True)
    assert watched.notes.believed is not None
    assert watched.notes.believed.log_key == LAST.verifier.text
    assert watched.notes.handovers == (
        FollowedHandover(LOG.verifier.text, FIRST),
        FollowedHandover(NEXT.verifier.text, SECOND),
    )
    # From now on the old keys say nothing, and hand-overs that are over change nothing.
    again = look(watched.notes, MOVED.page(asked(watched.notes, watched.size)))
    assert (again.alarm, again.handed_over, again.notes.handovers) == (None, False, watched.notes.handovers)
    back = replace(MOVED, signer=LOG).page(asked(watched.notes, watched.size))
    assert code(look(watched.notes, back)) is AlarmCode.OTHER_KEY


def test_whoever_is_given_an_old_key_follows_from_there() -> None:
    notes = look(SEEN, MOVED.page(ASKED)).notes
    given = look(notes, MOVED.page(asked(notes, len(MOVED.leaves))), given=Given(log_key=LOG.verifier.text))
    assert given.notes.believed == notes.believed


@pytest.mark.parametrize(
    "handovers",
    [
        (),
        (FIRST,),
        (SECOND,),
        (SECOND, FIRST),
        (b"nonsense",),
        (rotation_leaf(log_signer("an enemy"), LAST, place=PLACE),),
        (rotation_leaf(LOG, LAST, place=PLACE + 50),),
        (FIRST, FIRST),
    ],
)
def test_a_new_key_that_the_old_one_did_not_hand_over_to_is_an_alarm(handovers: tuple[bytes, ...]) -> None:
    assert code(look(SEEN, replace(MOVED, handovers=handovers).page(ASKED))) in {
        AlarmCode.OTHER_KEY,
        AlarmCode.NOT_INCLUDED,
    }


def test_the_old_key_signs_nothing_after_it_has_handed_over() -> None:
    assert code(look(SEEN, replace(MOVED, signer=LOG).page(ASKED))) is AlarmCode.OTHER_KEY


def test_a_hand_over_that_is_not_in_the_log_is_an_alarm_though_both_keys_signed_it() -> None:
    page = MOVED.page(ASKED)
    for paths in ((), page.handover_paths[:1], page.handover_paths[::-1], (*page.handover_paths, ())):
        assert code(look(SEEN, replaced(page, handover_paths=paths))) is AlarmCode.NOT_INCLUDED
    # Whoever has the retired key, and stands between, puts one beside a genuine page.
    honest = HONEST.page(ASKED)
    for place, cry in ((3, "OTHER_KEY"), (PLACE - 1, "OTHER_KEY"), (PLACE, "NOT_INCLUDED")):
        beside = rotation_leaf(LOG, THIEF, place=place)
        watched = look(SEEN, replaced(honest, handovers=(beside,), handover_paths=(honest.path,)))
        assert (code(watched), watched.notes) == (cry, SEEN)


@pytest.mark.parametrize("handovers", [(FIRST, SECOND, STOLEN), (STOLEN, FIRST)])
def test_two_hand_overs_by_one_key_are_an_alarm_with_a_proof(handovers: tuple[bytes, ...]) -> None:
    watched = look(SEEN, replace(MOVED, handovers=handovers).page(ASKED))
    assert (code(watched), watched.notes) == (AlarmCode.TWO_HANDOVERS, SEEN)
    assert watched.evidence is not None
    raw = encode_suspicion(watched.evidence)
    assert verify_suspicion(raw, expected_logs=[LOG.verifier]).kind is SuspicionKind.TWO_HANDOVERS


def test_a_hand_over_is_remembered_and_no_second_one_by_that_key_is_followed_later() -> None:
    followed = look(SEEN, MOVED.page(ASKED))
    now = asked(followed.notes, followed.size)
    for handovers in ((STOLEN,), (FIRST, SECOND, rotation_leaf(NEXT, THIEF, place=PLACE + 5))):
        watched = look(followed.notes, replace(MOVED, handovers=handovers).page(now))
        assert (code(watched), watched.evidence is None) == (AlarmCode.TWO_HANDOVERS, False)
    # Also where the person gives the key of before the hand-over: to them, the log of a thief looks as good.
    robbed = replace(HONEST, leaves=(*HONEST.leaves, STOLEN), signer=THIEF, handovers=(STOLEN,))
    given = Given(log_key=LOG.verifier.text)
    assert code(look(followed.notes, robbed.page(now), given=given)) is AlarmCode.TWO_HANDOVERS


def test_a_second_hand_over_that_the_key_did_not_sign_accuses_nobody() -> None:
    text = STOLEN[len(ROTATION_TAG) :].decode().partition("\n\n")[0] + "\n"
    lines = [
        NoteSignature(each.name, each.id, THIEF.private.sign(text.encode())) for each in (LOG.verifier, THIEF.verifier)
    ]
    forged = ROTATION_TAG + Note(text, tuple(lines)).encoded
    watched = look(SEEN, replace(MOVED, handovers=(FIRST, SECOND, forged)).page(ASKED))
    assert (code(watched), watched.evidence) == (AlarmCode.OTHER_KEY, None)


def test_the_newest_sixteen_hand_overs_are_remembered() -> None:
    keys = [LOG, *(log_signer(f"key {number}") for number in range(20))]
    entries = [rotation_leaf(old, new, place=PLACE + at) for at, (old, new) in enumerate(pairwise(keys))]
    moved = replace(HONEST, leaves=(*HONEST.leaves, *entries), signer=keys[-1], handovers=tuple(entries))
    watched = look(SEEN, moved.page(ASKED))
    assert watched.alarm is None
    assert watched.notes.handovers is not msgspec.UNSET
    assert [each.entry for each in watched.notes.handovers] == entries[-16:]
    assert look(watched.notes, moved.page(asked(watched.notes, watched.size))).alarm is None
