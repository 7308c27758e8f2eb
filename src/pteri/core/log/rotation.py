"""How a log hands over to a new key (docs/spec/log.md section 12).

The hand-over is an entry of the log itself, signed by both keys: whoever has the log, or only this entry and the key
before it, follows from the one key to the other, and a thief of the old key cannot hide that he did it. An entry::

    "pteri-key-v1" 00 | note

whose text has four lines: ``pteri log key v1``, the origin, the place of this entry in the log, the new key. A first
line with spaces is no origin, and a checkpoint has three lines: so neither is ever taken for the other.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.log.leaf import LEAF_TAG
from pteri.core.log.note import KeyKind, Note, NoteSignature, NoteSigner, NoteVerifier, parse_note, parse_verifier
from pteri.core.log.tree import MAX_SIZE, check_size

__all__ = [
    "MAX_KEYS",
    "MAX_ROTATION_BYTES",
    "ROTATION_TAG",
    "EntryKind",
    "LogKeys",
    "Rotation",
    "entry_kind",
    "parse_rotation",
    "rotation_leaf",
    "verify_rotation",
]

ROTATION_TAG: Final = b"pteri-key-v1\x00"
MAX_ROTATION_BYTES: Final = 2048
"""More than two keys of the longest name need."""
MAX_KEYS: Final = 1024
"""That a log can have. Whoever follows it looks at each: without a bound, hand-overs would cost the square of them."""
_FIRST: Final = "pteri log key v1"
_PLACE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class EntryKind(StrEnum):
    """What an entry of the log is, by how it begins."""

    EVENT = "EVENT"
    """An event of an account: :func:`pteri.core.log.leaf.parse_leaf`."""
    KEY = "KEY"
    """A hand-over to a new key: :func:`parse_rotation`."""
    UNKNOWN = "UNKNOWN"
    """Of a later version, or nothing at all. It is a leaf of the tree like every other."""


def entry_kind(raw: bytes) -> EntryKind:
    """By its first bytes, which end with the first zero byte. That the rest is well-formed, its parser says."""
    if raw.startswith(LEAF_TAG):
        return EntryKind.EVENT
    if raw.startswith(ROTATION_TAG):
        return EntryKind.KEY
    return EntryKind.UNKNOWN


class Rotation(msgspec.Struct, frozen=True):
    """A hand-over taken apart; nothing of it is verified.

    ``place``: its own index in the log. ``by``: the line of the key before; that of the new key is the second one.
    """

    place: int
    new: NoteVerifier
    by: NoteSignature
    note: Note


class LogKeys(msgspec.Struct, frozen=True):
    """Which key signs checkpoints of which size. Made by :meth:`first`, and grown by :meth:`after`.

    ``keys``: each with the smallest size of a tree that it signs, in their order.
    """

    keys: tuple[tuple[int, NoteVerifier], ...]

    @classmethod
    def first(cls, key: NoteVerifier, since: int = 0) -> LogKeys:
        """Those of a log that has never handed over; or, of keys before ``since``, nothing is known."""
        return cls(((since, key),))

    @property
    def current(self) -> NoteVerifier:
        """The newest key."""
        return self.keys[-1][1]

    def key_for(self, size: int) -> NoteVerifier:
        """The one key that signs checkpoints of this size, else ``NotAuthentic(ROTATION)``."""
        check_size(size)
        for since, key in reversed(self.keys):
            if since <= size:
                return key
        raise NotAuthentic(Code.ROTATION, "signed before the first key of this log that you know")

    def after(self, raw: bytes, *, place: int) -> LogKeys:
        """The keys after this hand-over, which stands at ``place``. Raises as :func:`verify_rotation`.

        A key never comes back: whoever stole a retired one would be the log again.
        """
        if len(self.keys) >= MAX_KEYS:
            raise NotAuthentic(Code.ROTATION, "a log has at most 1024 keys")
        new = verify_rotation(raw, expected_old=self.current, expected_place=place)
        if any(key.key == new.key for _, key in self.keys):
            raise NotAuthentic(Code.ROTATION, "a key that this log had before")
        if place < self.keys[-1][0]:
            raise NotAuthentic(Code.ROTATION, "handed over before it had this key")
        # A tree that has this entry has more than ``place`` leaves.
        return LogKeys((*self.keys, (place + 1, new)))


def rotation_leaf(old: NoteSigner, new: NoteSigner, *, place: int) -> bytes:
    """The entry at ``place`` by which the log hands over. Every checkpoint that has it is signed by the new key alone.

    ``Malformed(ROTATION)`` when the keys are not two keys of one log.
    """
    origin = old.verifier.name
    text = f"{_FIRST}\n{origin}\n{place}\n{new.verifier.text}\n"
    lines = [
        NoteSignature(signer.verifier.name, signer.verifier.id, signer.private.sign(text.encode()))
        for signer in (old, new)
    ]
    raw = ROTATION_TAG + Note(text, tuple(lines)).encoded
    # All rules of a hand-over stand in one place, and hold for what is written as for what is read.
    verify_rotation(raw, expected_old=old.verifier, expected_place=place)
    return raw


def parse_rotation(raw: bytes) -> Rotation:
    """The hand-over of these bytes, else ``Malformed`` (``ROTATION``, or what is wrong with note or key in it)."""
    if type(raw) is not bytes or len(raw) > MAX_ROTATION_BYTES or not raw.startswith(ROTATION_TAG):
        raise Malformed(Code.ROTATION, "not a hand-over to a new key")
    note = parse_note(raw[len(ROTATION_TAG) :])
    lines = note.text.split("\n")
    if len(lines) != 5 or lines[0] != _FIRST:
        raise Malformed(Code.ROTATION, "a hand-over has four lines, and the first says that it is one")
    if not _PLACE.fullmatch(lines[2]) or int(lines[2]) >= MAX_SIZE:
        raise Malformed(Code.ROTATION, "not a place in a log")
    new = parse_verifier(lines[3])
    if new.kind is not KeyKind.LOG or new.name != lines[1]:
        raise Malformed(Code.ROTATION, "the new key is one of the same log")
    # Exactly these two, in this order: a third line would be a second spelling.
    if len(note.signatures) != 2 or note.signature_by(new) is not note.signatures[1]:
        raise Malformed(Code.ROTATION, "signed by the key before and by the new one")
    return Rotation(int(lines[2]), new, note.signatures[0], note)


def verify_rotation(raw: bytes, *, expected_old: NoteVerifier, expected_place: int) -> NoteVerifier:
    """The new key, to which ``expected_old`` handed over in the entry at ``expected_place``.

    1. it is a hand-over; 2. the key before signed it; 3. the new key did, so nobody hands over to a key that he does
    not have; 4. it is of this log; 5. for this place. To itself, no key hands over: a note has no two lines of one key.
    Raises ``Malformed`` or ``NotAuthentic`` (``NOTE_SIGNATURE``, ``ROTATION``).
    """
    # 1.
    found = parse_rotation(raw)
    if expected_old.kind is not KeyKind.LOG:
        raise Malformed(Code.KEY, "the key of a witness is not that of a log")
    # 2.
    signed = found.note.text.encode()
    if (found.by.name, found.by.id) != (expected_old.name, expected_old.id):
        raise NotAuthentic(Code.NOTE_SIGNATURE, "not handed over by the key that this log has")
    expected_old.key.verify(signed, found.by.raw)
    # 3.
    found.new.key.verify(signed, found.note.signatures[1].raw)
    # 4. a line by the old key names the log, but the text is what both signed
    if found.new.name != expected_old.name:
        raise NotAuthentic(Code.ROTATION, "a hand-over of another log")
    # 5. an entry that is copied to another place would let the old key sign what it must not, or the new one too much
    if found.place != expected_place:
        raise NotAuthentic(Code.ROTATION, "a hand-over for another place in the log")
    return found.new
