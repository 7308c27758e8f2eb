"""Abuse cases SV-10, SV-11 and SV-14 against a published log: whoever owns the files, and whoever owns the key as well.

Both may write whatever they like. What an auditor finds names the entry, the file or the account.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from leaves import sha
from notes import LOG, NOW, TWO_OF_THREE, log_signer
from pteri.audit.log_findings import LogCheck, LogFindings
from pteri.audit.logs import verify_log
from pteri.audit.receipts import Verdict
from pteri.core.log.following import SuspicionKind, encode_suspicion, verify_suspicion
from pteri.core.log.leaf import encode_leaf, parse_leaf
from pteri.core.log.note import NoteVerifier
from pteri.core.log.rotation import rotation_leaf
from pteri.core.log.tiles import bundle, bundle_path
from published import People, Published, events, index_of

SIZE = 700
ENTRIES = events(SIZE)
HONEST = Published(ENTRIES, witnesses=3)
WHERE = 300
"""The entry that is tampered with: event 61 of account 0, in the second bundle."""

Tamper = Callable[[list[bytes]], list[bytes]]


def changed(entry: bytes, **values: Any) -> bytes:
    return encode_leaf(msgspec.structs.replace(parse_leaf(entry), **values))


def change(entries: list[bytes]) -> list[bytes]:
    return [*entries[:WHERE], changed(entries[WHERE], commitment=sha("another record")), *entries[WHERE + 1 :]]


def drop(entries: list[bytes]) -> list[bytes]:
    return entries[:WHERE] + entries[WHERE + 1 :]


def add(entries: list[bytes]) -> list[bytes]:
    return [*entries[:WHERE], changed(entries[WHERE], commitment=sha("made up")), *entries[WHERE:]]


def reorder(entries: list[bytes]) -> list[bytes]:
    """Two events of one account."""
    made = list(entries)
    made[WHERE], made[WHERE + 5] = made[WHERE + 5], made[WHERE]
    return made


def swap_accounts(entries: list[bytes]) -> list[bytes]:
    """From here on, what one account did is said of another."""
    other = {index_of(0): index_of(1), index_of(1): index_of(0)}
    made = [(parse_leaf(entry).index, entry) for entry in entries[WHERE:]]
    return entries[:WHERE] + [changed(entry, index=other.get(index, index)) for index, entry in made]


def looked(published: Published, key: NoteVerifier = LOG.verifier, **more: Any) -> LogFindings:
    values: dict[str, Any] = {"quorum": None, "at": NOW} | more
    return verify_log(published.read, expected_log=key, **values)


def failed(found: LogFindings, *checks: LogCheck) -> list[tuple[str | None, str]]:
    return [(each.where, each.detail) for each in found.found if each.verdict is Verdict.FAILS and each.check in checks]


def with_entries(entries: Sequence[bytes]) -> Published:
    """The honest log with these entries in its bundles, and nothing else touched: who owns the files has no key."""
    made = Published(ENTRIES)
    for number, width in ((0, 256), (1, 256), (2, SIZE - 512)):
        made.files[bundle_path(number, width)] = bundle(entries[number * 256 : number * 256 + width])
    return made


@pytest.mark.parametrize(
    ("tamper", "what"),
    [
        (change, "the entry was changed"),
        (lambda entries: [*drop(entries), entries[0]], "an entry was dropped here"),
        (lambda entries: add(entries)[:SIZE], "an entry was added here"),
        (reorder, f"entries {WHERE} to {WHERE + 5} are in another order"),
        (swap_accounts, "the entry was changed"),
    ],
)
def test_sv_11_who_owns_the_files_of_the_entries_is_found_at_the_entry(tamper: Tamper, what: str) -> None:
    found = looked(with_entries(tamper(list(ENTRIES))))
    assert failed(found, LogCheck.TREE)[0] == (f"entry {WHERE}", what)
    assert not failed(found, LogCheck.TILES)


def test_sv_11_who_cuts_a_bundle_or_a_tile_is_found_at_the_file() -> None:
    for path in ("tile/entries/001", "tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"):
        made = Published(ENTRIES)
        made.files[path] = made.files[path][:-32]
        assert path in [where for where, _ in failed(looked(made), LogCheck.ENTRIES, LogCheck.TILES)]


@pytest.mark.parametrize("tamper", [change, reorder, swap_accounts])
def test_sv_11_entries_and_lowest_tiles_written_again_do_not_fit_what_is_above(tamper: Tamper) -> None:
    forged = Published(tamper(list(ENTRIES)))
    made = Published(ENTRIES)
    made.files |= {path: raw for path, raw in forged.files.items() if path.startswith(("tile/entries", "tile/0"))}
    found = looked(made)
    assert failed(found, LogCheck.TREE) == [("checkpoint", "the entries do not make the root of the checkpoint")]
    [(path, what)] = failed(found, LogCheck.TILES)
    assert path == "tile/1/000.p/2"
    assert "first of entries 256 to 511" in what


@pytest.mark.parametrize("tamper", [change, drop, add, reorder, swap_accounts])
def test_sv_11_all_files_written_again_are_not_what_the_log_signed(tamper: Tamper) -> None:
    made = Published(tamper(list(ENTRIES)))
    # Of the same size, so that the checkpoint of before still seems to be about it.
    entries = [*made.entries, *ENTRIES][:SIZE]
    made = Published(entries)
    made.files["checkpoint"] = HONEST.files["checkpoint"]
    found = looked(made)
    assert failed(found, LogCheck.TREE) == [("checkpoint", "the entries do not make the root of the checkpoint")]
    # And the accounts say where, though nobody kept a thing.
    assert failed(found, LogCheck.ACCOUNTS)


@pytest.mark.parametrize(
    ("tamper", "where", "account", "what"),
    [
        (change, WHERE + 5, 0, r"its event 62 does not name event 61 as it is here"),
        (drop, WHERE + 4, 0, r"its event 61 is missing before event 62"),
        (add, WHERE + 1, 0, r"its event 61 comes after event 61"),
        (reorder, WHERE, 0, r"its event 61 is missing before event 62"),
        (swap_accounts, WHERE, 1, r"its event 61 does not name event 60 as it is here"),
    ],
)
def test_sv_11_an_insider_with_the_key_is_found_at_the_account(
    tamper: Tamper, where: int, account: int, what: str
) -> None:
    found = looked(Published(tamper(list(ENTRIES)), witnesses=3), quorum=TWO_OF_THREE)
    place, told = failed(found, LogCheck.ACCOUNTS)[0]
    assert place == f"entry {where}"
    assert re.fullmatch(f"account {index_of(account).hex()}: {what}", told)
    # The log signed it, so nothing else of it is wrong.
    assert not failed(found, LogCheck.TREE, LogCheck.TILES, LogCheck.CHECKPOINT)


def whole_again() -> list[bytes]:
    """The last events of every account made anew, each behind the one before it: nothing is out of order."""
    return [*ENTRIES[:WHERE], *_anew(WHERE, SIZE)]


def _anew(first: int, last: int) -> list[bytes]:
    people = People(5)
    made = [people.next(place) for place in range(first)]
    assert made == ENTRIES[:first]
    return [people.next(place, wallet_signature=sha(f"forged {place}")) for place in range(first, last)]


def test_sv_11_a_past_that_was_made_anew_is_proved_by_whoever_kept_a_checkpoint() -> None:
    made = Published(whole_again(), witnesses=3)
    assert looked(made, quorum=TWO_OF_THREE).is_sound
    kept = HONEST.signed(500).note.encoded
    found = looked(made, known=kept)
    assert failed(found, LogCheck.KNOWN)
    assert found.suspicion is not None
    proof = verify_suspicion(encode_suspicion(found.suspicion), expected_logs=[LOG.verifier])
    assert proof.kind is SuspicionKind.REWRITTEN
    # A checkpoint from before the forged part does follow.
    assert looked(made, known=HONEST.signed(WHERE).note.encoded).is_sound


def test_sv_11_without_the_tiles_the_two_checkpoints_are_still_kept() -> None:
    made = Published(whole_again())
    # The tiles that a proof is made from are not there; that they are missing is told as well.
    del made.files["tile/1/000.p/2"]
    found = looked(made, known=HONEST.signed(500).note.encoded)
    assert failed(found, LogCheck.TILES)
    assert found.suspicion is not None
    assert verify_suspicion(encode_suspicion(found.suspicion), expected_logs=[LOG.verifier]) == found.suspicion


def test_sv_11_the_last_events_cannot_be_cut_off_once_they_were_seen() -> None:
    cut = Published(ENTRIES[:-3])
    assert looked(cut).is_sound
    for kept in ({"known": HONEST.files["checkpoint"]}, {"state": looked(HONEST).state}):
        found = looked(cut, **kept)
        assert "WENT_BACK" in failed(found, LogCheck.KNOWN)[0][1]
        assert found.suspicion is not None
        assert found.suspicion.kind is SuspicionKind.WENT_BACK
    # Cut, and grown again over it: that is proved.
    regrown = Published([*ENTRIES[:-3], *_anew(SIZE - 3, SIZE + 9)])
    for kept in ({"known": HONEST.files["checkpoint"]}, {"state": looked(HONEST).state}):
        found = looked(regrown, **kept)
        assert found.suspicion is not None
        assert found.suspicion.kind is SuspicionKind.REWRITTEN


def test_sv_14_two_heads_of_one_size_are_proved_to_anybody() -> None:
    other = Published(whole_again(), witnesses=3)
    found = looked(other, known=HONEST.files["checkpoint"])
    assert found.suspicion is not None
    proof = verify_suspicion(encode_suspicion(found.suspicion), expected_logs=[LOG.verifier])
    assert proof.kind is SuspicionKind.SPLIT_VIEW
    assert proof.seen.encode() == HONEST.files["checkpoint"]
    assert proof.shown.encode() == other.files["checkpoint"]


def test_sv_10_a_log_for_one_auditor_alone_has_no_witnesses() -> None:
    found = looked(Published(whole_again(), witnesses=1), quorum=TWO_OF_THREE)
    assert failed(found, LogCheck.WITNESSES)


def test_sv_11_nobody_replaces_the_key_of_a_log() -> None:
    thief = log_signer("thief")
    # By files alone: his checkpoint is not by the key that the auditor brings.
    assert failed(looked(Published(ENTRIES, signer=thief)), LogCheck.CHECKPOINT)
    # By a hand-over that the old key did not sign.
    forged = rotation_leaf(thief, log_signer("thief's second"), place=SIZE)
    found = looked(Published([*ENTRIES, forged], signer=thief))
    assert failed(found, LogCheck.KEYS)[0][0] == f"entry {SIZE}"
    assert failed(found, LogCheck.CHECKPOINT)
    # With the stolen old key, after the log has handed over: the tree has the hand-over, and the old key is refused.
    handed = [*ENTRIES, rotation_leaf(LOG, log_signer("new"), place=SIZE), *_anew(SIZE, SIZE + 3)]
    assert failed(looked(Published(handed, signer=LOG)), LogCheck.CHECKPOINT)
    # Without the hand-over in it, that tree is another one than was seen.
    kept = Published(handed, signer=log_signer("new"))
    without = Published([*ENTRIES, *_anew(SIZE, SIZE + 4)], signer=LOG)
    found = looked(without, state=looked(kept).state)
    assert not found.is_sound
    assert failed(found, LogCheck.CHECKPOINT)
