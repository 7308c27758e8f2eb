"""Verifying a published log: everything is read, and a finding says where something is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaves import START
from notes import LOG, NOW, ORIGIN, TWO_OF_THREE, log_signer
from pteri.audit import AuditError
from pteri.audit.edge import Edge
from pteri.audit.log_findings import LogCheck, LogFindings
from pteri.audit.logs import verify_log
from pteri.audit.receipts import Verdict
from pteri.audit.tails import Tails
from pteri.core.errors import ProtocolError
from pteri.core.log.following import SuspicionKind, encode_suspicion, verify_suspicion
from pteri.core.log.note import Note, NoteSignature, NoteVerifier
from pteri.core.log.rotation import MAX_KEYS, ROTATION_TAG, parse_rotation, rotation_leaf
from pteri.core.log.tiles import bundle, bundle_path
from pteri.core.verify import MAX_AHEAD_S
from published import People, Published, events, index_of

NEW, NEWER, STRANGER = log_signer("new log key"), log_signer("newer log key"), log_signer("stranger")


def looked(published: Published, key: NoteVerifier = LOG.verifier, **more: Any) -> LogFindings:
    values: dict[str, Any] = {"quorum": None, "at": NOW} | more
    return verify_log(published.read, expected_log=key, **values)


def told(found: LogFindings) -> dict[str, str]:
    return {str(each.check): str(each.verdict) for each in reversed(found.found)}


def failed(found: LogFindings, check: LogCheck | None = None) -> list[tuple[str | None, str]]:
    return [
        (each.where, each.detail)
        for each in found.found
        if each.verdict is Verdict.FAILS and check in {None, each.check}
    ]


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 700, 65_537])
def test_a_log_of_any_size_holds(size: int) -> None:
    published = Published(events(size, 300), witnesses=2)
    seen = published.signed(size // 3).note.encoded
    found = looked(published, quorum=TWO_OF_THREE, known=seen)
    assert found.is_complete, failed(found)
    assert (found.origin, found.size, found.first, found.accounts) == (ORIGIN, size, 0, min(size, 300))


def test_what_nobody_brought_is_unknown_and_nothing_fails() -> None:
    found = looked(Published(events(10)))
    assert found.is_sound
    assert not found.is_complete
    assert told(found) == {
        "CHECKPOINT": "HOLDS",
        "WITNESSES": "UNKNOWN",
        "KEYS": "HOLDS",
        "ENTRIES": "HOLDS",
        "TREE": "HOLDS",
        "TILES": "HOLDS",
        "ACCOUNTS": "HOLDS",
        "KNOWN": "UNKNOWN",
    }


def test_progress_is_told_to_the_end() -> None:
    seen: list[tuple[int, int]] = []
    looked(Published(events(600)), progress=lambda done, size: seen.append((done, size)))
    assert seen == [(256, 600), (512, 600), (600, 600)]


def test_a_full_tile_stands_in_for_a_partial_one_that_is_gone() -> None:
    grown = Published(events(512))
    grown.files["checkpoint"] = grown.signed(300).note.encoded
    del grown.files["tile/1/000.p/2"]
    grown.files["tile/1/000.p/1"] = grown.tree.nodes[8, 0]
    found = looked(grown)
    assert found.size == 300
    assert found.is_sound, failed(found)


def test_partial_tiles_of_earlier_sizes_may_stay() -> None:
    assert looked(Published(events(600), [3, 255, 300, 512])).is_sound


@pytest.mark.parametrize("key", [LOG, NEW, NEWER])
def test_a_log_is_followed_from_whichever_of_its_keys_one_brings(key: Any) -> None:
    people = People(3)
    entries = [people.next(place) for place in range(10)]
    entries.append(rotation_leaf(LOG, NEW, place=10))
    entries += [people.next(place) for place in range(5)]
    entries.append(rotation_leaf(NEW, NEWER, place=16))
    published = Published(entries, signer=NEWER)
    found = looked(published, key.verifier)
    assert found.is_sound, failed(found)
    assert told(found)["KEYS"] == "HOLDS"
    # And one goes on from there, by the newest key alone.
    assert found.state is not None
    entries += [people.next(place) for place in range(300)]
    later = looked(Published(entries, signer=NEWER), key.verifier, state=found.state)
    assert later.is_sound, failed(later)
    assert later.first == 17


def test_the_key_of_before_signs_nothing_after_it_was_handed_over() -> None:
    entries = [*events(10), rotation_leaf(LOG, NEW, place=10)]
    found = looked(Published(entries, signer=LOG))
    assert [where for where, _ in failed(found, LogCheck.CHECKPOINT)] == ["checkpoint"]


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (rotation_leaf(STRANGER, NEW, place=10), LOG),
        (rotation_leaf(STRANGER, NEW, place=10), STRANGER),
        (rotation_leaf(LOG, NEW, place=11), LOG),
        (rotation_leaf(STRANGER, NEW, place=11), LOG),
        (rotation_leaf(log_signer("x", "other"), log_signer("y", "other"), place=10), LOG),
        (b"pteri-key-v1\0", LOG),
    ],
)
def test_a_wrong_hand_over_is_told_with_its_place(wrong: bytes, key: Any) -> None:
    found = looked(Published([*events(10), wrong]), key.verifier)
    if key is LOG:
        assert [where for where, _ in failed(found, LogCheck.KEYS)] == ["entry 10"]
    else:
        # Whoever brings the stranger's key follows the stranger; the checkpoint is not by the one he handed over to.
        assert failed(found, LogCheck.CHECKPOINT)


@pytest.mark.parametrize(("key", "signer"), [(LOG, NEW), (NEW, NEW)])
def test_a_second_hand_over_by_one_key_is_told_with_its_place(key: Any, signer: Any) -> None:
    """By whoever has the retired key, and got his entry into the log."""
    second = rotation_leaf(LOG, STRANGER, place=12)
    entries = [*events(10), rotation_leaf(LOG, NEW, place=10), b"something else", second]
    found = looked(Published(entries, signer=signer), key.verifier)
    assert [where for where, _ in failed(found, LogCheck.KEYS)] == ["entry 12"]
    assert not failed(found, LogCheck.CHECKPOINT)


def unowned(place: int) -> bytes:
    """A hand-over to the key of today by the first one, with the name of the new key under a signature of the old."""
    good = rotation_leaf(LOG, NEW, place=place)
    note = parse_rotation(good).note
    by_old = note.signatures[0]
    return ROTATION_TAG + Note(note.text, (by_old, NoteSignature(ORIGIN, NEW.verifier.id, by_old.raw))).encoded


@pytest.mark.parametrize(
    ("wrong", "key", "where"),
    [
        ([unowned(10)], NEW, "entry 10"),
        ([rotation_leaf(LOG, NEW, place=9)], NEW, "entry 10"),
        ([rotation_leaf(LOG, NEW, place=10), rotation_leaf(STRANGER, NEWER, place=11)], NEWER, "entry 11"),
        ([rotation_leaf(LOG, NEW, place=10), rotation_leaf(NEW, NEWER, place=12)], NEWER, "entry 11"),
    ],
)
def test_what_led_to_the_key_of_today_is_looked_at_as_far_as_it_can_be(
    wrong: list[bytes], key: Any, where: str
) -> None:
    found = looked(Published([*events(10), *wrong], signer=key), key.verifier)
    assert where in [place for place, _ in failed(found, LogCheck.KEYS)]


def test_entries_of_a_later_version_are_counted_and_not_guessed_at() -> None:
    found = looked(Published([*events(10), b"pteri-leaf-v9\0 something"]))
    assert found.is_sound
    [entries] = [each for each in found.found if each.check is LogCheck.ENTRIES]
    assert (entries.verdict, entries.detail[:9]) == (Verdict.UNKNOWN, "1 entries")


def test_witnesses_are_looked_at_with_the_quorum_that_is_brought() -> None:
    assert told(looked(Published(events(3), witnesses=2), quorum=TWO_OF_THREE))["WITNESSES"] == "HOLDS"
    few = looked(Published(events(3), witnesses=1), quorum=TWO_OF_THREE)
    assert told(few)["WITNESSES"] == "FAILS"


# --- going on where an earlier run ended -----------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), [(0, 10), (10, 10), (256, 257), (300, 700), (511, 512), (513, 66_000)])
def test_a_later_run_reads_only_what_is_new(old: int, new: int) -> None:
    entries = events(new)
    first = looked(Published(entries[:old]))
    published = Published(entries)
    read: list[str] = []

    def read_and_note(path: str, limit: int) -> bytes:
        read.append(path)
        return published.read(path, limit)

    found = verify_log(read_and_note, expected_log=LOG.verifier, quorum=None, at=NOW, state=first.state)
    assert found.is_sound, failed(found)
    assert (found.first, told(found)["KNOWN"]) == (old, "HOLDS")
    bundles = [path for path in read if path.startswith("tile/entries")]
    assert len(bundles) == -(-new // 256) - old // 256
    # It comes to the same as one run over everything.
    assert found.state == looked(published).state


def test_what_was_read_last_and_is_another_now_is_told_with_its_place() -> None:
    entries = events(20)
    state = looked(Published(entries[:12])).state
    changed = [*entries[:7], events(8, 3)[7], *entries[8:]]
    found = looked(Published(changed), state=state)
    assert ("entry 7", "the entry was changed, since you read it last") in failed(found, LogCheck.KNOWN)
    assert found.suspicion is not None
    assert found.suspicion.kind is SuspicionKind.REWRITTEN
    assert found.state is None


def test_an_older_tree_than_last_time_is_kept_as_a_suspicion() -> None:
    entries = events(20)
    state = looked(Published(entries)).state
    found = looked(Published(entries[:19]), state=state)
    assert found.suspicion is not None
    assert found.suspicion.kind is SuspicionKind.WENT_BACK


def test_a_checkpoint_from_before_the_state_is_compared_by_the_tiles() -> None:
    published = Published(events(700))
    state = looked(Published(events(600))).state
    assert told(looked(published, state=state, known=published.signed(77).note.encoded))["KNOWN"] == "HOLDS"
    other = Published(events(700, 4)).signed(77)
    assert told(looked(published, state=state, known=other.note.encoded))["KNOWN"] == "FAILS"


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: b"x" + raw, lambda _raw: b""])
def test_a_state_that_was_damaged_is_refused(change: Callable[[bytes], bytes]) -> None:
    state = looked(Published(events(10))).state
    assert state is not None
    with pytest.raises(AuditError):
        looked(Published(events(10)), state=change(state))


def test_a_state_of_another_log_is_refused() -> None:
    state = looked(Published(events(10), signer=STRANGER), STRANGER.verifier).state
    with pytest.raises(AuditError, match="another key"):
        looked(Published(events(10)), state=state)


# --- what is no log --------------------------------------------------------------------------------------------------


def test_without_a_checkpoint_there_is_no_log() -> None:
    published = Published(events(3))
    for content in (None, b"", b"x" * 300_000, published.files["checkpoint"][:-1]):
        if content is None:
            del published.files["checkpoint"]
        else:
            published.files["checkpoint"] = content
        with pytest.raises(AuditError):
            looked(published)


def test_the_log_of_somebody_else_is_said_to_be_that() -> None:
    with pytest.raises(AuditError, match="CHECKPOINT"):
        looked(Published(events(3)), log_signer("log", "other.example/log").verifier)


def test_a_checkpoint_that_is_kept_and_is_none_is_refused() -> None:
    with pytest.raises(AuditError):
        looked(Published(events(3)), known=b"no note")


def test_a_forged_checkpoint_costs_no_reading() -> None:
    published = Published(events(3))
    raw = published.files["checkpoint"]
    published.files["checkpoint"] = raw.replace(b"\n3\n", b"\n4\n")
    found = looked(published)
    assert failed(found) == [("checkpoint", "not signed by this key")]
    assert told(found)["TREE"] == "UNKNOWN"


def test_a_kept_checkpoint_by_somebody_else_is_told_apart_from_a_split() -> None:
    published = Published(events(3))
    forged = Published(events(3, 2), signer=STRANGER).files["checkpoint"]
    found = looked(published, known=forged)
    assert [each[1] for each in failed(found)] == ["the checkpoint that you kept: not signed by this log"]
    assert found.suspicion is None


# --- damage ----------------------------------------------------------------------------------------------------------

BASE = Published(events(600))
FILES = sorted(BASE.files)


def damaged(path: str, content: bytes | None) -> Published:
    made = Published.__new__(Published)
    made.files = dict(BASE.files)
    if content is None:
        del made.files[path]
    else:
        made.files[path] = content
    return made


def fails(published: Published) -> bool:
    try:
        return not looked(published).is_sound
    except AuditError:
        return True


@pytest.mark.parametrize("path", FILES)
def test_no_file_may_be_missing_or_huge_or_empty(path: str) -> None:
    assert fails(damaged(path, None))
    assert fails(damaged(path, b""))
    assert fails(damaged(path, BASE.files[path] + bytes(20_000_000)))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), st.data())
def test_one_bit_of_any_file_is_seen(path: str, data: st.DataObject) -> None:
    raw = bytearray(BASE.files[path])
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert fails(damaged(path, bytes(raw)))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(FILES), st.binary(max_size=2000))
def test_garbage_in_any_file_is_seen(path: str, garbage: bytes) -> None:
    assert fails(damaged(path, garbage))


@pytest.mark.parametrize(("path", "where"), [("tile/0/001", "tile/0/001"), ("tile/1/000.p/2", "tile/1/000.p/2")])
def test_a_wrong_tile_under_right_entries_is_named(path: str, where: str) -> None:
    raw = BASE.files[path]
    found = looked(damaged(path, bytes(32) + raw[32:]))
    assert told(found)["TREE"] == "HOLDS"
    [(place, what)] = failed(found)
    assert place == where
    assert "entries make" in what


def test_where_neither_entries_nor_hashes_are_it_stops_and_says_so() -> None:
    published = damaged("tile/entries/001", None)
    del published.files["tile/0/001"]
    found = looked(published)
    assert told(found)["TREE"] == "UNKNOWN"
    assert {where for where, _ in failed(found)} == {"tile/entries/001", "tile/0/001"}


def test_missing_entries_are_named_and_the_rest_is_still_hashed() -> None:
    found = looked(damaged("tile/entries/001", None))
    assert failed(found) == [("tile/entries/001", "is not there")]
    assert (told(found)["TREE"], told(found)["ACCOUNTS"]) == ("HOLDS", "UNKNOWN")


def test_only_the_first_places_are_told_and_the_others_are_counted() -> None:
    other = events(256, 7)
    found = looked(damaged("tile/entries/000", bundle(other)))
    wrong = failed(found, LogCheck.TREE)
    assert len(wrong) == 21
    assert wrong[-1][1].startswith("and in at least ")


def test_an_entry_that_is_no_leaf_is_named() -> None:
    entries = events(10)
    found = looked(Published([*entries[:4], entries[4][:-1], *entries[5:]]))
    assert ("entry 4", "a leaf has 199 bytes") in failed(found, LogCheck.ENTRIES)


def test_a_suspicion_is_a_file_for_a_third_person() -> None:
    found = looked(Published(events(20)), known=Published(events(20, 4)).files["checkpoint"])
    assert found.suspicion is not None
    third = verify_suspicion(encode_suspicion(found.suspicion), expected_logs=[LOG.verifier])
    assert third.kind is SuspicionKind.SPLIT_VIEW


# --- the pieces ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"epoch": 0}, "its event 2 is of an earlier epoch than event 1"),
        ({"at": START + 1 - 2 * MAX_AHEAD_S - 1}, "its event 2 is long before event 1"),
    ],
)
def test_epoch_and_time_of_an_account_do_not_go_back(changes: dict[str, int], what: str) -> None:
    people = People(1)
    entries = [people.next(0), people.next(1, **changes), people.next(2)]
    [(where, told_)] = failed(looked(Published(entries)), LogCheck.ACCOUNTS)
    assert (where, told_) == ("entry 1", f"account {index_of(0).hex()}: {what}")


def test_an_account_does_not_go_back_step_by_step() -> None:
    people = People(1)
    step = 2 * MAX_AHEAD_S - 10
    entries = [people.next(place, at=START + 1000 - place * step) for place in range(3)]
    assert [where for where, _ in failed(looked(Published(entries)), LogCheck.ACCOUNTS)] == ["entry 2"]


def test_two_servers_may_be_as_far_apart_as_their_clocks_are_let() -> None:
    people = People(1)
    assert looked(Published([people.next(0), people.next(1, at=START + 1 - 2 * MAX_AHEAD_S)])).is_sound


def test_the_edge_of_a_tree_has_as_many_hashes_as_its_size_says() -> None:
    for size, rows in ((1, ((),) * 8), (0, ((bytes(32),), *((),) * 7)), (0, ()), (-1, ((),) * 8)):
        with pytest.raises(ProtocolError):
            Edge(size, rows)
    with pytest.raises(ProtocolError):
        Tails.decoded(bytes(87))


def test_what_was_kept_is_of_one_piece() -> None:
    state = looked(Published(events(10))).state
    assert state is not None
    body = msgspec.msgpack.decode(state[50:])
    other = dict(msgspec.msgpack.decode((looked(Published(events(10, 3))).state or b"")[50:]))
    wrongs: list[dict[str, Any]] = [
        body | {"rows": other["rows"]},
        body | {"rows": []},
        body | {"more": 1},
        body | {"keys": []},
        {},
    ]
    for wrong in wrongs:
        packed = msgspec.msgpack.encode(wrong)
        forged = state[:18] + hashlib.sha256(packed).digest() + packed
        with pytest.raises(AuditError):
            looked(Published(events(10)), state=forged)


def test_a_lowest_tile_and_a_bundle_that_are_wrong_in_two_places_are_told_apart() -> None:
    """Neither is what the log signed: both are named, and nobody guesses which is right."""
    published = Published(events(600))
    published.files["tile/0/000"] = bytes(32) + published.files["tile/0/000"][32:]
    published.files["tile/entries/001"] = bundle(events(256, 7))
    found = looked(published)
    assert [where for where, _ in failed(found, LogCheck.TREE)] == ["checkpoint"]
    assert [where for where, _ in failed(found, LogCheck.TILES)][:2] == ["tile/0/000", "tile/0/001"]


def test_a_changed_entry_and_a_wrong_tile_above_it_are_both_named() -> None:
    published = Published(events(600))
    raw = bytearray(published.files["tile/entries/000"])
    raw[-1] ^= 1
    published.files["tile/entries/000"] = bytes(raw)
    published.files["tile/1/000.p/2"] = published.files["tile/1/000.p/2"][:32] + bytes(32)
    found = looked(published)
    assert failed(found, LogCheck.TREE) == [("entry 255", "the entry was changed")]
    assert [where for where, _ in failed(found, LogCheck.TILES)] == ["tile/1/000.p/2"]


def test_a_missing_lowest_tile_does_not_hide_a_changed_entry() -> None:
    published = Published(events(600))
    raw = bytearray(published.files["tile/entries/000"])
    raw[-1] ^= 1
    published.files["tile/entries/000"] = bytes(raw)
    del published.files["tile/0/002.p/88"]
    found = looked(published)
    assert failed(found, LogCheck.TREE) == [("entry 255", "the entry was changed")]


def test_a_wrong_hash_in_a_full_tile_above_the_lowest_is_named() -> None:
    published = Published(events(65_540, 300))
    raw = published.files["tile/1/000"]
    published.files["tile/1/000"] = raw[:320] + bytes(32) + raw[352:]
    found = looked(published)
    assert failed(found) == [("tile/1/000", "not what the entries make, first of entries 2560 to 2815")]


def test_one_bit_of_what_was_kept_is_seen() -> None:
    state = looked(Published(events(10))).state
    assert state is not None
    for at in (0, 20, 60, len(state) - 1):
        with pytest.raises(AuditError):
            looked(Published(events(10)), state=state[:at] + bytes((state[at] ^ 1,)) + state[at + 1 :])


def test_a_kept_checkpoint_is_by_the_key_that_the_log_had_at_its_size() -> None:
    people = People(3)
    entries = [people.next(place) for place in range(10)]
    entries += [rotation_leaf(LOG, NEW, place=10), *(people.next(place) for place in range(5))]
    published = Published(entries, signer=NEW)
    for size, right, wrong in ((10, LOG, NEW), (11, NEW, LOG), (13, NEW, LOG)):
        for signer, verdict in ((right, "HOLDS"), (wrong, "FAILS")):
            found = looked(published, known=published.signed(size, signer).note.encoded)
            assert told(found)["KNOWN"] == verdict


def test_of_two_suspicions_that_of_his_own_last_run_is_kept() -> None:
    seen = Published(events(12, 3))
    found = looked(Published(events(20)), state=looked(seen).state, known=Published(events(20, 4)).files["checkpoint"])
    assert found.suspicion is not None
    assert found.suspicion.seen.encode() == seen.files["checkpoint"]


def test_a_log_made_of_hand_overs_costs_no_more_than_it_may() -> None:
    signers = [log_signer(f"key {number}") for number in range(MAX_KEYS + 20)]
    entries = [rotation_leaf(old, new, place=place) for place, (old, new) in enumerate(pairwise(signers))]
    # Whoever brings the first key, and whoever brings the last one.
    for key, first in ((signers[0], MAX_KEYS - 1), (signers[-1], 0)):
        found = looked(Published(entries, signer=signers[-1]), key.verifier)
        assert failed(found, LogCheck.KEYS)[0][0] == f"entry {first}"
        assert failed(found, LogCheck.CHECKPOINT) or key is signers[-1]


def test_of_a_log_that_is_wrong_everywhere_not_every_place_is_remembered() -> None:
    published = Published(events(11_000))
    junk = b"pteri-key-v1\0"
    for number in range(-(-11_000 // 256)):
        width = min(256, 11_000 - number * 256)
        published.files[bundle_path(number, width)] = bundle([junk] * width)
    found = looked(published)
    more = [each.detail for each in found.found if each.detail.startswith("and in at least")]
    assert more == [
        f"and in at least {MAX_KEYS - 20} more places",
        "and in at least 9980 more places",
    ]
