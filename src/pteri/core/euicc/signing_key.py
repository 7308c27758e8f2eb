"""The keys that sign here: ECDSA with SHA-256 on P-256 or brainpoolP256r1 (docs/spec/esim-chip.md section 4).

Certificates carry signatures as DER, chips carry them as r || s. Both twins of a signature, (r, s) and (r, n - s),
verify: chips emit either, and what an event *is* hangs on signed content only, never on signature bytes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from pteri.core.errors import Code, MalformedEvidence, NotAuthentic
from pteri.core.euicc.der import INTEGER, SEQUENCE, exactly, non_negative, only

__all__ = ["POINT_BYTES", "SIGNATURE_BYTES", "SigningKey", "public_key"]

SIGNATURE_BYTES: Final = 64
POINT_BYTES: Final = 65
_MAX_SIGNATURE_BYTES: Final = 72
_ECDSA_SHA256: Final = ec.ECDSA(hashes.SHA256())


class _Curve(NamedTuple):
    curve: ec.EllipticCurve
    order: int


_CURVES: Final = {
    # SubjectPublicKeyInfo up to the point: one spelling for each curve, so it is compared and not parsed.
    bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"): _Curve(
        ec.SECP256R1(), 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    ),
    bytes.fromhex("305a301406072a8648ce3d020106092b2403030208010107034200"): _Curve(
        ec.BrainpoolP256R1(), 0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7
    ),
}


class SigningKey:
    """A public key out of a certificate."""

    __slots__ = ("_curve", "_key")

    def __init__(self, key: ec.EllipticCurvePublicKey, curve: _Curve) -> None:
        self._key = key
        self._curve = curve

    def check_raw(self, message: bytes, rs: bytes, *, otherwise: Code) -> None:
        """Refuse unless r || s is this key's signature: ``NotAuthentic`` with the code ``otherwise``."""
        if len(rs) != SIGNATURE_BYTES:
            raise MalformedEvidence(Code.LENGTH, "a chip's signature has 64 bytes")
        r, s = int.from_bytes(rs[:32], "big"), int.from_bytes(rs[32:], "big")
        self._check_range(r, s)
        self._check(message, utils.encode_dss_signature(r, s), otherwise)

    def check_der(self, message: bytes, signature: bytes, *, otherwise: Code) -> None:
        """The same for the signature of a certificate, SEQUENCE {r, s}."""
        self._check_range(*_numbers(signature))
        # It has its one spelling, so what would be encoded again here are the same bytes.
        self._check(message, signature, otherwise)

    def _check_range(self, r: int, s: int) -> None:
        if not (0 < r < self._curve.order and 0 < s < self._curve.order):
            raise MalformedEvidence(Code.RANGE, "r and s are between 1 and n-1")

    def _check(self, message: bytes, signature: bytes, otherwise: Code) -> None:
        try:
            self._key.verify(signature, message, _ECDSA_SHA256)
        except InvalidSignature as error:
            raise NotAuthentic(otherwise, "not signed by the key that must have signed it") from error


def public_key(info: bytes) -> SigningKey:
    """The key of a SubjectPublicKeyInfo; ``MalformedEvidence(KEY)`` for another curve, spelling or no point."""
    curve = _CURVES.get(info[:-POINT_BYTES])
    # Hybrid and compressed points would be second spellings; the lengths in the prefix fix the size. The library
    # refuses a hybrid one as well: said here, so that it hangs on no library's version.
    if curve is None or info[-POINT_BYTES] != 0x04:
        raise MalformedEvidence(Code.KEY, "not an uncompressed key on P-256 or brainpoolP256r1")
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(curve.curve, info[-POINT_BYTES:])
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MalformedEvidence(Code.KEY, "not a point on its curve") from error
    return SigningKey(key, curve)


def _numbers(der: bytes) -> tuple[int, int]:
    """The two numbers of SEQUENCE {r, s}."""
    sequence = only(der, max_bytes=_MAX_SIGNATURE_BYTES)
    if sequence.tag != SEQUENCE:
        raise MalformedEvidence(Code.DER, "a certificate's signature is a sequence")
    r, s = exactly(sequence.content, (INTEGER, INTEGER), "a signature")
    return non_negative(r, max_bytes=33), non_negative(s, max_bytes=33)
