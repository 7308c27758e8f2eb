"""The random bytes behind which the log hides what an account did, all from one secret (docs/spec/log.md section 8).

One row, and taking it away is enough: nobody can show then what a leaf commits to, and every proof of it stays as right
as it was. Whose a leaf is, its index says to whoever has the index key, or a proof of it.
"""

from __future__ import annotations

import hmac
from typing import Final

from pteri.core.errors import Code, Malformed
from pteri.core.keys.secret import Secret

__all__ = ["SECRET_BYTES", "leaf_salt"]

SECRET_BYTES: Final = 32
_LEAF: Final = b"PTERI-LOG-v1\x00leaf"
_LAST: Final = (1 << 63) - 1


def leaf_salt(secret: Secret, account_seq: int) -> bytes:
    """The salt of one leaf: ``HMAC-SHA-256(secret, "PTERI-LOG-v1" 00 "leaf" account_seq8)``. It tells no other one."""
    if type(account_seq) is not int or not 1 <= account_seq <= _LAST:
        raise Malformed(Code.LEAF, "events of an account are counted from 1")
    if len(secret) != SECRET_BYTES:
        raise Malformed(Code.LENGTH, "the secret of an account has 32 bytes")
    return hmac.digest(secret.reveal(), _LEAF + account_seq.to_bytes(8, "big"), "sha256")
