"""Checkpoints: what a log signs of its tree, and the proof that it signed two (docs/spec/log.md section 5).

Source: C2SP tlog-checkpoint. Extension lines are refused: no monitor can audit what they say.
"""

from __future__ import annotations

import base64
import re
from typing import Final

import msgspec

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.log.checking import check_head
from pteri.core.log.note import Note, NoteSigner, NoteVerifier, canonical_base64, open_note, signed_note
from pteri.core.log.tree import HASH_BYTES, TreeHead

__all__ = [
    "Checkpoint",
    "SplitView",
    "checkpoint_text",
    "claimed_head",
    "open_checkpoint",
    "signed_checkpoint",
    "verify_split_view",
]

_MAX_ORIGIN: Final = 200
_ORIGIN: Final = re.compile(rf"[!-*,-~]{{1,{_MAX_ORIGIN}}}")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(msgspec.Struct, frozen=True):
    """A tree head that the log ``origin`` signed, and the note that says so. Made by :func:`open_checkpoint` only."""

    origin: str
    head: TreeHead
    note: Note


class SplitView(msgspec.Struct, frozen=True):
    """Two checkpoints of one log and one size with two roots: the log lied, and these two notes prove it to anybody."""

    first: Checkpoint
    second: Checkpoint


def checkpoint_text(origin: str, head: TreeHead) -> str:
    """Three lines: origin, size, root."""
    check_head(head)
    return f"{_origin(origin)}\n{head.size}\n{base64.b64encode(head.root).decode('ascii')}\n"


def signed_checkpoint(head: TreeHead, signer: NoteSigner) -> Checkpoint:
    """The checkpoint that this log signs. Its origin is the name of its key.

    Whether it may be signed is the caller's question: never a head that is not consistent with all earlier ones.
    """
    origin = signer.verifier.name
    return Checkpoint(origin, head, signed_note(checkpoint_text(origin, head), signer))


def open_checkpoint(raw: bytes, *, expected_log: NoteVerifier) -> Checkpoint:
    """The checkpoint, signed by this log.

    1. it is a note; 2. this log's key signed it; 3. its text is a checkpoint; 4. of this log. Witnesses:
    :func:`pteri.core.log.witness.verify_witnesses`. Raises ``Malformed`` or ``NotAuthentic``.
    """
    # 1. and 2.
    note = open_note(raw, expected_signer=expected_log)
    # 3.
    origin, head = claimed_head(note)
    # 4. a key may sign for one log only, but nothing in a signature says so
    if origin != expected_log.name:
        raise NotAuthentic(Code.CHECKPOINT, "a checkpoint of another log")
    return Checkpoint(origin, head, note)


def claimed_head(note: Note) -> tuple[str, TreeHead]:
    """Origin and head that a note says; ``Malformed(CHECKPOINT)`` for another text. Nobody may have signed it."""
    lines = note.text.split("\n")
    if len(lines) != 4:
        # A note within a note, and extension lines, end here.
        raise Malformed(Code.CHECKPOINT, "a checkpoint has three lines: origin, size, root")
    origin, size, root = _origin(lines[0]), lines[1], canonical_base64(lines[2])
    if not _SIZE.fullmatch(size) or len(root) != HASH_BYTES:
        raise Malformed(Code.CHECKPOINT, "not a size and a root")
    return origin, check_head(TreeHead(int(size), root))


def verify_split_view(first: bytes, second: bytes, *, expected_log: NoteVerifier) -> SplitView:
    """The proof that this log showed two trees, else ``NotAuthentic(CHECKPOINT)``.

    For two *different* sizes there is no such proof: the log must be asked for a consistency path, and has none.
    """
    one, other = open_checkpoint(first, expected_log=expected_log), open_checkpoint(second, expected_log=expected_log)
    if one.head.size != other.head.size or one.head.root == other.head.root:
        raise NotAuthentic(Code.CHECKPOINT, "these two checkpoints do not contradict each other")
    return SplitView(one, other)


def _origin(text: str) -> str:
    if not isinstance(text, str) or not _ORIGIN.fullmatch(text):
        raise Malformed(Code.CHECKPOINT, "the origin of a log is visible ASCII without a plus sign")
    return text
