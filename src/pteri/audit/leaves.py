"""The leaf of a recorded event: the one way in which events become leaves (docs/spec/log.md section 8)."""

from __future__ import annotations

import hashlib
import json
from typing import Final

import msgspec

from pteri.core import ids
from pteri.core.errors import Code, Malformed
from pteri.core.ids import Thumbprint
from pteri.core.log.leaf import KINDS, NOTHING, Leaf, record_commitment
from pteri.core.verify import decode_payload
from pteri.domain.events import Event
from pteri.domain.records import RecordedEvent

__all__ = ["acting_device", "leaf_of", "read_record", "record_text"]

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(RecordedEvent)


def record_text(recorded: RecordedEvent) -> str:
    """The text of a new record. Once written it stays: later versions write more, and hash what was written."""
    return _ENCODER.encode(recorded).decode()


def read_record(text: str) -> RecordedEvent:
    """The record of this text, else ``Malformed(LEAF)``. No name stands twice in it: each reader would see another."""
    try:
        json.loads(text, object_pairs_hook=_once)
        return _DECODER.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Malformed(Code.LEAF, "not a record of this version") from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name that stands twice")
    return found


def acting_device(event: Event) -> Thumbprint | None:
    """The phone that did it, where one did."""
    device: Thumbprint | None = getattr(event, "device", None) or getattr(event, "by", None)
    return device


def leaf_of(recorded: RecordedEvent, text: str, *, index: bytes, previous: bytes, salt: bytes, epoch: int) -> Leaf:
    """The leaf of this event, of which ``text`` was written.

    ``previous``: hash of the account's leaf before it; ``epoch``: of the account, after the event.
    """
    event, evidence = recorded.event, recorded.evidence
    statement = wallet_signature = NOTHING
    if evidence is not None:
        payload = decode_payload(evidence.signed.body)
        statement = hashlib.sha256(evidence.statement.encode()).digest()
        # Of its text: that is what was sent, and what the record has.
        wallet_signature = hashlib.sha256(payload.wallet_signature.signature.encode()).digest()
    return Leaf(
        index=index,
        account_seq=recorded.seq,
        previous=previous,
        kind=KINDS[event.name],
        statement=statement,
        wallet_signature=wallet_signature,
        commitment=record_commitment(
            salt=salt,
            device=None if (device := acting_device(event)) is None else ids.thumbprint(device),
            record=hashlib.sha256(text.encode()).digest(),
        ),
        epoch=epoch,
        at=event.at,
    )
