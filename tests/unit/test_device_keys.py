from __future__ import annotations

import base64
import hashlib
import json
import pickle

import pytest

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys.device import DeviceKey, DevicePrivateKey
from pteri.core.keys.secret import Secret

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
G = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


def scalar(number: int) -> Secret:
    return Secret(number.to_bytes(32, "big"))


def coordinate(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=")


# RFC 6979 A.2.5
KEY = DevicePrivateKey.from_secret(scalar(0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721))
# RFC 9421 B.1.3
RFC_9421_KEY = DeviceKey.from_sec1(
    b"\x04"
    + coordinate("qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA")
    + coordinate("Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0")
)


def twin(signature: bytes) -> bytes:
    return signature[:32] + (N - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


# --- public keys


def test_the_thumbprint_is_the_published_one_of_rfc_9449() -> None:
    key = DeviceKey.from_sec1(
        b"\x04"
        + coordinate("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs")
        + coordinate("9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA")
    )
    assert key.thumbprint == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    assert coordinate(key.thumbprint) == key.thumbprint_bytes


def test_the_thumbprint_hashes_the_four_required_members_in_order() -> None:
    x, y = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (G[1:33], G[33:]))
    jwk = json.dumps({"y": y, "x": x, "kty": "EC", "crv": "P-256"}, sort_keys=True, separators=(",", ":"))
    assert DeviceKey.from_sec1(G).thumbprint_bytes == hashlib.sha256(jwk.encode()).digest()


def test_encoding_gives_back_the_bytes_that_were_read() -> None:
    assert DeviceKey.from_sec1(G).sec1 == G


def test_keys_are_equal_by_their_bytes() -> None:
    assert DeviceKey.from_sec1(G) == DeviceKey.from_sec1(G)
    assert len({DeviceKey.from_sec1(G), DeviceKey.from_sec1(G), KEY.public}) == 2


def test_a_key_prints_as_its_thumbprint() -> None:
    key = DeviceKey.from_sec1(G)
    assert repr(key) == f"DeviceKey(thumbprint='{key.thumbprint}')"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x04",
        b"\x00",
        G[:-1],
        G + b"\x00",
        G[1:],
        b"\x03" + G[1:33],
        b"\x05" + G[1:],
        G[:-1] + b"\xf4",
        b"\x04" + G[33:] + G[1:33],
    ],
)
def test_other_bytes_are_no_key(raw: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        DeviceKey.from_sec1(raw)
    assert refusal.value.code is Code.KEY


def test_a_coordinate_that_is_not_below_p_is_no_second_spelling_of_a_key() -> None:
    # The point with x = 0, which p spells too.
    y = pow(0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B, (P + 1) // 4, P).to_bytes(32, "big")
    assert DeviceKey.from_sec1(b"\x04" + bytes(32) + y).sec1[1:33] == bytes(32)
    with pytest.raises(Malformed) as refused:
        DeviceKey.from_sec1(b"\x04" + P.to_bytes(32, "big") + y)
    assert (refused.value.code, refused.value.detail) == (Code.KEY, "a coordinate is not below p")


def test_the_constructor_is_no_way_around_the_checks() -> None:
    with pytest.raises(Malformed):
        DeviceKey(b"\x04" + bytes(64))


# --- signatures


def test_the_published_signature_of_rfc_9421_verifies() -> None:
    digest = "mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ=="
    message = (
        '"@status": 200\n'
        '"content-type": application/json\n'
        f'"content-digest": sha-512=:{digest}:\n'
        '"content-length": 23\n'
        '"@signature-params": ("@status" "content-type" "content-digest" "content-length")'
        ';created=1618884473;keyid="test-key-ecc-p256"'
    )
    signature = base64.b64decode(
        "wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw=="
    )
    # The RFC's example has a high s: it verifies, and comes back as its low twin.
    assert RFC_9421_KEY.verify(message.encode(), signature) == twin(signature)


def test_signing_takes_its_nonce_from_rfc_6979() -> None:
    published = bytes.fromhex(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    )
    assert KEY.sign(b"sample") == twin(published)
    assert KEY.public.verify(b"sample", published) == KEY.sign(b"sample")


def test_own_signatures_always_have_a_low_s() -> None:
    for number in range(32):
        message = number.to_bytes(1, "big")
        signature = KEY.sign(message)
        assert int.from_bytes(signature[32:], "big") <= N // 2
        assert KEY.public.verify(message, signature) == signature


def test_another_message_does_not_verify() -> None:
    with pytest.raises(NotAuthentic) as refusal:
        KEY.public.verify(b"samplf", KEY.sign(b"sample"))
    assert refusal.value.code is Code.DEVICE_SIGNATURE


def test_another_device_does_not_verify() -> None:
    with pytest.raises(NotAuthentic) as refusal:
        RFC_9421_KEY.verify(b"sample", KEY.sign(b"sample"))
    assert refusal.value.code is Code.DEVICE_SIGNATURE


@pytest.mark.parametrize("size", [0, 1, 32, 63, 65, 70, 72, 128])
def test_a_signature_of_another_size_is_not_looked_at(size: int) -> None:
    with pytest.raises(Malformed) as refusal:
        KEY.public.verify(b"sample", bytes([1]) * size)
    assert refusal.value.code is Code.LENGTH


@pytest.mark.parametrize(
    ("r", "s"), [(0, 0), (0, 1), (1, 0), (N, 1), (1, N), (N + 1, 1), (1, N + 1), (2**256 - 1, 2**256 - 1)]
)
def test_r_and_s_outside_the_group_are_refused(r: int, s: int) -> None:
    with pytest.raises(Malformed) as refusal:
        KEY.public.verify(b"sample", r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    assert refusal.value.code is Code.RANGE


def test_s_is_not_reduced_into_a_second_spelling() -> None:
    # A key made so that (x of G, 5) signs the message: only a tiny s leaves room for s + n in 32 bytes.
    r, s, z = int.from_bytes(G[1:33], "big"), 5, int.from_bytes(hashlib.sha256(b"sample").digest(), "big")
    key = DevicePrivateKey.from_secret(scalar((s - z) * pow(r, -1, N) % N)).public
    assert key.verify(b"sample", G[1:33] + s.to_bytes(32, "big")) == G[1:33] + s.to_bytes(32, "big")
    with pytest.raises(Malformed) as refusal:
        key.verify(b"sample", G[1:33] + (s + N).to_bytes(32, "big"))
    assert refusal.value.code is Code.RANGE


# --- private keys


def test_the_smallest_and_the_largest_secret_are_the_base_point_and_its_mirror() -> None:
    assert DevicePrivateKey.from_secret(scalar(1)).public.sec1 == G
    mirrored = (P - int.from_bytes(G[33:], "big")).to_bytes(32, "big")
    assert DevicePrivateKey.from_secret(scalar(N - 1)).public.sec1 == G[:33] + mirrored


@pytest.mark.parametrize("number", [0, N, N + 1, 2**256 - 1])
def test_a_secret_outside_the_group_is_refused(number: int) -> None:
    with pytest.raises(Malformed) as refusal:
        DevicePrivateKey.from_secret(scalar(number))
    assert refusal.value.code is Code.KEY


@pytest.mark.parametrize("raw", [b"", b"\x01", bytes(30) + b"\x01", bytes(32) + b"\x01"])
def test_a_secret_of_another_size_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        DevicePrivateKey.from_secret(Secret(raw))
    assert refusal.value.code is Code.KEY


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [(0, 1), (1, 2), (N - 2, N - 1), (N - 1, 1), (N, 2), (2**384 - 1, (2**384 - 1) % (N - 1) + 1)],
)
def test_every_draw_gives_a_usable_secret(drawn: int, expected: int) -> None:
    key = DevicePrivateKey.from_random(drawn.to_bytes(48, "big"))
    assert key.secret == scalar(expected)
    assert key.public == DevicePrivateKey.from_secret(scalar(expected)).public


@pytest.mark.parametrize("size", [0, 16, 32, 47, 49])
def test_a_short_or_long_draw_makes_no_key(size: int) -> None:
    with pytest.raises(Malformed) as refusal:
        DevicePrivateKey.from_random(b"r" * size)
    assert refusal.value.code is Code.KEY


def test_a_private_key_does_not_show_itself() -> None:
    shown = f"{KEY!r} {KEY}"
    assert KEY.secret.reveal().hex() not in shown
    assert "Secret(32 bytes)" in shown
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
