"""Under which number the log keeps an account: one that says nothing, and that its owner can check.

docs/spec/log.md section 9. The number stands in every leaf of the account. Whoever does not know it cannot tell which
leaves are whose, and cannot try names: it depends on 256 random bits, or on a key.

The design asks for a verifiable random function (RFC 9381), which would also show that an account has *one* number.
No well-kept library offers one, so version 1 of the proof opens a salted commitment; a later version has another first
byte, and leaves and chains stay as they are.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, Protocol

from pteri.core import ids
from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.ids import AccountId, TenantId

__all__ = ["INDEX_BYTES", "AccountIndexes", "committed_index", "opening", "verify_index"]

INDEX_BYTES: Final = 32
_SALT_BYTES: Final = 32
_COMMITMENT: Final = 1
_TAG: Final = b"PTERI-INDEX-v1\x00"


class AccountIndexes(Protocol):
    """Where a service has its accounts' numbers from."""

    def index_of(self, tenant: TenantId, account: AccountId) -> bytes:
        """32 bytes, the same for the same account, for ever."""
        ...

    def proof_of(self, tenant: TenantId, account: AccountId) -> bytes:
        """What :func:`verify_index` takes. For the owner and his auditor: whoever has it finds all leaves."""
        ...


def committed_index(tenant: TenantId, account: AccountId, *, salt: bytes) -> bytes:
    """``SHA-256("PTERI-INDEX-v1" 00 salt32 tenant 00 account)``."""
    if len(salt) != _SALT_BYTES:
        raise Malformed(Code.LENGTH, "the salt of an index has 32 bytes")
    # Both are held to their grammars, which have no zero byte.
    named = f"{ids.tenant_id(tenant)}\0{ids.account_id(account)}"
    return hashlib.sha256(_TAG + salt + named.encode("ascii")).digest()


def opening(salt: bytes) -> bytes:
    """The proof of an index that was made with this salt: ``01 salt32``."""
    if len(salt) != _SALT_BYTES:
        raise Malformed(Code.LENGTH, "the salt of an index has 32 bytes")
    return bytes((_COMMITMENT,)) + salt


def verify_index(
    proof: bytes, *, expected_index: bytes, expected_tenant: TenantId, expected_account: AccountId
) -> bytes:
    """The index, which is this account's. ``Malformed(LEAF)`` for what is no proof, ``NotAuthentic(LEAF)`` else."""
    if type(proof) is not bytes or len(proof) != 1 + _SALT_BYTES or proof[0] != _COMMITMENT:
        raise Malformed(Code.LEAF, "not a proof of an index that is known here")
    found = committed_index(expected_tenant, expected_account, salt=proof[1:])
    if not hmac.compare_digest(found, expected_index):
        raise NotAuthentic(Code.LEAF, "the index is of another account")
    return found
