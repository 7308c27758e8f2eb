"""From the last checkpoint that somebody saw to a new one: what follows, and what is kept when it does not.

docs/spec/log.md section 14. Whoever follows a log keeps one checkpoint. When a new one does not grow out of it, he
keeps both, in a file that anybody can verify who has the log's key: a :class:`Suspicion`. Some suspicions are proofs by
themselves; the others show what was answered, and the log may still clear them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Literal

import msgspec

from pteri.core.errors import Code, Malformed, NotAuthentic, ProtocolError
from pteri.core.log.checking import verify_consistency
from pteri.core.log.checkpoint import Checkpoint, open_checkpoint
from pteri.core.log.note import MAX_NOTE_BYTES, NoteVerifier, parse_note
from pteri.core.log.rotation import ROTATION_TAG, parse_rotation, verify_rotation
from pteri.core.log.tree import HASH_BYTES, TreeHead

__all__ = [
    "MAX_SUSPICION_BYTES",
    "Followed",
    "Suspicion",
    "SuspicionKind",
    "encode_suspicion",
    "follow",
    "parse_suspicion",
    "rewritten",
    "two_handovers",
    "verify_suspicion",
]

MAX_SUSPICION_BYTES: Final = 4 * MAX_NOTE_BYTES
_MAX_PATH: Final = 2 * 63
_FORMAT: Final = "pteri-log-suspicion-1"


class SuspicionKind(StrEnum):
    """What is wrong between two checkpoints that one log signed. Closed; a name is never reused."""

    SPLIT_VIEW = "SPLIT_VIEW"
    """One size and two roots. A proof."""
    REWRITTEN = "REWRITTEN"
    """The newer tree began, at the size of the older one, with another root. A proof: the path is in it."""
    WENT_BACK = "WENT_BACK"
    """Fewer leaves than were seen before. It may be an old checkpoint that somebody shows again."""
    NOT_SHOWN = "NOT_SHOWN"
    """What was answered does not lead from the older to the newer. Another answer may."""
    TWO_HANDOVERS = "TWO_HANDOVERS"
    """One key handed over twice, at two places or to two keys. A proof, and the notes are no checkpoints here."""

    @property
    def is_proof(self) -> bool:
        """The two notes, and what is with them, are enough for anybody."""
        return self in {SuspicionKind.SPLIT_VIEW, SuspicionKind.REWRITTEN, SuspicionKind.TWO_HANDOVERS}


class Followed(msgspec.Struct, frozen=True):
    """The checkpoint to keep now: it begins with all leaves of the one that was seen."""

    checkpoint: Checkpoint


class Suspicion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Two notes that do not follow each other, as they are kept. Nothing of one that was read is verified.

    ``seen``: the note that was there first; ``shown``: the later one. ``path``: the consistency path that was answered.
    Of ``REWRITTEN`` alone, ``root`` is the one that the newer tree had at the size of the older one, and ``path`` leads
    from that to the newer. Of ``TWO_HANDOVERS`` they are the notes of two hand-overs, without their tag.
    """

    format: Literal["pteri-log-suspicion-1"] = _FORMAT
    kind: SuspicionKind
    seen: str
    shown: str
    root: bytes | None = None
    path: tuple[bytes, ...] = ()


def follow(seen: Checkpoint | None, shown: Checkpoint, path: Sequence[bytes]) -> Followed | Suspicion:
    """What comes of a new checkpoint; both were opened. ``seen`` is ``None`` for whoever begins to follow.

    ``path``: what the log answered to the question for consistency between them, whatever it is. ``NotAuthentic`` when
    they are of two logs: that is a mistake of the caller's, and says nothing about either.
    """
    if seen is None:
        return Followed(shown)
    _same_log(seen, shown)
    if shown.head.size < seen.head.size:
        return _suspicion(SuspicionKind.WENT_BACK, seen, shown)
    if shown.head.size == seen.head.size and shown.head.root != seen.head.root:
        return _suspicion(SuspicionKind.SPLIT_VIEW, seen, shown)
    try:
        verify_consistency(path, expected_old=seen.head, expected_new=shown.head)
    except ProtocolError:
        return _suspicion(SuspicionKind.NOT_SHOWN, seen, shown, path=_kept(path))
    return Followed(shown)


def rewritten(seen: Checkpoint, shown: Checkpoint, root: bytes, path: Sequence[bytes]) -> Suspicion:
    """The proof that the newer of these two had ``root`` where the older one has another.

    For whoever read the tree himself: ``path`` leads from the smaller size and that root to the newer head. Raises what
    :func:`verify_suspicion` would.
    """
    _same_log(seen, shown)
    made = _suspicion(SuspicionKind.REWRITTEN, seen, shown, root=root, path=tuple(path))
    _holds(made, seen, shown)
    return made


def two_handovers(seen: bytes, shown: bytes, *, expected_old: NoteVerifier) -> Suspicion:
    """The proof that this key handed over twice, of two entries by it. Raises what :func:`verify_suspicion` would."""
    notes = [parse_rotation(raw).note.encoded.decode() for raw in (seen, shown)]
    made = Suspicion(kind=SuspicionKind.TWO_HANDOVERS, seen=notes[0], shown=notes[1])
    _verify_handovers(made, [expected_old])
    return made


def encode_suspicion(suspicion: Suspicion) -> bytes:
    """The file: JSON, with a newline at its end."""
    return msgspec.json.encode(suspicion) + b"\n"


def parse_suspicion(raw: bytes) -> Suspicion:
    """What is in such a file, which is exactly what :func:`encode_suspicion` writes, else ``Malformed``."""
    if type(raw) is not bytes or len(raw) > MAX_SUSPICION_BYTES:
        raise Malformed(Code.TOO_LARGE, "a suspicion has at most 1 MiB")
    try:
        found = msgspec.json.decode(raw, type=Suspicion)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(Code.SUSPICION, "not a suspicion of this version") from error
    if len(found.path) > _MAX_PATH or any(len(step) != HASH_BYTES for step in found.path):
        raise Malformed(Code.SUSPICION, "a path has at most 126 hashes of 32 bytes")
    if (found.root is not None) != (found.kind is SuspicionKind.REWRITTEN):
        raise Malformed(Code.SUSPICION, "a root belongs to a tree that was written again, and only to that")
    if encode_suspicion(found) != raw:
        # A doubled name would be read one way here and another way elsewhere.
        raise Malformed(Code.SUSPICION, "not in the one spelling of a suspicion")
    return found


def verify_suspicion(raw: bytes, *, expected_logs: Sequence[NoteVerifier]) -> Suspicion:
    """The suspicion, of which both notes are the log's. Whether that is a proof: ``kind.is_proof``.

    ``expected_logs``: the keys that the log has had, as far as whoever verifies knows them; one of them signed each
    note. 1. it is a suspicion; 2. the log signed both; 3. they are of one log; 4. what is said of them is so. Raises
    ``Malformed`` or ``NotAuthentic`` (``NOTE_SIGNATURE``, ``CHECKPOINT``, ``SUSPICION``).
    """
    # 1.
    found = parse_suspicion(raw)
    if found.kind is SuspicionKind.TWO_HANDOVERS:
        # 2. to 4., of hand-overs
        _verify_handovers(found, expected_logs)
        return found
    # 2.
    seen, shown = _opened(found.seen, expected_logs), _opened(found.shown, expected_logs)
    # 3.
    _same_log(seen, shown)
    # 4. else anybody could make a suspicion of two good checkpoints
    _holds(found, seen, shown)
    return found


def _opened(note: str, expected_logs: Sequence[NoteVerifier]) -> Checkpoint:
    raw = note.encode("utf-8", "replace")
    parsed = parse_note(raw)
    for log in expected_logs:
        if parsed.signature_by(log) is not None:
            return open_checkpoint(raw, expected_log=log)
    raise NotAuthentic(Code.NOTE_SIGNATURE, "not signed by a key of this log that you know")


def _verify_handovers(found: Suspicion, expected_logs: Sequence[NoteVerifier]) -> None:
    """One key of the log signed both, each for its own place, and they do not say the same."""
    entries = [ROTATION_TAG + note.encode("utf-8", "replace") for note in (found.seen, found.shown)]
    first, second = map(parse_rotation, entries)
    by = (first.by.name, first.by.id)
    old = next((log for log in expected_logs if (log.name, log.id) == by), None)
    if old is None:
        raise NotAuthentic(Code.NOTE_SIGNATURE, "not handed over by a key of this log that you know")
    for entry, each in zip(entries, (first, second), strict=True):
        verify_rotation(entry, expected_old=old, expected_place=each.place)
    # Signed once more, the same hand-over is still one.
    if first.note.text == second.note.text or found.path:
        raise NotAuthentic(Code.SUSPICION, "these two hand-overs do not show what is said of them")


def _same_log(seen: Checkpoint, shown: Checkpoint) -> None:
    if seen.origin != shown.origin:
        raise NotAuthentic(Code.CHECKPOINT, "checkpoints of two logs do not contradict each other")


def _holds(found: Suspicion, seen: Checkpoint, shown: Checkpoint) -> None:
    older, newer = sorted((seen.head, shown.head), key=lambda head: head.size)
    match found.kind:
        case SuspicionKind.SPLIT_VIEW:
            holds = older.size == newer.size and older.root != newer.root and not found.path
        case SuspicionKind.WENT_BACK:
            holds = shown.head.size < seen.head.size and not found.path
        case SuspicionKind.NOT_SHOWN:
            holds = seen.head.size <= shown.head.size and not _leads(found.path, seen.head, shown.head)
        case _:
            # Written again. The newer head vouches for this root: no other path leads to it.
            assert found.root is not None
            between = TreeHead(older.size, found.root)
            holds = older.size < newer.size and found.root != older.root and _leads(found.path, between, newer)
    if not holds:
        raise NotAuthentic(Code.SUSPICION, "these two checkpoints do not show what is said of them")


def _leads(path: Sequence[bytes], older: TreeHead, newer: TreeHead) -> bool:
    try:
        verify_consistency(path, expected_old=older, expected_new=newer)
    except ProtocolError:
        return False
    return True


def _suspicion(
    kind: SuspicionKind,
    seen: Checkpoint,
    shown: Checkpoint,
    root: bytes | None = None,
    path: tuple[bytes, ...] = (),
) -> Suspicion:
    notes = seen.note.encoded.decode(), shown.note.encoded.decode()
    return Suspicion(kind=kind, seen=notes[0], shown=notes[1], root=root, path=path)


def _kept(path: Sequence[bytes]) -> tuple[bytes, ...]:
    """Of an answer that is no path at all, nothing is kept: that it led nowhere, anybody sees."""
    steps = tuple(path) if isinstance(path, list | tuple) else ()
    is_path = len(steps) <= _MAX_PATH and all(type(step) is bytes and len(step) == HASH_BYTES for step in steps)
    return steps if is_path else ()
