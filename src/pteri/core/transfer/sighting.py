"""What a phone has seen of the service's log, as it tells the other phone of a move (docs/spec/transfer.md section 8).

Sealed between the two, so the service cannot choose who is told what. It is another phone's word and no more: every
piece is verified by the one that hears it. Always 2,602 bytes, so that its size tells nothing: length (2), and JSON
filled with zeros.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from pteri.core.errors import Code, Malformed

__all__ = ["NOTHING_SEEN", "SIGHTING_BYTES", "Sighting", "decode_sighting", "encode_sighting", "fits"]

_TEXT_BYTES: Final = 2600
"""A note with the lines of a dozen witnesses, or of half as many together with their keys."""
SIGHTING_BYTES: Final = 2 + _TEXT_BYTES
_LAST: Final = (1 << 63) - 1


class Sighting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """``note``: the newest checkpoint, empty where no log was seen.

    ``log_key``, ``witnesses``, ``needed`` and ``index_key``: whom this phone believes; a phone that is not in yet
    believes nobody, and leaves them out. ``leaf``: the entry by which the new phone came in, at ``place``.
    """

    note: str = ""
    log_key: str = ""
    witnesses: tuple[str, ...] = ()
    needed: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    index_key: str = ""
    leaf: bytes = b""
    place: Annotated[int, msgspec.Meta(ge=0, le=_LAST)] = 0


NOTHING_SEEN: Final = Sighting()
"""Of a service without a log, or of one whose notes are too long for a message."""


def fits(sighting: Sighting) -> bool:
    """Whether a message has room for it."""
    return len(msgspec.json.encode(sighting)) <= _TEXT_BYTES


def encode_sighting(sighting: Sighting) -> bytes:
    """The text to seal; ``Malformed(LENGTH)`` for one that does not fit."""
    text = msgspec.json.encode(sighting)
    if len(text) > _TEXT_BYTES:
        raise Malformed(Code.LENGTH, "more than a message has room for")
    return len(text).to_bytes(2, "big") + text.ljust(_TEXT_BYTES, b"\0")


def decode_sighting(raw: bytes) -> Sighting:
    """The inverse, in one spelling; ``Malformed`` (``LENGTH``, ``BODY``) for anything else. Verifies nothing."""
    if len(raw) != SIGHTING_BYTES:
        raise Malformed(Code.LENGTH, "not what a phone has seen")
    try:
        found = msgspec.json.decode(raw[2 : 2 + int.from_bytes(raw[:2], "big")], type=Sighting)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(Code.BODY, "not what a phone has seen") from error
    if not fits(found) or encode_sighting(found) != raw:
        raise Malformed(Code.BODY, "not the one spelling of what a phone has seen")
    return found
