"""Recovery codes as keys: what a person keeps on paper signs like any other key (docs/spec section 6.8).

A code of 100 random bits goes through Argon2id, and what comes out is a P-256 key. The server keeps the public key
alone: it could no more make the signature than the code, a reader of its database learns neither, and everybody who
holds the log can verify again that a code was shown. The code itself never leaves the phone it is typed on.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from pteri.core.ids import Digest, TenantId, digest_text, from_base64url
from pteri.core.keys.device import RANDOM_BYTES, DeviceKey, DevicePrivateKey
from pteri.core.keys.secret import Secret

__all__ = ["MEMORY_KIB", "PASSES", "codes_digest", "recovery_key", "sign_with_code", "verify_code"]

MEMORY_KIB: Final = 64 * 1024
PASSES: Final = 3
_TAG: Final = b"PTERI-RECOVERY-CODE-v1\0"
_ALL_TAG: Final = b"PTERI-RECOVERY-CODES-v1\0"


def recovery_key(
    code: Secret, *, tenant: TenantId, memory_kib: int = MEMORY_KIB, passes: int = PASSES
) -> DevicePrivateKey:
    """The key of a code (its characters in ASCII, without hyphens) at this tenant: Argon2id, one lane, 48 bytes.

    The salt is the tenant's and not the person's: whoever lost everything else must be able to find the key, and
    nobody builds a table of 2**100 codes. The cost is a parameter for tests only.
    """
    salt = hashlib.sha256(_TAG + tenant.encode("ascii")).digest()[:16]
    kdf = Argon2id(salt=salt, length=RANDOM_BYTES, iterations=passes, lanes=1, memory_cost=memory_kib)
    return DevicePrivateKey.from_random(kdf.derive(code.reveal()))


def sign_with_code(key: DevicePrivateKey, statement: bytes) -> bytes:
    """R || s over a statement, 64 bytes."""
    return key.sign(_TAG + statement)


def verify_code(key: DeviceKey, statement: bytes, signature: bytes) -> None:
    """Raise ``NotAuthentic(DEVICE_SIGNATURE)`` or ``Malformed`` unless the code's key signed this statement."""
    key.verify(_TAG + statement, signature)


def codes_digest(code_keys: tuple[str, ...]) -> Digest | None:
    """What a ``protect`` statement says of recovery codes: SHA-256 over their public keys; ``None`` for no codes."""
    if not code_keys:
        return None
    raw = b"".join(from_base64url(key) for key in code_keys)
    return digest_text(hashlib.sha256(_ALL_TAG + raw).digest())
