"""The token in an activation code, which the chip signs: letters and digits that eSIM settings take (SGP.22 4.1)."""

from __future__ import annotations

import base64
import re
from typing import Final

from pteri.core.errors import Code, MalformedEvidence
from pteri.core.ids import TenantId

__all__ = ["matching_id", "read_matching_id"]

_FORM: Final = re.compile(r"([A-Z0-9-]{1,32})-([A-Z2-7]{2,200})")


def matching_id(tenant: TenantId, sealed: bytes) -> str:
    """The tenant in capitals, and what it has sealed, in base32 without padding."""
    return f"{tenant.upper()}-{base64.b32encode(sealed).decode('ascii').rstrip('=')}"


def read_matching_id(text: str) -> tuple[str, bytes]:
    """The tenant as it spells itself, and what is sealed; ``MalformedEvidence`` for what is of another form."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise MalformedEvidence(Code.FIELD, "not a token of ours")
    tenant, letters = found.groups()
    try:
        sealed = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except ValueError as error:
        raise MalformedEvidence(Code.FIELD, "not a token of ours") from error
    if matching_id(TenantId(tenant.lower()), sealed) != text:
        # Base32 has spare bits, and one token has one spelling.
        raise MalformedEvidence(Code.FIELD, "not a token of ours")
    return tenant.lower(), sealed
