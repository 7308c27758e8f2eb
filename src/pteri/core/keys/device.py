"""Device keys: P-256, one per phone and tenant, the second half of every request (docs/spec section 2).

A phone makes its key in its secure element and never exports it; the server knows it as 65 bytes and names
it by its RFC 7638 thumbprint. P-256 because Secure Enclave, StrongBox, WebAuthn and WebCrypto all hold it.
The algorithm is a property of this type: no message field chooses it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.ids import Thumbprint, to_base64url
from pteri.core.keys.secret import Secret

__all__ = ["RANDOM_BYTES", "SEC1_BYTES", "SIGNATURE_BYTES", "DeviceKey", "DevicePrivateKey"]

SEC1_BYTES: Final = 65
SIGNATURE_BYTES: Final = 64
RANDOM_BYTES: Final = 48
"""What :meth:`DevicePrivateKey.from_random` takes: 128 bits above the order, so reducing leaves no bias."""

_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1  # the field, SEC 2 section 2.4.2
_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # the order of the group
_UNCOMPRESSED: Final = 0x04
_CURVE: Final = ec.SECP256R1()
_ECDSA_SHA256: Final = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """A public device key. Every instance is a point on the curve: there is no other way to make one.

    ``sec1`` is 04 || x || y, 65 bytes; ``thumbprint`` is the device id everywhere. Parsing checks the curve
    equation, which is not free, so keep the object of a key that is used often.
    """

    sec1: bytes = field(repr=False)
    thumbprint: Thumbprint = field(init=False, compare=False)
    thumbprint_bytes: bytes = field(init=False, compare=False, repr=False)
    _key: ec.EllipticCurvePublicKey = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        key = _parse_point(self.sec1)
        digest = hashlib.sha256(_jwk(self.sec1)).digest()
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "thumbprint_bytes", digest)
        object.__setattr__(self, "thumbprint", Thumbprint(to_base64url(digest)))

    @classmethod
    def from_sec1(cls, uncompressed: bytes) -> Self:
        """Key of 65 bytes 04 || x || y; ``Malformed(KEY)`` for another spelling or a point off the curve."""
        return cls(uncompressed)

    def verify(self, message: bytes, signature: bytes) -> bytes:
        """Return the canonical form of a right signature: r || s with s at most n/2, 64 bytes.

        ``signature`` is r || s (IEEE P1363). Secure elements and WebCrypto emit high s as often as low s, so
        both twins verify; one form for both keeps the twin from being a second signature, or a second code.
        Raises ``Malformed(LENGTH)``, ``Malformed(RANGE)`` for r or s outside 1..n-1, and
        ``NotAuthentic(DEVICE_SIGNATURE)``.
        """
        if len(signature) != SIGNATURE_BYTES:
            raise Malformed(Code.LENGTH, "a device signature has 64 bytes")
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if not (0 < r < _N and 0 < s < _N):
            raise Malformed(Code.RANGE, "r and s are between 1 and n-1")
        try:
            self._key.verify(utils.encode_dss_signature(r, s), message, _ECDSA_SHA256)
        except InvalidSignature as error:
            raise NotAuthentic(Code.DEVICE_SIGNATURE, "not signed by this device") from error
        return _canonical(r, s)


@dataclass(frozen=True, slots=True, eq=False)
class DevicePrivateKey:
    """A device key that this process holds: for the Python wallet, for relying parties and for tests.

    ``secret`` is the scalar, 32 bytes big-endian, 1..n-1; anything else is ``Malformed(KEY)``.
    """

    secret: Secret
    public: DeviceKey = field(init=False)
    _key: ec.EllipticCurvePrivateKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        raw = self.secret.reveal()
        scalar = int.from_bytes(raw, "big")
        if len(raw) != 32 or not 0 < scalar < _N:
            raise Malformed(Code.KEY, "a device secret is 32 bytes, between 1 and n-1")
        key = ec.derive_private_key(scalar, _CURVE)
        point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "public", DeviceKey.from_sec1(point))

    @classmethod
    def from_secret(cls, scalar: Secret) -> Self:
        """Key of a stored secret."""
        return cls(scalar)

    @classmethod
    def from_random(cls, random: bytes) -> Self:
        """Make a new key from exactly 48 random bytes that the caller drew (FIPS 186-5 appendix A.2.1)."""
        # Fewer bytes would still give a key, only a guessable one: so the size is a refusal, not advice.
        if len(random) != RANDOM_BYTES:
            raise Malformed(Code.KEY, "a new device key is made from 48 random bytes")
        scalar = int.from_bytes(random, "big") % (_N - 1) + 1
        return cls(Secret(scalar.to_bytes(32, "big")))

    def sign(self, message: bytes) -> bytes:
        """Canonical r || s, 64 bytes, with the nonce of RFC 6979: no randomness here, no nonce to reuse."""
        deterministic = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        return _canonical(*utils.decode_dss_signature(self._key.sign(message, deterministic)))


def _parse_point(raw: bytes) -> ec.EllipticCurvePublicKey:
    # The library also reads compressed points: length and first byte leave one spelling per key. Infinity has
    # one byte, the hybrid forms begin with 06 and 07.
    if len(raw) != SEC1_BYTES or raw[0] != _UNCOMPRESSED:
        raise Malformed(Code.KEY, "a device key is 65 bytes: 04, x, y")
    # x + p would be a second spelling of x, so a revoked key could come back under another name. Said here,
    # so that it hangs on no library's version.
    if max(int.from_bytes(raw[1:33], "big"), int.from_bytes(raw[33:], "big")) >= _P:
        raise Malformed(Code.KEY, "a coordinate is not below p")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, raw)
    except ValueError as error:
        raise Malformed(Code.KEY, "not a point on P-256") from error


def _jwk(sec1: bytes) -> bytes:
    """Write the JSON that RFC 7638 section 3.2 hashes: required members only, sorted, no white space."""
    x, y = to_base64url(sec1[1:33]), to_base64url(sec1[33:])
    return f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode()


def _canonical(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + min(s, _N - s).to_bytes(32, "big")
