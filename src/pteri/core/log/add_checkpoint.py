"""What a log sends to a witness and hears from it (docs/spec/log.md section 6.1; C2SP tlog-witness, add-checkpoint).

Bytes only: who may ask and what a witness answers is :mod:`pteri.core.log.witnessing`'s.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from pteri.core.errors import Code, Malformed
from pteri.core.log.note import MAX_NOTE_BYTES, Note, NoteSignature, canonical_base64, parse_note
from pteri.core.log.tree import check_hash, check_size

__all__ = [
    "MAX_PATH",
    "MAX_REQUEST_BYTES",
    "SIZE_TYPE",
    "AddCheckpoint",
    "encode_cosignatures",
    "encode_size",
    "parse_add_checkpoint",
    "parse_cosignatures",
    "parse_size",
]

MAX_PATH: Final = 63
SIZE_TYPE: Final = "text/x.tlog.size"
"""Content type of the answer that names the size which a witness saw last."""

_HASH_LINE_BYTES: Final = 45
_MAX_HEAD_BYTES: Final = len("old 9223372036854775807\n") + MAX_PATH * _HASH_LINE_BYTES + 1
MAX_REQUEST_BYTES: Final = _MAX_HEAD_BYTES + MAX_NOTE_BYTES
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_OLD: Final = "old "


class AddCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint for a witness, and the consistency path from the size ``old_size``. Nothing of it is verified."""

    old_size: int
    path: tuple[bytes, ...]
    checkpoint: Note

    @property
    def encoded(self) -> bytes:
        """The body of the request; ``Malformed`` for what no witness takes."""
        check_size(self.old_size)
        if len(self.path) > MAX_PATH:
            raise Malformed(Code.BODY, "a consistency path has at most 63 hashes")
        lines = [f"{_OLD}{self.old_size}", *(base64.b64encode(check_hash(each)).decode("ascii") for each in self.path)]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint.encoded


def parse_add_checkpoint(raw: bytes) -> AddCheckpoint:
    """The request in its one spelling, else ``Malformed`` (``TOO_LARGE``, ``BODY``, ``ENCODING``, ``TREE``, ``NOTE``).

    What is above the first empty line is read by this, what is below it is a note.
    """
    if type(raw) is not bytes or len(raw) > MAX_REQUEST_BYTES:
        raise Malformed(Code.TOO_LARGE, f"a request has at most {MAX_REQUEST_BYTES} bytes")
    # Only where it may be: nobody makes us look for it in a quarter of a megabyte.
    head, gap, _ = raw[:_MAX_HEAD_BYTES].partition(b"\n\n")
    if not gap or not head.isascii():
        raise Malformed(Code.BODY, "a request is an old size, at most 63 hashes, an empty line and a checkpoint")
    first, *hashes = head.decode("ascii").split("\n")
    if not first.startswith(_OLD) or len(hashes) > MAX_PATH:
        raise Malformed(Code.BODY, "a request begins with the old size, and has at most 63 hashes")
    old_size = _number(first.removeprefix(_OLD))
    path = tuple(check_hash(canonical_base64(line)) for line in hashes)
    return AddCheckpoint(old_size, path, parse_note(raw[len(head) + len(gap) :]))


def encode_size(size: int) -> bytes:
    """What a witness answers that saw another size last."""
    return f"{check_size(size)}\n".encode()


def parse_size(raw: bytes) -> int:
    """The size in such an answer, else ``Malformed`` (``BODY``, ``TREE``)."""
    if not raw.isascii() or not raw.endswith(b"\n"):
        raise Malformed(Code.BODY, "a size is a line of decimal digits")
    return _number(raw[:-1].decode("ascii"))


def encode_cosignatures(lines: Sequence[NoteSignature]) -> bytes:
    """What a witness answers that cosigned: a line for each of its keys."""
    return "".join(each.line for each in lines).encode()


def parse_cosignatures(raw: bytes, *, expected_note: Note) -> tuple[NoteSignature, ...]:
    """The lines of such an answer, which nobody has verified; ``Malformed`` when they cannot stand below this note."""
    found = parse_note(expected_note.text.encode() + b"\n" + raw)
    if found.text != expected_note.text:
        # With an empty line in it, the answer would have moved a part of itself into the text.
        raise Malformed(Code.BODY, "an answer has signature lines and nothing else")
    return found.signatures


def _number(text: str) -> int:
    if not _DECIMAL.fullmatch(text):
        raise Malformed(Code.BODY, "a size is decimal, without a leading zero")
    return check_size(int(text))
