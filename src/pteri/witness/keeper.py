"""What a witness does with a request: decide, remember, and only then sign (docs/spec/log.md section 6.2).

One request of a log after the other, also where two processes share a directory: whoever decides holds the log's lock
until what he decided is on disk. A death on any line leaves the memory old or new, and nothing signed that it lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from pteri import durable
from pteri.core.log.checkpoint import Checkpoint, claimed_head
from pteri.core.log.following import (
    MAX_SUSPICION_BYTES,
    Suspicion,
    SuspicionKind,
    encode_suspicion,
    parse_suspicion,
)
from pteri.core.log.note import NoteSignature, parse_note
from pteri.core.log.witness import cosign
from pteri.core.log.witnessing import Conflict, Contradiction, Cosign, Refused, Submitted, judge, read
from pteri.witness.place import Place, memory_path, read_memory, write_memory

__all__ = ["MOST_PROOFS", "Kept", "Signed", "add_checkpoint", "kept_proofs"]

MOST_PROOFS: Final = 16
"""Proofs kept of one log: each says all there is to say, and whoever has the log's key could make them without end."""


class Signed(msgspec.Struct, frozen=True):
    """It is remembered, and this line says so."""

    size: int
    line: NoteSignature


class Kept(msgspec.Struct, frozen=True):
    """A file with two notes that a log signed, of one size and two roots. ``pteri verify split`` takes it."""

    path: Path
    size: int
    proof: Suspicion


def add_checkpoint(place: Place, raw: bytes, *, now: Callable[[], int]) -> Signed | Conflict | Contradiction | Refused:
    """The answer to these bytes from anybody, durable before it is returned. ``now``: Unix seconds.

    The clock is read when it is this request's turn: a smaller tree must not be signed with a later time than a larger.
    ``WitnessError`` when the memory cannot be read, ``OSError`` when it cannot be written: then nothing is signed, and
    what is remembered is the old or the new.
    """
    submitted = read(raw, expected_logs=place.logs)
    if isinstance(submitted, Refused):
        return submitted
    path = memory_path(place.directory, submitted.checkpoint.origin)
    with durable.locked(path.with_suffix(".lock"), wait=True):
        durable.sweep(path.parent, path.stem)
        return _decided(place, submitted, now)


def _decided(place: Place, submitted: Submitted, now: Callable[[], int]) -> Signed | Conflict | Contradiction | Refused:
    last = read_memory(place.directory, submitted.checkpoint.origin)
    answer = judge(submitted, last=last)
    if isinstance(answer, Contradiction):
        _keep(place.directory, answer)
    if not isinstance(answer, Cosign):
        return answer
    if last is None or last.head != answer.checkpoint.head:
        write_memory(place.directory, answer.checkpoint)
    return Signed(answer.checkpoint.head.size, cosign(answer.checkpoint, place.signer, at=now()))


def _keep(directory: Path, found: Contradiction) -> None:
    """Save the two notes. The first proof of a size stays: another one would say the same."""
    origin, size = found.seen.origin, found.seen.head.size
    path = _proof_path(directory, origin, size)
    if path.exists() or len(_proof_paths(directory, origin)) >= MOST_PROOFS:
        return
    proof = Suspicion(kind=SuspicionKind.SPLIT_VIEW, seen=_text(found.seen), shown=_text(found.shown))
    durable.create(path, encode_suspicion(proof))


def kept_proofs(directory: Path, origin: str) -> list[Kept]:
    """The proofs against this log, by size. ``OSError`` or ``Malformed`` for one that cannot be read."""
    return sorted(map(_kept, _proof_paths(directory, origin)), key=lambda kept: kept.size)


def _kept(path: Path) -> Kept:
    proof = parse_suspicion(durable.read_regular(path, MAX_SUSPICION_BYTES))
    _, head = claimed_head(parse_note(proof.seen.encode()))
    return Kept(path, head.size, proof)


def _proof_path(directory: Path, origin: str, size: int) -> Path:
    path = memory_path(directory, origin)
    return path.with_name(f"{path.stem}.split-{size}.json")


def _proof_paths(directory: Path, origin: str) -> list[Path]:
    path = memory_path(directory, origin)
    return list(path.parent.glob(f"{path.stem}.split-*.json"))


def _text(checkpoint: Checkpoint) -> str:
    return checkpoint.note.encoded.decode()
