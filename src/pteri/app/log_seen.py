"""What the witnesses of the settings have seen of the log, whoever was asked when its note was stored. Pure.

Settings change, and a note that is stored does not: it counts for the witnesses who are named now, and for no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from pteri.app.log_ports import LogState
from pteri.core.errors import ProtocolError
from pteri.core.log.checkpoint import Checkpoint, claimed_head
from pteri.core.log.note import MAX_SIGNATURES, NoteSignature, NoteVerifier, parse_note
from pteri.core.log.witness import Quorum, cosigned

__all__ = ["has_seen", "joined", "missing"]

_REMEMBERED: Final = 16


def has_seen(state: LogState, quorum: Quorum) -> bool:
    """Whether the stored note is one that this quorum has signed, each of its lines verified."""
    note = _stored(state)
    return note is not None and len(_signers(note, quorum.witnesses)) >= quorum.needed


def missing(state: LogState, quorum: Quorum) -> frozenset[str]:
    """Names of the witnesses whose line below the newest checkpoint is not there."""
    note = _stored(state) if state.witnessed_size == state.size else None
    signed = frozenset() if note is None else _signers(note, quorum.witnesses)
    return frozenset(witness.name for witness in quorum.witnesses) - signed


def joined(checkpoint: Checkpoint, state: LogState, lines: Sequence[NoteSignature], quorum: Quorum) -> str | None:
    """The note to store of this checkpoint, with these lines; ``None`` when they are not enough for this quorum.

    What is stored of the same checkpoint stays below it: also lines by witnesses whom another process of this service
    asks and this one does not, as long as there is room.
    """
    new = {(line.name, line.id) for line in lines}
    kept = [line for line in _lines_of(state, checkpoint, quorum) if (line.name, line.id) not in new]
    known = {(witness.name, witness.id) for witness in quorum.witnesses}
    if len(known & (new | {(line.name, line.id) for line in kept})) < quorum.needed:
        return None
    # Whoever is believed here comes first, and strangers go when there are too many.
    kept.sort(key=lambda line: (line.name, line.id) not in known)
    return checkpoint.note.with_signatures([*lines, *kept][: MAX_SIGNATURES - 1]).encoded.decode()


def _lines_of(state: LogState, checkpoint: Checkpoint, quorum: Quorum) -> list[NoteSignature]:
    """Lines that are stored below this very checkpoint, but its own, and those of ours only where they verify."""
    stored = _stored(state)
    note = None if stored is None else parse_note(stored.encode())
    if note is None or note.text != checkpoint.note.text:
        return []
    own = {(line.name, line.id) for line in checkpoint.note.signatures}
    bad = {
        (witness.name, witness.id)
        for witness in quorum.witnesses
        if note.signature_by(witness) is not None and not _signers(note.encoded.decode(), (witness,))
    }
    return [line for line in note.signatures if (line.name, line.id) not in own | bad]


def _stored(state: LogState) -> str | None:
    """The stored note, when it is a checkpoint of the size that is said beside it."""
    if not state.witnessed:
        return None
    try:
        _, head = claimed_head(parse_note(state.witnessed.encode()))
    except ProtocolError:
        return None
    return state.witnessed if head.size == state.witnessed_size else None


@lru_cache(maxsize=_REMEMBERED)
def _signers(note: str, witnesses: tuple[NoteVerifier, ...]) -> frozenset[str]:
    """Names of these witnesses who signed this note; none when a line of one of them is forged: nobody would take it.

    Remembered, since every tile that somebody asks for depends on it. Of times nothing is asked: whoever stored a line
    had its time verified, and a clock that was set back takes no word back.
    """
    parsed = parse_note(note.encode())
    origin, head = claimed_head(parsed)
    try:
        return frozenset(name for name, _ in cosigned(Checkpoint(origin, head, parsed), expected_witnesses=witnesses))
    except ProtocolError:
        return frozenset()
