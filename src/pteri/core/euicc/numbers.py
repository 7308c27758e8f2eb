"""Numbers of chips and profiles: EID and ICCID, one spelling each (docs/spec/esim-chip.md section 3).

Both are personal identifiers. A plain hash of one is no protection, ten digits fall to brute force: whoever stores
them uses a keyed HMAC (docs/spec/esim-chip.md section 8).
"""

from __future__ import annotations

import re
from typing import Final, NewType

from pteri.core.errors import Code, MalformedEvidence

__all__ = ["EID_DIGITS", "Eid", "Iccid", "eid", "iccid", "iccid_from_packed", "packed"]

Eid = NewType("Eid", str)
"""A chip: 32 digits that begin with 89, the last two of which check the others (SGP.29)."""
Iccid = NewType("Iccid", str)
"""A profile: 18 to 20 digits, without padding (ITU-T E.118; SGP.22 packs them in ten bytes)."""

EID_DIGITS: Final = 32
_EID: Final = re.compile(r"89[0-9]{30}")
_ICCID: Final = re.compile(r"[0-9]{18,20}")
_PACKED_BYTES: Final = 10
_HALVES_SWAPPED: Final = bytes((byte & 0x0F) << 4 | byte >> 4 for byte in range(256))


def eid(digits: str) -> Eid:
    """An EID. Refuses anything else with ``EID``, and one whose last two digits are wrong with ``EID_CHECK_DIGITS``."""
    if _EID.fullmatch(digits) is None:
        raise MalformedEvidence(Code.EID, "an EID is 32 digits that begin with 89")
    if int(digits) % 97 != 1:
        raise MalformedEvidence(Code.EID_CHECK_DIGITS, "the check digits of the EID are wrong")
    return Eid(digits)


def iccid(digits: str) -> Iccid:
    """An ICCID; refuses anything else with ``ICCID``. Not every issuer keeps to a check digit, so none is asked for."""
    if _ICCID.fullmatch(digits) is None:
        raise MalformedEvidence(Code.ICCID, "an ICCID is 18 to 20 digits")
    return Iccid(digits)


def iccid_from_packed(packed: bytes) -> Iccid:
    """An ICCID of ten bytes with two digits each, the second one first, and F behind the last digit."""
    if len(packed) != _PACKED_BYTES:
        raise MalformedEvidence(Code.ICCID, "a packed ICCID is ten bytes")
    swapped = packed.translate(_HALVES_SWAPPED).hex()
    # Two F at most, and at the end only: every other letter is left and refused.
    return iccid(swapped[:18] + swapped[18:].rstrip("f"))


def packed(number: Iccid) -> bytes:
    """The ten bytes of an ICCID: what :func:`iccid_from_packed` reads."""
    padded = number.ljust(2 * _PACKED_BYTES, "f")
    return bytes.fromhex(padded).translate(_HALVES_SWAPPED)
