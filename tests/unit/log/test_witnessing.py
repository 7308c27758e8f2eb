"""What a witness says, from what it remembers."""

from __future__ import annotations

import pytest

from notes import LOG, ORIGIN, WITNESSES, checkpoint, log_signer
from pteri.core.errors import Code, ProtocolError
from pteri.core.log.add_checkpoint import AddCheckpoint
from pteri.core.log.checkpoint import Checkpoint, signed_checkpoint, verify_split_view
from pteri.core.log.note import Note, NoteSignature, NoteVerifier, parse_note
from pteri.core.log.proving import consistency_proof
from pteri.core.log.tree import TreeHead
from pteri.core.log.witnessing import (
    Answer,
    Conflict,
    Contradiction,
    Cosign,
    No,
    Refused,
    Submitted,
    TrustedLog,
    judge,
    read,
)
from trees import Grown, grown, leaf

TREE = grown(40)
OTHER_TREE = Grown([leaf(number if number != 5 else 500) for number in range(40)])
NEXT_KEY = log_signer("the log's next key")
LOGS = {ORIGIN: TrustedLog.of([LOG.verifier, NEXT_KEY.verifier])}


def asked(old: int, new: int, tree: Grown = TREE, path: tuple[bytes, ...] | None = None) -> bytes:
    steps = consistency_proof(old, new, tree.read) if path is None else path
    return AddCheckpoint(old, steps, checkpoint(tree.heads[new]).note).encoded


def heard(raw: bytes) -> Submitted | Refused:
    return read(raw, expected_logs=LOGS)


def said(raw: bytes, last: Checkpoint | None = None) -> Answer:
    submitted = heard(raw)
    return submitted if isinstance(submitted, Refused) else judge(submitted, last=last)


def seen(size: int) -> Checkpoint:
    return checkpoint(TREE.heads[size])


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 1), (0, 40), (1, 2), (7, 40), (32, 33), (40, 40)])
def test_a_tree_that_grew_out_of_the_one_before_is_cosigned(old: int, new: int) -> None:
    answer = said(asked(old, new), seen(old) if old else None)
    assert isinstance(answer, Cosign)
    assert answer.checkpoint.head == TREE.heads[new]


def test_after_an_empty_tree_the_first_leaves_are_cosigned() -> None:
    assert isinstance(said(asked(0, 3), seen(0)), Cosign)


@pytest.mark.parametrize(("old", "last"), [(0, 5), (4, 5), (6, 5), (5, 0)])
def test_who_starts_from_elsewhere_hears_the_size(old: int, last: int) -> None:
    assert said(asked(old, 30), seen(last) if last else None) == Conflict(last)


def test_a_late_request_does_not_turn_the_memory_back() -> None:
    assert said(asked(5, 10), seen(20)) == Conflict(20)


@pytest.mark.parametrize("old", [0, 12, 30])
def test_two_trees_of_one_size_are_a_proof_whatever_the_request_starts_from(old: int) -> None:
    answer = said(asked(old, 30, OTHER_TREE), seen(30))
    assert isinstance(answer, Contradiction)
    proof = verify_split_view(answer.seen.note.encoded, answer.shown.note.encoded, expected_log=LOG.verifier)
    assert proof.first.head == TREE.heads[30]


@pytest.mark.parametrize(
    "raw",
    [
        asked(20, 30, OTHER_TREE),
        asked(20, 30, path=()),
        asked(20, 30, path=consistency_proof(19, 30, TREE.read)),
        asked(20, 30, path=(*consistency_proof(20, 30, TREE.read), bytes(32))),
        asked(20, 20, path=(bytes(32),)),
    ],
)
def test_a_path_that_does_not_lead_there_is_refused(raw: bytes) -> None:
    answer = said(raw, seen(20))
    assert isinstance(answer, Refused)
    assert (answer.why, answer.code in {Code.NOT_CONSISTENT, Code.MERKLE_PATH}) == (No.NOT_CONSISTENT, True)


def test_from_nothing_no_path_is_taken() -> None:
    answer = said(asked(0, 3, path=(bytes(32),)))
    assert isinstance(answer, Refused)
    assert answer.why is No.NOT_CONSISTENT


def no(raw: bytes) -> No:
    answer = heard(raw)
    assert isinstance(answer, Refused)
    return answer.why


def test_a_tree_that_shrinks_is_no_request() -> None:
    assert no(asked(30, 20, path=())) is No.MALFORMED


def test_garbage_is_no_request() -> None:
    assert no(b"hello") is No.MALFORMED
    signed_text = parse_note(b"hello\n\n" + "".join(each.line for each in seen(1).note.signatures).encode())
    assert no(AddCheckpoint(0, (), signed_text).encoded) is No.MALFORMED


def test_another_log_is_not_known_even_under_the_right_key() -> None:
    elsewhere = signed_checkpoint(TREE.heads[3], log_signer(name="log.other.example"))
    assert no(AddCheckpoint(0, (), elsewhere.note).encoded) is No.UNKNOWN_LOG


def lines(*signatures: NoteSignature) -> bytes:
    return AddCheckpoint(0, (), Note(seen(3).note.text, signatures)).encoded


def line_of(label: str, size: int = 3) -> NoteSignature:
    return signed_checkpoint(TREE.heads[size], log_signer(label)).note.signatures[0]


def test_somebody_elses_signature_is_none() -> None:
    assert no(lines(line_of("an enemy"))) is No.UNKNOWN_KEY


def test_a_signature_over_another_tree_is_none() -> None:
    assert no(lines(line_of("log", 4))) is No.UNKNOWN_KEY


def test_a_signature_of_another_length_is_none() -> None:
    whole = line_of("log")
    assert no(lines(NoteSignature(whole.name, whole.id, whole.raw[:-1]))) is No.UNKNOWN_KEY


def test_each_key_of_the_log_may_sign_alone_or_beside_others() -> None:
    for signed in (
        lines(line_of("log")),
        lines(line_of("the log's next key")),
        lines(line_of("the log's next key"), line_of("log")),
        lines(line_of("an enemy"), line_of("log")),
    ):
        assert isinstance(said(signed), Cosign)


def test_one_good_signature_does_not_carry_a_forged_one() -> None:
    """It would stand below a text that the witness signs, and who knows that key only would refuse the note."""
    assert no(lines(line_of("log"), line_of("the log's next key", 4))) is No.UNKNOWN_KEY


def test_a_hand_over_is_seen_as_one_log() -> None:
    after = signed_checkpoint(TREE.heads[30], NEXT_KEY)
    request = AddCheckpoint(20, consistency_proof(20, 30, TREE.read), after.note)
    assert isinstance(said(request.encoded, seen(20)), Cosign)


def test_the_memory_of_another_log_is_a_bug() -> None:
    submitted = heard(asked(0, 3))
    assert isinstance(submitted, Submitted)
    foreign = signed_checkpoint(TreeHead(3, bytes(32)), log_signer(name="log.other.example"))
    with pytest.raises(ValueError, match="another log"):
        judge(submitted, last=foreign)


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [LOG.verifier, LOG.verifier],
        [LOG.verifier, log_signer("log", "log.other.example").verifier],
        [WITNESSES[0].verifier],
    ],
)
def test_a_log_has_keys_of_its_own(keys: list[NoteVerifier]) -> None:
    with pytest.raises(ProtocolError, check=lambda error: error.code is Code.KEY):
        TrustedLog.of(keys)
