"""vectors/airgap.json: answers of phones without network, in any language."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
import pytest

from pteri.core import httpsig
from pteri.core.acts import Authenticate
from pteri.core.airgap import AirgapAnswer, answered_request, parse_answer, sign_answer
from pteri.core.errors import Malformed, ProtocolError
from pteri.core.httpsig import SignedRequest, Tag
from pteri.core.ids import Nonce, RequestId, Thumbprint
from pteri.core.invitation import Invitation, parse_invitation
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.message import SignatureType
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement, parse
from pteri.core.verify import Invited, Verified, verify
from pteri.core.wallets import pin_wallet
from signing import WALLETS
from vectors import make_airgap


class Case(msgspec.Struct, forbid_unknown_fields=True):
    expect: Literal["accept", "reject"]
    why: str
    code: str | None = None


class AnswerCase(Case, forbid_unknown_fields=True, kw_only=True):
    text: str
    request: RequestId = RequestId("")
    device: Thumbprint = Thumbprint("")
    created_at: int = 0
    device_signature_hex: str = ""
    wallet_signature_hex: str = ""


class SignInCase(Case, forbid_unknown_fields=True, kw_only=True):
    invitation: str
    device_key_hex: str
    public_key: str
    signature_type: SignatureType
    statement: str
    answer: str
    wallet_key_hex: str = ""
    created_at: int = 0
    at: int = 0
    target_uri: str = ""
    idempotency_key: str = ""
    nonce: Nonce = Nonce("")
    body: str = ""
    signature_base: str = ""


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-airgap-vectors-1"]
    note: str
    answers: list[AnswerCase]
    sign_ins: list[SignInCase]


VECTORS = msgspec.json.decode(make_airgap.FILE.read_bytes(), type=Vectors)
GOOD = [case for case in VECTORS.sign_ins if case.expect == "accept"]
BAD = [case for case in VECTORS.sign_ins if case.expect == "reject"]


def why(case: Case) -> str:
    return case.why


def known(case: SignInCase) -> tuple[Statement, Invitation, Invited, DevicePrivateKey]:
    shown = parse_invitation(case.invitation)
    terms = shown.terms
    assert terms is not None
    invited = Invited(terms.session, shown.number, terms.issued_at, terms.expires_at, terms.ticket, terms.block)
    phone = DevicePrivateKey.from_secret(Secret(bytes.fromhex(case.device_key_hex)))
    return parse(case.statement.encode()), shown, invited, phone


def built(case: SignInCase) -> SignedRequest:
    statement, shown, invited, _ = known(case)
    return answered_request(
        parse_answer(case.answer),
        statement,
        signature_type=case.signature_type,
        invited=invited,
        origin=shown.origin,
        tenant=shown.tenant,
    )


def verified(case: SignInCase, at: int) -> Verified[Authenticate]:
    statement, _, _, phone = known(case)
    request = built(case)
    # The name in the answer is looked up; here there is one phone, and another's name is nobody's.
    return verify(
        request,
        expected=statement,
        expected_act=Authenticate,
        expected_wallet=pin_wallet(statement.address, case.public_key, case.signature_type, network="main"),
        expected_device=phone.public,
        expected_network="main",
        expected_method="POST",
        expected_target_uri=request.target_uri,
        at=at,
    )


@pytest.mark.parametrize("case", VECTORS.answers, ids=why)
def test_answers(case: AnswerCase) -> None:
    if case.expect == "reject":
        with pytest.raises(Malformed) as refused:
            parse_answer(case.text)
        assert refused.value.code == case.code
        return
    answer = AirgapAnswer(
        case.request,
        case.device,
        case.created_at,
        bytes.fromhex(case.device_signature_hex),
        bytes.fromhex(case.wallet_signature_hex),
    )
    assert parse_answer(case.text) == answer
    assert answer.encode() == case.text


@pytest.mark.parametrize("case", GOOD, ids=why)
def test_the_request_that_both_sides_build(case: SignInCase) -> None:
    statement, shown, invited, phone = known(case)
    wallet = next(wallet for wallet in WALLETS if wallet.address.text == statement.address)
    assert wallet.secret.reveal().hex() == case.wallet_key_hex
    [signer] = [one for one in WALLETS if (one.address, one.signature_type) == (wallet.address, case.signature_type)]
    answer = sign_answer(
        statement,
        wallet_signature=signer.sign(statement.encode()),
        signature_type=case.signature_type,
        invited=invited,
        origin=shown.origin,
        tenant=shown.tenant,
        key=phone,
        created_at=case.created_at,
    )
    assert answer.encode() == case.answer
    request = built(case)
    assert (request.method, request.target_uri) == ("POST", case.target_uri)
    assert (request.idempotency_key, request.body.decode()) == (case.idempotency_key, case.body)
    parsed = httpsig.parse(request, expected_tag=Tag.DEVICE)
    assert (parsed.nonce, parsed.created_at) == (case.nonce, case.created_at)
    base = httpsig.signature_base(
        method="POST",
        target_uri=case.target_uri,
        content_digest=request.content_digest,
        idempotency_key=case.idempotency_key,
        key_id=answer.device,
        created_at=case.created_at,
        nonce=case.nonce,
        tag=Tag.DEVICE,
    )
    assert base.decode() == case.signature_base
    assert verified(case, case.created_at).device_rs == answer.device_signature


@pytest.mark.parametrize("case", BAD, ids=why)
def test_where_anything_else_is_expected_no_signature_is_right(case: SignInCase) -> None:
    with pytest.raises(ProtocolError) as refused:
        verified(case, case.at)
    assert refused.value.code == case.code


def test_refusals_outnumber_acceptances_and_each_case_has_its_own_reason() -> None:
    lists: tuple[Sequence[Case], ...] = (VECTORS.answers, VECTORS.sign_ins)
    for cases in lists:
        assert sum(case.expect == "reject" for case in cases) > 2 * sum(case.expect == "accept" for case in cases)
        assert len({case.why for case in cases}) == len(cases)


def test_the_file_is_what_its_maker_writes() -> None:
    assert make_airgap.FILE.read_text(encoding="utf-8") == make_airgap.document()
