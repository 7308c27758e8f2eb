"""The few operations on secp256k1 that a Litecoin wallet needs, over libsecp256k1.

:class:`Curve` checks sizes, ranges and the low-s rule by hand and turns every refusal into a
``ProtocolError``; a :class:`Backend` is a thin binding behind it. The functions of this module are those of a
curve over the first binding that can be imported. Secrets are plain bytes here: this is the one door to C
code.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Final, Protocol

from pteri.core.errors import Code, Malformed, NotAuthentic

__all__ = [
    "BACKENDS",
    "CURVE",
    "Backend",
    "Curve",
    "N",
    "P",
    "check_rs",
    "first_importable",
    "negate_secret",
    "parse_public_key",
    "parse_xonly",
    "public_key",
    "recover",
    "schnorr_sign",
    "schnorr_verify",
    "sign_recoverable",
    "tweak_add_public",
    "tweak_add_secret",
    "verify",
]

P: Final = 2**256 - 2**32 - 977
"""Size of the field (SEC 2, section 2.4.1)."""
N: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of the group."""
_N_BYTES: Final = N.to_bytes(32, "big")
_HALF_N_BYTES: Final = (N // 2).to_bytes(32, "big")

BACKENDS: Final = ("pteri.core.keys.backends.coincurve", "pteri.core.keys.backends.btclib")
"""Modules in the order in which they are tried."""


class Backend(Protocol):
    """A binding of libsecp256k1. Sizes are right when it is called; for a bad value it raises ``ValueError``.

    Public keys are compressed (33 bytes); x-only keys, secrets, digests and tweaks have 32 bytes, signatures
    64.
    """

    @property
    def name(self) -> str:
        """Package that is bound."""
        ...

    def public_key(self, secret: bytes) -> bytes:
        """Point of a secret in 1..n-1."""
        ...

    def is_public_key(self, public_key: bytes) -> bool:
        """Whether 33 bytes are a point of the curve."""
        ...

    def sign_recoverable(self, secret: bytes, digest: bytes) -> bytes:
        """65 bytes, recovery id || r || s, with the nonce of RFC 6979 (no extra entropy) and low s."""
        ...

    def recover(self, digest: bytes, rs: bytes, recovery_id: int) -> bytes:
        """Public key of a signature."""
        ...

    def verify(self, public_key: bytes, digest: bytes, rs: bytes) -> bool:
        """ECDSA; false for a high s."""
        ...

    def schnorr_sign(self, secret: bytes, message: bytes, aux: bytes) -> bytes:
        """BIP-340 signature under the x-only key of ``secret``, whichever parity its point has."""
        ...

    def schnorr_verify(self, xonly: bytes, message: bytes, signature: bytes) -> bool:
        """BIP-340 verification."""
        ...

    def tweak_add_secret(self, secret: bytes, tweak: bytes) -> bytes:
        """Secret + tweak mod n; refuses a tweak of n or more, and a sum of zero."""
        ...

    def tweak_add_public(self, public_key: bytes, tweak: bytes) -> bytes:
        """Point + tweak * G; refuses as ``tweak_add_secret`` does."""
        ...

    def negate_secret(self, secret: bytes) -> bytes:
        """Return n - secret."""
        ...


def first_importable(*modules: str) -> Backend:
    """``BACKEND`` of the first of ``modules`` whose binding is installed; ``ImportError`` when none is."""
    for module in modules:
        try:
            backend: Backend = importlib.import_module(module).BACKEND
        except ImportError:
            continue
        return backend
    raise ImportError(f"none of these can be imported: {', '.join(modules)}")


def check_rs(rs: bytes) -> None:
    """Refuse r || s with r or s outside 1..n-1 (RANGE) or s above n/2 (HIGH_S).

    By hand because recovery accepts a high s, and with it a second spelling of every signature.
    """
    if len(rs) != 64:
        raise Malformed(Code.LENGTH, "r and s have 64 bytes together")
    r, s = rs[:32], rs[32:]
    # Big-endian bytes of one length compare as numbers do.
    if not any(r) or r >= _N_BYTES or not any(s) or s >= _N_BYTES:
        raise Malformed(Code.RANGE, "r and s lie between 1 and n-1")
    if s > _HALF_N_BYTES:
        raise Malformed(Code.HIGH_S, "s is above n/2: no wallet signs so, somebody touched the signature")


@dataclass(frozen=True, slots=True)
class Curve:
    """The checked operations over one backend."""

    backend: Backend

    def public_key(self, secret: bytes) -> bytes:
        """Compressed public key (33 bytes) of a secret (32 bytes in 1..n-1), else ``Malformed(KEY)``."""
        _sized(secret, 32, Code.KEY)
        try:
            return self.backend.public_key(secret)
        except ValueError:
            raise _bad_key() from None

    def parse_public_key(self, public_key: bytes) -> bytes:
        """Return the same bytes when they are a compressed point of the curve, else ``Malformed(KEY)``."""
        # 65-byte forms, among them the hybrid 06 and 07, would be second spellings of the same key.
        _sized(public_key, 33, Code.KEY)
        if not self.backend.is_public_key(public_key):
            raise _not_a_point()
        return public_key

    def parse_xonly(self, xonly: bytes) -> bytes:
        """Return the same bytes when they are the x of a point (BIP-340), else ``Malformed(KEY)``."""
        self.parse_public_key(b"\x02" + xonly)
        return xonly

    def sign_recoverable(self, secret: bytes, digest: bytes) -> bytes:
        """Recovery id (0 or 1) || r || s, 65 bytes: RFC 6979, low s; the bytes that Litecoin Core makes."""
        _sized(secret, 32, Code.KEY)
        _sized(digest, 32, Code.LENGTH)
        try:
            return self.backend.sign_recoverable(secret, digest)
        except ValueError:
            raise _bad_key() from None

    def recover(self, digest: bytes, rs: bytes, recovery_id: int) -> bytes:
        """Compressed public key that made a low-s signature, else ``NotAuthentic(RECOVER)``.

        Recovery ids 2 and 3 (an x between n and p) are refused as ``HEADER``: no signer ever meets one.
        """
        _sized(digest, 32, Code.LENGTH)
        check_rs(rs)
        if recovery_id not in (0, 1):
            raise Malformed(Code.HEADER, "a recovery id is 0 or 1")
        try:
            return self.backend.recover(digest, rs, recovery_id)
        except ValueError:
            raise NotAuthentic(Code.RECOVER, "no public key gives this signature") from None

    def verify(self, public_key: bytes, digest: bytes, rs: bytes) -> bool:
        """Whether ECDSA holds. False for r or s out of range or a high s; ``Malformed(KEY)`` for no key."""
        _sized(public_key, 33, Code.KEY)
        _sized(digest, 32, Code.LENGTH)
        try:
            check_rs(rs)
        except Malformed:
            return False
        try:
            return self.backend.verify(public_key, digest, rs)
        except ValueError:
            raise _not_a_point() from None

    def schnorr_sign(self, secret: bytes, message: bytes, aux: bytes | None = None) -> bytes:
        """BIP-340 signature (64 bytes) of 32 bytes; deterministic (32 zero bytes of ``aux``) unless told."""
        _sized(secret, 32, Code.KEY)
        _sized(message, 32, Code.LENGTH)
        aux = bytes(32) if aux is None else aux
        _sized(aux, 32, Code.LENGTH)
        try:
            return self.backend.schnorr_sign(secret, message, aux)
        except ValueError:
            raise _bad_key() from None

    def schnorr_verify(self, xonly: bytes, message: bytes, signature: bytes) -> bool:
        """Whether BIP-340 holds for an x-only key (32 bytes), else ``Malformed(KEY)`` for no key."""
        _sized(xonly, 32, Code.KEY)
        _sized(message, 32, Code.LENGTH)
        if len(signature) != 64:
            return False
        try:
            return self.backend.schnorr_verify(xonly, message, signature)
        except ValueError:
            raise _not_a_point() from None

    def tweak_add_secret(self, secret: bytes, tweak: bytes) -> bytes:
        """Secret + tweak mod n (BIP-32, BIP-341), ``Malformed(KEY)`` when there is none."""
        _sized(secret, 32, Code.KEY)
        _sized(tweak, 32, Code.KEY)
        try:
            return self.backend.tweak_add_secret(secret, tweak)
        except ValueError:
            raise _bad_key() from None

    def tweak_add_public(self, public_key: bytes, tweak: bytes) -> bytes:
        """Point + tweak * G (compressed), ``Malformed(KEY)`` when there is none."""
        _sized(public_key, 33, Code.KEY)
        _sized(tweak, 32, Code.KEY)
        try:
            return self.backend.tweak_add_public(public_key, tweak)
        except ValueError:
            raise _bad_key() from None

    def negate_secret(self, secret: bytes) -> bytes:
        """Secret of the point with the same x and the other y."""
        _sized(secret, 32, Code.KEY)
        try:
            return self.backend.negate_secret(secret)
        except ValueError:
            raise _bad_key() from None


def _sized(value: bytes, size: int, code: Code) -> None:
    if len(value) != size:
        raise Malformed(code, f"{size} bytes are needed, not {len(value)}")


def _not_a_point() -> Malformed:
    return Malformed(Code.KEY, "not a point of the curve")


def _bad_key() -> Malformed:
    # One sentence for every reason, and raised "from None": a binding's own may quote a secret.
    return Malformed(Code.KEY, "a secret, or a sum of keys, that is not between 1 and n-1")


CURVE: Final = Curve(first_importable(*BACKENDS))

public_key = CURVE.public_key
parse_public_key = CURVE.parse_public_key
parse_xonly = CURVE.parse_xonly
sign_recoverable = CURVE.sign_recoverable
recover = CURVE.recover
verify = CURVE.verify
schnorr_sign = CURVE.schnorr_sign
schnorr_verify = CURVE.schnorr_verify
tweak_add_secret = CURVE.tweak_add_secret
tweak_add_public = CURVE.tweak_add_public
negate_secret = CURVE.negate_secret
