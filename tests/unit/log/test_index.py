"""The number of an account in the log, and the key by which everybody checks it."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from leaves import ACCOUNT, INDEX, INDEX_PROOF, OTHER, TENANT
from notes import INDEXES, LOG, ORIGIN, indexes
from pteri.core.errors import Code, ProtocolError
from pteri.core.ids import AccountId, TenantId
from pteri.core.log.index import INDEX_BYTES, AccountIndexes, IndexKey, claimed_index, parse_index_key, verify_index
from pteri.core.log.note import parse_verifier

TEXT = INDEXES.public.text
SHOP = TenantId("shop")


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


def test_an_index_is_shown_for_its_account() -> None:
    assert len(INDEX) == INDEX_BYTES
    assert claimed_index(INDEX_PROOF) == INDEX
    found = verify_index(
        INDEX_PROOF,
        expected_key=INDEXES.public,
        expected_index=INDEX,
        expected_tenant=TENANT,
        expected_account=ACCOUNT,
    )
    assert found == INDEX


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expected_account": OTHER}, Code.VRF),
        ({"expected_tenant": SHOP}, Code.VRF),
        ({"expected_key": indexes("another index").public}, Code.VRF),
        ({"expected_index": INDEXES.index_of(TENANT, OTHER)}, Code.LEAF),
        ({"expected_index": b""}, Code.LEAF),
        ({"expected_account": AccountId("acct\0x")}, Code.FIELD),
        ({"expected_tenant": TenantId("bank\0acct")}, Code.FIELD),
    ],
    ids=str,
)
def test_an_index_is_of_one_account_one_tenant_and_one_key(change: dict[str, Any], code: Code) -> None:
    whose: dict[str, Any] = {
        "expected_key": INDEXES.public,
        "expected_index": INDEX,
        "expected_tenant": TENANT,
        "expected_account": ACCOUNT,
    }
    with refused(code):
        verify_index(INDEX_PROOF, **(whose | change))


@pytest.mark.parametrize(
    "proof",
    [b"", INDEX_PROOF[1:], INDEX_PROOF[:-1], INDEX_PROOF + b"\0", b"\1" + INDEX_PROOF[1:], bytearray(81), None],
    ids=repr,
)
def test_what_is_no_proof_of_an_index_is_refused(proof: Any) -> None:
    with refused(Code.LEAF):
        claimed_index(proof)
    with refused(Code.LEAF):
        verify_index(
            proof,
            expected_key=INDEXES.public,
            expected_index=INDEX,
            expected_tenant=TENANT,
            expected_account=ACCOUNT,
        )


def test_accounts_and_tenants_have_numbers_of_their_own() -> None:
    whose = [(TENANT, ACCOUNT), (TENANT, OTHER), (SHOP, ACCOUNT), (SHOP, OTHER)]
    assert len({INDEXES.index_of(*each) for each in whose}) == len(whose)


def test_a_key_of_an_index_reads_back_as_it_was() -> None:
    assert TEXT.startswith(f"{ORIGIN}+")
    assert parse_index_key(TEXT) == INDEXES.public
    assert IndexKey.of(ORIGIN, INDEXES.private.public) == INDEXES.public


def written(raw: bytes, name: str = ORIGIN, key_id: str | None = None) -> str:
    return f"{name}+{key_id or INDEXES.public.id.hex()}+{base64.b64encode(raw).decode()}"


RAW = base64.b64decode(TEXT.split("+", 2)[2])


@pytest.mark.parametrize(
    ("why", "text", "code"),
    [
        ("nothing", "", Code.NOTE),
        ("no text", None, Code.NOTE),
        ("the key of a log", LOG.verifier.text, Code.NOTE),
        ("a line end", TEXT + "\n", Code.NOTE),
        ("a space in front", " " + TEXT, Code.NOTE),
        ("another name", written(RAW, name="another.example"), Code.NOTE),
        ("another id", written(RAW, key_id="00000000"), Code.NOTE),
        ("an id in capitals", TEXT.replace(INDEXES.public.id.hex(), "ABCDEF01"), Code.NOTE),
        ("another kind", written(b"\xfe" + RAW[1:]), Code.NOTE),
        ("another name of the kind", written(RAW[:1] + b"pteri-other-key" + RAW[16:]), Code.NOTE),
        ("a name with a space", written(RAW, name="log bank"), Code.NOTE),
        ("a key of small order", written(RAW[:16] + bytes(32)), Code.KEY),
        ("a key that is short", written(RAW[:-3]), Code.NOTE),
    ],
)
def test_what_is_no_key_of_an_index_is_refused(why: str, text: str, code: Code) -> None:
    with refused(code):
        parse_index_key(text)


def test_a_log_of_no_name_has_no_numbers() -> None:
    with refused(Code.NOTE):
        AccountIndexes.of("", INDEXES.private)


def test_the_key_of_an_index_is_never_taken_for_that_of_a_log() -> None:
    with refused(Code.NOTE):
        parse_verifier(TEXT)
