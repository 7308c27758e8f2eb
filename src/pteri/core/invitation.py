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
_NUMBER = re.compile(r"[0-9]{2}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# At most 88 characters: a host name or an address in brackets, and a port unless it is the scheme's own.
_ORIGIN = re.compile(
    r"(?=.{1,88}\Z)(?!https:.*:443\Z|http:.*:80\Z)https?://"
    rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:]{{2,39}}\])(?::[1-9][0-9]{{0,4}})?"
)


class Invitation(msgspec.Struct, frozen=True):
    """``number``: the two digits the page shows beside the code; ``origin``: scheme, host and port of the server."""

    request: RequestId
    tenant: TenantId
    number: str
    origin: str

    def encode(self) -> str:
        """``PTERI1:`` and base45 of the four values, comma-separated; ``Malformed`` for a value with no spelling."""
        values = _checked(self.request, self.tenant, self.number, self.origin)
        return _PREFIX + to_base45(",".join(values).encode("ascii"))


def parse_invitation(text: str) -> Invitation:
    """The invitation of a scanned or typed text, or ``Malformed``."""
    if not isinstance(text, str) or len(text) > _MAX_CHARACTERS or not text.startswith(_PREFIX):
        raise Malformed(Code.FIELD, "not a PTERI code")
    try:
        parts = from_base45(text.removeprefix(_PREFIX)).decode("ascii").split(",")
    except UnicodeDecodeError as error:
        raise Malformed(Code.ENCODING, "not a PTERI code") from error
    if len(parts) != 4:
        raise Malformed(Code.FIELD, "not a PTERI code")
    return Invitation(*_checked(*parts))


def _checked(request: str, tenant: str, number: str, origin: str) -> tuple[RequestId, TenantId, str, str]:
    """The same values, each inside its grammar and so without a comma of its own."""
    return (
        ids.request_id(request),
        ids.tenant_id(tenant),
        ids.matching(_NUMBER, number, "a two-digit number"),
        ids.matching(_ORIGIN, origin, "the origin of a server"),
    )
