"""One suite over every binding of libsecp256k1: the same answers, byte for byte."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys import secp256k1
from pteri.core.keys.hashes import sha256
from pteri.core.keys.secp256k1 import BACKENDS, CURVE, Curve, N, P, first_importable

_BIP340 = json.loads((Path(__file__).parents[2] / "vectors" / "bips.json").read_text("utf-8"))["bip340"]
# The first binding has no wheel for Python 3.14; the second one must be there always.
_MODULES = BACKENDS if sys.version_info < (3, 14) else BACKENDS[1:]

_SECRET, _DIGEST = sha256(b"secret"), sha256(b"digest")
_G = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
_BAD_SECRETS = [b"", bytes(31), bytes(32), bytes(33), N.to_bytes(32, "big"), b"\xff" * 32, b"\x01" * 33]
_BAD_KEYS = [
    b"",
    bytes(33),
    _G[1:],
    _G + b"\0",
    b"\x04" + _G[1:],
    b"\x06" + _G[1:],
    b"\x04" + _G[1:] * 2,
    b"\x02" + P.to_bytes(32, "big"),
    b"\x02" + (5).to_bytes(32, "big"),
    b"\x02" + b"\xff" * 32,
]


def _number(value: int) -> bytes:
    return value.to_bytes(32, "big")


@pytest.fixture(params=_MODULES)
def curve(request: pytest.FixtureRequest) -> Curve:
    return Curve(first_importable(request.param))


def _refuses(code: Code, call: Any, *arguments: object) -> None:
    with pytest.raises((Malformed, NotAuthentic)) as refused:
        call(*arguments)
    assert refused.value.code is code
    assert _SECRET.hex() not in str(refused.value)


def test_the_first_binding_that_can_be_imported_is_taken() -> None:
    assert first_importable("no.such.binding", _MODULES[0]).name == CURVE.backend.name
    assert CURVE.backend.name == ("coincurve" if sys.version_info < (3, 14) else "btclib_secp256k1")
    with pytest.raises(ImportError, match=r"no\.such\.binding"):
        first_importable("no.such.binding")


def test_the_constants_are_those_of_sec_2() -> None:
    assert P == 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F
    assert N == 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def test_the_functions_of_the_module_are_those_of_its_curve() -> None:
    for name in secp256k1.__all__:
        if hasattr(Curve, name):
            assert getattr(secp256k1, name) == getattr(CURVE, name)


def test_small_secrets_have_the_known_points(curve: Curve) -> None:
    assert curve.public_key(_number(1)) == _G
    assert curve.public_key(_number(N - 1)) == b"\x03" + _G[1:]
    two = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"
    assert curve.public_key(_number(2)).hex() == two


@pytest.mark.parametrize("secret", _BAD_SECRETS)
def test_what_is_no_secret_is_refused_everywhere(curve: Curve, secret: bytes) -> None:
    _refuses(Code.KEY, curve.public_key, secret)
    _refuses(Code.KEY, curve.sign_recoverable, secret, _DIGEST)
    _refuses(Code.KEY, curve.schnorr_sign, secret, _DIGEST)
    _refuses(Code.KEY, curve.tweak_add_secret, secret, _number(1))
    _refuses(Code.KEY, curve.negate_secret, secret)


@pytest.mark.parametrize("key", _BAD_KEYS)
def test_what_is_no_compressed_point_is_refused_everywhere(curve: Curve, key: bytes) -> None:
    rs = curve.sign_recoverable(_SECRET, _DIGEST)[1:]
    _refuses(Code.KEY, curve.parse_public_key, key)
    _refuses(Code.KEY, curve.verify, key, _DIGEST, rs)
    _refuses(Code.KEY, curve.tweak_add_public, key, _number(1))


@pytest.mark.parametrize("key", [b"", _G, bytes(31), _number(0), _number(5), _number(P), b"\xff" * 32])
def test_what_is_no_x_of_a_point_is_refused(curve: Curve, key: bytes) -> None:
    _refuses(Code.KEY, curve.parse_xonly, key)
    _refuses(Code.KEY, curve.schnorr_verify, key, _DIGEST, bytes(64))


def test_a_key_is_parsed_into_itself(curve: Curve) -> None:
    key = curve.public_key(_SECRET)
    assert curve.parse_public_key(key) == key
    assert curve.parse_xonly(key[1:]) == key[1:]


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(33)])
def test_a_digest_has_32_bytes(curve: Curve, digest: bytes) -> None:
    key, rs = curve.public_key(_SECRET), curve.sign_recoverable(_SECRET, _DIGEST)[1:]
    _refuses(Code.LENGTH, curve.sign_recoverable, _SECRET, digest)
    _refuses(Code.LENGTH, curve.recover, digest, rs, 0)
    _refuses(Code.LENGTH, curve.verify, key, digest, rs)
    _refuses(Code.LENGTH, curve.schnorr_sign, _SECRET, digest)
    _refuses(Code.LENGTH, curve.schnorr_sign, _SECRET, _DIGEST, digest)
    _refuses(Code.LENGTH, curve.schnorr_verify, key[1:], digest, bytes(64))


@pytest.mark.parametrize("number", range(12))
def test_a_signature_gives_its_key_back_and_every_binding_makes_the_same(curve: Curve, number: int) -> None:
    secret, digest = sha256(b"s%d" % number), sha256(b"d%d" % number)
    compact = curve.sign_recoverable(secret, digest)
    assert compact == CURVE.sign_recoverable(secret, digest)
    assert int.from_bytes(compact[33:], "big") <= N // 2
    key = curve.public_key(secret)
    assert curve.recover(digest, compact[1:], compact[0]) == key
    assert curve.recover(digest, compact[1:], 1 - compact[0]) != key
    assert curve.verify(key, digest, compact[1:])
    assert not curve.verify(key, sha256(digest), compact[1:])
    assert not curve.verify(curve.public_key(digest), digest, compact[1:])


def test_nonces_are_those_of_rfc_6979(curve: Curve) -> None:
    # Widely published for this curve: secret 1, "Satoshi Nakamoto".
    compact = curve.sign_recoverable(_number(1), sha256(b"Satoshi Nakamoto"))
    assert compact[1:].hex() == (
        "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8"
        "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5"
    )


def test_the_high_s_twin_is_refused_by_recovery_and_by_verification(curve: Curve) -> None:
    compact = curve.sign_recoverable(_SECRET, _DIGEST)
    twin = compact[1:33] + _number(N - int.from_bytes(compact[33:], "big"))
    _refuses(Code.HIGH_S, curve.recover, _DIGEST, twin, 1 - compact[0])
    assert not curve.verify(curve.public_key(_SECRET), _DIGEST, twin)


@pytest.mark.parametrize(
    ("r", "s"), [(0, 1), (1, 0), (0, 0), (N, 1), (1, N), (N + 1, 1), (1, N + 1), (2**256 - 1, 2**256 - 1), (P, 1)]
)
def test_r_and_s_lie_between_1_and_n(curve: Curve, r: int, s: int) -> None:
    for recovery_id in range(4):
        _refuses(Code.RANGE, curve.recover, _DIGEST, _number(r) + _number(s), recovery_id)
    assert not curve.verify(_G, _DIGEST, _number(r) + _number(s))


@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_signature_has_64_bytes(curve: Curve, size: int) -> None:
    _refuses(Code.LENGTH, curve.recover, _DIGEST, b"\x01" * size, 0)
    assert not curve.verify(_G, _DIGEST, b"\x01" * size)
    assert not curve.schnorr_verify(_G[1:], _DIGEST, b"\x01" * size)


@pytest.mark.parametrize("recovery_id", [-1, 2, 3, 4, 256])
def test_a_recovery_id_is_0_or_1(curve: Curve, recovery_id: int) -> None:
    _refuses(Code.HEADER, curve.recover, _DIGEST, _number(1) + _number(1), recovery_id)


def test_a_signature_of_no_key_is_not_authentic(curve: Curve) -> None:
    # r = 5 is no x of a point; and s = z, r = x(G), odd y or even, make the key the point at infinity.
    _refuses(Code.RECOVER, curve.recover, _DIGEST, _number(5) + _number(1), 0)
    x = int.from_bytes(_G[1:], "big")
    _refuses(Code.RECOVER, curve.recover, _number(1), _number(x) + _number(1), 0)


@pytest.mark.parametrize("vector", _BIP340, ids=lambda vector: vector["id"])
def test_bip340_comes_out_as_published(curve: Curve, vector: dict[str, Any]) -> None:
    key, message, signature = (bytes.fromhex(vector[name]) for name in ("public_key", "message", "signature"))
    if vector["secret"]:
        secret = bytes.fromhex(vector["secret"])
        assert curve.public_key(secret)[1:] == key
        assert curve.schnorr_sign(secret, message, bytes.fromhex(vector["aux"])) == signature
    accepted = False
    with contextlib.suppress(Malformed):  # a key that is none
        accepted = curve.schnorr_verify(key, message, signature)
    assert accepted is (vector["expect"] == "accept")


def test_schnorr_signatures_are_deterministic_unless_told(curve: Curve) -> None:
    plain = curve.schnorr_sign(_SECRET, _DIGEST)
    assert plain == curve.schnorr_sign(_SECRET, _DIGEST, bytes(32)) == CURVE.schnorr_sign(_SECRET, _DIGEST)
    assert plain != curve.schnorr_sign(_SECRET, _DIGEST, _number(1))
    assert curve.schnorr_verify(curve.public_key(_SECRET)[1:], _DIGEST, plain)


def test_tweaks_of_secret_and_point_agree(curve: Curve) -> None:
    for tweak in (_number(0), _number(1), _number(N - 1), _DIGEST):
        tweaked = curve.tweak_add_secret(_SECRET, tweak)
        assert tweaked == CURVE.tweak_add_secret(_SECRET, tweak)
        assert curve.tweak_add_public(curve.public_key(_SECRET), tweak) == curve.public_key(tweaked)


@pytest.mark.parametrize("tweak", [b"", bytes(31), bytes(33), _number(N), b"\xff" * 32])
def test_what_is_no_tweak_is_refused(curve: Curve, tweak: bytes) -> None:
    _refuses(Code.KEY, curve.tweak_add_secret, _SECRET, tweak)
    _refuses(Code.KEY, curve.tweak_add_public, _G, tweak)


def test_a_sum_of_zero_is_no_key(curve: Curve) -> None:
    opposite = curve.negate_secret(_SECRET)
    _refuses(Code.KEY, curve.tweak_add_secret, _SECRET, opposite)
    _refuses(Code.KEY, curve.tweak_add_public, curve.public_key(_SECRET), opposite)


def test_a_negated_secret_has_the_mirrored_point(curve: Curve) -> None:
    opposite = curve.negate_secret(_SECRET)
    assert int.from_bytes(opposite, "big") == N - int.from_bytes(_SECRET, "big")
    assert curve.negate_secret(opposite) == _SECRET
    assert curve.public_key(opposite)[1:] == curve.public_key(_SECRET)[1:]
    assert curve.public_key(opposite) != curve.public_key(_SECRET)
