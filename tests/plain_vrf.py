"""ECVRF-EDWARDS25519-SHA512-TAI by the letter of RFC 8032 and RFC 9381, in whole numbers: slow, and nobody's code.

What the program computes with a library is compared with this. It verifies as the RFC does, cofactor and all, so it
also shows what the program refuses beyond it.
"""

from __future__ import annotations

import hashlib

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)
Point = tuple[int, int]
ZERO: Point = (0, 1)
ORDER_2: Point = (0, P - 1)


def add(left: Point, right: Point) -> Point:
    (a, b), (c, d) = left, right
    twist = D * a * b * c * d
    return (a * d + b * c) * pow(1 + twist, -1, P) % P, (b * d + a * c) * pow(1 - twist, -1, P) % P


def times(scalar: int, point: Point) -> Point:
    found = ZERO
    for bit in f"{scalar:b}":
        found = add(found, found)
        found = add(found, point) if bit == "1" else found
    return found


def negative(point: Point) -> Point:
    return -point[0] % P, point[1]


def encoded(point: Point) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


def decoded(raw: bytes) -> Point | None:
    """RFC 8032 section 5.1.3."""
    whole = int.from_bytes(raw, "little")
    sign, y = whole >> 255, whole & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return (x if x & 1 == sign else P - x), y


def _base() -> Point:
    found = decoded((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    assert found is not None
    return found


BASE = _base()


def secret_scalar(seed: bytes) -> int:
    whole = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    return whole & ((1 << 254) - 8) | 1 << 254


def to_curve(key: bytes, alpha: bytes) -> Point:
    for tries in range(256):
        digest = hashlib.sha512(b"\3\1" + key + alpha + bytes([tries]) + b"\0").digest()
        point = decoded(digest[:32])
        if point is not None and (cleared := times(8, point)) != ZERO:
            return cleared
    raise AssertionError("no point for this input")


def challenge(*points: Point) -> int:
    digest = hashlib.sha512(b"\3\2" + b"".join(encoded(point) for point in points) + b"\0").digest()
    return int.from_bytes(digest[:16], "little")


def output(gamma: Point) -> bytes:
    return hashlib.sha512(b"\3\3" + encoded(times(8, gamma)) + b"\0").digest()


def proved(seed: bytes, alpha: bytes) -> tuple[bytes, bytes, bytes]:
    """Public key, proof and output."""
    x = secret_scalar(seed)
    key = times(x, BASE)
    point = to_curve(encoded(key), alpha)
    gamma = times(x, point)
    nonces = hashlib.sha512(seed).digest()[32:]
    k = int.from_bytes(hashlib.sha512(nonces + encoded(point)).digest(), "little") % Q
    c = challenge(key, point, gamma, times(k, BASE), times(k, point))
    proof = encoded(gamma) + c.to_bytes(16, "little") + ((k + c * x) % Q).to_bytes(32, "little")
    return encoded(key), proof, output(gamma)


def proved_outside(seed: bytes, alpha: bytes, *, key_by: Point = ZERO, gamma_by: Point = ZERO) -> tuple[bytes, bytes]:
    """Public key and proof of somebody who adds a point of order 2 to one of them, and tries until nobody sees it."""
    x = secret_scalar(seed)
    key = add(times(x, BASE), key_by)
    point = to_curve(encoded(key), alpha)
    gamma = add(times(x, point), gamma_by)
    for k in range(1, 100):
        c = challenge(key, point, gamma, times(k, BASE), times(k, point))
        if c % 2 == 0:
            break
    proof = encoded(gamma) + c.to_bytes(16, "little") + ((k + c * x) % Q).to_bytes(32, "little")
    return encoded(key), proof


def verified(key: bytes, alpha: bytes, proof: bytes) -> bytes | None:
    """RFC 9381 section 5.3 with a checked key: the output, or ``None``."""
    whose, gamma = decoded(key), decoded(proof[:32])
    c, s = int.from_bytes(proof[32:48], "little"), int.from_bytes(proof[48:], "little")
    if whose is None or gamma is None or times(8, whose) == ZERO or s >= Q or len(proof) != 80:
        return None
    point = to_curve(key, alpha)
    u = add(times(s, BASE), negative(times(c, whose)))
    v = add(times(s, point), negative(times(c, gamma)))
    return output(gamma) if challenge(whose, point, gamma, u, v) == c else None
