"""What two phones in a move make of what each was shown of the log (docs/spec/transfer.md section 8). Pure.

A service that hides something from an owner must show his phones two logs. Here they meet where it cannot listen: each
holds the other's checkpoint against its own. There are three answers, and UNKNOWN is never SAME.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from pteri.core.errors import Malformed, ProtocolError
from pteri.core.log.comparing import compare, require_included
from pteri.core.log.following import Suspicion
from pteri.core.log.leaf import KINDS, parse_leaf
from pteri.core.log.note import Note, parse_note, parse_verifier
from pteri.core.transfer.sighting import NOTHING_SEEN, Sighting, fits
from pteri.wallet.log_notes import Believed, FollowedHandover, LogNotes
from pteri.wallet.log_words import Alarm, AlarmCode, alarm
from pteri.wallet.refusals import ServerError
from pteri.wallet.watching import open_seen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pteri.core.acts import ApproveMigration
    from pteri.core.log.checkpoint import Checkpoint
    from pteri.core.log.tiles import ReadTile

__all__ = [
    "Agreement",
    "Compared",
    "agreement",
    "believed_of",
    "followed",
    "notes_of",
    "removal",
    "shown_to_anybody",
    "told",
]

Agreement = Literal["nothing", "same", "unknown"]
"""``nothing``: there is no log to compare."""
_ACTIVATED: Final = KINDS["DeviceActivated"]


class Compared(msgspec.Struct, frozen=True):
    """What came of it. ``alarm``: the move stops; ``evidence``: the two notes that do not belong together."""

    agreement: Agreement
    alarm: Alarm | None = None
    evidence: Suspicion | None = None


_SAME: Final = Compared("same")
_UNKNOWN: Final = Compared("unknown")


def told(notes: LogNotes, *, leaf: bytes = b"", place: int = 0) -> Sighting:
    """What a phone says of what it remembers; nothing where it has seen no log, or a message has no room for it."""
    if notes.believed is None:
        return NOTHING_SEEN
    believed = notes.believed
    sighting = Sighting(
        note=_cut(notes.checkpoint, believed),
        log_key=believed.log_key,
        witnesses=believed.witnesses,
        needed=believed.needed,
        index_key=believed.index_key,
        leaf=leaf,
        place=place,
    )
    return sighting if fits(sighting) else NOTHING_SEEN


def shown_to_anybody(note: str) -> Sighting:
    """What a phone says that is not in yet and believes nobody: the note alone, if it is one and there is room."""
    try:
        parse_note(note.encode("utf-8", "replace"))
    except ProtocolError:
        return NOTHING_SEEN
    return found if fits(found := Sighting(note=note)) else NOTHING_SEEN


def believed_of(sighting: Sighting) -> Believed | None:
    """Whom the phone believes that says this; None for a phone that says nothing of it."""
    if not sighting.log_key or not sighting.note:
        return None
    return Believed(sighting.log_key, sighting.witnesses, sighting.needed, sighting.index_key)


def notes_of(sighting: Sighting, *, since: int) -> LogNotes:
    """What a new phone begins to remember, in place of whatever the service tells it first: the old phone's word."""
    return LogNotes(since=since, believed=believed_of(sighting), checkpoint=sighting.note)


def agreement(
    mine: str,
    theirs: str,
    believed: Believed,
    *,
    at: int,
    read_tile: ReadTile,
    handovers: Sequence[FollowedHandover] = (),
) -> Compared:
    """Whether two notes are of one tree. ``mine`` was verified before; of ``theirs`` nothing is, empty: none was told.

    1. the believed key signed it; 2. the believed witnesses saw it; 3. the larger tree begins with the smaller one.
    """
    if not theirs:
        return _UNKNOWN
    # 1. and 2.
    shown = open_seen(theirs, believed, at=at, handovers=handovers)
    own = open_seen(mine, believed, at=at, handovers=handovers)
    for found in (shown, own):
        if isinstance(found, Alarm):
            return Compared("unknown", found)
    assert not isinstance(shown, Alarm)
    assert not isinstance(own, Alarm)
    # 3.
    return _of_one_tree(own, shown, read_tile)


def removal(notes: LogNotes, theirs: Sighting, act: ApproveMigration, *, at: int, read_tile: ReadTile) -> Compared:
    """Whether both phones were shown one log, and the entry is in it by which the new phone came in.

    1. as :func:`agreement`; 2. the entry is of this account, lets a phone in, and is later than the statement that
    asked for it; 3. it is in the tree that the new phone was shown.
    """
    assert notes.believed is not None, "a phone without notes has nothing to compare"
    # 1.
    handovers = followed(notes)
    found = agreement(notes.checkpoint, theirs.note, notes.believed, at=at, read_tile=read_tile, handovers=handovers)
    if found.agreement != "same":
        return found
    if not theirs.leaf or not notes.index:
        return _UNKNOWN
    shown = open_seen(theirs.note, notes.believed, at=at, handovers=handovers)
    assert not isinstance(shown, Alarm), "opened a moment ago"
    try:
        # 2. which phone it lets in is hidden in it; the new one says that it is its own, and it signed nothing else
        leaf = parse_leaf(theirs.leaf)
        if (leaf.index, leaf.kind) != (notes.index, _ACTIVATED) or leaf.epoch <= act.epoch:
            return Compared("unknown", alarm(AlarmCode.NOT_INCLUDED))
        # 3.
        require_included(theirs.leaf, theirs.place, shown, read_tile)
    except ServerError:
        return _UNKNOWN
    except ProtocolError:
        return Compared("unknown", alarm(AlarmCode.NOT_INCLUDED))
    return _SAME


def followed(notes: LogNotes) -> tuple[FollowedHandover, ...]:
    """The hand-overs that the phone has followed, the newest last."""
    return () if notes.handovers is msgspec.UNSET else notes.handovers


def _of_one_tree(own: Checkpoint, shown: Checkpoint, read_tile: ReadTile) -> Compared:
    try:
        found = compare(own, shown, read_tile)
    except ServerError:
        return _UNKNOWN
    if isinstance(found, Suspicion):
        return Compared("unknown", alarm(AlarmCode.PHONES_DISAGREE), found)
    return _SAME


def _cut(note: str, believed: Believed) -> str:
    """The note with the lines that count here: those of the log and of the believed witnesses."""
    try:
        parsed = parse_note(note.encode())
        keys = [parse_verifier(each) for each in (believed.log_key, *believed.witnesses)]
    except Malformed:
        return note  # what was verified before is no such thing
    lines = tuple(line for key in keys if (line := parsed.signature_by(key)) is not None)
    return Note(parsed.text, lines).encoded.decode()
