"""Following a log: from the checkpoint that was seen to the next, or two notes that are kept."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notes import LOG, ORIGIN, checkpoint, log_signer
from pteri.core.errors import Code, ProtocolError
from pteri.core.log.checkpoint import Checkpoint, signed_checkpoint
from pteri.core.log.following import (
    MAX_SUSPICION_BYTES,
    Followed,
    Suspicion,
    SuspicionKind,
    encode_suspicion,
    follow,
    parse_suspicion,
    rewritten,
    two_handovers,
    verify_suspicion,
)
from pteri.core.log.note import Note
from pteri.core.log.proving import consistency_proof
from pteri.core.log.rotation import ROTATION_TAG, parse_rotation, rotation_leaf
from trees import Grown, grown, leaf

HONEST = grown(60)
OTHER = Grown([leaf(number if number != 7 else 700) for number in range(60)])
KEYS = [LOG.verifier]


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


def at(size: int, tree: Grown = HONEST) -> Checkpoint:
    return checkpoint(tree.heads[size])


def suspected(seen: Checkpoint, shown: Checkpoint, path: tuple[bytes, ...] = ()) -> Suspicion:
    found = follow(seen, shown, path)
    assert isinstance(found, Suspicion)
    # Whatever is kept, a third person reads and verifies it.
    assert verify_suspicion(encode_suspicion(found), expected_logs=KEYS) == found
    return found


def test_whoever_begins_to_follow_keeps_what_is_shown() -> None:
    assert follow(None, at(40), ()) == Followed(at(40))


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 1), (1, 60), (37, 37), (37, 60), (32, 60)])
def test_a_log_that_grew_is_followed(old: int, new: int) -> None:
    path = consistency_proof(old, new, HONEST.read)
    assert follow(at(old), at(new), path) == Followed(at(new))


def test_two_roots_for_one_size_are_kept_as_a_proof() -> None:
    found = suspected(at(40), at(40, OTHER))
    assert found.kind is SuspicionKind.SPLIT_VIEW
    assert found.kind.is_proof


def test_fewer_leaves_than_were_seen_are_kept_and_are_no_proof() -> None:
    found = suspected(at(40), at(39))
    assert found.kind is SuspicionKind.WENT_BACK
    assert not found.kind.is_proof


@pytest.mark.parametrize("path", [(), consistency_proof(40, 60, OTHER.read), consistency_proof(39, 60, HONEST.read)])
def test_an_answer_that_leads_nowhere_is_kept_as_it_was(path: tuple[bytes, ...]) -> None:
    found = suspected(at(40), at(60), path)
    assert (found.kind, found.path, found.kind.is_proof) == (SuspicionKind.NOT_SHOWN, path, False)


@pytest.mark.parametrize("path", [[b"short"], [bytes(32)] * 127, None, ["text"]])
def test_of_an_answer_that_is_no_path_nothing_is_kept(path: list[bytes]) -> None:
    found = follow(at(40), at(60), path)
    assert isinstance(found, Suspicion)
    assert (found.kind, found.path) == (SuspicionKind.NOT_SHOWN, ())


@pytest.mark.parametrize(("old", "new"), [(8, 60), (40, 60), (59, 60), (32, 60)])
def test_a_tree_that_was_written_again_is_a_proof_whoever_was_shown_what_first(old: int, new: int) -> None:
    root, path = OTHER.heads[old].root, consistency_proof(old, new, OTHER.read)
    for seen, shown in ((at(old), at(new, OTHER)), (at(new, OTHER), at(old))):
        made = rewritten(seen, shown, root, path)
        assert verify_suspicion(encode_suspicion(made), expected_logs=KEYS).kind.is_proof


def test_an_honest_log_cannot_be_accused_of_writing_again() -> None:
    honest = consistency_proof(40, 60, HONEST.read)
    for root, path in (
        (HONEST.heads[40].root, honest),
        (OTHER.heads[40].root, honest),
        (OTHER.heads[40].root, consistency_proof(40, 60, OTHER.read)),
        (OTHER.heads[40].root, ()),
        (b"short", honest),
    ):
        with refused(Code.SUSPICION):
            rewritten(at(40), at(60), root, path)
    with refused(Code.SUSPICION):
        rewritten(at(40), at(40, OTHER), OTHER.heads[40].root, ())


@pytest.mark.parametrize(
    ("kind", "seen", "shown", "path"),
    [
        (SuspicionKind.SPLIT_VIEW, 40, 40, ()),
        (SuspicionKind.SPLIT_VIEW, 40, 60, ()),
        (SuspicionKind.WENT_BACK, 40, 40, ()),
        (SuspicionKind.WENT_BACK, 40, 60, ()),
        (SuspicionKind.WENT_BACK, 60, 40, (bytes(32),)),
        (SuspicionKind.NOT_SHOWN, 60, 40, ()),
        (SuspicionKind.NOT_SHOWN, 40, 40, ()),
        (SuspicionKind.NOT_SHOWN, 40, 60, consistency_proof(40, 60, HONEST.read)),
    ],
)
def test_two_good_checkpoints_are_no_suspicion(
    kind: SuspicionKind, seen: int, shown: int, path: tuple[bytes, ...]
) -> None:
    notes = [at(size).note.encoded.decode() for size in (seen, shown)]
    made = Suspicion(kind=kind, seen=notes[0], shown=notes[1], path=path)
    with refused(Code.SUSPICION):
        verify_suspicion(encode_suspicion(made), expected_logs=KEYS)


def test_a_split_view_has_no_path() -> None:
    made = msgspec.structs.replace(suspected(at(40), at(40, OTHER)), path=(bytes(32),))
    with refused(Code.SUSPICION):
        verify_suspicion(encode_suspicion(made), expected_logs=KEYS)


def test_a_note_that_the_log_did_not_sign_accuses_nobody() -> None:
    forged = signed_checkpoint(OTHER.heads[40], log_signer("stranger"))
    found = follow(at(40), forged, ())
    assert isinstance(found, Suspicion)
    for keys in (KEYS, [], [log_signer("stranger").verifier]):
        with refused(Code.NOTE_SIGNATURE):
            verify_suspicion(encode_suspicion(found), expected_logs=keys)


def test_each_note_may_be_by_another_key_of_the_log() -> None:
    new = log_signer("new log key")
    found = follow(at(40), signed_checkpoint(OTHER.heads[40], new), ())
    assert isinstance(found, Suspicion)
    keys = [new.verifier, LOG.verifier]
    assert verify_suspicion(encode_suspicion(found), expected_logs=keys).kind is SuspicionKind.SPLIT_VIEW


def test_two_logs_do_not_contradict_each_other() -> None:
    another = log_signer("log", "other.example/log")
    of_another = signed_checkpoint(OTHER.heads[40], another)
    with refused(Code.CHECKPOINT):
        follow(at(40), of_another, ())
    with refused(Code.CHECKPOINT):
        rewritten(at(40), of_another, bytes(32), ())
    notes = [made.note.encoded.decode() for made in (at(40), of_another)]
    made = Suspicion(kind=SuspicionKind.SPLIT_VIEW, seen=notes[0], shown=notes[1])
    with refused(Code.CHECKPOINT):
        verify_suspicion(encode_suspicion(made), expected_logs=[LOG.verifier, another.verifier])


GOOD = encode_suspicion(suspected(at(40), at(40, OTHER)))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", Code.SUSPICION),
        (b"{}\n", Code.SUSPICION),
        (b"[" * 100_000, Code.SUSPICION),
        (b"\xff" + GOOD, Code.SUSPICION),
        (GOOD[:-1], Code.SUSPICION),
        (GOOD.replace(b"-1", b"-2", 1), Code.SUSPICION),
        (GOOD.replace(b"SPLIT_VIEW", b"REWRITTEN"), Code.SUSPICION),
        (GOOD.replace(b"SPLIT_VIEW", b"ANYTHING"), Code.SUSPICION),
        (GOOD.replace(b'"path":[]', b'"path":[""]'), Code.SUSPICION),
        (GOOD.replace(b'"path":[]', b'"path":[],"more":1'), Code.SUSPICION),
        (GOOD.replace(b'"root":null', b'"root":"AAAA"'), Code.SUSPICION),
        (GOOD.replace(b'"root":null', b'"root":"AAAA","root":null'), Code.SUSPICION),
        (b"x" * (MAX_SUSPICION_BYTES + 1), Code.TOO_LARGE),
        (GOOD.replace(ORIGIN.encode() + b"\\n40", b"x"), Code.NOTE_SIGNATURE),
    ],
)
def test_what_is_no_suspicion_is_refused(raw: bytes, code: Code) -> None:
    with refused(code):
        verify_suspicion(raw, expected_logs=KEYS)


@given(st.integers(0, len(GOOD) * 8 - 1))
def test_a_changed_suspicion_is_none(bit: int) -> None:
    changed = bytearray(GOOD)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        found = verify_suspicion(bytes(changed), expected_logs=KEYS)
    except ProtocolError:
        return
    # What a changed bit may leave is the name of a signature that nobody looks at, never another head.
    assert found.kind is parse_suspicion(GOOD).kind


NEW, NEWER = log_signer("new"), log_signer("newer")
FIRST = rotation_leaf(LOG, NEW, place=41)


@pytest.mark.parametrize("second", [rotation_leaf(LOG, NEWER, place=41), rotation_leaf(LOG, NEW, place=42)])
def test_two_hand_overs_by_one_key_are_a_proof(second: bytes) -> None:
    found = two_handovers(FIRST, second, expected_old=LOG.verifier)
    assert (found.kind, found.kind.is_proof) == (SuspicionKind.TWO_HANDOVERS, True)
    raw = encode_suspicion(found)
    assert verify_suspicion(raw, expected_logs=[NEW.verifier, LOG.verifier]) == found
    with refused(Code.NOTE_SIGNATURE):
        verify_suspicion(raw, expected_logs=[NEW.verifier])


def test_what_is_no_second_hand_over_by_that_key_is_none() -> None:
    by_another = rotation_leaf(NEW, NEWER, place=42)
    note = parse_rotation(rotation_leaf(LOG, NEWER, place=41)).note
    other_by = msgspec.structs.replace(note.signatures[0], raw=bytes(64))
    forged = ROTATION_TAG + Note(note.text, (other_by, note.signatures[1])).encoded
    for second, code in (
        (FIRST, Code.SUSPICION),
        (by_another, Code.NOTE_SIGNATURE),
        (forged, Code.NOTE_SIGNATURE),
        (b"nothing", Code.ROTATION),
    ):
        with refused(code):
            two_handovers(FIRST, second, expected_old=LOG.verifier)
    found = two_handovers(FIRST, rotation_leaf(LOG, NEWER, place=41), expected_old=LOG.verifier)
    with refused(Code.SUSPICION):
        verify_suspicion(
            encode_suspicion(msgspec.structs.replace(found, path=(bytes(32),))), expected_logs=[LOG.verifier]
        )
    # A checkpoint is no hand-over, and a hand-over no checkpoint.
    checkpoints = suspected(at(40), at(40, OTHER))
    with refused(Code.ROTATION):
        verify_suspicion(
            encode_suspicion(msgspec.structs.replace(checkpoints, kind=SuspicionKind.TWO_HANDOVERS)),
            expected_logs=[LOG.verifier],
        )
    with refused(Code.CHECKPOINT):
        verify_suspicion(
            encode_suspicion(msgspec.structs.replace(found, kind=SuspicionKind.SPLIT_VIEW)),
            expected_logs=[LOG.verifier],
        )
