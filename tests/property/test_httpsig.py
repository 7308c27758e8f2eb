from __future__ import annotations

import base64
from typing import Any, Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pteri.core.errors import Malformed, ProtocolError
from pteri.core.httpsig import SignedRequest, Tag, VerifiedRequest, sign, verify
from pteri.core.keys.device import DeviceKey, DevicePrivateKey

PHONE = DevicePrivateKey.from_random(b"p" * 48)
URI = "https://bank.example/v1/challenges/lgn_2Y7K4M9QWZ3T/response"
NOW = 1_795_453_200
N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
REQUEST = sign(
    method="POST",
    target_uri=URI,
    body=b'{"wallet_sig":"example"}',
    idempotency_key="resp_7Xk2mP9qLw4RtY1z",
    key=PHONE,
    created_at=NOW,
    nonce=bytes(range(16)),
    tag=Tag.DEVICE,
)
RAW_SIGNATURE = base64.b64decode(REQUEST.signature.removeprefix("pteri=:")[:-1])
TEXTS = ("method", "target_uri", "content_digest", "idempotency_key", "signature_input", "signature")
# What a proxy, a lenient parser or an attacker would put in: white space, separators, other alphabets.
INSERTED = st.one_of(st.sampled_from(' \t\r\n";:=,()A0a+/-_\x00%é０'), st.characters())


def checked(request: SignedRequest, *, at: int = NOW) -> VerifiedRequest:
    return verify(
        request,
        key=PHONE.public,
        expected_method="POST",
        expected_target_uri=URI,
        expected_tag=Tag.DEVICE,
        at=at,
    )


def changed(field: str, text: str) -> SignedRequest:
    change: dict[str, Any] = {field: text}
    return replace(REQUEST, **change)


def resigned(signature: bytes) -> SignedRequest:
    return replace(REQUEST, signature=f"pteri=:{base64.b64encode(signature).decode()}:")


def text_of(field: str) -> str:
    text = getattr(REQUEST, field)
    assert isinstance(text, str)
    return text


@given(field=st.sampled_from(TEXTS), data=st.data())
@settings(max_examples=200)
def test_no_edited_header_is_accepted(field: str, data: st.DataObject) -> None:
    text = text_of(field)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 3, len(text))))
    edited = text[:start] + data.draw(st.text(INSERTED, max_size=3)) + text[end:]
    assume(edited != text)
    with pytest.raises(ProtocolError):
        checked(changed(field, edited))


@given(field=st.sampled_from(TEXTS), text=st.text())
@settings(max_examples=200)
def test_arbitrary_text_raises_protocol_errors_only(field: str, text: str) -> None:
    assume(text != text_of(field))
    with pytest.raises(ProtocolError):
        checked(changed(field, text))


@pytest.mark.parametrize("field", TEXTS)
def test_every_character_counts(field: str) -> None:
    text = text_of(field)
    for index, character in enumerate(text):
        for other in {character.swapcase(), chr(ord(character) ^ 1), " ", ""} - {character}:
            with pytest.raises(ProtocolError):
                checked(changed(field, text[:index] + other + text[index + 1 :]))
        with pytest.raises(ProtocolError):
            checked(changed(field, text[:index] + character + text[index:]))


def test_every_bit_of_the_signature_counts() -> None:
    for bit in range(512):
        flipped = bytearray(RAW_SIGNATURE)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ProtocolError):
            checked(resigned(bytes(flipped)))


def test_every_bit_of_the_body_counts() -> None:
    for bit in range(len(REQUEST.body) * 8):
        flipped = bytearray(REQUEST.body)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ProtocolError):
            checked(replace(REQUEST, body=bytes(flipped)))


@given(signature=st.binary(min_size=64, max_size=64))
@settings(max_examples=50)
def test_no_guessed_signature_is_accepted(signature: bytes) -> None:
    with pytest.raises(ProtocolError):
        checked(resigned(signature))


@given(
    method=st.from_regex(r"[A-Z]{1,16}", fullmatch=True),
    path=st.text("abcXYZ019-._~/?&=%:@", max_size=60),
    body=st.binary(max_size=200),
    idempotency_key=st.from_regex(r"[A-Za-z0-9_-]{16,64}", fullmatch=True),
    created_at=st.integers(0, 10**12 - 1),
    late=st.integers(-90, 299),
    nonce=st.binary(min_size=16, max_size=16),
    tag=st.sampled_from(Tag),
    random=st.binary(min_size=48, max_size=48),
)
@settings(max_examples=100)
def test_what_is_signed_verifies_as_it_was_signed(
    *,
    method: str,
    path: str,
    body: bytes,
    idempotency_key: str,
    created_at: int,
    late: int,
    nonce: bytes,
    tag: Tag,
    random: bytes,
) -> None:
    key = DevicePrivateKey.from_random(random)
    uri = f"https://bank.example/{path}"
    request = sign(
        method=method,
        target_uri=uri,
        body=body,
        idempotency_key=idempotency_key,
        key=key,
        created_at=created_at,
        nonce=nonce,
        tag=tag,
    )
    verified = verify(
        request,
        key=key.public,
        expected_method=method,
        expected_target_uri=uri,
        expected_tag=tag,
        at=created_at + late,
    )
    assert verified.body == body
    assert verified.idempotency_key == idempotency_key
    assert (verified.key_id, verified.created_at) == (key.public.thumbprint, created_at)
    assert base64.urlsafe_b64decode(verified.nonce + "==") == nonce


@given(at=st.integers())
@settings(max_examples=100)
def test_the_window_is_the_half_open_one(at: int) -> None:
    if NOW - 90 <= at < NOW + 300:
        assert checked(REQUEST, at=at).created_at == NOW
    else:
        with pytest.raises(ProtocolError):
            checked(REQUEST, at=at)


@given(message=st.binary(max_size=100), random=st.binary(min_size=48, max_size=48))
@settings(max_examples=100)
def test_both_twins_of_a_signature_have_one_canonical_form(message: bytes, random: bytes) -> None:
    key = DevicePrivateKey.from_random(random)
    signature = key.sign(message)
    twin = signature[:32] + (N - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    assert key.public.verify(message, signature) == key.public.verify(message, twin) == signature


@given(raw=st.one_of(st.binary(max_size=70), st.binary(min_size=64, max_size=64).map(lambda xy: b"\x04" + xy)))
@settings(max_examples=200)
def test_arbitrary_bytes_are_a_key_in_one_spelling_or_refused(raw: bytes) -> None:
    try:
        key = DeviceKey.from_sec1(raw)
    except Malformed:
        return
    assert key.sec1 == raw
