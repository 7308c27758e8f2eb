"""The random bytes behind which the log hides an account, all of them from one secret (docs/spec/log.md section 8).

So one row hides a person, and taking it away is enough: nothing that was published says then whose it is, and every
proof of it stays as right as it was.
"""

from __future__ import annotations

import hmac
from typing import Final

from pteri.core.errors import Code, Malformed
from pteri.core.keys.secret import Secret

__all__ = ["SECRET_BYTES", "index_salt", "leaf_salt"]

SECRET_BYTES: Final = 32
_INDEX: Final = b"PTERI-LOG-v1\x00index"
_LEAF: Final = b"PTERI-LOG-v1\x00leaf"
_LAST: Final = (1 << 63) - 1


def index_salt(secret: Secret) -> bytes:
    """The salt of the account's index: ``HMAC-SHA-256(secret, "PTERI-LOG-v1" 00 "index")``."""
    return _mac(secret, _INDEX)


def leaf_salt(secret: Secret, account_seq: int) -> bytes:
    """The salt of one leaf: ``HMAC-SHA-256(secret, "PTERI-LOG-v1" 00 "leaf" account_seq8)``. It tells no other one."""
    if type(account_seq) is not int or not 1 <= account_seq <= _LAST:
        raise Malformed(Code.LEAF, "events of an account are counted from 1")
    return _mac(secret, _LEAF + account_seq.to_bytes(8, "big"))


def _mac(secret: Secret, message: bytes) -> bytes:
    if len(secret) != SECRET_BYTES:
        raise Malformed(Code.LENGTH, "the secret of an account has 32 bytes")
    return hmac.digest(secret.reveal(), message, "sha256")
