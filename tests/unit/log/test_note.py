"""Signed notes: who signed this text, and nothing else that looks like it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notes import LOG, ORIGIN, log_signer, private, witness
from pteri.core.errors import Code, ProtocolError
from pteri.core.keys.ed25519 import NoteKey, NotePrivateKey
from pteri.core.keys.secret import Secret
from pteri.core.log.note import (
    MAX_NOTE_BYTES,
    KeyKind,
    Note,
    NoteSignature,
    NoteSigner,
    NoteVerifier,
    open_note,
    parse_note,
    parse_verifier,
    signed_note,
)

TEXT = "a first line\n\na second one\n"
NOTE = signed_note(TEXT, LOG)
# Published by others: the example key of the Go library for notes, and what it signs.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
PETER_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


def test_a_note_of_another_program_verifies_and_ours_is_the_same() -> None:
    verifier = parse_verifier(PETER)
    note = open_note(PETER_NOTE.encode(), expected_signer=verifier)
    assert note.text.startswith("If you think")
    assert verifier.text == PETER
    signer = NoteSigner.of("PeterNeumann", KeyKind.LOG, NotePrivateKey(Secret(PETER_SEED)))
    assert signed_note(note.text, signer).encoded == PETER_NOTE.encode()


def test_a_text_may_have_empty_lines() -> None:
    assert open_note(NOTE.encoded, expected_signer=LOG.verifier).text == TEXT


@pytest.mark.parametrize(
    ("why", "raw"),
    [
        ("nothing", b""),
        ("no text", b"\n" + NOTE.encoded[len(TEXT) :]),
        ("no signature", TEXT.encode() + b"\n"),
        ("no empty line", NOTE.encoded.replace(b"\n\n\xe2", b"\n\xe2").replace(b"\n\n", b"\n")),
        ("no last newline", NOTE.encoded[:-1]),
        ("an empty line at the end", NOTE.encoded + b"\n"),
        ("a carriage return", NOTE.encoded.replace(b"\n", b"\r\n")),
        ("a tab", NOTE.encoded.replace(b"a first", b"a\tfirst")),
        ("not UTF-8", b"\xff" + NOTE.encoded),
        ("a dash that is another character", NOTE.encoded.replace("\u2014".encode(), b"--")),
        ("a line that is no signature", NOTE.encoded + b"hello\n"),
        ("the same signature twice", NOTE.encoded + NOTE.encoded[len(TEXT) + 1 :]),
        ("a name with a plus sign", NOTE.encoded.replace(ORIGIN.encode(), b"log+bank")),
        ("a name with a space", NOTE.encoded.replace(ORIGIN.encode(), b"log bank")),
        ("a name with a space of Unicode", NOTE.encoded.replace(ORIGIN.encode(), "log\u2003bank".encode())),
        ("a name with an invisible character", NOTE.encoded.replace(ORIGIN.encode(), "log\u200bbank".encode())),
        ("an id alone", f"text\n\n\u2014 {ORIGIN} {base64.b64encode(b'1234').decode()}\n".encode()),
        ("thirty-three signatures", NOTE.encoded + b"".join(b"\xe2\x80\x94 w%d AAAAAAA=\n" % n for n in range(32))),
    ],
)
def test_what_is_not_a_note_is_refused(why: str, raw: bytes) -> None:
    with refused(Code.NOTE):
        parse_note(raw)


@pytest.mark.parametrize("line", ["x08go/Z", "x08go/ZJ=", "AAAAAAB=", "AAAA AAA="])
def test_a_signature_has_one_spelling(line: str) -> None:
    with pytest.raises(ProtocolError):
        parse_note(f"text\n\n\u2014 name {line}\n".encode())


def test_a_note_is_bounded_before_it_is_read() -> None:
    with refused(Code.TOO_LARGE):
        parse_note(b"x" * (MAX_NOTE_BYTES + 1))
    with refused(Code.TOO_LARGE):
        parse_note("text\n\n\u2014 a AAAAAAA=\n")  # type: ignore[arg-type]  # what a caller of Python may do


def test_lines_by_strangers_are_left_as_they_are() -> None:
    more = NOTE.with_signatures([NoteSignature("stranger.example", b"1234", b"anything")])
    assert open_note(more.encoded, expected_signer=LOG.verifier) == more
    with refused(Code.NOTE_SIGNATURE):
        open_note(more.encoded, expected_signer=log_signer("another", "stranger.example").verifier)


def test_the_name_without_the_key_and_the_key_without_the_name_are_strangers() -> None:
    for stranger in (log_signer("another key"), log_signer("log", "another.example")):
        with refused(Code.NOTE_SIGNATURE):
            open_note(NOTE.encoded, expected_signer=stranger.verifier)


def test_a_changed_text_or_signature_does_not_verify() -> None:
    with refused(Code.NOTE_SIGNATURE):
        open_note(NOTE.encoded.replace(b"second", b"third"), expected_signer=LOG.verifier)
    [signature] = NOTE.signatures
    forged = NoteSignature(signature.name, signature.id, signature.raw[:-1])
    with refused(Code.LENGTH):
        open_note(Note(TEXT, (forged,)).encoded, expected_signer=LOG.verifier)


def test_a_witness_signs_no_text_and_its_key_opens_none() -> None:
    with refused(Code.KEY):
        signed_note(TEXT, witness(1))
    with refused(Code.KEY):
        open_note(NOTE.encoded, expected_signer=witness(1).verifier)


@pytest.mark.parametrize("text", ["", "no newline", "one line\n\nand no newline", "a\rreturn\n"])
def test_a_text_that_is_none_is_not_signed(text: str) -> None:
    with refused(Code.NOTE):
        signed_note(text, LOG)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        PETER.replace("c74f20a3", "C74F20A3"),
        PETER.replace("c74f20a3", "c74f20a4"),
        PETER.replace("+AR", "+BR"),
        PETER.replace("Peter", "Peter "),
        PETER + "\n",
        PETER[:-4],
        None,
    ],
)
def test_what_is_not_a_key_in_text_is_refused(text: str) -> None:
    with refused(Code.NOTE):
        parse_verifier(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "\u00a0", "x" * 201, None])
def test_a_key_has_a_name_that_can_stand_in_a_note(name: str) -> None:
    with refused(Code.NOTE):
        NoteVerifier.of(name, KeyKind.LOG, LOG.verifier.key)


def test_a_key_is_another_one_for_each_kind_and_name() -> None:
    key = private("log").public
    ids = {NoteVerifier.of(name, kind, key).id for name in ("a", "b") for kind in KeyKind}
    assert len(ids) == 4


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: (text + "\n\n\u2014 a AAAAAAA=\n").encode()))
def test_whatever_comes_in_a_note_reads_back_as_it_was_or_is_refused(raw: bytes) -> None:
    try:
        note = parse_note(raw)
    except ProtocolError:
        return
    assert note.encoded == raw


def test_a_key_that_signs_shows_nothing() -> None:
    key = private("log")
    assert key.seed.reveal().hex() not in repr(key)
    with refused(Code.KEY):
        NotePrivateKey(Secret(b"short"))


@pytest.mark.parametrize("raw", [b"", b"\1" * 31, b"\1" * 33, bytearray(32), "1" * 32])
def test_a_public_key_has_32_bytes(raw: bytes) -> None:
    with refused(Code.KEY):
        NoteKey.from_raw(raw)
