"""vectors/httpsig.json: the form of a request signature, for every language that implements it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Literal

import msgspec
import pytest

from pteri.core.errors import Code, ProtocolError
from pteri.core.httpsig import SignedRequest, Tag, VerifiedRequest, parse, sign, signature_base, verify
from pteri.core.ids import from_base64url
from pteri.core.keys.device import DeviceKey, DevicePrivateKey
from pteri.core.keys.secret import Secret


class Key(msgspec.Struct, forbid_unknown_fields=True):
    private_key_hex: str
    public_key_sec1_hex: str
    thumbprint: str


class Expected(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    method: str
    target_uri: str
    tag: Tag
    at: int


class Request(msgspec.Struct, forbid_unknown_fields=True):
    method: str
    target_uri: str
    body_hex: str
    content_digest: str
    idempotency_key: str
    signature_input: str
    signature: str

    def signed(self) -> SignedRequest:
        return SignedRequest(
            method=self.method,
            target_uri=self.target_uri,
            body=bytes.fromhex(self.body_hex),
            content_digest=self.content_digest,
            idempotency_key=self.idempotency_key,
            signature_input=self.signature_input,
            signature=self.signature,
        )


class Case(msgspec.Struct, forbid_unknown_fields=True):
    expect: Literal["accept", "reject"]
    why: str
    expected: Expected
    request: Request
    code: Code | None = None
    signature_base: str = ""
    canonical_signature_hex: str = ""


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-httpsig-vectors-1"]
    note: str
    keys: dict[str, Key]
    cases: list[Case]


FILE = Path(__file__).parents[2] / "vectors" / "httpsig.json"
VECTORS = msgspec.json.decode(FILE.read_bytes(), type=Vectors)
ACCEPTED = [case for case in VECTORS.cases if case.expect == "accept"]
REJECTED = [case for case in VECTORS.cases if case.expect == "reject"]
PRIVATE = {
    name: DevicePrivateKey.from_secret(Secret(bytes.fromhex(key.private_key_hex))) for name, key in VECTORS.keys.items()
}


def why(case: Case) -> str:
    return case.why


def verified(case: Case) -> VerifiedRequest:
    return verify(
        case.request.signed(),
        key=PRIVATE[case.expected.key].public,
        expected_method=case.expected.method,
        expected_target_uri=case.expected.target_uri,
        expected_tag=case.expected.tag,
        at=case.expected.at,
    )


@pytest.mark.parametrize("name", sorted(VECTORS.keys))
def test_the_keys_of_the_file_are_pairs(name: str) -> None:
    key = VECTORS.keys[name]
    public = DeviceKey.from_sec1(bytes.fromhex(key.public_key_sec1_hex))
    assert public == PRIVATE[name].public
    assert public.thumbprint == key.thumbprint


@pytest.mark.parametrize("case", ACCEPTED, ids=why)
def test_accepted_requests_verify_to_the_canonical_signature(case: Case) -> None:
    assert verified(case).signature.hex() == case.canonical_signature_hex


@pytest.mark.parametrize("case", ACCEPTED, ids=why)
def test_accepted_requests_have_the_published_signature_base(case: Case) -> None:
    claimed = parse(case.request.signed(), expected_tag=case.expected.tag)
    base = signature_base(
        method=case.request.method,
        target_uri=case.request.target_uri,
        content_digest=case.request.content_digest,
        idempotency_key=case.request.idempotency_key,
        key_id=claimed.key_id,
        created_at=claimed.created_at,
        nonce=claimed.nonce,
        tag=case.expected.tag,
    )
    assert base.decode() == case.signature_base


@pytest.mark.parametrize("case", ACCEPTED, ids=why)
def test_the_signer_writes_what_the_file_shows(case: Case) -> None:
    request = case.request.signed()
    claimed = parse(request, expected_tag=case.expected.tag)
    canonical = base64.b64encode(bytes.fromhex(case.canonical_signature_hex)).decode()
    assert sign(
        method=request.method,
        target_uri=request.target_uri,
        body=request.body,
        idempotency_key=request.idempotency_key,
        key=PRIVATE[case.expected.key],
        created_at=claimed.created_at,
        nonce=from_base64url(claimed.nonce),
        tag=case.expected.tag,
    ) == msgspec.structs.replace(request, signature=f"pteri=:{canonical}:")


@pytest.mark.parametrize("case", REJECTED, ids=why)
def test_rejected_requests_are_refused_with_their_code(case: Case) -> None:
    with pytest.raises(ProtocolError) as refusal:
        verified(case)
    assert refusal.value.code is case.code


def test_failing_cases_outnumber_good_ones_and_each_has_its_reason() -> None:
    assert len(REJECTED) > 10 * len(ACCEPTED)
    assert len({case.why for case in VECTORS.cases}) == len(VECTORS.cases)
