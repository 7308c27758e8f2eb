"""Checkpoints and witnesses: what a log signs, and who saw it."""

from __future__ import annotations

import base64

import pytest

from notes import LOG, NOW, ORIGIN, TWO_OF_THREE, WITNESSES, checkpoint, log_signer, private, text, witness
from pteri.core.errors import Code, ProtocolError
from pteri.core.log.checkpoint import checkpoint_text, open_checkpoint, signed_checkpoint, verify_split_view
from pteri.core.log.note import KeyKind, Note, NoteSignature, NoteSigner, NoteVerifier, signed_note
from pteri.core.log.tree import EMPTY_ROOT, TreeHead
from pteri.core.log.witness import MAX_AHEAD_S, Quorum, cosign, verify_witnesses
from trees import grown

TREE = grown(40)
HEAD = TREE.heads[37]


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


def test_a_checkpoint_is_three_lines_and_a_signature() -> None:
    made = checkpoint(HEAD)
    assert made.note.text == text(ORIGIN, "37", HEAD.root)
    assert (made.origin, made.head) == (ORIGIN, HEAD)
    assert made.note.encoded.decode().startswith(f"{ORIGIN}\n37\n")


def test_an_empty_log_has_a_checkpoint() -> None:
    assert checkpoint(TREE.heads[0]).head == TreeHead(0, EMPTY_ROOT)


@pytest.mark.parametrize(
    "body",
    [
        text(ORIGIN, "037", HEAD.root),
        text(ORIGIN, "+37", HEAD.root),
        text(ORIGIN, "37 ", HEAD.root),
        text(ORIGIN, "", HEAD.root),
        text(ORIGIN, "\u0663\u0667", HEAD.root),
        text(ORIGIN, "99999999999999999999", HEAD.root),
        text(ORIGIN, "37", HEAD.root[:-1]),
        text("", "37", HEAD.root),
        text("log of a bank", "37", HEAD.root),
        text(ORIGIN, "37", HEAD.root) + "an extension\n",
        text(ORIGIN, "37", HEAD.root) + "\n" + text(ORIGIN, "38", HEAD.root),
        f"{ORIGIN}\n37\n",
        checkpoint(HEAD).note.encoded.decode(),
    ],
)
def test_a_log_that_signs_something_else_is_not_believed(body: str) -> None:
    signed = Note(body, (NoteSignature(LOG.verifier.name, LOG.verifier.id, LOG.private.sign(body.encode())),))
    with refused(Code.CHECKPOINT):
        open_checkpoint(signed.encoded, expected_log=LOG.verifier)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (text(ORIGIN, "37", HEAD.root).replace("=", ""), Code.ENCODING),
        (text(ORIGIN, "0", HEAD.root), Code.TREE),
        (text(ORIGIN, str(2**63), HEAD.root), Code.TREE),
        (text("another.example/log", "37", HEAD.root), Code.CHECKPOINT),
    ],
)
def test_a_checkpoint_has_one_spelling_and_one_log(body: str, code: Code) -> None:
    with refused(code):
        open_checkpoint(signed_note(body, LOG).encoded, expected_log=LOG.verifier)


def test_an_origin_that_is_none_is_not_written() -> None:
    with refused(Code.CHECKPOINT):
        checkpoint_text("a+b", HEAD)
    with refused(Code.CHECKPOINT):
        checkpoint_text(None, HEAD)  # type: ignore[arg-type]  # what a caller of Python may do


def test_two_roots_for_one_size_are_a_proof_against_the_log() -> None:
    one, other = checkpoint(HEAD), checkpoint(TreeHead(37, TREE.heads[36].root))
    found = verify_split_view(one.note.encoded, other.note.encoded, expected_log=LOG.verifier)
    assert (found.first, found.second) == (one, other)


def test_what_does_not_contradict_itself_is_no_proof_against_the_log() -> None:
    one = checkpoint(HEAD).note.encoded
    for other in (checkpoint(HEAD, 2), checkpoint(TREE.heads[36])):
        with refused(Code.CHECKPOINT):
            verify_split_view(one, other.note.encoded, expected_log=LOG.verifier)
    forged = signed_checkpoint(TreeHead(37, TREE.heads[36].root), log_signer("somebody else"))
    with refused(Code.NOTE_SIGNATURE):
        verify_split_view(one, forged.note.encoded, expected_log=LOG.verifier)


def test_two_of_three_witnesses_are_enough() -> None:
    seen = verify_witnesses(checkpoint(HEAD, 2), expected_quorum=TWO_OF_THREE, at=NOW)
    assert seen.seen == (("witness1.example", NOW), ("witness2.example", NOW))
    assert verify_witnesses(checkpoint(HEAD, 3), expected_quorum=TWO_OF_THREE, at=NOW).checkpoint.head == HEAD


def test_one_of_three_is_not() -> None:
    for number in (0, 1):
        with refused(Code.WITNESSES):
            verify_witnesses(checkpoint(HEAD, number), expected_quorum=TWO_OF_THREE, at=NOW)


def test_a_stranger_is_no_witness() -> None:
    made = checkpoint(HEAD, 1)
    more = made.note.with_signatures([cosign(made, witness(9), at=NOW)])
    with refused(Code.WITNESSES):
        verify_witnesses(open_checkpoint(more.encoded, expected_log=LOG.verifier), expected_quorum=TWO_OF_THREE, at=NOW)


def test_a_cosignature_of_another_checkpoint_or_time_does_not_verify() -> None:
    made, other = checkpoint(HEAD, 1), checkpoint(TREE.heads[38])
    line = cosign(other, WITNESSES[1], at=NOW)
    moved = NoteSignature(line.name, line.id, cosign(made, WITNESSES[1], at=NOW).raw)
    later = NoteSignature(line.name, line.id, (NOW + 1).to_bytes(8, "big") + moved.raw[8:])
    for forged in (line, later):
        note = made.note.with_signatures([forged])
        opened = open_checkpoint(note.encoded, expected_log=LOG.verifier)
        with refused(Code.NOTE_SIGNATURE):
            verify_witnesses(opened, expected_quorum=TWO_OF_THREE, at=NOW)


def test_a_cosignature_of_another_length_is_refused() -> None:
    made = checkpoint(HEAD)
    line = cosign(made, WITNESSES[0], at=NOW)
    note = made.note.with_signatures([NoteSignature(line.name, line.id, line.raw + b"\0")])
    with refused(Code.LENGTH):
        verify_witnesses(open_checkpoint(note.encoded, expected_log=LOG.verifier), expected_quorum=TWO_OF_THREE, at=NOW)


def test_a_witness_does_not_sign_for_later() -> None:
    at_the_edge = checkpoint(HEAD, 2, at=NOW + MAX_AHEAD_S)
    assert verify_witnesses(at_the_edge, expected_quorum=TWO_OF_THREE, at=NOW)
    with refused(Code.WITNESSES):
        verify_witnesses(checkpoint(HEAD, 2, at=NOW + MAX_AHEAD_S + 1), expected_quorum=TWO_OF_THREE, at=NOW)
    with refused(Code.WITNESSES):
        cosign(checkpoint(HEAD), WITNESSES[0], at=2**63)


def test_a_log_is_not_its_own_witness() -> None:
    with refused(Code.WITNESSES):
        cosign(checkpoint(HEAD), LOG, at=NOW)
    with refused(Code.WITNESSES):
        Quorum.of(1, [LOG.verifier])


def test_a_log_signature_is_never_a_cosignature() -> None:
    """The same key and name in both roles: the id of the line tells them apart, and so do the signed bytes."""
    both = NoteSigner.of(ORIGIN, KeyKind.WITNESS, LOG.private)
    with refused(Code.WITNESSES):
        verify_witnesses(checkpoint(HEAD), expected_quorum=Quorum.of(1, [both.verifier]), at=NOW)


@pytest.mark.parametrize("needed", [0, -1, 4, True, None])
def test_a_quorum_is_one_or_more_and_no_more_than_there_are(needed: int) -> None:
    with refused(Code.WITNESSES):
        Quorum.of(needed, [signer.verifier for signer in WITNESSES])


def test_no_witness_has_two_voices() -> None:
    once = WITNESSES[0].verifier
    twice = NoteVerifier.of("another.example", KeyKind.WITNESS, private("witness 1").public)
    rekeyed = NoteVerifier.of(once.name, KeyKind.WITNESS, private("witness 2").public)
    for pair in ([once, once], [once, twice], [once, rekeyed], []):
        with refused(Code.WITNESSES):
            Quorum.of(1, pair)


def test_the_bytes_that_a_witness_signs_are_those_of_the_published_format() -> None:
    made = checkpoint(HEAD)
    line = cosign(made, WITNESSES[0], at=NOW)
    root = base64.b64encode(HEAD.root).decode()
    said = f"cosignature/v1\ntime {NOW}\n{ORIGIN}\n37\n{root}\n".encode()
    assert line.raw == NOW.to_bytes(8, "big") + WITNESSES[0].private.sign(said)
