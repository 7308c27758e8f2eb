"""vectors/vrf.json: every prover makes these proofs, and every verifier takes these and no others."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

import plain_vrf
from pteri.core.errors import Code, ProtocolError
from pteri.core.ids import AccountId, TenantId
from pteri.core.keys.secret import Secret
from pteri.core.log.index import parse_index_key, verify_index
from pteri.core.log.vrf import VrfKey, VrfPrivateKey, proof_to_hash
from vectors import make_vrf


class Example(msgspec.Struct, forbid_unknown_fields=True):
    seed: str
    key: str
    alpha: str
    proof: str
    output: str


class Proof(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["accept", "reject"]
    why: str
    code: Code | None = None
    key: str
    alpha: str
    proof: str
    output: str | None = None


class Index(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["accept", "reject"]
    why: str
    code: Code | None = None
    key: str
    tenant: TenantId
    account: AccountId
    index: str
    proof: str


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-vrf-vectors-1"]
    note: str
    examples: list[Example]
    proofs: list[Proof]
    indexes: list[Index]


VECTORS = msgspec.json.decode(make_vrf.FILE.read_bytes(), type=Vectors)


def test_the_file_is_what_the_program_writes() -> None:
    assert make_vrf.FILE.read_text(encoding="utf-8") == make_vrf.content()


def test_more_is_refused_than_accepted() -> None:
    for cases in (VECTORS.proofs, VECTORS.indexes):
        assert 2 * sum(case.expect == "accept" for case in cases) < len(cases)


@pytest.mark.parametrize("example", VECTORS.examples, ids=lambda example: f"alpha {example.alpha}")
def test_the_examples_of_the_rfc_come_out(example: Example) -> None:
    private, alpha = VrfPrivateKey(Secret(bytes.fromhex(example.seed))), bytes.fromhex(example.alpha)
    assert private.public.raw.hex() == example.key
    assert private.prove(alpha).hex() == example.proof
    assert private.output(alpha).hex() == example.output
    assert proof_to_hash(bytes.fromhex(example.proof)).hex() == example.output


@pytest.mark.parametrize("case", VECTORS.proofs, ids=lambda case: case.why)
def test_a_proof_is_taken_or_refused_as_it_says(case: Proof) -> None:
    key, alpha, proof = (bytes.fromhex(text) for text in (case.key, case.alpha, case.proof))
    if case.expect == "accept":
        assert VrfKey(key).verify(alpha, proof).hex() == case.output
        return
    with pytest.raises(ProtocolError) as refused:
        VrfKey(key).verify(alpha, proof)
    assert refused.value.code is case.code


@pytest.mark.parametrize("case", VECTORS.proofs, ids=lambda case: case.why)
def test_only_what_says_so_is_taken_by_the_letter_of_the_rfc(case: Proof) -> None:
    key, alpha, proof = (bytes.fromhex(text) for text in (case.key, case.alpha, case.proof))
    is_taken = case.expect == "accept" or "verifies by the RFC" in case.why
    assert (plain_vrf.verified(key, alpha, proof) is not None) == is_taken


@pytest.mark.parametrize("case", VECTORS.indexes, ids=lambda case: case.why)
def test_an_index_is_taken_or_refused_as_it_says(case: Index) -> None:
    def verify() -> bytes:
        return verify_index(
            bytes.fromhex(case.proof),
            expected_key=parse_index_key(case.key),
            expected_index=bytes.fromhex(case.index),
            expected_tenant=case.tenant,
            expected_account=case.account,
        )

    if case.expect == "accept":
        assert verify().hex() == case.index
        return
    with pytest.raises(ProtocolError) as refused:
        verify()
    assert refused.value.code is case.code
