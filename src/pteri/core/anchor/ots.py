"""An anchor as an OpenTimestamps file, which programs of others read (docs/spec/anchors.md section 6).

Such a file is a list of steps from the hash of a file to the root of a block's tree, and the height of that block. It
has no headers: whoever reads it asks a node of his for the block. We write one straight list, and read nothing else.

Source: the library ``opentimestamps``, whose format has no other text.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

import msgspec

from pteri.core.anchor.proof import MAX_HEIGHT, AnchorProof
from pteri.core.anchor.reading import Reader
from pteri.core.anchor.transaction import parse_transaction
from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.log.checking import check_head, path_length
from pteri.core.log.tree import HASH_BYTES, leaf_hash

__all__ = ["MAX_OTS_BYTES", "Step", "StepKind", "Timestamp", "read_ots", "timestamp_of", "verify_ots"]

MAX_OTS_BYTES: Final = 64 * 1024
_MAGIC: Final = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"
_VERSION: Final = b"\x01"
_ATTESTED: Final = b"\x00"
_LITECOIN: Final = bytes.fromhex("06869a0d73d71b45")
_MAX_STEPS: Final = 255
"""How deep others read."""
_MAX_MESSAGE: Final = 4096


class StepKind(IntEnum):
    """What is done to the bytes so far. There are others in the format, and none of ours needs them."""

    SHA256 = 0x08
    APPEND = 0xF0
    PREPEND = 0xF1


class Step(msgspec.Struct, frozen=True):
    """One step; ``data`` is empty for a hash, and not for the others."""

    kind: StepKind
    data: bytes = b""


_HASH: Final = Step(StepKind.SHA256)


class Timestamp(msgspec.Struct, frozen=True):
    """From the SHA-256 of a file to the block at ``height``, whose root the steps lead to. It proves nothing alone."""

    digest: bytes
    steps: tuple[Step, ...]
    height: int

    @property
    def root(self) -> bytes:
        """What the block at that height must have as its root, as it is hashed. ``Malformed(OTS)`` when none could."""
        found = self.digest
        for step in self.steps:
            if step.kind is StepKind.SHA256:
                found = hashlib.sha256(found).digest()
            else:
                found = found + step.data if step.kind is StepKind.APPEND else step.data + found
            if len(found) > _MAX_MESSAGE:
                raise Malformed(Code.OTS, "a step that makes too much of what was there")
        if len(found) != HASH_BYTES:
            raise Malformed(Code.OTS, "the steps do not end in a root")
        return found

    @property
    def encoded(self) -> bytes:
        """The file."""
        steps = b"".join(
            bytes((step.kind,)) + (b"" if step == _HASH else _number(len(step.data)) + step.data) for step in self.steps
        )
        height = _number(self.height)
        attested = _ATTESTED + _LITECOIN + _number(len(height)) + height
        return _MAGIC + _VERSION + bytes((StepKind.SHA256,)) + self.digest + steps + attested


def timestamp_of(proof: AnchorProof) -> Timestamp:
    """The timestamp of an anchor that was verified; it holds as much as the proof does.

    A leaf of 32 bytes is the SHA-256 of a file, and that file is what is stamped. Of any other leaf it is the leaf
    itself behind a zero byte, which is what the tree hashes.
    """
    is_of_a_file = len(proof.leaf) == HASH_BYTES
    stripped = parse_transaction(proof.transaction).stripped
    before, found, after = stripped.partition(proof.head.root)
    steps = (
        *((Step(StepKind.PREPEND, b"\0"), _HASH) if is_of_a_file else ()),
        *_up_the_log(proof),
        Step(StepKind.PREPEND, before),
        Step(StepKind.APPEND, after),
        _HASH,
        _HASH,
        *_up_the_block(proof),
    )
    if not found or len(stripped) > _MAX_MESSAGE or len(steps) > _MAX_STEPS:
        raise Malformed(Code.OTS, "the transaction does not fit into a timestamp file")
    return Timestamp(proof.leaf if is_of_a_file else leaf_hash(proof.leaf), steps, proof.block.height)


def _up_the_log(proof: AnchorProof) -> Iterator[Step]:
    check_head(proof.head)
    if len(proof.audit_path) != path_length(proof.leaf_index, proof.head.size):
        raise Malformed(Code.MERKLE_PATH, "the path has another number of hashes than its place has")
    index, last = proof.leaf_index, proof.head.size - 1
    for other in proof.audit_path:
        while not index & 1 and index == last:
            # Nothing stands to the right of the edge: no step, until there is something to the left.
            index, last = index >> 1, last >> 1
        if index & 1:
            yield Step(StepKind.PREPEND, b"\1" + other)
        else:
            yield Step(StepKind.APPEND, other)
            yield Step(StepKind.PREPEND, b"\1")
        yield _HASH
        index, last = index >> 1, last >> 1


def _up_the_block(proof: AnchorProof) -> Iterator[Step]:
    for level, other in enumerate(proof.branch):
        yield Step(StepKind.PREPEND if proof.position >> level & 1 else StepKind.APPEND, other)
        yield _HASH
        yield _HASH


def read_ots(raw: bytes) -> Timestamp:
    """The timestamp of a file, of the kind that we write; ``Malformed(OTS)`` for any other."""
    if type(raw) is not bytes or len(raw) > MAX_OTS_BYTES:
        raise Malformed(Code.TOO_LARGE, "a timestamp file has at most 64 KiB")
    head = _MAGIC + _VERSION + bytes((StepKind.SHA256,))
    reader = _Reader(raw)
    if reader.take(len(head)) != head:
        raise Malformed(Code.OTS, "not a timestamp of a SHA-256, of this version")
    digest = reader.take(HASH_BYTES)
    steps: list[Step] = []
    while (kind := reader.take(1)) != _ATTESTED:
        if kind[0] not in set(StepKind) or len(steps) == _MAX_STEPS:
            # A fork, another hash, a promise of a server to stamp it later: all of it may be right, and is not ours.
            raise Malformed(Code.OTS, "a step that is not read here, or one too many")
        if kind[0] == StepKind.SHA256:
            steps.append(_HASH)
            continue
        data = reader.take(reader.number(_MAX_MESSAGE))
        if not data:
            raise Malformed(Code.OTS, "a step that does nothing")
        steps.append(Step(StepKind(kind[0]), data))
    if reader.take(len(_LITECOIN)) != _LITECOIN:
        raise Malformed(Code.OTS, "attested by something else than Litecoin")
    ends_at = reader.number(_MAX_MESSAGE) + reader.at
    height = reader.number(MAX_HEIGHT)
    if reader.at != ends_at or reader.at != len(raw):
        raise Malformed(Code.OTS, "bytes that nothing accounts for")
    made = Timestamp(digest, tuple(steps), height)
    # Steps that lead to no root are refused with the file, not when somebody asks for it.
    _ = made.root
    return made


def verify_ots(raw: bytes, *, expected_digest: bytes, expected_height: int, expected_root: bytes) -> Timestamp:
    """The timestamp, of this file, in the block that has this root at this height by the verifier's own knowledge.

    Raises ``Malformed`` or ``NotAuthentic(OTS)``. The root as it is hashed; nodes show it the other way round.
    """
    found = read_ots(raw)
    if not hmac.compare_digest(found.digest, expected_digest):
        raise NotAuthentic(Code.OTS, "the timestamp of another file")
    if found.height != expected_height or not hmac.compare_digest(found.root, expected_root):
        raise NotAuthentic(Code.OTS, "the timestamp of another block")
    return found


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow."""
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


class _Reader(Reader):
    def __init__(self, raw: bytes) -> None:
        super().__init__(raw, code=Code.OTS, what="the timestamp")

    def number(self, most: int) -> int:
        """A number in its shortest form, up to ``most``."""
        value, start = 0, self.at
        for place in range(5):
            [byte] = self.take(1)
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                break
        if value > most or _number(value) != self.raw[start : self.at]:
            raise Malformed(Code.OTS, "a number that is too large, or could be shorter")
        return value
