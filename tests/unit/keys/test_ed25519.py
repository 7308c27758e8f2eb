"""Ed25519 keys of logs and witnesses: one spelling of a key, one of a signature, and no key that fits everything."""

from __future__ import annotations

import hashlib

import pytest

from pteri.core.errors import Code, ProtocolError
from pteri.core.keys.ed25519 import NoteKey, NotePrivateKey
from pteri.core.keys.secret import Secret

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
KEY = NotePrivateKey(Secret(hashlib.sha256(b"a log").digest()))


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


def doubled(x: int, y: int) -> tuple[int, int]:
    """Twice a point, by the formula of RFC 8032 section 5.1.4 in affine numbers."""
    product = D * x * x % P * y % P * y % P
    return (
        2 * x * y * pow(1 + product, -1, P) % P,
        (y * y + x * x) * pow(1 - product, -1, P) % P,
    )


def point_of_order_eight() -> tuple[int, int]:
    """A point whose double has y = 0: then x**2 = -y**2, and the curve equation says 2 y**2 = 1 - d y**4."""
    i = pow(2, (P - 1) // 4, P)
    root = square_root((1 + D) % P)
    for sign in (1, -1):
        square = (-1 + sign * root) * pow(D, -1, P) % P
        if pow(square, (P - 1) // 2, P) == 1:
            y = square_root(square)
            return i * y % P, y
    raise AssertionError("there are points of order eight")


def square_root(value: int) -> int:
    found = pow(value, (P + 3) // 8, P)
    if found * found % P != value % P:
        found = found * pow(2, (P - 1) // 4, P) % P
    assert found * found % P == value % P
    return found


def small_order_keys() -> list[bytes]:
    x, y = point_of_order_eight()
    assert doubled(*doubled(*doubled(x, y))) == (0, 1)
    assert doubled(x, y)[1] == 0
    heights = (1, 0, P - 1, y, P - y)
    return [(height | sign).to_bytes(32, "little") for height in heights for sign in (0, 1 << 255)]


def test_a_right_signature_verifies_and_a_changed_one_does_not() -> None:
    signature = KEY.sign(b"a text")
    KEY.public.verify(b"a text", signature)
    for message, forged in [(b"another", signature), (b"a text", bytes(32) + signature[32:])]:
        with refused(Code.NOTE_SIGNATURE):
            KEY.public.verify(message, forged)


@pytest.mark.parametrize("raw", small_order_keys(), ids=bytes.hex)
def test_a_key_of_small_order_is_no_key(raw: bytes) -> None:
    with refused(Code.KEY):
        NoteKey.from_raw(raw)


@pytest.mark.parametrize("above", range(19))
def test_a_key_has_one_spelling(above: int) -> None:
    with refused(Code.KEY):
        NoteKey.from_raw((P + above).to_bytes(32, "little"))


def test_s_and_s_plus_the_order_are_not_both_signatures() -> None:
    signature = KEY.sign(b"a text")
    s = int.from_bytes(signature[32:], "little")
    with refused(Code.RANGE):
        KEY.public.verify(b"a text", signature[:32] + (s + ORDER).to_bytes(32, "little"))
    with refused(Code.LENGTH):
        KEY.public.verify(b"a text", signature + b"\0")
