"""Whose word a phone takes for the log: its key, by hand-overs, and its witnesses (docs/spec/log.md section 16). Pure.

Nothing that a page says of keys and witnesses counts against what is remembered, or what the person gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from pteri.core.errors import NotAuthentic, ProtocolError
from pteri.core.log.checking import verify_inclusion
from pteri.core.log.checkpoint import Checkpoint, claimed_head, open_checkpoint
from pteri.core.log.following import Suspicion, two_handovers
from pteri.core.log.note import parse_note, parse_verifier
from pteri.core.log.page import LogPage
from pteri.core.log.rotation import LogKeys, Rotation, parse_rotation
from pteri.core.log.tree import TreeHead
from pteri.core.log.witness import MAX_AHEAD_S, Quorum, verify_witnesses
from pteri.wallet.log_notes import Believed, FollowedHandover, LogNotes
from pteri.wallet.log_words import AlarmCode

__all__ = [
    "Alarming",
    "Given",
    "Seen",
    "believed_by",
    "believed_then",
    "followed_keys",
    "require_handovers",
    "seen_checkpoint",
]

MOST_FOLLOWED: Final = 16
"""Hand-overs that are remembered, the newest. A log hands over once in years."""
_ANY_TIME: Final = (1 << 63) - 1


class Given(msgspec.Struct, frozen=True):
    """Keys that the person gives, in place of those that are remembered. Empty: as remembered."""

    log_key: str = ""
    witnesses: tuple[str, ...] = ()
    needed: int = 1


class Seen(msgspec.Struct, frozen=True):
    """A checkpoint that the log signed. ``count``: how many of the witnesses saw it.

    ``at``: when as many as are needed had seen it, by their clocks; ``None`` where nobody watches. ``is_ahead``: that
    is later than now by this phone's clock.
    """

    checkpoint: Checkpoint
    count: int = 0
    at: int | None = None
    is_ahead: bool = False


class Alarming(Exception):
    """Ends a check; caught in :mod:`pteri.wallet.watching` and nowhere else."""

    def __init__(self, code: AlarmCode, evidence: Suspicion | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.evidence = evidence


def believed_by(notes: LogNotes, page: LogPage, given: Given) -> Believed:
    """Whom to believe: the person, else what is remembered, else, the first time, the service itself."""
    known = notes.believed or Believed(page.log_key, index_key=page.index_key)
    if known.index_key and page.index_key != known.index_key:
        raise Alarming(AlarmCode.OTHER_KEY)
    if given.witnesses:
        witnesses, needed = given.witnesses, given.needed
    elif known.witnesses:
        # Never what the page says: it could name witnesses that nobody has heard of.
        witnesses, needed = known.witnesses, known.needed
    else:
        witnesses, needed = page.witnesses, page.needed
    return Believed(given.log_key or known.log_key, witnesses, needed, known.index_key or page.index_key)


def followed_keys(notes: LogNotes, believed: Believed, page: LogPage) -> tuple[Believed, tuple[FollowedHandover, ...]]:
    """The same, with the key to which the believed one has handed over for a tree of this size (section 12).

    And the hand-overs that were followed, now and before: of each key there is one, for ever.
    """
    keys = LogKeys.first(parse_verifier(believed.log_key))
    _, head = claimed_head(parse_note(page.checkpoint.encode("utf-8", "replace")))
    before = () if notes.handovers is msgspec.UNSET else notes.handovers
    known = {_by(found): (each, found) for each, found in ((each, parse_rotation(each.entry)) for each in before)}
    try:
        for raw in page.handovers:
            found = parse_rotation(raw)
            by = _by(found)
            if by in known:
                _require_one(known[by], raw, found)
            # Those before the believed key say nothing: it was believed without them.
            if by == (keys.current.name, keys.current.id):
                known.setdefault(by, (FollowedHandover(keys.current.text, raw), found))
                keys = keys.after(raw, place=found.place)
    except ProtocolError as error:
        raise Alarming(AlarmCode.OTHER_KEY) from error
    followed = tuple(each for each, _ in known.values())
    return msgspec.structs.replace(believed, log_key=keys.key_for(head.size).text), followed[-MOST_FOLLOWED:]


def believed_then(believed: Believed, note: str, handovers: Sequence[FollowedHandover]) -> Believed:
    """The same, with the key that signs a tree of the size of this note, of those whose hand-overs were followed.

    For a note that was told before the log had handed over, and is read after that.
    """
    if not handovers:
        return believed
    _, head = claimed_head(parse_note(note.encode("utf-8", "replace")))
    key = believed.log_key
    for each in reversed(handovers):
        found = parse_rotation(each.entry)
        if found.new.text != key or head.size > found.place:
            break
        key = each.key
    return msgspec.structs.replace(believed, log_key=key)


def _by(found: Rotation) -> tuple[str, bytes]:
    return found.by.name, found.by.id


def _require_one(known: tuple[FollowedHandover, Rotation], raw: bytes, found: Rotation) -> None:
    """A second hand-over by one key is an alarm when the key signed it, and a forgery when it did not."""
    followed, before = known
    if found.note.text != before.note.text:
        evidence = two_handovers(followed.entry, raw, expected_old=parse_verifier(followed.key))
        raise Alarming(AlarmCode.TWO_HANDOVERS, evidence)


def require_handovers(page: LogPage, head: TreeHead) -> None:
    """Each hand-over of the page is in the tree that witnesses saw, at the place that it says."""
    if len(page.handover_paths) != len(page.handovers):
        raise Alarming(AlarmCode.NOT_INCLUDED)
    for raw, path in zip(page.handovers, page.handover_paths, strict=True):
        try:
            verify_inclusion(raw, path, expected_index=parse_rotation(raw).place, expected_head=head)
        except ProtocolError as error:
            raise Alarming(AlarmCode.NOT_INCLUDED) from error


def seen_checkpoint(note: str, believed: Believed, *, at: int) -> Seen:
    """The checkpoint of this note, which the log signed and enough of the witnesses saw. ``at``: by the phone's clock.

    Of a witness from the future the phone cannot say which clock is wrong: its own is what it can have put right.
    """
    try:
        checkpoint = open_checkpoint(note.encode("utf-8", "replace"), expected_log=parse_verifier(believed.log_key))
    except NotAuthentic as error:
        raise Alarming(AlarmCode.OTHER_KEY) from error
    if not believed.witnesses and not believed.needed:
        return Seen(checkpoint)
    try:
        quorum = Quorum.of(believed.needed, [parse_verifier(each) for each in believed.witnesses])
        seen = verify_witnesses(checkpoint, expected_quorum=quorum, at=_ANY_TIME).seen
    except ProtocolError as error:
        raise Alarming(AlarmCode.UNWITNESSED) from error
    times = sorted((seen_at for _, seen_at in seen), reverse=True)
    by_now = [seen_at for seen_at in times if seen_at <= at + MAX_AHEAD_S]
    is_ahead = len(by_now) < quorum.needed
    # One witness whose clock is ahead does not set the time, as long as there are enough others.
    return Seen(checkpoint, len(seen), (times if is_ahead else by_now)[quorum.needed - 1], is_ahead)
