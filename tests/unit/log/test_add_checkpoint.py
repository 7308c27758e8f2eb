"""What a log and a witness send each other has one spelling."""

from __future__ import annotations

import base64

import pytest

from notes import LOG, NOW, WITNESSES, checkpoint, witness
from pteri.core.errors import Code, ProtocolError
from pteri.core.log.add_checkpoint import (
    MAX_REQUEST_BYTES,
    AddCheckpoint,
    encode_cosignatures,
    encode_size,
    parse_add_checkpoint,
    parse_cosignatures,
    parse_size,
)
from pteri.core.log.note import MAX_NOTE_BYTES, parse_note
from pteri.core.log.proving import consistency_proof
from pteri.core.log.tree import MAX_SIZE
from pteri.core.log.witness import cosign
from trees import grown

TREE = grown(40)
NOTE = checkpoint(TREE.heads[37]).note
PATH = consistency_proof(20, 37, TREE.read)
REQUEST = AddCheckpoint(20, PATH, NOTE)
HASH = base64.b64encode(bytes(32))


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


def test_a_request_is_the_old_size_the_path_an_empty_line_and_the_checkpoint() -> None:
    lines = REQUEST.encoded.decode().split("\n")
    assert lines[0] == "old 20"
    assert lines[1 : len(PATH) + 1] == [base64.b64encode(step).decode() for step in PATH]
    assert lines[len(PATH) + 1] == ""
    assert REQUEST.encoded.endswith(NOTE.encoded)


@pytest.mark.parametrize(
    "request_", [REQUEST, AddCheckpoint(0, (), NOTE), AddCheckpoint(MAX_SIZE, (bytes(32),) * 63, NOTE)]
)
def test_what_was_written_is_read_back(request_: AddCheckpoint) -> None:
    assert parse_add_checkpoint(request_.encoded) == request_


def test_a_log_that_grew_to_the_limit_of_a_note_is_read() -> None:
    text = NOTE.text.encode()
    filler = base64.b64encode(bytes(MAX_NOTE_BYTES // 4 * 3 // 32 * 32 // 2))
    whole = text + b"\n" + "— a ".encode() + filler + b"\n"
    assert parse_add_checkpoint(b"old 1\n\n" + whole).checkpoint == parse_note(whole)


BAD = [
    (b"", Code.BODY, "nothing"),
    (b"old 20\n", Code.BODY, "no empty line"),
    (b"\n\n" + NOTE.encoded, Code.BODY, "no old size"),
    (b"size 20\n\n" + NOTE.encoded, Code.BODY, "another word"),
    (b"old  20\n\n" + NOTE.encoded, Code.BODY, "two spaces"),
    (b"old 20 \n\n" + NOTE.encoded, Code.BODY, "a space behind"),
    (b"old 020\n\n" + NOTE.encoded, Code.BODY, "a leading zero"),
    (b"old +20\n\n" + NOTE.encoded, Code.BODY, "a sign"),
    (b"old -1\n\n" + NOTE.encoded, Code.BODY, "below nothing"),
    (b"old 2_0\n\n" + NOTE.encoded, Code.BODY, "digits of a programming language"),
    ("old ٢٠\n\n".encode() + NOTE.encoded, Code.BODY, "digits of another script"),
    (b"old 20\r\n\r\n" + NOTE.encoded, Code.BODY, "line ends of another system"),
    (b"old 20\r\n\n" + NOTE.encoded, Code.BODY, "one line end of another system"),
    (b"old 9223372036854775808\n\n" + NOTE.encoded, Code.TREE, "no tree is so large"),
    (b"old 99999999999999999999\n\n" + NOTE.encoded, Code.BODY, "more digits than a size has"),
    (b"old 20\n" + (HASH + b"\n") * 64 + b"\n" + NOTE.encoded, Code.BODY, "64 hashes"),
    # A short line in place of a long one: the bytes would fit, the number does not.
    (b"old 0\n" + b"\n".join([b"AA=="] * 64) + b"\n\n" + NOTE.encoded, Code.BODY, "64 short lines"),
    (b"old 20\n" + base64.b64encode(bytes(31)) + b"\n\n" + NOTE.encoded, Code.TREE, "a short hash"),
    (b"old 20\n" + base64.b64encode(bytes(33)) + b"\n\n" + NOTE.encoded, Code.TREE, "a long hash"),
    (b"old 20\n" + HASH[:-2] + b"B=\n\n" + NOTE.encoded, Code.ENCODING, "a second spelling of a hash"),
    (b"old 20\n" + HASH[:-1] + b"\n\n" + NOTE.encoded, Code.ENCODING, "a hash without its padding"),
    (b"old 20\n " + HASH + b"\n\n" + NOTE.encoded, Code.ENCODING, "a space before a hash"),
    (b"old 20\n\n", Code.NOTE, "no checkpoint"),
    (b"old 20\n\n\n" + NOTE.encoded + b"\n", Code.NOTE, "an empty line too many at the end"),
    (b"old 20\n\n" + NOTE.text.encode(), Code.NOTE, "a checkpoint that nobody signed"),
    (b"old 20\n\n" + bytes(MAX_REQUEST_BYTES), Code.TOO_LARGE, "too large"),
    (b"old 20\n\n" + b"a" * (MAX_NOTE_BYTES + 1), Code.TOO_LARGE, "too large a note"),
]


@pytest.mark.parametrize(("raw", "code", "why"), BAD, ids=[why for _, _, why in BAD])
def test_another_request_is_refused(raw: bytes, code: Code, why: str) -> None:
    with refused(code):
        parse_add_checkpoint(raw)


def test_a_request_is_bytes_that_nobody_changes_while_they_are_read() -> None:
    with refused(Code.TOO_LARGE):
        parse_add_checkpoint(bytearray(REQUEST.encoded))  # type: ignore[arg-type]  # what the line before refuses


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (AddCheckpoint(-1, (), NOTE), Code.TREE),
        (AddCheckpoint(0, (bytes(32),) * 64, NOTE), Code.BODY),
        (AddCheckpoint(0, (bytes(31),), NOTE), Code.TREE),
    ],
)
def test_a_request_that_no_witness_takes_is_not_written(bad: AddCheckpoint, code: Code) -> None:
    with refused(code):
        bad.encoded  # noqa: B018 - it raises


@pytest.mark.parametrize("size", [0, 1, 10, MAX_SIZE])
def test_a_size_is_a_line(size: int) -> None:
    assert encode_size(size) == b"%d\n" % size
    assert parse_size(encode_size(size)) == size


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"7",
        b"7\n\n",
        b" 7\n",
        b"07\n",
        b"7\r\n",
        b"-7\n",
        "\N{ARABIC-INDIC DIGIT SEVEN}\n".encode(),
        b"9223372036854775808\n",
    ],
)
def test_another_line_is_no_size(raw: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_size(raw)


def test_cosignatures_are_read_below_the_note_that_they_are_for() -> None:
    made = checkpoint(TREE.heads[37])
    lines = tuple(cosign(made, signer, at=NOW) for signer in WITNESSES)
    assert parse_cosignatures(encode_cosignatures(lines), expected_note=made.note) == lines


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"ok\n",
        encode_cosignatures([cosign(checkpoint(TREE.heads[37]), WITNESSES[0], at=NOW)])[:-1],
        encode_cosignatures([cosign(checkpoint(TREE.heads[37]), WITNESSES[0], at=NOW)] * 2),
        # Moved into the text, the first line would be something that the log never signed.
        b"more\n\n" + encode_cosignatures([cosign(checkpoint(TREE.heads[37]), WITNESSES[0], at=NOW)]),
        encode_cosignatures([cosign(checkpoint(TREE.heads[37]), witness(number), at=NOW) for number in range(33)]),
        b"a" * (MAX_NOTE_BYTES + 1),
    ],
)
def test_another_answer_is_no_cosignature(raw: bytes) -> None:
    assert LOG.verifier.name == NOTE.text.split("\n", maxsplit=1)[0]
    with pytest.raises(ProtocolError):
        parse_cosignatures(raw, expected_note=NOTE)
