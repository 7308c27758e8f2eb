"""A witness remembers before it signs, and keeps what proves that a log lied."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from notes import LOG, NOW, ORIGIN
from pteri import durable
from pteri.core.log.checkpoint import claimed_head, open_checkpoint, signed_checkpoint
from pteri.core.log.following import SuspicionKind, verify_suspicion
from pteri.core.log.note import NoteSignature, parse_note
from pteri.core.log.witness import Quorum, verify_witnesses
from pteri.core.log.witnessing import Conflict, Contradiction, No, Refused
from pteri.witness.keeper import MOST_PROOFS, Signed, add_checkpoint, kept_proofs
from pteri.witness.place import Place, WitnessError, memory_path, open_place, read_memory, trust
from trees import Grown, leaf
from watching import NEXT_KEY, OTHER_TREE, TREE, made_witness, shown


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return made_witness(tmp_path / "witness")


def said(place: Place, raw: bytes) -> Signed | Conflict | Contradiction | Refused:
    return add_checkpoint(place, raw, now=lambda: NOW)


def size_of(place: Place) -> int | None:
    last = read_memory(place.directory, ORIGIN)
    return None if last is None else last.head.size


def test_what_is_signed_is_remembered_by_the_next_process(place: Place) -> None:
    assert size_of(place) is None
    for old, new in ((0, 7), (7, 30), (30, 30)):
        answer = said(open_place(place.directory), shown(old, new))
        assert isinstance(answer, Signed)
        assert size_of(place) == new
        note = signed_checkpoint(TREE.heads[new], LOG).note.with_signatures([answer.line])
        checkpoint = open_checkpoint(note.encoded, expected_log=LOG.verifier)
        seen = verify_witnesses(checkpoint, expected_quorum=Quorum.of(1, [place.signer.verifier]), at=NOW)
        assert seen.seen == ((place.signer.verifier.name, NOW),)


def test_no_is_not_remembered(place: Place) -> None:
    said(place, shown(0, 20))
    before = {path: path.read_bytes() for path in memory_path(place.directory, ORIGIN).parent.glob("*.json")}
    assert said(place, shown(10, 30)) == Conflict(20)
    refused = said(place, shown(20, 30, OTHER_TREE))
    assert isinstance(refused, Refused)
    assert refused.why is No.NOT_CONSISTENT
    assert isinstance(said(place, b"garbage"), Refused)
    assert {path: path.read_bytes() for path in memory_path(place.directory, ORIGIN).parent.glob("*.json")} == before


def test_the_lines_of_others_are_not_kept(place: Place) -> None:
    """Whoever passes a checkpoint on could write as much as he likes below it."""
    raw = shown(0, 20)
    junk = "".join(NoteSignature(f"junk{number}", bytes(4), bytes(4000)).line for number in range(31)).encode()
    assert isinstance(said(place, raw + junk), Signed)
    assert memory_path(place.directory, ORIGIN).stat().st_size < 1000


def test_two_trees_of_one_size_are_kept_as_they_were_signed_and_the_first_proof_stays(place: Place) -> None:
    said(place, shown(0, 30))
    assert isinstance(said(place, shown(0, 30, OTHER_TREE)), Contradiction)
    third = Grown([leaf(number + 1000) for number in range(30)])
    assert isinstance(said(place, shown(30, 30, third)), Contradiction)
    [proof] = kept_proofs(place.directory, ORIGIN)
    found = verify_suspicion(proof.path.read_bytes(), expected_logs=[LOG.verifier])
    assert (proof.size, found.kind) == (30, SuspicionKind.SPLIT_VIEW)
    heads = [claimed_head(parse_note(note.encode()))[1] for note in (found.seen, found.shown)]
    assert heads == [TREE.heads[30], OTHER_TREE.heads[30]]
    # And it goes on with the tree that it knows.
    assert isinstance(said(place, shown(30, 31)), Signed)


def test_a_log_that_lies_without_end_fills_no_disk(place: Place) -> None:
    for size in range(6, 6 + MOST_PROOFS + 2):
        said(place, shown(size - 1 if size > 6 else 0, size))
        assert isinstance(said(place, shown(0, size, OTHER_TREE)), Contradiction)
    assert [proof.size for proof in kept_proofs(place.directory, ORIGIN)] == [*range(6, 6 + MOST_PROOFS)]


def test_after_a_hand_over_the_memory_is_the_same(place: Place) -> None:
    said(place, shown(0, 20))
    after = shown(20, 30, signer=NEXT_KEY)
    refused = said(place, after)
    assert isinstance(refused, Refused)
    assert refused.why is No.UNKNOWN_KEY
    trust(place.directory, NEXT_KEY.verifier.text)
    assert isinstance(said(open_place(place.directory), after), Signed)
    # The old key goes: what it signed is remembered, and nothing by it is signed any more.
    settings = place.directory / "witness.toml"
    settings.write_text(settings.read_text().replace(f'[[logs]]\nkey = "{LOG.verifier.text}"\n', ""))
    alone = open_place(place.directory)
    assert isinstance(said(alone, shown(30, 31)), Refused)
    assert isinstance(said(alone, shown(30, 31, signer=NEXT_KEY)), Signed)


def test_of_two_at_once_one_is_signed_and_the_other_hears_the_size(place: Place) -> None:
    said(place, shown(0, 10))
    start, answers = threading.Barrier(8), []

    def ask(raw: bytes) -> None:
        start.wait()
        answers.append(said(place, raw))

    tracks = [threading.Thread(target=ask, args=[shown(10, 20 + number)]) for number in range(8)]
    for each in tracks:
        each.start()
    for each in tracks:
        each.join()
    [winner] = [answer for answer in answers if isinstance(answer, Signed)]
    assert [answer for answer in answers if answer is not winner] == [Conflict(winner.size)] * 7
    assert size_of(place) == winner.size


def test_the_clock_is_read_when_nobody_else_can_sign(place: Place) -> None:
    """Else a larger tree could be signed with an earlier time than a smaller one, by whoever waited for his turn."""
    lock = memory_path(place.directory, ORIGIN).with_suffix(".lock")

    def now() -> int:
        with pytest.raises(BlockingIOError), durable.locked(lock, wait=False):
            raise AssertionError("somebody else could sign now")
        return NOW

    assert isinstance(add_checkpoint(place, shown(0, 10), now=now), Signed)


@pytest.mark.parametrize("damage", [None, b"", b"{}", b'{"format":"x","origin":"y","checkpoint":""}\n'])
def test_without_its_memory_it_signs_nothing(place: Place, damage: bytes | None) -> None:
    said(place, shown(0, 20))
    path = memory_path(place.directory, ORIGIN)
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    with pytest.raises(WitnessError):
        said(place, shown(0, 20, OTHER_TREE))
    with pytest.raises(WitnessError):
        open_place(place.directory)


def test_the_memory_of_one_log_is_not_taken_for_that_of_another(place: Place) -> None:
    path = memory_path(place.directory, ORIGIN)
    said(place, shown(0, 20))
    whole = path.read_bytes()
    path.write_bytes(whole.replace(f'"origin":"{ORIGIN}"'.encode(), b'"origin":"log.other.example"'))
    with pytest.raises(WitnessError, match="does not say"):
        read_memory(place.directory, ORIGIN)
    path.write_bytes(whole.replace(f'"checkpoint":"{ORIGIN}'.encode(), b'"checkpoint":"log.other.example'))
    with pytest.raises(WitnessError, match="does not say"):
        read_memory(place.directory, ORIGIN)
    path.write_bytes(whole.replace(b"20\\n", b"2O\\n"))
    with pytest.raises(WitnessError, match="does not say"):
        read_memory(place.directory, ORIGIN)
