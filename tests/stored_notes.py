"""States of a log whose newest checkpoint some witnesses have signed, made without a store."""

from __future__ import annotations

from notes import LOG, NOW, WITNESSES, checkpoint
from pteri.app.log_ports import LogState
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.core.log.note import NoteSignature, NoteSigner
from pteri.core.log.witness import Quorum, cosign
from trees import grown

TREE = grown(9)
NEWEST = signed_checkpoint(TREE.heads[9], LOG)
NAMES = [signer.verifier.name for signer in WITNESSES]


def quorum(needed: int, *signers: NoteSigner) -> Quorum:
    return Quorum.of(needed, [signer.verifier for signer in signers])


def line(signer: NoteSigner, size: int = 9, at: int = NOW) -> NoteSignature:
    return cosign(signed_checkpoint(TREE.heads[size], LOG), signer, at=at)


def stored(seen_by: int, size: int = 9) -> LogState:
    """A log of nine leaves; so many witnesses have signed the checkpoint of ``size`` leaves."""
    return kept(checkpoint(TREE.heads[size], seen_by).note.encoded.decode() if seen_by else "", size)


def kept(note: str, size: int = 9) -> LogState:
    newest = signed_checkpoint(TREE.heads[9], LOG).note.encoded.decode()
    return LogState(
        version=5, size=9, next_position=9, peaks=(), checkpoint=newest, witnessed=note, witnessed_size=size
    )
