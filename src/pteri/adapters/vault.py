"""The deployment keys at work: keyed hashes, derived values, sealed evidence (docs/spec sections 9.4 and 9.8).

The keys lie outside the database. Whoever has only the database can neither test a guess of an e-mail, a line or a
code, nor read the evidence of a pending act. Whoever has a key can make no user's signature with it.

What is kept says its key; it is written under the current one and read under each. What lives for minutes, and what
must look the same to a stranger at every try, is made under the oldest key that is trusted: all processes of a service
have that one, whichever of them knows the newest.
"""

from __future__ import annotations

import hmac
from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pteri.adapters.key_ring import NAME_BYTES, HeldKey, KeyRing, Standing, kind_key
from pteri.app.ports import Entropy
from pteri.core.ids import Digest, TenantId, digest_text, to_base64url
from pteri.core.keys.secret import Secret
from pteri.domain.spelling import Spelling

__all__ = ["DeploymentVault"]

_NONCE_BYTES: Final = 12
_NAMELESS: Final = b"\x01"
"""What programs before sealed, which had one key and did not say which."""
_NAMED: Final = b"\x02"
_NOBODY: Final = TenantId("pteri")


class _Working:
    """One key of the ring, with the keys of its kinds."""

    def __init__(self, held: HeldKey) -> None:
        self.held, self.name = held, held.name
        self.kinds: dict[str, bytes] = {}
        self.header = _NAMED + held.raw_name
        self.aead = AESGCM(self.kind("seal"))

    @property
    def trusted(self) -> bool:
        return self.held.standing is not Standing.DISTRUSTED

    def kind(self, kind: str) -> bytes:
        if kind not in self.kinds:
            self.kinds[kind] = kind_key(self.held.secret, kind)
        return self.kinds[kind]

    def mac(self, kind: str, tenant: TenantId, value: str) -> bytes:
        return hmac.digest(self.kind(kind), tenant.encode() + b"\0" + value.encode(), "sha256")


class DeploymentVault:
    """The ``Vault`` port over a few 32-byte keys. Each kind of value has its own, so none can stand for another."""

    def __init__(self, keys: Secret | KeyRing, entropy: Entropy) -> None:
        ring = keys if isinstance(keys, KeyRing) else KeyRing.of(keys)
        self._entropy = entropy
        working = [_Working(held) for held in ring]
        self._current = next(key for key in working if key.held.standing is Standing.CURRENT)
        self._steady = [key for key in working if key.trusted][-1]
        self._all = (self._current, *(key for key in working if key is not self._current))

    def __repr__(self) -> str:
        return "DeploymentVault(...)"

    @property
    def name(self) -> str:
        """Eight letters, the same for the same key: of the one that writes."""
        return self._current.name

    @property
    def names(self) -> tuple[str, ...]:
        """Of all keys, the one that writes first."""
        return tuple(key.name for key in self._all)

    def is_outdated(self, name: str) -> bool:
        """Neither of the one that writes nor of the one that will, as a process that is restarted later knows it."""
        found = next((key for key in self._all if key.name == name), None)
        return found is None or found.held.standing in {Standing.FORMER, Standing.DISTRUSTED}

    def mark(self, name: str) -> str:
        """What a database remembers of this key, to know it again."""
        return to_base64url(self._named(name).mac("derive:key-check", _NOBODY, "1"))

    def spellings(self, kind: str, tenant: TenantId, value: str) -> tuple[Spelling, ...]:
        """HMAC-SHA-256 of the value under the key of its kind, for each deployment key, the one that writes first."""
        return tuple(Spelling(key.name, digest_text(key.mac(f"blind:{kind}", tenant, value))) for key in self._all)

    def spelled(self, name: str, kind: str, tenant: TenantId, value: str) -> Digest | None:
        """The same under one key; ``None`` where there is none of this name."""
        found = next((key for key in self._all if key.name == name), None)
        return None if found is None else digest_text(found.mac(f"blind:{kind}", tenant, value))

    def salts(self, kind: str, tenant: TenantId, value: str) -> tuple[bytes, ...]:
        """32 bytes for this value under each key, the one that writes first."""
        return tuple(key.mac(f"derive:{kind}", tenant, value) for key in self._all)

    def blind(self, kind: str, tenant: TenantId, value: str) -> Digest:
        """HMAC-SHA-256 of the value under the key of its kind, apart per tenant."""
        return digest_text(self._steady.mac(f"blind:{kind}", tenant, value))

    def derive(self, kind: str, tenant: TenantId, value: str) -> bytes:
        """32 bytes for this value, the same every time."""
        return self._steady.mac(f"derive:{kind}", tenant, value)

    def tag(self, kind: str, tenant: TenantId, value: str) -> bytes:
        """Keyed BLAKE2b (RFC 7693), 32 bytes: a busy server makes several for each sign-in, at a sixth of an HMAC."""
        text = f"{tenant}\0{value}".encode()
        return blake2b(text, digest_size=32, key=self._steady.kind(f"tag:{kind}")).digest()

    def seal(self, plain: bytes, context: str) -> bytes:
        """Version byte, name of the key, 12 random bytes, AES-256-GCM ciphertext; the context is authenticated."""
        nonce = self._entropy.draw(_NONCE_BYTES)
        return self._current.header + nonce + self._current.aead.encrypt(nonce, plain, context.encode())

    def header(self, name: str) -> bytes:
        """How everything begins that is sealed under this key."""
        return self._named(name).header

    def open(self, sealed: bytes, context: str) -> bytes:
        """The plain bytes; ``ValueError`` for another key, context or version, or any changed bit."""
        return _opened(sealed, context, self._all)

    def open_token(self, sealed: bytes, context: str) -> bytes:
        """The same for what somebody brings who may have made it himself: under no key that others may have."""
        return _opened(sealed, context, tuple(key for key in self._all if key.trusted))

    def _named(self, name: str) -> _Working:
        return next(key for key in self._all if key.name == name)


def _opened(sealed: bytes, context: str, keys: tuple[_Working, ...]) -> bytes:
    if sealed[:1] == _NAMED:
        body = sealed[1 + NAME_BYTES :]
        keys = tuple(key for key in keys if hmac.compare_digest(key.header, sealed[: 1 + NAME_BYTES]))
    elif sealed[:1] == _NAMELESS:
        body = sealed[1:]
    else:
        raise ValueError("not sealed by this version")
    nonce, ciphertext = body[:_NONCE_BYTES], body[_NONCE_BYTES:]
    for key in keys:
        try:
            return key.aead.decrypt(nonce, ciphertext, context.encode())
        except (InvalidTag, ValueError):
            continue
    raise ValueError("not sealed with a key of ours for this place")
