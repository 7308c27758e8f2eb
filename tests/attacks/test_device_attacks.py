"""Abuse cases against device keys and request signatures: PR-23, OT-13, SV-19, CR-07, CR-01 for P-256."""

from __future__ import annotations

import base64
import hmac
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow, ProtocolError
from pteri.core.httpsig import SignedRequest, Tag, VerifiedRequest, content_digest_of, sign, verify
from pteri.core.keys.device import DeviceKey, DevicePrivateKey
from pteri.core.otp import one_time_code

P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
VICTIM = DevicePrivateKey.from_random(b"v" * 48)
ATTACKER = DevicePrivateKey.from_random(b"a" * 48)
URI = "https://bank.example/v1/challenges/lgn_2Y7K4M9QWZ3T/response"
NOW = 1_795_453_200
COMPONENTS = ('"@method"', '"@target-uri"', '"content-digest"', '"idempotency-key"')


def signed(key: DevicePrivateKey = VICTIM, *, created_at: int = NOW) -> SignedRequest:
    return sign(
        method="POST",
        target_uri=URI,
        body=b'{"wallet_sig":"example"}',
        idempotency_key="resp_7Xk2mP9qLw4RtY1z",
        key=key,
        created_at=created_at,
        nonce=bytes(16),
        tag=Tag.DEVICE,
    )


def received(request: SignedRequest) -> VerifiedRequest:
    """What the server does with a request in the name of the victim's registered phone."""
    return verify(
        request,
        key=VICTIM.public,
        expected_method="POST",
        expected_target_uri=URI,
        expected_tag=Tag.DEVICE,
        at=NOW,
    )


def refusal_of(request: SignedRequest) -> ProtocolError:
    with pytest.raises(ProtocolError) as refusal:
        received(request)
    return refusal.value


def parameters(key: DevicePrivateKey = VICTIM) -> str:
    return signed(key).signature_input.partition(")")[2]


def rightly_signed(key: DevicePrivateKey, components: tuple[str, ...], parameters: str) -> SignedRequest:
    """A request that RFC 9421 at large would accept: the signature covers what the headers say."""
    request = signed()
    values = {
        '"@method"': request.method,
        '"@target-uri"': request.target_uri,
        '"content-digest"': request.content_digest,
        '"idempotency-key"': request.idempotency_key,
        '"@authority"': "bank.example",
    }
    text = f"({' '.join(components)}){parameters}"
    lines = [f"{name}: {values[name]}" for name in components]
    base = "\n".join([*lines, f'"@signature-params": {text}'])
    return replace(request, signature_input=f"pteri={text}", signature=header(key.sign(base.encode())))


def header(signature: bytes) -> str:
    return f"pteri=:{base64.b64encode(signature).decode()}:"


def signature_of(request: SignedRequest) -> bytes:
    return base64.b64decode(request.signature.removeprefix("pteri=:")[:-1])


def twin(signature: bytes) -> bytes:
    return signature[:32] + (N - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


def test_the_attacks_below_start_from_a_request_that_is_accepted() -> None:
    assert rightly_signed(VICTIM, COMPONENTS, parameters()) == signed()
    assert received(signed()).key_id == VICTIM.public.thumbprint


# --- PR-23: downgrade


@pytest.mark.parametrize("empty", ["", "pteri=", "pteri=::", "pteri=()"])
@pytest.mark.parametrize("fields", [("signature",), ("signature_input",), ("signature", "signature_input")])
def test_pr_23_omitting_the_device_signature_is_refused(empty: str, fields: tuple[str, ...]) -> None:
    change: dict[str, Any] = dict.fromkeys(fields, empty)
    refusal = refusal_of(replace(signed(), **change))
    assert isinstance(refusal, Malformed)
    assert refusal.code is Code.SIGNATURE_HEADERS


@pytest.mark.parametrize("key", [VICTIM, ATTACKER])
@pytest.mark.parametrize(
    "alg",
    [
        "none",
        "None",
        "",
        "HS256",
        "hmac-sha256",
        "ES256",
        "ed25519",
        "ecdsa-p384-sha384",
        "ecdsa-p256-sha256 ",
    ],
)
def test_pr_23_no_message_chooses_its_algorithm(key: DevicePrivateKey, alg: str) -> None:
    downgraded = parameters().replace('alg="ecdsa-p256-sha256"', f'alg="{alg}"')
    assert refusal_of(rightly_signed(key, COMPONENTS, downgraded)).code is Code.SIGNATURE_HEADERS


def test_pr_23_leaving_the_algorithm_out_is_refused() -> None:
    without = parameters().replace(';alg="ecdsa-p256-sha256"', "")
    assert refusal_of(rightly_signed(VICTIM, COMPONENTS, without)).code is Code.SIGNATURE_HEADERS


def test_pr_23_the_public_key_is_not_taken_for_a_shared_secret() -> None:
    base = f'"@signature-params": ({" ".join(COMPONENTS)}){parameters()}'.encode()
    for secret in (VICTIM.public.sec1, VICTIM.public.thumbprint_bytes, VICTIM.public.thumbprint.encode()):
        forged = replace(signed(), signature=header(hmac.digest(secret, base, "sha512")))
        assert isinstance(refusal_of(forged), NotAuthentic)


def test_pr_23_another_device_cannot_answer_in_its_own_name() -> None:
    refusal = refusal_of(signed(ATTACKER))
    assert isinstance(refusal, NotAuthentic)
    assert refusal.code is Code.DEVICE_SIGNATURE


def test_pr_23_another_device_cannot_answer_in_the_victims_name() -> None:
    refusal = refusal_of(rightly_signed(ATTACKER, COMPONENTS, parameters(VICTIM)))
    assert isinstance(refusal, NotAuthentic)
    assert refusal.code is Code.DEVICE_SIGNATURE


def test_pr_23_the_victims_own_signature_under_another_name_is_refused() -> None:
    refusal = refusal_of(rightly_signed(VICTIM, COMPONENTS, parameters(ATTACKER)))
    assert isinstance(refusal, NotAuthentic)
    assert refusal.code is Code.DEVICE_SIGNATURE


def test_pr_23_renaming_the_key_after_signing_is_refused() -> None:
    renamed = replace(signed(), signature_input=signed(ATTACKER).signature_input)
    refusal = refusal_of(renamed)
    assert isinstance(refusal, NotAuthentic)
    assert refusal.code is Code.DEVICE_SIGNATURE


# --- OT-13: the malleable twin


def test_ot_13_the_twin_of_a_signature_is_the_same_signature() -> None:
    request = signed()
    mirrored = replace(request, signature=header(twin(signature_of(request))))
    assert mirrored != request
    assert received(mirrored) == received(request)


def test_ot_13_the_twin_makes_no_second_code() -> None:
    def code(request: SignedRequest) -> str:
        return one_time_code(
            b"statement",
            wallet_signature=bytes(64),
            device_signature=received(request).signature,
            request_id="lgn_2Y7K4M9QWZ3T",
            session_hash=bytes(32),
            nonce="K7Q2M5XW3T6Z4J8N9R2H5V7C3B6D4F8G",
        )

    request = signed()
    assert code(replace(request, signature=header(twin(signature_of(request))))) == code(request)


# --- SV-19: what the signature covers


def test_sv_19_a_body_that_does_not_match_its_digest_is_refused() -> None:
    refusal = refusal_of(replace(signed(), body=b'{"wallet_sig":"another"}'))
    assert isinstance(refusal, NotAuthentic)
    assert refusal.code is Code.CONTENT_DIGEST


def test_sv_19_a_new_digest_for_a_new_body_breaks_the_signature() -> None:
    body = b'{"wallet_sig":"another"}'
    assert refusal_of(replace(signed(), body=body, content_digest=content_digest_of(body))).code is (
        Code.DEVICE_SIGNATURE
    )


@pytest.mark.parametrize("missing", COMPONENTS)
def test_sv_19_a_missing_component_is_refused_though_rightly_signed(missing: str) -> None:
    fewer = tuple(name for name in COMPONENTS if name != missing)
    assert refusal_of(rightly_signed(VICTIM, fewer, parameters())).code is Code.SIGNATURE_HEADERS


@pytest.mark.parametrize(
    "components",
    [
        (),
        (*COMPONENTS, '"@authority"'),
        (*COMPONENTS, COMPONENTS[0]),
        COMPONENTS[::-1],
        ('"@authority"', *COMPONENTS[1:]),
    ],
)
def test_sv_19_other_components_are_refused_though_rightly_signed(components: tuple[str, ...]) -> None:
    assert refusal_of(rightly_signed(VICTIM, components, parameters())).code is Code.SIGNATURE_HEADERS


@pytest.mark.parametrize("joint", [",", ", ", ",\t", " , ", "\r\n ", "\n", ";"])
def test_sv_19_a_second_signature_input_is_refused_however_it_was_joined(joint: str) -> None:
    mine = signed()
    theirs = signed(ATTACKER)
    for first, second in ((mine, theirs), (theirs, mine), (mine, mine)):
        doubled = f"{first.signature_input}{joint}{second.signature_input}"
        assert refusal_of(replace(mine, signature_input=doubled)).code is Code.SIGNATURE_HEADERS
        doubled = f"{first.signature}{joint}{second.signature}"
        assert refusal_of(replace(mine, signature=doubled)).code is Code.SIGNATURE_HEADERS


@pytest.mark.parametrize("part", ["created", "keyid", "alg", "nonce", "tag"])
def test_sv_19_a_doubled_parameter_is_refused_though_rightly_signed(part: str) -> None:
    (value,) = (text for text in parameters().split(";") if text.startswith(f"{part}="))
    for doubled in (f"{parameters()};{value}", f";{value}{parameters()}"):
        assert refusal_of(rightly_signed(VICTIM, COMPONENTS, doubled)).code is Code.SIGNATURE_HEADERS


@pytest.mark.parametrize("created_at", [NOW - 300, NOW - 3600, 1, 0])
def test_sv_19_a_signature_of_the_past_is_refused(created_at: int) -> None:
    refusal = refusal_of(signed(created_at=created_at))
    assert isinstance(refusal, OutOfWindow)
    assert refusal.code is Code.EXPIRED


def test_sv_19_a_signature_kept_for_the_future_is_refused() -> None:
    assert refusal_of(signed(created_at=NOW + 91)).code is Code.NOT_YET_VALID


# --- CR-07: keys that are none


def point(x: int, y: int) -> bytes:
    return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def small_point() -> tuple[int, int]:
    """The point with the smallest x: the only kind whose x + p still fits into 32 bytes."""
    for x in range(100):
        square = (x**3 - 3 * x + B) % P
        y = pow(square, (P + 1) // 4, P)
        if y * y % P == square:
            return x, y
    raise AssertionError("there are many")


SEC1 = VICTIM.public.sec1
X, Y = int.from_bytes(SEC1[1:33], "big"), int.from_bytes(SEC1[33:], "big")


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(point(X, Y ^ 1), id="off the curve"),
        pytest.param(point(Y, X), id="coordinates exchanged"),
        pytest.param(point(0, 0), id="zero"),
        pytest.param(point(0, 1), id="on another curve"),
        pytest.param(point(small_point()[0] + P, small_point()[1]), id="x + p"),
        pytest.param(point(P, pow(B, (P + 1) // 4, P)), id="x = p, where x = 0 is a point"),
        pytest.param(point(X, P), id="y = p"),
        pytest.param(point(2**256 - 1, 2**256 - 1), id="all ones"),
        pytest.param(b"\x00", id="infinity"),
        pytest.param(bytes(65), id="infinity, padded"),
        pytest.param(bytes([6 + (Y & 1)]) + SEC1[1:], id="hybrid"),
        pytest.param(bytes([7 - (Y & 1)]) + SEC1[1:], id="hybrid with the wrong parity"),
        pytest.param(bytes([2 + (Y & 1)]) + SEC1[1:33], id="compressed"),
        pytest.param(bytes([2 + (Y & 1)]) + SEC1[1:], id="compressed, padded"),
        pytest.param(SEC1[1:], id="no first byte"),
        pytest.param(SEC1[:-1], id="64 bytes"),
        pytest.param(SEC1 + b"\x00", id="66 bytes"),
        pytest.param(SEC1 * 1000, id="a thousand keys"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_cr_07_what_is_no_point_in_its_one_spelling_is_no_device(raw: bytes) -> None:
    with pytest.raises(Malformed) as refusal:
        DeviceKey.from_sec1(raw)
    assert refusal.value.code is Code.KEY


def test_cr_07_the_points_next_to_the_refused_ones_are_devices() -> None:
    for x, y in (small_point(), (0, pow(B, (P + 1) // 4, P)), (X, P - Y)):
        assert DeviceKey.from_sec1(point(x, y)).sec1 == point(x, y)


# --- CR-01: Project Wycheproof, P-256


class PublicKey(msgspec.Struct):
    uncompressed: str


class Test(msgspec.Struct):
    __test__ = False

    tcId: int  # noqa: N815 - the file's own name
    comment: str
    msg: str
    sig: str
    result: str


class Group(msgspec.Struct):
    publicKey: PublicKey  # noqa: N815 - the file's own name
    tests: list[Test]


class Wycheproof(msgspec.Struct):
    numberOfTests: int  # noqa: N815 - the file's own name
    testGroups: list[Group]  # noqa: N815 - the file's own name


def wycheproof(name: str) -> list[tuple[DeviceKey, Test]]:
    file = Path(__file__).parents[2] / "vectors" / "wycheproof" / name
    suite = msgspec.json.decode(file.read_bytes(), type=Wycheproof)
    cases = [
        (DeviceKey.from_sec1(bytes.fromhex(group.publicKey.uncompressed)), test)
        for group in suite.testGroups
        for test in group.tests
    ]
    assert len(cases) == suite.numberOfTests
    return cases


def verdict(key: DeviceKey, message: bytes, signature: bytes | None) -> str:
    if signature is None:
        return "invalid"
    try:
        canonical = key.verify(message, signature)
    except ProtocolError:
        return "invalid"
    assert canonical in (signature, twin(signature))
    return "valid"


def p1363_of_der(der: bytes) -> bytes | None:
    """r || s of strict DER, else None: short lengths, no spare zero, no sign, nothing behind."""

    def integer(offset: int) -> tuple[bytes, int] | None:
        body = der[offset + 2 : offset + 2 + der[offset + 1]] if offset + 1 < len(der) else b""
        minimal = len(body) == 1 or body[:1] != b"\x00" or body[1:2] >= b"\x80"
        if der[offset : offset + 1] != b"\x02" or not body or body[0] >= 0x80 or not minimal:
            return None
        value = body.lstrip(b"\x00")
        fits = len(body) == der[offset + 1] and len(value) <= 32
        return (value.rjust(32, b"\x00"), offset + 2 + len(body)) if fits else None

    if len(der) < 2 or der[0] != 0x30 or der[1] >= 0x80 or der[1] != len(der) - 2:
        return None
    r = integer(2)
    s = integer(r[1]) if r else None
    return r[0] + s[0] if r and s and s[1] == len(der) else None


def test_cr_01_p256_verdicts_over_p1363_signatures_equal_wycheproofs() -> None:
    wrong = [
        (test.tcId, test.comment)
        for key, test in wycheproof("ecdsa_secp256r1_sha256_p1363_test.json")
        if verdict(key, bytes.fromhex(test.msg), bytes.fromhex(test.sig)) != test.result
    ]
    assert wrong == []


def test_cr_01_p256_verdicts_over_der_signatures_equal_wycheproofs() -> None:
    wrong = [
        (test.tcId, test.comment)
        for key, test in wycheproof("ecdsa_secp256r1_sha256_test.json")
        if verdict(key, bytes.fromhex(test.msg), p1363_of_der(bytes.fromhex(test.sig))) != test.result
    ]
    assert wrong == []
