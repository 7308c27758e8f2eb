"""libsecp256k1 through ``btclib_secp256k1``: the second choice, and the one for Python 3.14."""

from __future__ import annotations

from typing import Final

from btclib_secp256k1 import dsa, keys, recovery, ssa

__all__ = ["BACKEND", "BtclibBackend"]


class BtclibBackend:
    """See :class:`pteri.core.keys.secp256k1.Backend` for what each call promises."""

    name: Final = "btclib_secp256k1"

    def public_key(self, secret: bytes) -> bytes:
        """Compressed public key."""
        return keys.pubkey_from_prvkey(secret)

    def is_public_key(self, public_key: bytes) -> bool:
        """Whether the bytes are a point."""
        return keys.pubkey_verify(public_key)

    def sign_recoverable(self, secret: bytes, digest: bytes) -> bytes:
        """Recovery id and r || s."""
        rs, recovery_id = recovery.sign(digest, secret)
        return bytes((recovery_id,)) + rs

    def recover(self, digest: bytes, rs: bytes, recovery_id: int) -> bytes:
        """Compressed public key."""
        return recovery.recover(digest, rs, recovery_id)

    def verify(self, public_key: bytes, digest: bytes, rs: bytes) -> bool:
        """Whether the ECDSA signature holds."""
        return dsa.verify(digest, public_key, rs, compact=True)

    def schnorr_sign(self, secret: bytes, message: bytes, aux: bytes) -> bytes:
        """BIP-340 signature."""
        return ssa.sign(message, secret, aux)

    def schnorr_verify(self, xonly: bytes, message: bytes, signature: bytes) -> bool:
        """Whether the BIP-340 signature holds."""
        return ssa.verify(message, xonly, signature)

    def tweak_add_secret(self, secret: bytes, tweak: bytes) -> bytes:
        """Secret plus tweak."""
        return keys.prvkey_tweak_add(secret, tweak)

    def tweak_add_public(self, public_key: bytes, tweak: bytes) -> bytes:
        """Point plus tweak times generator."""
        return keys.pubkey_tweak_add(public_key, tweak)

    def negate_secret(self, secret: bytes) -> bytes:
        """Secret of the mirrored point."""
        return keys.prvkey_negate(secret)


BACKEND: Final = BtclibBackend()
