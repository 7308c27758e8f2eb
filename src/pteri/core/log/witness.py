"""Witnesses: others who saw that the log only grew (docs/spec/log.md section 6; C2SP tlog-cosignature, Ed25519).

A cosignature says: at this time, this was the largest tree of this log that I saw, and each began with the one before.
One log can show two trees to two people; it cannot have both signed by an honest majority.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys.ed25519 import SIGNATURE_BYTES
from pteri.core.log.checkpoint import Checkpoint
from pteri.core.log.note import KeyKind, NoteSignature, NoteSigner, NoteVerifier

__all__ = ["MAX_AHEAD_S", "Quorum", "Witnessed", "cosign", "cosigned", "verify_witnesses"]

MAX_AHEAD_S: Final = 300
"""How far a witness's clock may be ahead of ours."""
_TIME_BYTES: Final = 8
_LAST_TIME: Final = (1 << 63) - 1


class Quorum(msgspec.Struct, frozen=True):
    """Whom a verifier believes, and how many of them must have signed. Made by :meth:`of` only."""

    needed: int
    witnesses: tuple[NoteVerifier, ...]

    @classmethod
    def of(cls, needed: int, witnesses: Sequence[NoteVerifier]) -> Quorum:
        """``needed`` of these. ``Malformed(WITNESSES)`` for none, more than there are, or one under two names."""
        keys = {witness.key for witness in witnesses}
        names = {witness.name for witness in witnesses}
        if type(needed) is not int or not 1 <= needed <= len(witnesses):
            raise Malformed(Code.WITNESSES, "a quorum is one witness or more, and no more than there are")
        # The signed bytes do not name the witness: one key under two names would be two voices of one.
        if len(keys) != len(witnesses) or len(names) != len(witnesses):
            raise Malformed(Code.WITNESSES, "each witness has a name and a key of its own")
        if any(witness.kind is not KeyKind.WITNESS for witness in witnesses):
            raise Malformed(Code.WITNESSES, "the key of a log is not that of a witness")
        return cls(needed, tuple(witnesses))


class Witnessed(msgspec.Struct, frozen=True):
    """A checkpoint that a quorum saw: who, and when each of them, by its own clock. Made here only."""

    checkpoint: Checkpoint
    seen: tuple[tuple[str, int], ...]


def cosign(checkpoint: Checkpoint, signer: NoteSigner, *, at: int) -> NoteSignature:
    """The line by which a witness says that it saw this checkpoint at this second.

    Whether it may be said is the caller's question: after a consistency proof from the last one it cosigned, and only
    when that is remembered, for ever.
    """
    if signer.verifier.kind is not KeyKind.WITNESS or not 0 <= at <= _LAST_TIME:
        raise Malformed(Code.WITNESSES, "a witness signs with its own kind of key, at a time")
    signature = signer.private.sign(_message(checkpoint, at))
    return NoteSignature(signer.verifier.name, signer.verifier.id, at.to_bytes(_TIME_BYTES, "big") + signature)


def cosigned(checkpoint: Checkpoint, *, expected_witnesses: Sequence[NoteVerifier]) -> tuple[tuple[str, int], ...]:
    """Which of these witnesses signed it, and when each saw it. Whether times and number are right is another question.

    A line by one of them that does not verify spoils the note: ``Malformed`` or ``NotAuthentic(NOTE_SIGNATURE)``.
    """
    seen: list[tuple[str, int]] = []
    for witness in expected_witnesses:
        signature = checkpoint.note.signature_by(witness)
        if signature is None:
            continue
        if len(signature.raw) != _TIME_BYTES + SIGNATURE_BYTES:
            raise Malformed(Code.LENGTH, "a cosignature is a time and 64 bytes")
        seen_at = int.from_bytes(signature.raw[:_TIME_BYTES], "big")
        witness.key.verify(_message(checkpoint, seen_at), signature.raw[_TIME_BYTES:])
        seen.append((witness.name, seen_at))
    return tuple(seen)


def verify_witnesses(checkpoint: Checkpoint, *, expected_quorum: Quorum, at: int) -> Witnessed:
    """The checkpoint, seen by as many witnesses as the verifier asks for. ``at``: now, by the verifier's clock.

    1. each line by a known witness verifies: a forged one spoils the note; 2. none is from the future; 3. they are
    enough. Raises ``Malformed`` or ``NotAuthentic`` (``NOTE_SIGNATURE``, ``WITNESSES``).
    """
    # 1.
    seen = cosigned(checkpoint, expected_witnesses=expected_quorum.witnesses)
    # 2. signed for later, it would say today what the witness may learn tomorrow to be wrong
    if any(seen_at > min(at + MAX_AHEAD_S, _LAST_TIME) for _, seen_at in seen):
        raise NotAuthentic(Code.WITNESSES, "a witness signed for a time that has not come")
    # 3.
    if len(seen) < expected_quorum.needed:
        raise NotAuthentic(
            Code.WITNESSES, f"seen by {len(seen)} known witnesses, and {expected_quorum.needed} are needed"
        )
    return Witnessed(checkpoint, seen)


def _message(checkpoint: Checkpoint, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{checkpoint.note.text}".encode()
