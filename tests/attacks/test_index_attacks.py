"""Abuse cases SV-12 and CR-10: an account has one number in the log, and nobody shows another one for it."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plain_vrf as plain
from leaves import ACCOUNT, INDEX, INDEX_PROOF, OTHER, TENANT, account_leaf, chain
from notes import INDEXES, LOG, NOW, TWO_OF_THREE, indexes
from pteri.audit import Check, Trusted, Verdict, verify_receipt
from pteri.core.errors import Code, ProtocolError
from pteri.core.ids import AccountId, TenantId
from pteri.core.log.index import IndexKey, verify_index
from pteri.core.log.leaf import encode_leaf, verify_account_chain
from pteri.core.log.receipt import Receipt, encode_receipt
from pteri.core.log.tree import leaf_hash
from pteri.core.log.vrf import VrfKey
from vectors import make_receipts, make_vrf

AN_AUDITOR = Trusted(log=LOG.verifier, index_key=INDEXES.public, quorum=TWO_OF_THREE, at=NOW)
REFUSED = [case for case in json.loads(make_vrf.FILE.read_bytes())["proofs"] if case["expect"] == "reject"]


def refused(*codes: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code in codes)


def verify(proof: bytes, index: bytes = INDEX, account: AccountId = ACCOUNT, key: IndexKey = INDEXES.public) -> bytes:
    return verify_index(proof, expected_key=key, expected_index=index, expected_tenant=TENANT, expected_account=account)


def found_in(receipt: Receipt) -> dict[Check, str | None]:
    found = verify_receipt(encode_receipt(receipt), trusted=AN_AUDITOR)
    return {each.check: each.code for each in found.found if each.verdict is Verdict.FAILS}


def test_sv_12_an_event_under_the_number_of_another_account_is_refused() -> None:
    assert verify(INDEX_PROOF) == INDEX
    with refused(Code.VRF):
        verify(INDEX_PROOF, account=OTHER)
    with refused(Code.LEAF):
        verify(INDEXES.proof_of(TENANT, OTHER), account=OTHER)
    foreign = encode_leaf(account_leaf(3, leaf_hash(chain(2)[1]), index=INDEXES.index_of(TENANT, OTHER)))
    with refused(Code.LEAF):
        verify_account_chain([*chain(2), foreign], expected_index=INDEX)


def test_sv_12_a_receipt_whose_leaves_are_under_the_number_of_another_account_fails() -> None:
    """The insider has every key: log, witnesses and index. He files events under somebody else's number."""
    honest = make_receipts.base()
    assert found_in(honest) == {}
    foreign = make_receipts.numbered(honest, INDEXES.index_of(honest.tenant, OTHER))
    for proof, code in (
        (honest.index_proof, "LEAF"),
        (INDEXES.proof_of(honest.tenant, OTHER), "VRF"),
        (INDEXES.proof_of(TenantId("shop"), OTHER), "VRF"),
    ):
        assert found_in(msgspec.structs.replace(foreign, index_proof=proof)) == {Check.INDEX: code}


def test_sv_12_an_account_has_no_second_number_for_whoever_has_the_index_key() -> None:
    """He may make as many proofs as he likes: they are all of one number, or they do not verify."""
    honest = make_receipts.base()
    alpha = f"{honest.tenant}\0{honest.account}".encode()
    seed = INDEXES.private.seed.reveal()
    _, outside = plain.proved_outside(seed, alpha, gamma_by=plain.ORDER_2)
    _, other_nonce = plain.proved_outside(seed, alpha)
    assert other_nonce != honest.index_proof[1:]
    assert found_in(msgspec.structs.replace(honest, index_proof=b"\2" + other_nonce)) == {}
    second = indexes("a second index key")
    for index, proof, code in (
        (second.index_of(honest.tenant, honest.account), second.proof_of(honest.tenant, honest.account), "VRF"),
        (second.index_of(honest.tenant, honest.account), honest.index_proof, "LEAF"),
        (plain.output(plain.BASE)[:32], b"\2" + plain.encoded(plain.BASE) + other_nonce[32:], "VRF"),
        # By the letter of the RFC this one holds, and is of the one number, too.
        (INDEXES.index_of(honest.tenant, honest.account), b"\2" + outside, "VRF"),
    ):
        moved = msgspec.structs.replace(make_receipts.numbered(honest, index), index_proof=proof)
        assert found_in(moved) == {Check.INDEX: code}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case["why"])
def test_cr_10_a_proof_with_a_bad_gamma_key_size_or_scalar_is_refused(case: dict[str, str]) -> None:
    key, alpha, proof = (bytes.fromhex(case[name]) for name in ("key", "alpha", "proof"))
    with refused(Code(case["code"])):
        VrfKey(key).verify(alpha, proof)


def test_cr_10_a_proof_by_another_key_is_refused() -> None:
    with refused(Code.VRF):
        verify(INDEX_PROOF, key=indexes("another index").public)
    with refused(Code.VRF):
        verify(indexes("another index").proof_of(TENANT, ACCOUNT))


def test_cr_10_a_proof_of_any_other_size_is_refused() -> None:
    for size in range(len(INDEX_PROOF)):
        with refused(Code.LEAF):
            verify(INDEX_PROOF[:size])
    with refused(Code.LEAF):
        verify(INDEX_PROOF + b"\0")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 8 * len(INDEX_PROOF) - 1))
def test_cr_10_a_proof_with_a_flipped_bit_is_refused(bit: int) -> None:
    with refused(Code.LEAF, Code.VRF, Code.RANGE):
        verify(make_vrf.flipped(INDEX_PROOF, bit))
