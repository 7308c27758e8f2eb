"""The line commitment: what an account says of its mobile line without saying it (docs/spec section 6).

A plain hash of a number falls to brute force in minutes; the 256-bit salt makes it hiding. The phone holds the salt
and can check the commitment against its own line; nothing derived from it is ever an authority.
"""

from __future__ import annotations

import hashlib
import re

from pteri.core import ids
from pteri.core.errors import Code, Malformed
from pteri.core.ids import Digest, TenantId

__all__ = ["line_commitment", "line_reference"]

_LINE = re.compile(r"[!-~]{3,64}")


def line_reference(text: str) -> str:
    """A line as an operator adapter names it (an E.164 number, an ICCID): 3 to 64 visible ASCII characters."""
    return ids.matching(_LINE, text, "a line reference")


def line_commitment(line: str, *, salt: bytes, tenant: TenantId) -> Digest:
    """``SHA-256("PTERI-ESIM-v1" 00 salt32 tenant 00 line)``."""
    if len(salt) != 32:
        raise Malformed(Code.LENGTH, "a line salt has 32 bytes")
    # Both are held to their grammars: a zero byte in one of them could move the border between the two.
    named = f"{ids.tenant_id(tenant)}\0{line_reference(line)}"
    return ids.digest_text(hashlib.sha256(b"PTERI-ESIM-v1\0" + salt + named.encode("ascii")).digest())
