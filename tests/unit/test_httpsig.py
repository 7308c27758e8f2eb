from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from msgspec.structs import replace

from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow, ProtocolError
from pteri.core.httpsig import (
    MAX_BODY_BYTES,
    SignedRequest,
    Tag,
    VerifiedRequest,
    content_digest_of,
    parse,
    sign,
    signature_base,
    verify,
    verify_parsed,
)
from pteri.core.keys.device import DevicePrivateKey

PHONE = DevicePrivateKey.from_random(b"p" * 48)
STRANGER = DevicePrivateKey.from_random(b"s" * 48)
URI = "https://bank.example/v1/challenges/lgn_2Y7K4M9QWZ3T/response"
NOW = 1_795_453_200
LONG = pytest.param("x" * 1_000_000, id="a million characters")


def signed(
    *,
    method: str = "POST",
    target_uri: str = URI,
    body: bytes = b'{"a":1}',
    idempotency_key: str = "resp_7Xk2mP9qLw4RtY1z",
    key: DevicePrivateKey = PHONE,
    created_at: int = NOW,
    nonce: bytes = bytes(range(16)),
    tag: Tag = Tag.DEVICE,
) -> SignedRequest:
    return sign(
        method=method,
        target_uri=target_uri,
        body=body,
        idempotency_key=idempotency_key,
        key=key,
        created_at=created_at,
        nonce=nonce,
        tag=tag,
    )


def checked(request: SignedRequest, *, tag: Tag = Tag.DEVICE, at: int = NOW) -> VerifiedRequest:
    return verify(
        request,
        key=PHONE.public,
        expected_method="POST",
        expected_target_uri=URI,
        expected_tag=tag,
        at=at,
    )


def refusal_of(request: SignedRequest, *, tag: Tag = Tag.DEVICE, at: int = NOW) -> ProtocolError:
    with pytest.raises(ProtocolError) as refusal:
        checked(request, tag=tag, at=at)
    return refusal.value


def changed(field: str, text: str) -> SignedRequest:
    change: dict[str, Any] = {field: text}
    return replace(signed(), **change)


# --- what is accepted


def test_a_signed_request_comes_back_verified() -> None:
    request = signed()
    verified = checked(request)
    assert verified.key_id == PHONE.public.thumbprint
    assert verified.created_at == NOW
    assert verified.nonce == "AAECAwQFBgcICQoLDA0ODw"
    assert verified.idempotency_key == "resp_7Xk2mP9qLw4RtY1z"
    assert verified.body == b'{"a":1}'
    assert verified.body_sha256 == hashlib.sha256(b'{"a":1}').digest()
    assert verified.signature == base64.b64decode(request.signature.removeprefix("pteri=:")[:-1])


def test_a_relying_party_signs_the_same_form_under_its_own_tag() -> None:
    request = signed(tag=Tag.CLIENT)
    assert 'tag="pteri-client-v1"' in request.signature_input
    assert checked(request, tag=Tag.CLIENT).key_id == PHONE.public.thumbprint


def test_the_headers_to_send_are_four_with_lower_case_names() -> None:
    request = signed()
    assert request.headers() == {
        "content-digest": request.content_digest,
        "idempotency-key": request.idempotency_key,
        "signature-input": request.signature_input,
        "signature": request.signature,
    }


def test_an_empty_body_has_a_digest_too() -> None:
    request = signed(body=b"")
    assert request.content_digest == "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
    assert checked(request).body == b""


def test_the_signature_base_is_five_lines_as_in_rfc_9421() -> None:
    components = '("@method" "@target-uri" "content-digest" "idempotency-key")'
    assert signature_base(
        method="POST",
        target_uri=URI,
        content_digest=content_digest_of(b""),
        idempotency_key="resp_7Xk2mP9qLw4RtY1z",
        key_id=PHONE.public.thumbprint,
        created_at=NOW,
        nonce="AAECAwQFBgcICQoLDA0ODw",
        tag=Tag.DEVICE,
    ) == (
        b'"@method": POST\n'
        b'"@target-uri": https://bank.example/v1/challenges/lgn_2Y7K4M9QWZ3T/response\n'
        b'"content-digest": sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:\n'
        b'"idempotency-key": resp_7Xk2mP9qLw4RtY1z\n'
        b'"@signature-params": '
        + (
            f'{components};created=1795453200;keyid="{PHONE.public.thumbprint}"'
            ';alg="ecdsa-p256-sha256";nonce="AAECAwQFBgcICQoLDA0ODw";tag="pteri-device-v1"'
        ).encode()
    )


def test_signing_is_deterministic_so_a_repeat_is_the_same_request() -> None:
    assert signed() == signed()


def test_parsing_needs_no_key_and_proves_nothing() -> None:
    request = replace(signed(key=STRANGER), signature=signed().signature)
    claimed = parse(request, expected_tag=Tag.DEVICE)
    assert claimed.key_id == STRANGER.public.thumbprint
    assert claimed.created_at == NOW
    assert claimed.nonce == "AAECAwQFBgcICQoLDA0ODw"
    assert len(claimed.signature) == 64


def parsed_then_verified(request: SignedRequest, *, tag: Tag = Tag.DEVICE, at: int = NOW, **others: Any) -> Any:
    expected: dict[str, Any] = {"key": PHONE.public, "expected_method": "POST", "expected_target_uri": URI}
    taken = parse(request, expected_tag=tag)
    return verify_parsed(taken, **(expected | {"expected_tag": Tag.DEVICE, "at": at} | others))


def test_a_request_that_was_parsed_once_is_verified_as_one_that_was_not() -> None:
    request = signed()
    assert parsed_then_verified(request) == checked(request)
    for other, at in ((signed(key=STRANGER), NOW), (signed(), NOW + 300), (signed(method="PUT"), NOW)):
        with pytest.raises(ProtocolError) as refusal:
            parsed_then_verified(other, at=at)
        assert refusal.value.code is refusal_of(other, at=at).code


def test_what_was_parsed_for_one_tag_counts_for_no_other_though_the_key_is_the_same() -> None:
    with pytest.raises(NotAuthentic) as refusal:
        parsed_then_verified(signed(tag=Tag.CLIENT), tag=Tag.CLIENT)
    assert refusal.value.code is Code.DEVICE_SIGNATURE
    assert parsed_then_verified(signed(tag=Tag.CLIENT), tag=Tag.CLIENT, expected_tag=Tag.CLIENT).body == b'{"a":1}'


# --- the window


@pytest.mark.parametrize("at", [NOW - 90, NOW, NOW + 299])
def test_the_window_holds_from_90_s_before_to_under_300_s_after(at: int) -> None:
    assert checked(signed(), at=at).created_at == NOW


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (NOW - 91, Code.NOT_YET_VALID),
        (0, Code.NOT_YET_VALID),
        (NOW + 300, Code.EXPIRED),
        (NOW + 10**9, Code.EXPIRED),
    ],
)
def test_outside_the_window_a_right_signature_is_of_no_use(at: int, code: Code) -> None:
    refusal = refusal_of(signed(), at=at)
    assert isinstance(refusal, OutOfWindow)
    assert refusal.code is code


# --- what is covered


@pytest.mark.parametrize(
    ("other", "code"),
    [
        (signed(method="PUT"), Code.MISMATCH),
        (signed(target_uri=URI + "?"), Code.MISMATCH),
        (signed(target_uri=URI.replace("bank", "bonk")), Code.MISMATCH),
        (signed(key=STRANGER), Code.DEVICE_SIGNATURE),
        (replace(signed(method="PUT"), method="POST"), Code.DEVICE_SIGNATURE),
        (replace(signed(target_uri=URI + "?"), target_uri=URI), Code.DEVICE_SIGNATURE),
        (replace(signed(), idempotency_key="A" * 16), Code.DEVICE_SIGNATURE),
        (replace(signed(), body=b"x", content_digest=content_digest_of(b"x")), Code.DEVICE_SIGNATURE),
        (
            replace(signed(), signature_input=signed(created_at=NOW + 1).signature_input),
            Code.DEVICE_SIGNATURE,
        ),
        (replace(signed(), signature_input=signed(nonce=b"n" * 16).signature_input), Code.DEVICE_SIGNATURE),
        (replace(signed(tag=Tag.CLIENT), signature_input=signed().signature_input), Code.DEVICE_SIGNATURE),
        (replace(signed(), body=b'{"a":2}'), Code.CONTENT_DIGEST),
    ],
)
def test_everything_that_is_covered_is_needed(other: SignedRequest, code: Code) -> None:
    refusal = refusal_of(other)
    assert isinstance(refusal, NotAuthentic)
    assert refusal.code is code


def test_a_right_signature_under_another_name_is_refused() -> None:
    # The base is rebuilt with the registered key's name, so only the comparison of names sees this.
    renamed = signed().signature_input.replace(PHONE.public.thumbprint, STRANGER.public.thumbprint)
    refusal = refusal_of(replace(signed(), signature_input=renamed))
    assert isinstance(refusal, NotAuthentic)
    assert refusal.code is Code.DEVICE_SIGNATURE


@pytest.mark.parametrize(("made", "wanted"), [(Tag.DEVICE, Tag.CLIENT), (Tag.CLIENT, Tag.DEVICE)])
def test_a_signature_never_counts_under_the_other_tag(made: Tag, wanted: Tag) -> None:
    assert refusal_of(signed(tag=made), tag=wanted).code is Code.SIGNATURE_HEADERS


# --- sizes and shapes come first


def test_the_largest_body_is_64_kib() -> None:
    assert len(checked(signed(body=b"x" * MAX_BODY_BYTES)).body) == MAX_BODY_BYTES


def test_a_larger_body_is_neither_hashed_nor_signed() -> None:
    large = b"x" * (MAX_BODY_BYTES + 1)
    refusal = refusal_of(replace(signed(), body=large))
    assert isinstance(refusal, Malformed)
    assert refusal.code is Code.TOO_LARGE
    with pytest.raises(Malformed):
        signed(body=large)


def test_the_body_is_looked_at_before_the_key() -> None:
    assert refusal_of(replace(signed(key=STRANGER), body=b"")).code is Code.CONTENT_DIGEST


@pytest.mark.parametrize("field", ["content_digest", "idempotency_key", "signature_input", "signature"])
@pytest.mark.parametrize("text", ["", " ", "\n", "\ud800", "\x00", "none", ",", LONG])
def test_a_header_of_another_form_is_malformed(field: str, text: str) -> None:
    refusal = refusal_of(changed(field, text))
    assert isinstance(refusal, Malformed)
    assert refusal.code is Code.SIGNATURE_HEADERS


@pytest.mark.parametrize("field", ["method", "target_uri"])
@pytest.mark.parametrize("text", ["", " ", "\n", "\ud800", "\x00", "post", "https://", LONG])
def test_a_method_or_uri_of_another_form_is_malformed(field: str, text: str) -> None:
    refusal = refusal_of(changed(field, text))
    assert isinstance(refusal, Malformed)
    assert refusal.code is Code.FIELD


# --- signing refuses what verifying would refuse


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_a_nonce_has_16_bytes(size: int) -> None:
    with pytest.raises(Malformed) as refusal:
        signed(nonce=b"n" * size)
    assert refusal.value.code is Code.LENGTH


@pytest.mark.parametrize("created_at", [-1, 10**12])
def test_an_instant_without_spelling_is_not_signed(created_at: int) -> None:
    with pytest.raises(Malformed) as refusal:
        signed(created_at=created_at)
    assert refusal.value.code is Code.SIGNATURE_HEADERS


@pytest.mark.parametrize("text", ["A" * 15, "A" * 65, "resp 7Xk2mP9qLw4RtY1z", "résp_7Xk2mP9qLw4RtY1z", ""])
def test_an_idempotency_key_of_another_form_is_not_signed(text: str) -> None:
    with pytest.raises(Malformed):
        signed(idempotency_key=text)


@pytest.mark.parametrize("text", ["", "/v1/logins", URI + "#a", URI + " ", URI + "\n", "https://bänk.example/"])
def test_a_uri_of_another_form_is_not_signed(text: str) -> None:
    with pytest.raises(Malformed):
        signed(target_uri=text)


@pytest.mark.parametrize("text", ["", "post", "POST\n", "PO ST"])
def test_a_method_of_another_form_is_not_signed(text: str) -> None:
    with pytest.raises(Malformed):
        signed(method=text)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("content_digest", 'sha-256=::\n"x": y'),
        ("idempotency_key", 'AAAAAAAAAAAAAAAA\n"x": y'),
        ("key_id", 'A";alg="none'),
        ("key_id", PHONE.public.thumbprint + "\n"),
        ("nonce", 'AAECAwQFBgcICQoLDA0ODw";created="0'),
        ("tag", "pteri-device-v2"),
        ("tag", 'x";nonce="y'),
    ],
)
def test_no_value_writes_a_line_or_a_parameter_of_its_own(field: str, text: str) -> None:
    values: dict[str, Any] = {
        "content_digest": content_digest_of(b""),
        "idempotency_key": "resp_7Xk2mP9qLw4RtY1z",
        "key_id": PHONE.public.thumbprint,
        "nonce": "AAECAwQFBgcICQoLDA0ODw",
        "tag": Tag.DEVICE,
        field: text,
    }
    with pytest.raises(Malformed):
        signature_base(method="POST", target_uri=URI, created_at=NOW, **values)


# --- nothing leaks


def test_signatures_and_bodies_do_not_print() -> None:
    request = signed(body=b"secret body")
    shown = repr([request, parse(request, expected_tag=Tag.DEVICE), checked(request)])
    assert request.signature not in shown
    assert "secret body" not in shown
    assert "signature=" not in shown.replace("signature_input=", "")


def test_what_was_verified_stays_as_it_was() -> None:
    with pytest.raises(AttributeError):
        checked(signed()).body = b""  # type: ignore[misc]  # the refusal under test
