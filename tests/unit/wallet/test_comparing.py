"""What a phone makes of what the other one tells it of the log."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from leaves import sha
from notes import INDEXES, LOG, NOW, WITNESSES, checkpoint, log_signer
from pteri.core.acts import ApproveMigration
from pteri.core.ids import digest_text
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.core.log.following import SuspicionKind
from pteri.core.log.leaf import KINDS, Leaf, encode_leaf
from pteri.core.log.tiles import ReadTile, Tile, tile_bytes
from pteri.core.transfer.sighting import NOTHING_SEEN, Sighting, fits
from pteri.wallet.comparing import agreement, believed_of, notes_of, removal, shown_to_anybody, told
from pteri.wallet.log_notes import Believed, LogNotes
from pteri.wallet.log_words import AlarmCode
from pteri.wallet.refusals import UNREACHABLE, ServerError
from statements import ACCOUNT, DEVICE, LINE, NEW_PHONE
from transfers import fixed
from trees import Grown, leaf

INDEX = sha("my index")
SAID = digest_text(fixed("what both said"))
ACT = ApproveMigration(ACCOUNT, DEVICE, LINE, 17, NEW_PHONE.public.thumbprint, SAID, SAID, revoke_old=True)
BELIEVED = Believed(LOG.verifier.text, tuple(each.verifier.text for each in WITNESSES), 2, INDEXES.public.text)
PLACE = 20


def entry(**changed: object) -> bytes:
    """The entry by which a new phone came in."""
    made = Leaf(
        index=INDEX,
        account_seq=5,
        previous=sha("before"),
        kind=KINDS["DeviceActivated"],
        statement=sha("accept"),
        wallet_signature=sha("its signature"),
        commitment=sha("its record"),
        epoch=18,
        at=NOW,
    )
    return encode_leaf(msgspec.structs.replace(made, **changed))


def tree(first: int = 0, inside: bytes | None = None) -> Grown:
    entries = [leaf(first), *(leaf(number) for number in range(1, 30))]
    entries[PLACE] = inside or entry()
    return Grown(entries)


HONEST, OTHER = tree(), tree(first=1000)


def note(size: int, grown: Grown = HONEST, witnesses: int = 2) -> str:
    return checkpoint(grown.heads[size], witnesses).note.encoded.decode()


def of(grown: Grown) -> ReadTile:
    return lambda tile: tile_bytes(tile, grown.read)


def nobody(_: Tile) -> bytes:
    raise ServerError(UNREACHABLE, "nobody answers")


def remembered(size: int = 25) -> LogNotes:
    return LogNotes(since=NOW, believed=BELIEVED, checkpoint=note(size), index=INDEX, seq=4)


def shown(size: int = 28, grown: Grown = HONEST, inside: bytes | None = None, place: int = PLACE) -> Sighting:
    return Sighting(note=note(size, grown), leaf=entry() if inside is None else inside, place=place)


# --- what is told -----------------------------------------------------------------------------------------------------


def test_a_phone_tells_whom_it_believes_and_the_lines_that_count() -> None:
    made = checkpoint(HONEST.heads[25], 3)
    more = made.note.with_signatures([signed_checkpoint(made.head, log_signer("a stranger")).note.signatures[0]])
    notes = msgspec.structs.replace(remembered(), checkpoint=more.encoded.decode())
    sighting = told(notes, leaf=entry(), place=PLACE)
    assert sighting.note == made.note.encoded.decode()
    assert believed_of(sighting) == BELIEVED
    assert (sighting.leaf, sighting.place) == (entry(), PLACE)
    assert fits(sighting)
    begun = notes_of(sighting, since=NOW)
    assert (begun.believed, begun.checkpoint, begun.seq, begun.index) == (BELIEVED, sighting.note, 0, b"")


def test_a_phone_without_notes_or_with_too_many_witnesses_tells_nothing() -> None:
    assert told(LogNotes(since=NOW)) == NOTHING_SEEN
    many = msgspec.structs.replace(BELIEVED, witnesses=BELIEVED.witnesses * 8)
    assert told(msgspec.structs.replace(remembered(), believed=many)) == NOTHING_SEEN
    broken = msgspec.structs.replace(BELIEVED, witnesses=("no key",))
    assert told(msgspec.structs.replace(remembered(), believed=broken)).note == note(25)
    assert believed_of(NOTHING_SEEN) is believed_of(Sighting(log_key="log")) is believed_of(Sighting(note="n")) is None


@pytest.mark.parametrize("text", ["", "<html>", "{}", "text\n\n", "\ud800", "x" * 300_000])
def test_what_is_no_note_is_not_passed_on(text: str) -> None:
    assert shown_to_anybody(text) == NOTHING_SEEN


def test_a_note_that_anybody_is_shown_is_passed_on_as_it_is_if_there_is_room() -> None:
    assert shown_to_anybody(note(25)) == Sighting(note=note(25))
    made = checkpoint(HONEST.heads[25])
    lines = [signed_checkpoint(made.head, log_signer(f"number {each}")).note.signatures[0] for each in range(20)]
    assert shown_to_anybody(made.note.with_signatures(lines).encoded.decode()) == NOTHING_SEEN


# --- what is made of it -----------------------------------------------------------------------------------------------


def agreed(theirs: str, read: ReadTile, mine: str | None = None) -> tuple[str, AlarmCode | None]:
    found = agreement(note(25) if mine is None else mine, theirs, BELIEVED, at=NOW, read_tile=read)
    assert (found.evidence is not None) == (found.alarm is not None and found.alarm.code is AlarmCode.PHONES_DISAGREE)
    return found.agreement, None if found.alarm is None else found.alarm.code


@pytest.mark.parametrize("size", [1, 24, 25, 26, 30])
def test_two_notes_of_one_tree_agree(size: int) -> None:
    assert agreed(note(size), of(HONEST)) == ("same", None)


@pytest.mark.parametrize("size", [1, 24, 25, 26, 30])
def test_two_notes_of_two_trees_are_an_alarm_with_a_proof(size: int) -> None:
    newer = HONEST if size < 25 else OTHER
    found = agreement(note(25), note(size, OTHER), BELIEVED, at=NOW, read_tile=of(newer))
    assert (found.agreement, found.alarm is not None and found.alarm.code) == ("unknown", AlarmCode.PHONES_DISAGREE)
    assert found.evidence is not None
    assert found.evidence.kind is (SuspicionKind.SPLIT_VIEW if size == 25 else SuspicionKind.REWRITTEN)


def test_without_a_note_or_an_answer_nothing_is_known() -> None:
    assert agreed("", of(HONEST)) == agreed(note(28), nobody) == ("unknown", None)
    # Of one size nobody has to be asked.
    assert agreed(note(25), nobody) == ("same", None)


@pytest.mark.parametrize(
    ("theirs", "code"),
    [
        (note(25, witnesses=1), AlarmCode.UNWITNESSED),
        (signed_checkpoint(HONEST.heads[25], log_signer("an enemy")).note.encoded.decode(), AlarmCode.OTHER_KEY),
        ("no note", AlarmCode.UNREADABLE),
    ],
)
def test_a_note_that_is_not_of_the_believed_log_is_an_alarm_whosever_it_is(theirs: str, code: AlarmCode) -> None:
    assert agreed(theirs, of(HONEST)) == ("unknown", code)
    assert agreed(note(25), of(HONEST), mine=theirs) == ("unknown", code)


def removed(theirs: Sighting, read: ReadTile | None = None, notes: LogNotes | None = None) -> tuple[str, str | None]:
    found = removal(notes or remembered(), theirs, ACT, at=NOW, read_tile=read or of(HONEST))
    return found.agreement, None if found.alarm is None else found.alarm.code


def test_the_new_phone_is_found_in_the_log_that_both_were_shown() -> None:
    assert removed(shown()) == removed(shown(size=21)) == removed(shown(size=25)) == ("same", None)


@pytest.mark.parametrize(
    "change",
    [
        {"index": sha("another account")},
        {"kind": KINDS["SignedIn"]},
        {"epoch": 17},
    ],
)
def test_an_entry_that_is_in_the_log_and_lets_nobody_in_here_is_an_alarm(change: dict[str, object]) -> None:
    other = tree(inside=entry(**change))
    theirs = shown(size=28, grown=other, inside=entry(**change))
    notes = msgspec.structs.replace(remembered(), checkpoint=note(25, other))
    assert removed(theirs, of(other), notes) == ("unknown", AlarmCode.NOT_INCLUDED)


@pytest.mark.parametrize(
    "theirs",
    [
        lambda: shown(place=PLACE + 1),
        lambda: shown(place=28),
        lambda: shown(inside=entry(account_seq=6)),
        lambda: shown(inside=b"no leaf"),
        lambda: shown(size=20),
    ],
)
def test_an_entry_that_is_not_in_the_log_at_its_place_is_an_alarm(theirs: Callable[[], Sighting]) -> None:
    assert removed(theirs()) == ("unknown", AlarmCode.NOT_INCLUDED)


def test_of_another_log_no_entry_counts() -> None:
    assert removed(shown(grown=OTHER), of(OTHER)) == ("unknown", AlarmCode.PHONES_DISAGREE)


def test_without_an_entry_an_index_or_tiles_nothing_is_known() -> None:
    same = Sighting(note=note(25))
    assert removed(same) == removed(NOTHING_SEEN) == ("unknown", None)
    assert removed(shown(), notes=msgspec.structs.replace(remembered(), index=b"")) == ("unknown", None)
    assert removed(shown(size=25), nobody) == ("unknown", None)
