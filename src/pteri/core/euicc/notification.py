"""``otherSignedNotification``: a chip says what was done to one of its profiles (SGP.22 section 5.7.10).

    SEQUENCE { [47] metadata, [APPLICATION 55] signature, chip's certificate, manufacturer's certificate }

The signature is over the metadata as they came, tag and length included.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from pteri.core.errors import Code, MalformedEvidence
from pteri.core.euicc.anchors import TrustAnchors
from pteri.core.euicc.der import SEQUENCE, UTF8_STRING, Element, exactly, named_bits, non_negative, only, text
from pteri.core.euicc.numbers import Eid, Iccid, iccid_from_packed

__all__ = [
    "ICCID",
    "MAX_ADDRESS_BYTES",
    "MAX_MESSAGE_BYTES",
    "METADATA",
    "SIGNATURE",
    "ChipEvent",
    "Metadata",
    "Operation",
    "read_metadata",
    "verify_notification",
]

MAX_MESSAGE_BYTES: Final = 16_384
MAX_ADDRESS_BYTES: Final = 255
METADATA: Final = 0xBF2F
SIGNATURE: Final = 0x5F37
ICCID: Final = 0x5A


class Operation(StrEnum):
    """What was done to a profile; whether in the phone's settings or from afar makes no difference here."""

    INSTALL = "install"
    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"


_BITS: Final = {
    0: Operation.INSTALL,
    1: Operation.ENABLE,
    2: Operation.DISABLE,
    3: Operation.DELETE,
    4: Operation.ENABLE,
    5: Operation.DISABLE,
    6: Operation.DELETE,
}
"""Bits of NotificationEvent. 4 to 6 came with version 3; 7 is the report of a package, and no event of a profile."""
_OPERATIONS: Final = {bytes((7 - bit, 0x80 >> bit)): operation for bit, operation in _BITS.items()}
"""By the content of the list with this bit alone: one spelling each."""


@dataclass(frozen=True, slots=True)
class ChipEvent:
    """One thing that was done to one profile, signed by the chip that did it.

    ``sequence`` is the chip's own counter: gaps are normal, 0 is legal, and a lower one than the last that was seen
    never moves a state. ``ci_key_id`` is 40 lower-case hex digits: under which issuer the chip was believed.
    """

    eid: Eid = field(repr=False)
    iccid: Iccid = field(repr=False)
    operation: Operation
    sequence: int
    ci_key_id: str

    @property
    def identity(self) -> bytes:
        """What this event is, in bytes: two messages with the same are one event, whatever their signatures.

        Made of signed content only, since whoever has a signature (r, s) also has (r, n - s). It holds the EID and
        the ICCID in clear: store a keyed HMAC of it, never itself, and no plain hash.
        """
        return f"{self.eid} {self.sequence} {self.operation} {self.iccid}".encode("ascii")


class Metadata(msgspec.Struct, frozen=True):
    """What a notification is about. Not verified."""

    sequence: int
    operation: Operation
    iccid: Iccid

    def __repr__(self) -> str:
        return f"Metadata({self.sequence}, {self.operation})"


def verify_notification(der: bytes, *, anchors: TrustAnchors, at: int) -> ChipEvent:
    """Verify one ``otherSignedNotification`` at the instant ``at`` (Unix seconds).

    1. It is DER of its one shape, at most 16 KiB, with exactly one operation.
    2. The two certificates in it lead to a trust anchor (:meth:`TrustAnchors.chip`).
    3. The chip signed the metadata.

    Raises ``MalformedEvidence`` or ``NotAuthentic``, and nothing else.
    """
    outer = only(der, max_bytes=MAX_MESSAGE_BYTES)
    if outer.tag != SEQUENCE:
        raise MalformedEvidence(Code.ELEMENT, "not a signed notification")
    signed, signature, leaf, manufacturer = exactly(
        outer.content, (METADATA, SIGNATURE, SEQUENCE, SEQUENCE), "a notification"
    )
    said = read_metadata(signed)
    chip = anchors.chip(leaf.raw, manufacturer.raw, at=at)
    chip.key.check_raw(signed.raw, signature.content, otherwise=Code.CHIP_SIGNATURE)
    return ChipEvent(chip.eid, said.iccid, said.operation, said.sequence, chip.ci_key_id)


def read_metadata(element: Element) -> Metadata:
    """Read NotificationMetadata: counter, operation, where it is sent to, and the profile."""
    counter, operation, address, profile = exactly(element.content, (0x80, 0x81, UTF8_STRING, ICCID), "the metadata")
    text(address, max_bytes=MAX_ADDRESS_BYTES)
    return Metadata(non_negative(counter), _operation(operation), iccid_from_packed(profile.content))


def _operation(element: Element) -> Operation:
    operation = _OPERATIONS.get(element.content)
    if operation is None:
        named_bits(element)  # refuses what is no list of bits, or not in its one spelling
        # Two operations in one message could be read as either by two readers.
        raise MalformedEvidence(Code.OPERATION, "not exactly one of install, enable, disable and delete")
    return operation
