"""Signed notes: a text, and lines below it that say who signed it (docs/spec/log.md section 4; C2SP signed-note).

A text means nothing before :func:`open_note` has verified it; :func:`parse_note` only takes a note apart.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import msgspec

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys.ed25519 import KEY_BYTES, NoteKey, NotePrivateKey

__all__ = [
    "MAX_NOTE_BYTES",
    "MAX_SIGNATURES",
    "KeyKind",
    "Note",
    "NoteSignature",
    "NoteSigner",
    "NoteVerifier",
    "canonical_base64",
    "key_name",
    "open_note",
    "parse_note",
    "parse_verifier",
    "signed_note",
]

MAX_SIGNATURES: Final = 32
"""Every client takes sixteen; a post-quantum signature has five thousand characters."""
MAX_NOTE_BYTES: Final = 256 * 1024

_DASH: Final = "\u2014 "
_MAX_NAME: Final = 200
# Any white space of Unicode, as the language sees it, and the plus sign separate the parts of a key in text.
_NAME: Final = re.compile(rf"[^\s+\x00-\x20\x7f]{{1,{_MAX_NAME}}}")
_VERIFIER: Final = re.compile(r"(?P<name>[^+]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/=]{44})")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class KeyKind(IntEnum):
    """What a key signs. The byte goes into the key's id, so a key of one kind is never taken for one of another."""

    LOG = 0x01
    """Ed25519 over the text."""
    WITNESS = 0x04
    """Ed25519 over ``cosignature/v1``, a time and the text."""


class NoteVerifier(msgspec.Struct, frozen=True):
    """Who signs: a name, a public key, and what it signs. Made by :meth:`of` or :func:`parse_verifier` only."""

    name: str
    kind: KeyKind
    key: NoteKey

    @classmethod
    def of(cls, name: str, kind: KeyKind, key: NoteKey) -> NoteVerifier:
        """Key under this name; ``Malformed(NOTE)`` when it cannot stand in a note."""
        return cls(key_name(name), kind, key)

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart; they identify, and prove nothing."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes((self.kind,)) + self.key.raw).digest()[:4]

    @property
    def text(self) -> str:
        """``name+id+key``: how a key stands in a settings file."""
        raw = bytes((self.kind,)) + self.key.raw
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(raw).decode('ascii')}"


class NoteSigner(msgspec.Struct, frozen=True):
    """A verifier and its private half, which this process holds."""

    verifier: NoteVerifier
    private: NotePrivateKey

    @classmethod
    def of(cls, name: str, kind: KeyKind, private: NotePrivateKey) -> NoteSigner:
        """Signer of this name; ``Malformed(NOTE)`` when it cannot stand in a note."""
        return cls(NoteVerifier.of(name, kind, private.public), private)


class NoteSignature(msgspec.Struct, frozen=True):
    """One line: whose it says it is, and bytes that nobody has verified."""

    name: str
    id: bytes
    raw: bytes

    @property
    def line(self) -> str:
        """The line, with its newline."""
        return f"{_DASH}{self.name} {base64.b64encode(self.id + self.raw).decode('ascii')}\n"


class Note(msgspec.Struct, frozen=True):
    """A note taken apart. ``text`` ends with a newline; nothing of it is verified."""

    text: str
    signatures: tuple[NoteSignature, ...]

    @property
    def encoded(self) -> bytes:
        """The note again."""
        return (self.text + "\n" + "".join(signature.line for signature in self.signatures)).encode()

    def signature_by(self, verifier: NoteVerifier) -> NoteSignature | None:
        """The line that says it is by this key."""
        for signature in self.signatures:
            if (signature.name, signature.id) == (verifier.name, verifier.id):
                return signature
        return None

    def with_signatures(self, more: Sequence[NoteSignature]) -> Note:
        """The same note with lines added; what it is then must be a note."""
        return parse_note(Note(self.text, (*self.signatures, *more)).encoded)


def parse_note(raw: bytes) -> Note:
    """A note of at most 256 KiB and 32 signatures, else ``Malformed`` (``NOTE``, ``TOO_LARGE``). Verifies nothing."""
    if type(raw) is not bytes or len(raw) > MAX_NOTE_BYTES:
        raise Malformed(Code.TOO_LARGE, "a note has at most 256 KiB")
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed(Code.NOTE, "a note is UTF-8") from error
    if _CONTROL.search(whole):
        raise Malformed(Code.NOTE, "a note has no control characters")
    # The last empty line: what is above it may have empty lines of its own, and lines that look like signatures.
    text, gap, below = whole.rpartition("\n\n")
    if not gap or not text or not below.endswith("\n"):
        raise Malformed(Code.NOTE, "a note is a text, an empty line and signatures, with a newline at the end of each")
    # split, not splitlines: the latter breaks lines at characters that are part of a name.
    lines = below[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise Malformed(Code.NOTE, "a note has at most 32 signatures")
    signatures = tuple(_signature(line) for line in lines)
    if len({(signature.name, signature.id) for signature in signatures}) != len(signatures):
        # Else a reader of the first and a reader of the last would believe different things.
        raise Malformed(Code.NOTE, "two signatures by one key")
    return Note(text + "\n", signatures)


def _signature(line: str) -> NoteSignature:
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2:
        raise Malformed(Code.NOTE, "not a signature line")
    raw = canonical_base64(parts[1])
    if len(raw) < 5:
        raise Malformed(Code.NOTE, "a signature line without a signature")
    return NoteSignature(key_name(parts[0]), raw[:4], raw[4:])


def signed_note(text: str, signer: NoteSigner) -> Note:
    """A note with the signature of a log. ``Malformed(NOTE)`` when the text cannot be one."""
    if signer.verifier.kind is not KeyKind.LOG:
        # A witness signs other bytes; with its key here, it would seem to have said what it did not.
        raise Malformed(Code.KEY, "a witness does not sign a text alone")
    raw = signer.private.sign(text.encode())
    return parse_note(Note(text, (NoteSignature(signer.verifier.name, signer.verifier.id, raw),)).encoded)


def open_note(raw: bytes, *, expected_signer: NoteVerifier) -> Note:
    """The note, signed by this key. Lines by other keys say nothing and are left as they are.

    1. it is a note; 2. it has a line by this key; 3. that verifies. Raises ``Malformed`` or
    ``NotAuthentic(NOTE_SIGNATURE)``.
    """
    # 1.
    note = parse_note(raw)
    # 2. name and id together: either alone is somebody else's
    if expected_signer.kind is not KeyKind.LOG:
        raise Malformed(Code.KEY, "the key of a witness is not that of a log")
    signature = note.signature_by(expected_signer)
    if signature is None:
        raise NotAuthentic(Code.NOTE_SIGNATURE, "not signed by this log")
    # 3.
    expected_signer.key.verify(note.text.encode(), signature.raw)
    return note


def parse_verifier(text: str) -> NoteVerifier:
    """Key in its text form ``name+id+key``; ``Malformed(NOTE)``, or ``Malformed(KEY)`` for a key nobody should use."""
    found = _VERIFIER.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise Malformed(Code.NOTE, "a key reads name+id+key")
    raw = canonical_base64(found["key"])
    if len(raw) != 1 + KEY_BYTES or raw[0] not in set(KeyKind):
        raise Malformed(Code.NOTE, "not a kind of key that is known")
    verifier = NoteVerifier.of(found["name"], KeyKind(raw[0]), NoteKey.from_raw(raw[1:]))
    if verifier.id.hex() != found["id"]:
        raise Malformed(Code.NOTE, "the id is not that of this name and key")
    return verifier


def canonical_base64(text: str) -> bytes:
    """Bytes of standard base64 in its one spelling, else ``Malformed(ENCODING)``."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(Code.ENCODING, "not base64") from error
    if base64.b64encode(raw).decode("ascii") != text:
        raise Malformed(Code.ENCODING, "not canonical base64")
    return raw


def key_name(text: str) -> str:
    """The name, when a key can have it; else ``Malformed(NOTE)``."""
    if not isinstance(text, str) or not _NAME.fullmatch(text) or not text.isprintable():
        raise Malformed(Code.NOTE, "the name of a key has no spaces and no plus sign")
    return text
