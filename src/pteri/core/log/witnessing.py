"""What a witness says to a checkpoint: a decision over what it remembers (docs/spec/log.md section 6.2).

Pure and total: bytes from anybody in, an answer out. Whoever calls this must have what ``Cosign`` asks him to remember
on disk before he signs, and must let nobody else decide about the same log meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from pteri.core.errors import Code, Malformed, ProtocolError
from pteri.core.log.add_checkpoint import AddCheckpoint, parse_add_checkpoint
from pteri.core.log.checking import verify_consistency
from pteri.core.log.checkpoint import Checkpoint, claimed_head, open_checkpoint
from pteri.core.log.note import KeyKind, Note, NoteVerifier
from pteri.core.log.tree import EMPTY_ROOT, TreeHead

__all__ = ["Answer", "Conflict", "Contradiction", "Cosign", "No", "Refused", "Submitted", "TrustedLog", "judge", "read"]

_NOTHING_SEEN: Final = TreeHead(0, EMPTY_ROOT)


class TrustedLog(msgspec.Struct, frozen=True):
    """A log that a witness watches, and the keys that may sign for it. Made by :meth:`of` only.

    More than one while the log hands over from one key to the next: who knows the old one may sign until it is gone.
    """

    origin: str
    keys: tuple[NoteVerifier, ...]

    @classmethod
    def of(cls, keys: Sequence[NoteVerifier]) -> TrustedLog:
        """A log with these keys. ``Malformed(KEY)`` for none, for keys of several logs or twice one, or a witness's."""
        if not keys or len({key.name for key in keys}) != 1 or len({key.key for key in keys}) != len(keys):
            raise Malformed(Code.KEY, "a log has one name and one key or more, each once")
        if any(key.kind is not KeyKind.LOG for key in keys):
            raise Malformed(Code.KEY, "the key of a witness is not that of a log")
        return cls(keys[0].name, tuple(keys))


class No(StrEnum):
    """Why a witness does not look at what it remembers, or does not sign. Each has an HTTP status in the protocol."""

    MALFORMED = "MALFORMED"
    """Not a request, or one from a tree that is larger than the checkpoint's (400)."""
    UNKNOWN_LOG = "UNKNOWN_LOG"
    """A log that this witness does not watch (404)."""
    UNKNOWN_KEY = "UNKNOWN_KEY"
    """Not signed by the log (403)."""
    NOT_CONSISTENT = "NOT_CONSISTENT"
    """Nothing shows that the tree began with what was seen before (422)."""


class Refused(msgspec.Struct, frozen=True):
    """No, and why. ``code`` is that of the protocol's own errors."""

    why: No
    code: Code
    detail: str


class Submitted(msgspec.Struct, frozen=True):
    """A request whose checkpoint the log signed. Made by :func:`read` only; ``checkpoint`` has the log's lines only."""

    request: AddCheckpoint
    checkpoint: Checkpoint


class Cosign(msgspec.Struct, frozen=True):
    """Remember this checkpoint, for ever or until a larger one; then sign it."""

    checkpoint: Checkpoint


class Conflict(msgspec.Struct, frozen=True):
    """The tree that was seen last has another size than the request starts from: ask again from there."""

    size: int


class Contradiction(msgspec.Struct, frozen=True):
    """The log signed two trees of one size: keep both notes. ``seen`` is the one that was cosigned."""

    seen: Checkpoint
    shown: Checkpoint


Answer = Cosign | Conflict | Contradiction | Refused


def read(raw: bytes, *, expected_logs: Mapping[str, TrustedLog]) -> Submitted | Refused:
    """What somebody sent, from a log that is watched.

    1. it is a request with a checkpoint; 2. of a log that is watched; 3. signed by it: at least one of its keys, and no
    line in the name of another of them is forged; 4. it does not shrink.
    """
    # 1.
    try:
        request = parse_add_checkpoint(raw)
        origin, head = claimed_head(request.checkpoint)
    except ProtocolError as error:
        return Refused(No.MALFORMED, error.code, error.detail)
    # 2.
    log = expected_logs.get(origin)
    if log is None:
        return Refused(No.UNKNOWN_LOG, Code.CHECKPOINT, "this witness does not watch this log")
    # 3. lines by others say nothing, and are not remembered: anybody could fill a disk with them
    signed = {key: line for key in log.keys if (line := request.checkpoint.signature_by(key)) is not None}
    if not signed:
        return Refused(No.UNKNOWN_KEY, Code.NOTE_SIGNATURE, "not signed by a key of this log that this witness knows")
    own = Note(request.checkpoint.text, tuple(signed.values())).encoded
    try:
        checkpoints = [open_checkpoint(own, expected_log=key) for key in signed]
    except ProtocolError as error:
        return Refused(No.UNKNOWN_KEY, error.code, error.detail)
    # 4. after the signature, so that a stranger hears nothing of sizes
    if request.old_size > head.size:
        return Refused(No.MALFORMED, Code.TREE, "the old size is larger than the checkpoint's")
    return Submitted(request, checkpoints[0])


def judge(submitted: Submitted, *, last: Checkpoint | None) -> Answer:
    """What to answer, with what was cosigned last for this very log; ``None`` when nothing ever was.

    1. no two trees of one size: whatever the request starts from, the two notes are a proof; 2. it starts from what was
    seen last, which also keeps a late request from turning the memory back; 3. the path leads from there.
    """
    request, shown = submitted.request, submitted.checkpoint
    if last is not None and last.origin != shown.origin:
        raise ValueError("the memory of another log")
    seen = _NOTHING_SEEN if last is None else last.head
    # 1.
    if last is not None and seen.size == shown.head.size and seen.root != shown.head.root:
        return Contradiction(last, shown)
    # 2.
    if request.old_size != seen.size:
        return Conflict(seen.size)
    # 3.
    try:
        verify_consistency(request.path, expected_old=seen, expected_new=shown.head)
    except ProtocolError as error:
        return Refused(No.NOT_CONSISTENT, error.code, error.detail)
    return Cosign(shown)
