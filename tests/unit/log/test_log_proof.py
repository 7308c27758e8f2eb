"""The short proof that a leaf is in the log: what a phone keeps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaves import ACCOUNT, INDEX, INDEX_PROOF, TENANT
from notes import INDEXES, LOG, NOW, TWO_OF_THREE, checkpoint, log_signer
from pteri.core.errors import Code, ProtocolError
from pteri.core.log.index import verify_index
from pteri.core.log.log_proof import LogProof, parse_log_proof, verify_log_proof
from pteri.core.log.note import NoteVerifier
from pteri.core.log.proving import inclusion_proof
from pteri.core.log.witness import Witnessed
from trees import grown, leaf

TREE = grown(21)
PROOF = LogProof(13, inclusion_proof(13, 21, TREE.read), checkpoint(TREE.heads[21], 2).note, INDEX_PROOF)
RAW = PROOF.encoded
LINES = RAW.decode().split("\n")


def refused(*codes: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code in codes)


def verify(raw: bytes, data: bytes = leaf(13), log: NoteVerifier = LOG.verifier) -> Witnessed:
    proof = parse_log_proof(raw)
    return verify_log_proof(data, proof, expected_log=log, expected_quorum=TWO_OF_THREE, at=NOW)


def test_a_proof_reads_back_as_it_was_and_holds() -> None:
    assert parse_log_proof(RAW) == PROOF
    assert RAW.startswith(b"c2sp.org/tlog-proof@v1\nextra ")
    assert verify(RAW).checkpoint.head == TREE.heads[21]
    whose = verify_index(
        parse_log_proof(RAW).extra,
        expected_key=INDEXES.public,
        expected_index=INDEX,
        expected_tenant=TENANT,
        expected_account=ACCOUNT,
    )
    assert whose == INDEX


def test_a_tree_of_one_leaf_has_a_proof_without_a_path() -> None:
    raw = LogProof(0, (), checkpoint(TREE.heads[1], 2).note).encoded
    assert b"\nindex 0\n\n" in raw
    assert verify(raw, leaf(0))


def test_a_proof_of_another_leaf_place_or_log_does_not_hold() -> None:
    with refused(Code.NOT_INCLUDED):
        verify(RAW, leaf(12))
    with refused(Code.NOT_INCLUDED):
        verify(RAW.replace(b"index 13", b"index 12"))
    with refused(Code.TREE):
        verify(RAW.replace(b"index 13", b"index 45"))
    with refused(Code.NOTE_SIGNATURE):
        verify(RAW, log=log_signer("another").verifier)
    unseen = LogProof(13, PROOF.path, checkpoint(TREE.heads[21], 1).note)
    with refused(Code.WITNESSES):
        verify(unseen.encoded)


@pytest.mark.parametrize(
    ("why", "raw", "code"),
    [
        ("nothing", b"", Code.LOG_PROOF),
        ("another version", RAW.replace(b"@v1", b"@v2"), Code.LOG_PROOF),
        ("its first line alone", b"c2sp.org/tlog-proof@v1\n\n" + PROOF.note.encoded, Code.LOG_PROOF),
        ("no index", RAW.replace(b"index 13\n", b""), Code.LOG_PROOF),
        ("an index with a zero in front", RAW.replace(b"index 13", b"index 013"), Code.LOG_PROOF),
        ("an index with a sign", RAW.replace(b"index 13", b"index +13"), Code.LOG_PROOF),
        ("an index that is too long", RAW.replace(b"index 13", b"index " + b"9" * 20), Code.LOG_PROOF),
        ("extra after the index", "\n".join([LINES[0], LINES[2], LINES[1], *LINES[3:]]).encode(), Code.ENCODING),
        ("extra twice", "\n".join([LINES[0], LINES[1], *LINES[1:]]).encode(), Code.LOG_PROOF),
        ("an empty extra", "\n".join([LINES[0], "extra ", *LINES[2:]]).encode(), Code.LOG_PROOF),
        ("extra and nothing more", b"c2sp.org/tlog-proof@v1\nextra AAAA\n\n" + PROOF.note.encoded, Code.LOG_PROOF),
        ("a step of 31 bytes", RAW.replace(LINES[3].encode(), b"A" * 40 + b"AA=="), Code.LOG_PROOF),
        ("a step in another spelling", RAW.replace(LINES[3].encode(), LINES[3][:-1].encode()), Code.ENCODING),
        ("a longer path than any", LogProof(0, (bytes(32),) * 64, PROOF.note).encoded, Code.LOG_PROOF),
        ("another script", RAW.replace(b"index 13", "index \u0661\u0663".encode()), Code.LOG_PROOF),
        ("no checkpoint", RAW[: RAW.index(b"\n\n") + 2], Code.NOTE),
        ("carriage returns", RAW.replace(b"\n", b"\r\n"), Code.LOG_PROOF),
    ],
)
def test_what_is_no_proof_is_refused(why: str, raw: bytes, code: Code) -> None:
    with refused(code):
        parse_log_proof(raw)


def test_a_proof_is_bounded_before_it_is_read() -> None:
    for raw in (bytes(600_000), "text"):
        with refused(Code.TOO_LARGE):
            parse_log_proof(raw)  # type: ignore[arg-type]  # what a caller of Python may do


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_whatever_comes_in_reads_back_as_it_was_or_is_refused(place: int, change: int) -> None:
    raw = RAW[:place] + bytes((RAW[place] ^ change,)) + RAW[place + 1 :]
    try:
        found = parse_log_proof(raw)
    except ProtocolError:
        return
    assert found.encoded == raw
    # Only what nobody vouches for can be another: the extra bytes, and lines by witnesses that are not needed.
    with_same = found.path == PROOF.path and found.index == PROOF.index and found.note == PROOF.note
    if not with_same:
        with pytest.raises(ProtocolError):
            verify(raw)
