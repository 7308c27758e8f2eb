"""libsecp256k1 through ``coincurve``: the first choice, with wheels for all common platforms."""

from __future__ import annotations

from typing import Final

from coincurve import PrivateKey, PublicKey, PublicKeyXOnly

from pteri.core.keys.der import encode_der

__all__ = ["BACKEND", "CoincurveBackend"]

_MINUS_ONE: Final = bytes.fromhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140")


class CoincurveBackend:
    """See :class:`pteri.core.keys.secp256k1.Backend` for what each call promises."""

    name: Final = "coincurve"

    def public_key(self, secret: bytes) -> bytes:
        """Compressed public key."""
        return PublicKey.from_secret(secret).format()

    def is_public_key(self, public_key: bytes) -> bool:
        """Whether the bytes are a point."""
        try:
            PublicKey(public_key)
        except ValueError:
            return False
        return True

    def sign_recoverable(self, secret: bytes, digest: bytes) -> bytes:
        """Recovery id and r || s."""
        signature = PrivateKey(secret).sign_recoverable(digest, hasher=None)
        return signature[64:] + signature[:64]

    def recover(self, digest: bytes, rs: bytes, recovery_id: int) -> bytes:
        """Compressed public key."""
        return PublicKey.from_signature_and_message(rs + bytes((recovery_id,)), digest, hasher=None).format()

    def verify(self, public_key: bytes, digest: bytes, rs: bytes) -> bool:
        """Whether the ECDSA signature holds."""
        # This binding reads DER only; ours has one spelling, so nothing is gained or lost on the way.
        return PublicKey(public_key).verify(encode_der(rs), digest, hasher=None)

    def schnorr_sign(self, secret: bytes, message: bytes, aux: bytes) -> bytes:
        """BIP-340 signature."""
        return PrivateKey(secret).sign_schnorr(message, aux)

    def schnorr_verify(self, xonly: bytes, message: bytes, signature: bytes) -> bool:
        """Whether the BIP-340 signature holds."""
        return PublicKeyXOnly(xonly).verify(signature, message)

    def tweak_add_secret(self, secret: bytes, tweak: bytes) -> bytes:
        """Secret plus tweak."""
        return PrivateKey(secret).add(tweak).secret

    def tweak_add_public(self, public_key: bytes, tweak: bytes) -> bytes:
        """Point plus tweak times generator."""
        return PublicKey(public_key).add(tweak).format()

    def negate_secret(self, secret: bytes) -> bytes:
        """Secret of the mirrored point."""
        # libsecp256k1's own multiplication, because Python integers do not run in constant time.
        return PrivateKey(secret).multiply(_MINUS_ONE).secret


BACKEND: Final = CoincurveBackend()
