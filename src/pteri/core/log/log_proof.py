"""The short receipt of a phone: where its leaf is, in which checkpoint, and who saw that (docs/spec/log.md section 11).

Source: C2SP tlog-proof, version 1. The leaf itself is not in it: whoever verifies must have it, or make it.
"""

from __future__ import annotations

import base64
import re
from typing import Final

import msgspec

from pteri.core.errors import Code, Malformed
from pteri.core.log.checking import verify_inclusion
from pteri.core.log.checkpoint import open_checkpoint
from pteri.core.log.note import MAX_NOTE_BYTES, Note, NoteVerifier, canonical_base64, parse_note
from pteri.core.log.tree import HASH_BYTES
from pteri.core.log.witness import Quorum, Witnessed, verify_witnesses

__all__ = ["LogProof", "parse_log_proof", "verify_log_proof"]

_FIRST: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,18})")
_MAX_PATH: Final = 63
_MAX_BYTES: Final = 2 * MAX_NOTE_BYTES


class LogProof(msgspec.Struct, frozen=True):
    """A proof that was read; nothing of it is verified.

    ``extra`` is vouched for by nobody; the proof of an account's index goes there.
    """

    index: int
    path: tuple[bytes, ...]
    note: Note
    extra: bytes = b""

    @property
    def encoded(self) -> bytes:
        """The text of it."""
        lines = [_FIRST]
        if self.extra:
            lines.append(f"extra {base64.b64encode(self.extra).decode('ascii')}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(step).decode("ascii") for step in self.path]
        return ("\n".join(lines) + "\n\n").encode() + self.note.encoded


def parse_log_proof(raw: bytes) -> LogProof:
    """The proof of this text, else ``Malformed`` (``LOG_PROOF``, or what is wrong with the note in it)."""
    if type(raw) is not bytes or len(raw) > _MAX_BYTES:
        raise Malformed(Code.TOO_LARGE, "a proof has at most 512 KiB")
    head, gap, note = raw.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed(Code.LOG_PROOF, "a proof is text") from error
    if not gap or lines.pop(0) != _FIRST or not lines:
        raise Malformed(Code.LOG_PROOF, "not a proof of this version")
    extra = b""
    if lines[0].startswith("extra "):
        extra = canonical_base64(lines.pop(0).removeprefix("extra "))
        if not extra:
            raise Malformed(Code.LOG_PROOF, "nothing is left out, and not written as nothing")
    found = _INDEX.fullmatch(lines[0]) if lines else None
    if found is None or len(lines) > 1 + _MAX_PATH:
        raise Malformed(Code.LOG_PROOF, "a proof has an index and a path")
    path = tuple(canonical_base64(line) for line in lines[1:])
    if any(len(step) != HASH_BYTES for step in path):
        raise Malformed(Code.LOG_PROOF, "a step of a path has 32 bytes")
    return LogProof(int(found[1]), path, parse_note(note), extra)


def verify_log_proof(
    leaf: bytes, proof: LogProof, *, expected_log: NoteVerifier, expected_quorum: Quorum, at: int
) -> Witnessed:
    """The checkpoint that has this leaf, signed by this log and seen by enough witnesses. ``at``: now.

    1. the log signed the checkpoint; 2. enough witnesses did; 3. the leaf is in its tree, at the place that the proof
    says. Raises ``Malformed`` or ``NotAuthentic``.
    """
    # 1.
    checkpoint = open_checkpoint(proof.note.encoded, expected_log=expected_log)
    # 2.
    witnessed = verify_witnesses(checkpoint, expected_quorum=expected_quorum, at=at)
    # 3.
    verify_inclusion(leaf, proof.path, expected_index=proof.index, expected_head=checkpoint.head)
    return witnessed
