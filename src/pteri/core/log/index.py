"""Under which number the log keeps an account: one that says nothing, that its owner can check, and the only one.

docs/spec/log.md section 9. The number stands in every leaf of the account. It is the output of a verifiable random
function: only the service's index key computes it, so nobody else can try names; and it has a proof, which fits no
second number for the same account.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

import msgspec

from pteri.core import ids
from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.ids import AccountId, TenantId
from pteri.core.log.note import canonical_base64, key_name
from pteri.core.log.vrf import PROOF_BYTES, VrfKey, VrfPrivateKey, proof_to_hash

__all__ = ["INDEX_BYTES", "AccountIndexes", "IndexKey", "claimed_index", "parse_index_key", "verify_index"]

INDEX_BYTES: Final = 32
_VERSION: Final = b"\x02"
# C2SP keeps ff for kinds of keys that it does not know; it is followed by a name that nobody else takes.
_KIND: Final = b"\xffpteri-index-key"
_TEXT: Final = re.compile(r"(?P<name>[^+]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]{64})")


class IndexKey(msgspec.Struct, frozen=True):
    """The public key of a log's numbers, and the log's name. Made by :meth:`of` or :func:`parse_index_key` only."""

    name: str
    key: VrfKey

    @classmethod
    def of(cls, name: str, key: VrfKey) -> IndexKey:
        """Key under the name of this log; ``Malformed(NOTE)`` for what cannot be one."""
        return cls(key_name(name), key)

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys of one name apart; they identify, and prove nothing."""
        return hashlib.sha256(self.name.encode() + b"\n" + _KIND + self.key.raw).digest()[:4]

    @property
    def text(self) -> str:
        """``name+id+key``, the form of the log's own key, with another kind: one is never taken for the other."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_KIND + self.key.raw).decode('ascii')}"


def parse_index_key(text: str) -> IndexKey:
    """Key in its text form; ``Malformed(NOTE)``, or ``Malformed(KEY)`` for a key nobody should use."""
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise Malformed(Code.NOTE, "the key of an index reads name+id+key, and is longer than that of a log")
    raw = canonical_base64(found["key"])
    if not raw.startswith(_KIND):
        raise Malformed(Code.NOTE, "not the key of an index")
    key = IndexKey.of(found["name"], VrfKey(raw.removeprefix(_KIND)))
    if key.id.hex() != found["id"]:
        raise Malformed(Code.NOTE, "the id is not that of this name and key")
    return key


@dataclass(frozen=True, slots=True, eq=False)
class AccountIndexes:
    """Where a service has its accounts' numbers from: its index key. ``public``: what it tells everybody."""

    private: VrfPrivateKey
    public: IndexKey

    @classmethod
    def of(cls, name: str, private: VrfPrivateKey) -> AccountIndexes:
        """The numbers of the log of this name."""
        return cls(private, IndexKey.of(name, private.public))

    def index_of(self, tenant: TenantId, account: AccountId) -> bytes:
        """32 bytes, the same for the same account, for ever."""
        return self.private.output(_alpha(tenant, account))[:INDEX_BYTES]

    def proof_of(self, tenant: TenantId, account: AccountId) -> bytes:
        """What :func:`verify_index` takes. For the owner and his auditor: whoever has it finds all leaves."""
        return _VERSION + self.private.prove(_alpha(tenant, account))


def claimed_index(proof: bytes) -> bytes:
    """The index that this proof is of, whosever it may be; ``Malformed`` for what is no proof. It proves nothing."""
    return proof_to_hash(_inner(proof))[:INDEX_BYTES]


def verify_index(
    proof: bytes,
    *,
    expected_key: IndexKey,
    expected_index: bytes,
    expected_tenant: TenantId,
    expected_account: AccountId,
) -> bytes:
    """The index, which is this account's and its only one.

    1. it is a proof of this version; 2. it verifies, by this key and for this account; 3. it is of this index. Raises
    ``Malformed`` (``LEAF``, ``VRF``, ``RANGE``), ``NotAuthentic(VRF)``, and ``NotAuthentic(LEAF)`` for the third.
    """
    # 1.
    inner = _inner(proof)
    # 2.
    found = expected_key.key.verify(_alpha(expected_tenant, expected_account), inner)[:INDEX_BYTES]
    # 3.
    if not hmac.compare_digest(found, expected_index):
        raise NotAuthentic(Code.LEAF, "the index is not that of this account")
    return found


def _inner(proof: bytes) -> bytes:
    if type(proof) is not bytes or len(proof) != 1 + PROOF_BYTES or not proof.startswith(_VERSION):
        raise Malformed(Code.LEAF, "not a proof of an index that is known here")
    return proof[1:]


def _alpha(tenant: TenantId, account: AccountId) -> bytes:
    # Both are held to their grammars, which have no zero byte: no two pairs make the same bytes.
    return f"{ids.tenant_id(tenant)}\0{ids.account_id(account)}".encode("ascii")
