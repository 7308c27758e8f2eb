"""How a log hands over to a new key: by an entry that both keys signed, for one place in one log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaves import chain
from notes import LOG, ORIGIN, WITNESSES, log_signer
from pteri.core.errors import Code, ProtocolError
from pteri.core.log.note import Note, NoteSignature, NoteSigner
from pteri.core.log.rotation import (
    MAX_KEYS,
    MAX_ROTATION_BYTES,
    ROTATION_TAG,
    EntryKind,
    LogKeys,
    entry_kind,
    parse_rotation,
    rotation_leaf,
    verify_rotation,
)
from pteri.core.log.tiles import MAX_ENTRY_BYTES
from pteri.core.log.tree import MAX_SIZE

NEW, NEWER, STRANGER = log_signer("new log key"), log_signer("newer log key"), log_signer("stranger")
PLACE = 41
GOOD = rotation_leaf(LOG, NEW, place=PLACE)
OTHER_LOG = log_signer("new log key", "other.example/log")


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


def by(signer: NoteSigner, body: str) -> NoteSignature:
    return NoteSignature(signer.verifier.name, signer.verifier.id, signer.private.sign(body.encode()))


def said(
    *signers: NoteSigner, first: str = "pteri log key v1", origin: str = ORIGIN, place: str = "41", key: str = ""
) -> bytes:
    """A hand-over that says this, signed by these."""
    body = f"{first}\n{origin}\n{place}\n{key or NEW.verifier.text}\n"
    return ROTATION_TAG + Note(body, tuple(by(signer, body) for signer in signers)).encoded


def verified(raw: bytes, place: int = PLACE) -> object:
    return verify_rotation(raw, expected_old=LOG.verifier, expected_place=place)


def test_the_new_key_is_believed_because_the_one_before_it_said_so() -> None:
    assert said(LOG, NEW) == GOOD
    assert verified(GOOD) == NEW.verifier
    assert parse_rotation(GOOD).place == PLACE
    assert ROTATION_TAG + parse_rotation(GOOD).note.encoded == GOOD


def test_the_longest_hand_over_still_fits() -> None:
    long = "x" * 200
    old, new = log_signer("one", long), log_signer("two", long)
    assert len(rotation_leaf(old, new, place=MAX_SIZE - 1)) < MAX_ROTATION_BYTES < MAX_ENTRY_BYTES


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (chain(1)[0], EntryKind.EVENT),
        (GOOD, EntryKind.KEY),
        (b"pteri-key-v1\0", EntryKind.KEY),
        (b"pteri-leaf-v1\0", EntryKind.EVENT),
        (b"pteri-key-v1", EntryKind.UNKNOWN),
        (b"pteri-key-v2\0" + GOOD, EntryKind.UNKNOWN),
        (b"pteri-leaf-v10", EntryKind.UNKNOWN),
        (b"", EntryKind.UNKNOWN),
    ],
)
def test_an_entry_is_told_by_how_it_begins(raw: bytes, kind: EntryKind) -> None:
    assert entry_kind(raw) is kind


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        GOOD[:-1],
        GOOD + b"x" * MAX_ROTATION_BYTES,
        b"\0" + GOOD,
        GOOD[len(ROTATION_TAG) :],
        said(LOG, NEW, first="pteri log key v2"),
        said(LOG, NEW, first=ORIGIN),
        said(LOG, NEW, first="pteri log key v1\n"),
        said(LOG, NEW, place="041"),
        said(LOG, NEW, place="-1"),
        said(LOG, NEW, place=""),
        said(LOG, NEW, place="\u0664\u0661"),
        said(LOG, NEW, place=str(MAX_SIZE)),
        said(LOG, NEW, key="key"),
        said(LOG, NEW, key=WITNESSES[0].verifier.text),
        said(LOG, OTHER_LOG, key=OTHER_LOG.verifier.text),
        said(LOG, WITNESSES[0], origin="witness1.example", key=WITNESSES[0].verifier.text),
        said(LOG),
        said(NEW),
        said(NEW, LOG),
        said(LOG, STRANGER),
        said(LOG, NEW, STRANGER),
    ],
)
def test_what_is_not_of_the_one_form_is_no_hand_over(raw: bytes) -> None:
    for refuse in (parse_rotation, verified):
        with pytest.raises(ProtocolError) as error:
            refuse(raw)
        assert error.value.code in {Code.ROTATION, Code.NOTE}


def test_a_hand_over_that_the_key_before_did_not_sign_is_refused() -> None:
    """Whoever can write the files, and has a key of his own, is not the log."""
    with refused(Code.NOTE_SIGNATURE):
        verified(said(STRANGER, NEW))
    # The name and the id of the right key over a signature of his own.
    body = parse_rotation(GOOD).note.text
    forged = NoteSignature(ORIGIN, LOG.verifier.id, STRANGER.private.sign(body.encode()))
    with refused(Code.NOTE_SIGNATURE):
        verified(ROTATION_TAG + Note(body, (forged, by(NEW, body))).encoded)


def test_nobody_hands_over_to_a_key_that_he_does_not_have() -> None:
    body = parse_rotation(GOOD).note.text
    unowned = NoteSignature(ORIGIN, NEW.verifier.id, LOG.private.sign(body.encode()))
    with refused(Code.NOTE_SIGNATURE):
        verified(ROTATION_TAG + Note(body, (by(LOG, body), unowned)).encoded)


def test_a_hand_over_of_another_log_is_not_one_of_this() -> None:
    body = f"pteri log key v1\n{OTHER_LOG.verifier.name}\n41\n{OTHER_LOG.verifier.text}\n"
    with refused(Code.ROTATION):
        verified(ROTATION_TAG + Note(body, (by(LOG, body), by(OTHER_LOG, body))).encoded)


@pytest.mark.parametrize("place", [0, PLACE - 1, PLACE + 1])
def test_a_hand_over_is_for_one_place(place: int) -> None:
    with refused(Code.ROTATION):
        verified(GOOD, place)


def test_a_key_does_not_hand_over_to_itself() -> None:
    with refused(Code.NOTE):
        rotation_leaf(LOG, LOG, place=PLACE)
    with refused(Code.NOTE):
        verified(said(LOG, LOG, key=LOG.verifier.text))
    with refused(Code.ROTATION):
        verified(said(LOG, key=LOG.verifier.text))
    with refused(Code.NOTE_SIGNATURE):
        verify_rotation(GOOD, expected_old=NEW.verifier, expected_place=PLACE)


def test_a_witness_hands_over_nothing() -> None:
    with refused(Code.KEY):
        verify_rotation(GOOD, expected_old=WITNESSES[0].verifier, expected_place=PLACE)


def test_keys_of_two_logs_are_not_handed_over() -> None:
    with refused(Code.ROTATION):
        rotation_leaf(LOG, OTHER_LOG, place=PLACE)
    with refused(Code.ROTATION):
        rotation_leaf(LOG, WITNESSES[0], place=PLACE)


def test_each_size_has_one_key_that_signs_it() -> None:
    keys = LogKeys.first(LOG.verifier).after(GOOD, place=PLACE)
    keys = keys.after(rotation_leaf(NEW, NEWER, place=PLACE + 1), place=PLACE + 1)
    assert [keys.key_for(size) for size in (0, 41, 42, 43, MAX_SIZE)] == [
        LOG.verifier,
        LOG.verifier,
        NEW.verifier,
        NEWER.verifier,
        NEWER.verifier,
    ]
    assert keys.current == NEWER.verifier
    with refused(Code.TREE):
        keys.key_for(-1)


def test_a_log_has_a_bounded_number_of_keys() -> None:
    full = LogKeys(((0, LOG.verifier),) * MAX_KEYS)
    with refused(Code.ROTATION):
        full.after(GOOD, place=PLACE)


def test_of_sizes_before_the_first_key_that_is_known_nothing_is_believed() -> None:
    keys = LogKeys.first(NEW.verifier, PLACE + 1)
    assert keys.key_for(PLACE + 1) == NEW.verifier
    with refused(Code.ROTATION):
        keys.key_for(PLACE)


def test_a_retired_key_does_not_come_back_and_does_not_hand_over_again() -> None:
    keys = LogKeys.first(LOG.verifier).after(GOOD, place=PLACE)
    with refused(Code.ROTATION):
        keys.after(rotation_leaf(NEW, LOG, place=50), place=50)
    with refused(Code.NOTE_SIGNATURE):
        keys.after(rotation_leaf(LOG, STRANGER, place=50), place=50)


def test_a_key_does_not_hand_over_before_it_is_one() -> None:
    keys = LogKeys.first(LOG.verifier).after(GOOD, place=PLACE)
    with refused(Code.ROTATION):
        keys.after(rotation_leaf(NEW, NEWER, place=PLACE), place=PLACE)


@given(st.integers(0, len(GOOD) * 8 - 1))
def test_no_bit_of_it_can_be_changed(bit: int) -> None:
    changed = bytearray(GOOD)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolError):
        verified(bytes(changed))


@given(st.binary(max_size=400))
def test_whatever_comes_in_is_refused_with_a_code(garbage: bytes) -> None:
    assert entry_kind(garbage) in EntryKind
    for raw in (garbage, ROTATION_TAG + garbage):
        with pytest.raises(ProtocolError):
            verified(raw)
