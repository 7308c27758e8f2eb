"""What an auditor keeps of a log that he verified, so that the next run reads only what is new.

A file of his own, which he believes: the last checkpoint, the keys, the right edge of the tree, and the last leaf of
every account. A digest in front tells a file that a disk has damaged.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from pteri.audit.edge import Edge
from pteri.audit.tails import Tails
from pteri.core.errors import Code, Malformed
from pteri.core.log.checkpoint import Checkpoint, open_checkpoint
from pteri.core.log.note import NoteVerifier, parse_verifier
from pteri.core.log.rotation import LogKeys

__all__ = ["MAX_STATE_BYTES", "Kept", "decode_state", "encode_state"]

MAX_STATE_BYTES: Final = 4 * 1024**3
"""Of some forty million accounts."""
_FIRST: Final = b"pteri-log-state-1\n"
_DIGEST_BYTES: Final = 32


class _State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    checkpoint: bytes
    keys: tuple[tuple[int, str], ...]
    rows: tuple[tuple[bytes, ...], ...]
    tails: bytes


class Kept(msgspec.Struct, frozen=True):
    """All that was known when the last run ended."""

    checkpoint: Checkpoint
    keys: LogKeys
    edge: Edge
    tails: Tails


def encode_state(kept: Kept) -> bytes:
    """The file."""
    keys = tuple((since, key.text) for since, key in kept.keys.keys)
    state = _State(kept.checkpoint.note.encoded, keys, kept.edge.rows, kept.tails.encoded())
    body = msgspec.msgpack.encode(state)
    return _FIRST + hashlib.sha256(body).digest() + body


def decode_state(raw: bytes, *, expected_log: NoteVerifier) -> Kept:
    """What was kept of this log. ``Malformed(ENCODING)`` for another file, or another refusal for another log."""
    start = len(_FIRST) + _DIGEST_BYTES
    if not raw.startswith(_FIRST) or hashlib.sha256(raw[start:]).digest() != raw[len(_FIRST) : start]:
        raise Malformed(Code.ENCODING, "not what was kept of a log, or damaged")
    try:
        state = msgspec.msgpack.decode(raw[start:], type=_State)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(Code.ENCODING, "not what this version keeps of a log") from error
    keys = LogKeys(tuple((since, parse_verifier(text)) for since, text in state.keys))
    if all(key != expected_log for _, key in keys.keys):
        raise Malformed(Code.KEY, "kept of a log with another key")
    checkpoint = open_checkpoint(state.checkpoint, expected_log=keys.current)
    edge = Edge(checkpoint.head.size, state.rows)
    if edge.head != checkpoint.head:
        raise Malformed(Code.TREE, "not the edge of the tree of its checkpoint")
    return Kept(checkpoint, keys, edge, Tails.decoded(state.tails))
