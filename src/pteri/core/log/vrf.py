"""A verifiable random function: 64 bytes that only one key can compute for an input, and everybody can check.

docs/spec/log.md section 9; RFC 9381 section 5, ECVRF-EDWARDS25519-SHA512-TAI (suite 03). A library adds and multiplies
points and scalars, in constant time; what is written here is the order of the steps, and which bytes are hashed.

Stricter than the RFC in one thing: a public key and a gamma outside the subgroup of prime order are refused, where the
RFC multiplies them away. No honest prover makes such, and a proof of one input has one gamma then.

Not in constant time: how often a point is tried depends on the input and the *public* key. And as in the rest of this
program, bytes of a secret pass through the interpreter, which hashes, slices and copies them, and wipes none.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from nacl import bindings
from nacl.exceptions import RuntimeError as NotAPoint

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys.secret import Secret

__all__ = ["OUTPUT_BYTES", "PROOF_BYTES", "VRF_KEY_BYTES", "VrfKey", "VrfPrivateKey", "proof_to_hash"]

VRF_KEY_BYTES: Final = 32
PROOF_BYTES: Final = 80
OUTPUT_BYTES: Final = 64

_SUITE: Final = b"\x03"
_TO_CURVE, _CHALLENGE, _TO_HASH, _END = b"\x01", b"\x02", b"\x03", b"\x00"
_POINT: Final = 32
_CHALLENGE_BYTES: Final = 16
_P: Final = 2**255 - 19
_Y: Final = 2**255 - 1
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_IDENTITY: Final = b"\x01" + bytes(31)


@dataclass(frozen=True, slots=True)
class VrfKey:
    """A public key, 32 bytes: a point of prime order in its one spelling, else ``Malformed(KEY)``.

    That is more than the RFC asks of a key. With it nobody makes two outputs for one input, nor does the key's owner.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if type(self.raw) is not bytes or len(self.raw) != VRF_KEY_BYTES:
            raise Malformed(Code.KEY, "a key of a verifiable random function has 32 bytes")
        if not bindings.crypto_core_ed25519_is_valid_point(self.raw):
            raise Malformed(Code.KEY, "not a key of a verifiable random function")

    def verify(self, alpha: bytes, proof: bytes) -> bytes:
        """The output for this input, 64 bytes, which this proof shows; section 5.3 of the RFC.

        1. the proof has its size and one spelling; 2. the challenge is that of these points. Raises ``Malformed``
        (``LENGTH``, ``VRF``, ``RANGE``) or ``NotAuthentic(VRF)``.
        """
        # 1.
        gamma, challenge, response = _parts(proof)
        # 2. U = s B - c Y and V = s H - c Gamma
        point = _to_curve(self.raw, alpha)
        u = _minus(bindings.crypto_scalarmult_ed25519_base_noclamp(response), _times(challenge, self.raw))
        v = _minus(_times(response, point), _times(challenge, gamma))
        if _challenge(self.raw, point, gamma, u, v) != challenge:
            raise NotAuthentic(Code.VRF, "the proof is of another key or of another input")
        return _output(gamma)


@dataclass(frozen=True, slots=True, eq=False)
class VrfPrivateKey:
    """A key that this process holds. ``seed``: 32 bytes, all of them random; anything else is ``Malformed(KEY)``.

    It must sign nothing: its scalar and its nonces are made as those of an Ed25519 key are.
    """

    seed: Secret
    public: VrfKey = field(init=False)
    _scalar: Secret = field(init=False, repr=False)
    _nonces: Secret = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != VRF_KEY_BYTES:
            raise Malformed(Code.KEY, "the seed of a verifiable random function has 32 bytes")
        hashed = bytearray(hashlib.sha512(self.seed.reveal()).digest())
        # RFC 8032 section 5.1.5. Below the order then, as the library adds and multiplies scalars.
        hashed[0] &= 0xF8
        hashed[31] = hashed[31] & 0x7F | 0x40
        scalar = bindings.crypto_core_ed25519_scalar_reduce(bytes(hashed[:32]) + bytes(32))
        object.__setattr__(self, "_scalar", Secret(scalar))
        object.__setattr__(self, "_nonces", Secret(bytes(hashed[32:])))
        object.__setattr__(self, "public", VrfKey(bindings.crypto_scalarmult_ed25519_base_noclamp(scalar)))

    def output(self, alpha: bytes) -> bytes:
        """The output for this input, 64 bytes, without a proof."""
        return _output(_times(self._scalar.reveal(), _to_curve(self.public.raw, alpha)))

    def prove(self, alpha: bytes) -> bytes:
        """The proof for this input, 80 bytes ``gamma || c || s``, always the same; section 5.1 of the RFC."""
        scalar, point = self._scalar.reveal(), _to_curve(self.public.raw, alpha)
        gamma = _times(scalar, point)
        # Section 5.4.2.2, the nonce of RFC 8032: hangs on no good randomness, and is another for another input.
        nonce = bindings.crypto_core_ed25519_scalar_reduce(hashlib.sha512(self._nonces.reveal() + point).digest())
        u, v = bindings.crypto_scalarmult_ed25519_base_noclamp(nonce), _times(nonce, point)
        challenge = _challenge(self.public.raw, point, gamma, u, v)
        response = bindings.crypto_core_ed25519_scalar_add(
            nonce, bindings.crypto_core_ed25519_scalar_mul(challenge, scalar)
        )
        return gamma + challenge[:_CHALLENGE_BYTES] + response


def proof_to_hash(proof: bytes) -> bytes:
    """The output that this proof claims; section 5.2 of the RFC. It proves nothing: see :meth:`VrfKey.verify`."""
    return _output(_parts(proof)[0])


def _parts(proof: bytes) -> tuple[bytes, bytes, bytes]:
    """Gamma, c as a scalar, and s; each has one spelling. Section 5.4.4."""
    if type(proof) is not bytes or len(proof) != PROOF_BYTES:
        raise Malformed(Code.LENGTH, f"a proof of a verifiable random function has {PROOF_BYTES} bytes")
    gamma, response = proof[:_POINT], proof[_POINT + _CHALLENGE_BYTES :]
    challenge = proof[_POINT : _POINT + _CHALLENGE_BYTES] + bytes(_CHALLENGE_BYTES)
    if not bindings.crypto_core_ed25519_is_valid_point(gamma):
        raise Malformed(Code.VRF, "gamma is not a point of prime order")
    # Zero is what no prover finds, and what the library does not multiply with.
    if not any(challenge) or not 0 < int.from_bytes(response, "little") < _ORDER:
        raise Malformed(Code.RANGE, "c or s is zero, or s is not below the order")
    return gamma, challenge, response


def _to_curve(key: bytes, alpha: bytes) -> bytes:
    """A point of prime order whose logarithm nobody knows; section 5.4.1.1, try and increment."""
    tries = 0
    while True:
        digest = hashlib.sha512(_SUITE + _TO_CURVE + key + alpha + bytes((tries,)) + _END).digest()
        raw = digest[:_POINT]
        # One of two is the y of no point. A y that is not below p is none either: RFC 8032 section 5.1.3.
        if int.from_bytes(raw, "little") & _Y < _P and (point := _eightfold(raw)) != _IDENTITY:
            return point
        tries += 1


def _eightfold(point: bytes) -> bytes:
    """Eight times this point, which is in the subgroup of prime order; the identity for what is no point.

    The library multiplies only what is in that subgroup already, so the cofactor is cleared by adding.
    """
    try:
        for _ in range(3):
            point = bindings.crypto_core_ed25519_add(point, point)
    except NotAPoint:
        return _IDENTITY
    return point


def _times(scalar: bytes, point: bytes) -> bytes:
    return bindings.crypto_scalarmult_ed25519_noclamp(scalar, point)


def _minus(left: bytes, right: bytes) -> bytes:
    return bindings.crypto_core_ed25519_sub(left, right)


def _challenge(*points: bytes) -> bytes:
    """Section 5.4.3: 16 bytes, as a scalar of 32."""
    digest = hashlib.sha512(_SUITE + _CHALLENGE + b"".join(points) + _END).digest()
    return digest[:_CHALLENGE_BYTES] + bytes(_CHALLENGE_BYTES)


def _output(gamma: bytes) -> bytes:
    return hashlib.sha512(_SUITE + _TO_HASH + _eightfold(gamma) + _END).digest()
