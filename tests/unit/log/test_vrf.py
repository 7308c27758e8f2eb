"""The verifiable random function: its keys, and what it gives away of them, which is nothing."""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

import pytest

import plain_vrf as plain
from pteri.core.errors import Code, Malformed
from pteri.core.keys.secret import Secret
from pteri.core.log.vrf import OUTPUT_BYTES, PROOF_BYTES, VrfKey, VrfPrivateKey, proof_to_hash

SEED = hashlib.sha256(b"pteri test index").digest()
PRIVATE = VrfPrivateKey(Secret(SEED))


def refused(code: Code) -> pytest.RaisesExc[Malformed]:
    return pytest.raises(Malformed, check=lambda error: error.code is code)


def nonce_point(proof: bytes) -> plain.Point:
    """The nonce times the base, as whoever verifies finds it."""
    key = plain.decoded(PRIVATE.public.raw)
    assert key is not None
    c, s = int.from_bytes(proof[32:48], "little"), int.from_bytes(proof[48:], "little")
    return plain.add(plain.times(s, plain.BASE), plain.negative(plain.times(c, key)))


def test_whoever_has_the_key_makes_what_everybody_can_check() -> None:
    proof = PRIVATE.prove(b"an input")
    assert len(proof) == PROOF_BYTES
    output = PRIVATE.public.verify(b"an input", proof)
    assert len(output) == OUTPUT_BYTES
    assert output == PRIVATE.output(b"an input") == proof_to_hash(proof)


def test_a_proof_is_the_same_each_time_and_shares_no_nonce_with_another() -> None:
    assert PRIVATE.prove(b"an input") == PRIVATE.prove(b"an input")
    # From two with one nonce anybody computes the key.
    assert nonce_point(PRIVATE.prove(b"an input")) != nonce_point(PRIVATE.prove(b"another input"))


def test_an_input_for_which_a_point_is_found_late_is_proved_like_others() -> None:
    """One of two attempts finds a point: among many inputs some need several."""
    for number in range(40):
        alpha = b"input %d" % number
        assert PRIVATE.public.verify(alpha, PRIVATE.prove(alpha)) == PRIVATE.output(alpha)


def test_a_key_shows_nothing_of_its_secret() -> None:
    shown = f"{PRIVATE!r} {PRIVATE}"
    assert "Secret(32 bytes)" in shown
    expanded = hashlib.sha512(SEED).digest()
    for secret in (SEED, expanded[:32], expanded[32:]):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
    with pytest.raises(TypeError):
        pickle.dumps(PRIVATE)


@pytest.mark.parametrize("seed", [b"", SEED[:-1], SEED + b"\0"])
def test_a_seed_has_32_bytes(seed: bytes) -> None:
    with refused(Code.KEY):
        VrfPrivateKey(Secret(seed))


@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(33), bytearray(PRIVATE.public.raw), "k" * 32, None], ids=repr)
def test_a_key_is_32_bytes(raw: Any) -> None:
    with refused(Code.KEY):
        VrfKey(raw)


@pytest.mark.parametrize("proof", [b"", bytes(79), bytes(81), bytearray(80), "p" * 80, None], ids=repr)
def test_a_proof_is_80_bytes(proof: Any) -> None:
    with refused(Code.LENGTH):
        PRIVATE.public.verify(b"", proof)
    with refused(Code.LENGTH):
        proof_to_hash(proof)


@pytest.mark.parametrize(
    ("proof", "code"),
    [
        (bytes(32) + PRIVATE.prove(b"")[32:], Code.VRF),
        (b"\xff" * 32 + PRIVATE.prove(b"")[32:], Code.VRF),
        (PRIVATE.prove(b"")[:32] + bytes(16) + PRIVATE.prove(b"")[48:], Code.RANGE),
        (PRIVATE.prove(b"")[:48] + bytes(32), Code.RANGE),
        (PRIVATE.prove(b"")[:48] + b"\xff" * 32, Code.RANGE),
    ],
    ids=["gamma of order 4", "gamma no point", "no c", "no s", "s too large"],
)
def test_a_proof_has_a_point_and_two_scalars(proof: bytes, code: Code) -> None:
    with refused(code):
        PRIVATE.public.verify(b"", proof)
    with refused(code):
        proof_to_hash(proof)
