"""What the Web2 page shows as a QR code: which challenge, whose, on which server (docs/spec section 4.2).

Deliberately no link: a phone reads it only inside its own scanner, so no web page or message can start a sign-in.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from pteri.core import ids
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Code, Malformed
from pteri.core.ids import RequestId, TenantId

__all__ = ["Invitation", "parse_invitation"]

_PREFIX: Final = "PTERI1:"
_MAX_CHARACTERS: Final = 400
_ORIGIN = re.compile(r"https?://[a-z0-9.:\[\]-]{1,80}")
_NUMBER = re.compile(r"[0-9]{2}")


class Invitation(msgspec.Struct, frozen=True):
    """``number``: the two digits the page shows beside the code; ``origin``: scheme, host and port of the server."""

    request: RequestId
    tenant: TenantId
    number: str
    origin: str

    def encode(self) -> str:
        """``PTERI1:`` and base45 of the four values, comma-separated."""
        return _PREFIX + to_base45(f"{self.request},{self.tenant},{self.number},{self.origin}".encode("ascii"))


def parse_invitation(text: str) -> Invitation:
    """The invitation of a scanned or typed text, or ``Malformed``."""
    if len(text) > _MAX_CHARACTERS or not text.startswith(_PREFIX):
        raise Malformed(Code.FIELD, "not a PTERI code")
    try:
        parts = from_base45(text.removeprefix(_PREFIX)).decode("ascii").split(",")
    except UnicodeDecodeError as error:
        raise Malformed(Code.ENCODING, "not a PTERI code") from error
    if len(parts) != 4 or not _NUMBER.fullmatch(parts[2]) or not _ORIGIN.fullmatch(parts[3]):
        raise Malformed(Code.FIELD, "not a PTERI code")
    return Invitation(ids.request_id(parts[0]), ids.tenant_id(parts[1]), parts[2], parts[3])
