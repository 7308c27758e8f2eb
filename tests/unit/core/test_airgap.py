"""The answer of a phone without network. More texts, good and bad, are in vectors/airgap.json."""

from __future__ import annotations

import base64
import hashlib

import msgspec
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from pteri.core import httpsig, ids
from pteri.core.airgap import (
    MAX_ANSWER_CHARACTERS,
    AirgapAnswer,
    answered_request,
    parse_answer,
    sign_answer,
    target_path,
)
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.httpsig import SignedRequest, Tag
from pteri.core.keys.message import SignatureType
from pteri.core.verify import Invited, decode_payload
from pteri.core.wire import BringAnswer
from signing import WALLET, WALLETS, FixedWallet, named
from statements import DEVICE, EXAMPLES, ISSUED_AT, PHONE, SESSION

REQUEST = ids.new_request_id("lgn", ISSUED_AT, bytes(range(12)))
BANK = ids.tenant_id("bank")
ORIGIN = "https://id.bank.example"
STATEMENT = msgspec.structs.replace(named(EXAMPLES["sign in, with a line"]), request_id=REQUEST)
INVITED = Invited(SESSION, "42", ISSUED_AT, ISSUED_AT + 120, ids.to_base64url(bytes(13)))
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def signed(wallet: FixedWallet = WALLET, *, created_at: int = ISSUED_AT + 7) -> AirgapAnswer:
    said = msgspec.structs.replace(STATEMENT, address=wallet.address.text)
    return sign_answer(
        said,
        wallet_signature=wallet.sign(said.encode()),
        signature_type=wallet.signature_type,
        invited=INVITED,
        origin=ORIGIN,
        tenant=BANK,
        key=PHONE,
        created_at=created_at,
    )


def rebuilt(answer: AirgapAnswer, wallet: FixedWallet = WALLET) -> SignedRequest:
    said = msgspec.structs.replace(STATEMENT, address=wallet.address.text)
    return answered_request(
        answer, said, signature_type=wallet.signature_type, invited=INVITED, origin=ORIGIN, tenant=BANK
    )


def proved(request: SignedRequest) -> httpsig.VerifiedRequest:
    return httpsig.verify(
        request,
        key=PHONE.public,
        expected_method="POST",
        expected_target_uri=ORIGIN + target_path(BANK, REQUEST),
        expected_tag=Tag.DEVICE,
        at=ISSUED_AT + 7,
    )


# --- the text ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wallet", WALLETS, ids=lambda wallet: f"{wallet.kind}-{wallet.signature_type}")
def test_an_answer_comes_back_as_it_was_whatever_the_wallet(wallet: FixedWallet) -> None:
    answer = signed(wallet)
    text = answer.encode()
    assert parse_answer(text) == answer
    assert parse_answer(text).encode() == text
    assert len(text) <= MAX_ANSWER_CHARACTERS
    assert proved(rebuilt(answer, wallet)).signature == answer.device_signature
    payload = decode_payload(rebuilt(answer, wallet).body)
    assert payload.wallet_signature.signature == wallet.sign(
        msgspec.structs.replace(STATEMENT, address=wallet.address.text).encode()
    )


def test_its_size_is_told_in_the_specification_and_fits_a_small_code() -> None:
    text = signed().encode()
    assert len(from_base45(text.removeprefix("PTERI1R:"))) == 183
    assert len(text) == 283
    assert segno.make_qr(text, error="m", boost_error=False).designator == "10-M"
    assert segno.make_qr(text, error="m").mode == "alphanumeric"
    longest = msgspec.structs.replace(signed(), wallet_signature=bytes(108)).encode()
    assert len(longest) == MAX_ANSWER_CHARACTERS
    assert segno.make_qr(longest, error="m", boost_error=False).designator == "11-M"


SIGNATURES = st.builds(
    lambda r, s: r.to_bytes(32, "big") + s.to_bytes(32, "big"), st.integers(1, _N - 1), st.integers(1, _N // 2)
)
ANSWERS = st.builds(
    AirgapAnswer,
    request=st.builds(
        lambda at, random: ids.new_request_id("lgn", at, random),
        st.integers(0, (1 << 40) - 1),
        st.binary(min_size=12, max_size=12),
    ),
    device=st.binary(min_size=32, max_size=32).map(ids.digest_text),
    created_at=st.integers(0, 10**12 - 1),
    device_signature=SIGNATURES,
    wallet_signature=st.binary(min_size=65, max_size=108),
)


@given(ANSWERS)
def test_every_answer_has_one_spelling(answer: AirgapAnswer) -> None:
    text = answer.encode()
    assert parse_answer(text) == answer
    assert parse_answer(text).encode() == text


@given(st.one_of(st.text(max_size=400), st.binary(max_size=260).map(lambda raw: "PTERI1R:" + to_base45(raw))))
def test_a_text_is_an_answer_in_its_one_spelling_or_malformed(text: str) -> None:
    try:
        answer = parse_answer(text)
    except Malformed:
        return
    assert answer.encode() == text


def test_neither_signature_is_in_what_a_log_would_show() -> None:
    answer = signed()
    shown = repr(answer)
    assert "signature" not in shown
    assert REQUEST in shown
    message = BringAnswer("PTERI1:", answer.encode(), "A" * 43)
    assert answer.encode() not in repr(message)
    assert "A" * 43 not in repr(message)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"created_at": -1}, Code.FIELD),
        ({"created_at": 10**12}, Code.FIELD),
        ({"device_signature": bytes(64)}, Code.RANGE),
        ({"device_signature": b"\1" * 63}, Code.LENGTH),
        ({"device_signature": b"\1" * 65}, Code.LENGTH),
        ({"device_signature": _N.to_bytes(32, "big") + b"\1" * 32}, Code.RANGE),
        ({"device_signature": b"\1" * 32 + bytes(32)}, Code.RANGE),
        ({"device_signature": b"\1" * 32 + (_N - 1).to_bytes(32, "big")}, Code.HIGH_S),
        ({"device_signature": b"\1" * 32 + (_N // 2 + 1).to_bytes(32, "big")}, Code.HIGH_S),
        ({"wallet_signature": bytes(64)}, Code.LENGTH),
        ({"wallet_signature": bytes(109)}, Code.LENGTH),
        ({"request": ids.request_id("lgn_2Y7K4M9QWZ3T")}, Code.LENGTH),
        ({"device": ids.Thumbprint("A" * 42)}, Code.FIELD),
    ],
)
def test_what_no_answer_can_say_is_not_written(changes: dict[str, object], code: Code) -> None:
    with pytest.raises(Malformed) as refused:
        msgspec.structs.replace(signed(), **changes).encode()
    assert refused.value.code is code


def test_the_same_bytes_are_not_read_as_an_answer_of_another_kind() -> None:
    answer = msgspec.structs.replace(signed(), request=ids.new_request_id("rec", ISSUED_AT, bytes(12)))
    # The three letters are not carried: an answer is one to a sign-in, whatever it was made from.
    assert parse_answer(answer.encode()).request.startswith("lgn_")


def test_a_text_that_is_none_is_refused() -> None:
    for nothing in (None, 7, b"PTERI1R:"):
        with pytest.raises(Malformed):
            parse_answer(nothing)  # type: ignore[arg-type]  # for callers without a type checker


# --- the request that it is of ---------------------------------------------------------------------------------------


def test_both_sides_build_the_same_request_and_nothing_of_it_is_chosen() -> None:
    request = rebuilt(signed())
    assert request.target_uri == f"{ORIGIN}/v1/bank/logins/{REQUEST}/answer"
    assert request.idempotency_key == REQUEST
    nonce = ids.to_base64url(hashlib.sha256(b"PTERI-AIRGAP-v1\0" + REQUEST.encode()).digest()[:16])
    assert f';nonce="{nonce}";' in request.signature_input
    assert f";created={ISSUED_AT + 7};" in request.signature_input
    payload = decode_payload(request.body)
    assert (payload.client, payload.invited, payload.enrolment) == ("", INVITED, None)
    assert payload.statement_sha256 == ids.digest_text(STATEMENT.sha256())
    assert proved(request).key_id == DEVICE


@pytest.mark.parametrize(
    "changes",
    [
        {"session": ids.digest_text(bytes(32))},
        {"number": "43"},
        {"issued_at": ISSUED_AT + 1},
        {"expires_at": ISSUED_AT + 121},
        {"ticket": ids.to_base64url(b"\1" * 13)},
    ],
)
def test_other_terms_make_another_request(changes: dict[str, object]) -> None:
    other = answered_request(
        signed(),
        STATEMENT,
        signature_type=SignatureType.P2PKH,
        invited=msgspec.structs.replace(INVITED, **changes),
        origin=ORIGIN,
        tenant=BANK,
    )
    with pytest.raises(NotAuthentic):
        proved(other)


@pytest.mark.parametrize("where", [("https://evil.example", "bank"), (ORIGIN, "shop")])
def test_another_server_or_tenant_makes_another_request(where: tuple[str, str]) -> None:
    origin, tenant = where
    other = answered_request(
        signed(),
        STATEMENT,
        signature_type=SignatureType.P2PKH,
        invited=INVITED,
        origin=origin,
        tenant=ids.tenant_id(tenant),
    )
    assert other.target_uri != rebuilt(signed()).target_uri
    with pytest.raises(NotAuthentic):
        httpsig.verify(
            other,
            key=PHONE.public,
            expected_method="POST",
            expected_target_uri=other.target_uri,
            expected_tag=Tag.DEVICE,
            at=ISSUED_AT + 7,
        )


def test_a_witness_has_one_text_of_its_two() -> None:
    """Wallets write a witness with and without its prefix; what the phone signs has the prefix."""
    wallet = next(wallet for wallet in WALLETS if wallet.signature_type is SignatureType.BIP322_SIMPLE)
    said = msgspec.structs.replace(STATEMENT, address=wallet.address.text)
    text = wallet.sign(said.encode())
    assert text.startswith("smp")
    bare = sign_answer(
        said,
        wallet_signature=text.removeprefix("smp"),
        signature_type=wallet.signature_type,
        invited=INVITED,
        origin=ORIGIN,
        tenant=BANK,
        key=PHONE,
        created_at=ISSUED_AT + 7,
    )
    assert bare == signed(wallet)


@pytest.mark.parametrize("text", ["not base64!", base64.b64encode(bytes(64)).decode()[:-3] + "B==", "AAA", "\u00e9"])
def test_a_wallet_signature_in_another_spelling_is_not_shown(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        sign_answer(
            STATEMENT,
            wallet_signature=text,
            signature_type=SignatureType.P2PKH,
            invited=INVITED,
            origin=ORIGIN,
            tenant=BANK,
            key=PHONE,
            created_at=ISSUED_AT,
        )
    assert refused.value.code is Code.ENCODING
