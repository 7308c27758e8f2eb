"""The deployment key at work: keyed hashes, derived values, sealed evidence (docs/spec section 9.4).

The key lies outside the database. Whoever has only the database can neither test a guess of an e-mail, a line or a
code, nor read the evidence of a pending act. Whoever has the key can make no user's signature with it.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pteri.app.ports import Entropy
from pteri.core.ids import Digest, TenantId, digest_text, to_base64url
from pteri.core.keys.secret import Secret

__all__ = ["DeploymentVault"]

_NONCE_BYTES = 12
_VERSION = b"\x01"


class DeploymentVault:
    """The ``Vault`` port over one 32-byte key. Each kind of value has its own key, so none can stand for another."""

    def __init__(self, key: Secret, entropy: Entropy) -> None:
        if len(key.reveal()) != 32:
            raise ValueError("a deployment key has 32 bytes")
        self._key = key
        self._entropy = entropy
        self._kinds: dict[str, bytes] = {}
        self._aead = AESGCM(self._kind_key("seal"))

    def __repr__(self) -> str:
        return "DeploymentVault(...)"

    @property
    def name(self) -> str:
        """Eight letters, the same for the same key."""
        return to_base64url(self._kind_key("name")[:6])

    def blind(self, kind: str, tenant: TenantId, value: str) -> Digest:
        """HMAC-SHA-256 of the value under the key of its kind, apart per tenant."""
        return digest_text(self._mac(f"blind:{kind}", tenant, value))

    def derive(self, kind: str, tenant: TenantId, value: str) -> bytes:
        """32 bytes for this value, the same every time."""
        return self._mac(f"derive:{kind}", tenant, value)

    def tag(self, kind: str, tenant: TenantId, value: str) -> bytes:
        """Keyed BLAKE2b (RFC 7693), 32 bytes: a busy server makes several for each sign-in, at a sixth of an HMAC."""
        text = f"{tenant}\0{value}".encode()
        return blake2b(text, digest_size=32, key=self._kind_key(f"tag:{kind}")).digest()

    def seal(self, plain: bytes, context: str) -> bytes:
        """Version byte, 12 random bytes, AES-256-GCM ciphertext; the context is authenticated."""
        nonce = self._entropy.draw(_NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, plain, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """The plain bytes; ``ValueError`` for another key, context or version, or any changed bit."""
        if sealed[:1] != _VERSION:
            raise ValueError("not sealed by this version")
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._aead.decrypt(nonce, ciphertext, context.encode())
        except (InvalidTag, ValueError) as error:
            raise ValueError("not sealed with this key for this place") from error

    def _mac(self, kind: str, tenant: TenantId, value: str) -> bytes:
        return hmac.digest(self._kind_key(kind), tenant.encode() + b"\0" + value.encode(), "sha256")

    def _kind_key(self, kind: str) -> bytes:
        if kind not in self._kinds:
            self._kinds[kind] = hmac.digest(self._key.reveal(), b"PTERI-VAULT-v1\0" + kind.encode(), "sha256")
        return self._kinds[kind]
