"""The one door. For each of its steps there is a request that only this step refuses."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from pteri.core import ids
from pteri.core.acts import ActivateDevice, Authenticate, BindWallet, RevokeDevice, RotateWallet, StatementAct
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow, ProtocolError
from pteri.core.httpsig import SignedRequest, Tag, sign
from pteri.core.keys.address import AddressKind
from pteri.core.keys.message import SignatureType, sign_message
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement
from pteri.core.verify import (
    MAX_AGE_S,
    MAX_AHEAD_S,
    MAX_LIFETIME_S,
    Enrolment,
    Invited,
    Payload,
    Verified,
    WalletSignature,
    check_window,
    decode_payload,
    submitted,
    verify,
    verify_wallet,
)
from signing import URI, WALLET, WALLETS, FixedWallet, enrolment, named, payload, request
from statements import ACCOUNT, DEVICE, EXAMPLES, ISSUED_AT, LINE, NEW_DEVICE, NEW_PHONE, PHONE, SESSION, digest

SIGN_IN = named(EXAMPLES["sign in, with a line"])
BIND = named(EXAMPLES["link an account, with a line"])
GOOD = payload(SIGN_IN)
SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def checked(
    received: SignedRequest,
    expected: Statement = SIGN_IN,
    *,
    act: type[StatementAct] = Authenticate,
    wallet: FixedWallet = WALLET,
    at: int = ISSUED_AT + 5,
    **others: Any,
) -> Verified[StatementAct]:
    expectations: dict[str, Any] = {
        "expected": expected,
        "expected_act": act,
        "expected_wallet": wallet.pinned,
        "expected_device": PHONE.public,
        "expected_network": "main",
        "expected_method": "POST",
        "expected_target_uri": URI,
        "at": at,
    }
    verified: Verified[StatementAct] = verify(received, **(expectations | others))
    return verified


def assert_refused(kind: type[ProtocolError], code: Code, received: SignedRequest, *args: Any, **others: Any) -> None:
    with pytest.raises(ProtocolError) as refused:
        checked(received, *args, **others)
    assert type(refused.value) is kind
    assert refused.value.code is code


# --- what is accepted --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wallet", WALLETS, ids=lambda wallet: f"{wallet.kind}, {wallet.signature_type}")
def test_a_statement_signed_by_both_keys_is_verified(wallet: FixedWallet) -> None:
    said = named(EXAMPLES["sign in, with a line"], wallet)
    received = request(payload(said, wallet))
    verified = checked(received, said, wallet=wallet)
    assert (verified.statement, verified.act, verified.text) == (said, said.act, said.encode())
    assert verified.sha256 == ids.digest_text(hashlib.sha256(said.encode()).digest())
    assert (verified.wallet, verified.device) == (wallet.pinned, PHONE.public)
    assert (verified.request, verified.at) == (received, ISSUED_AT + 5)
    assert len(verified.wallet_rs) == len(verified.device_rs) == 64


# Two wallets sign the replacing of one by the other: see test_verify_others.
@pytest.mark.parametrize(
    "name", [name for name, act in EXAMPLES.items() if act.device == DEVICE and not isinstance(act, RotateWallet)]
)
def test_every_purpose_goes_through_the_same_door(name: str) -> None:
    said = named(EXAMPLES[name])
    brought = enrolment() if isinstance(said.act, BindWallet) else None
    assert checked(request(payload(said, enrolment=brought)), said, act=type(said.act)).act == said.act


def test_the_bytes_for_the_code_are_those_of_the_two_signatures() -> None:
    received = request(GOOD)
    verified = checked(received)
    assert verified.wallet_rs == base64.b64decode(GOOD.wallet_signature.signature)[1:]
    assert verified.device_rs == base64.b64decode(received.signature.removeprefix("pteri=:")[:-1])


def test_the_twin_of_the_device_signature_is_the_same_answer() -> None:
    received = request(GOOD)
    raw = base64.b64decode(received.signature.removeprefix("pteri=:")[:-1])
    twin = raw[:32] + (P256_N - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    other = msgspec.structs.replace(received, signature=f"pteri=:{base64.b64encode(twin).decode()}:")
    assert checked(other).device_rs == checked(received).device_rs


# --- 1. shape ----------------------------------------------------------------------------------------------------

SPELT = msgspec.json.encode(GOOD)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        SPELT + b"\n",
        b" " + SPELT,
        b"\xef\xbb\xbf" + SPELT,
        SPELT + b"\0",
        SPELT[:-1],
        SPELT.replace(b":", b": ", 1),
        SPELT.replace(b'"client":"tests"', b'"client":"\\u0074ests"'),
        SPELT.replace(b'"client":"tests"', b'"client":"tests","client":"tests"'),
        SPELT.replace(b'"client":"tests"', b'"client":"\xff"'),
        SPELT.replace(b'"client":"tests"', b'"client":"\\ud800"'),
        SPELT.replace(b'"client":"tests"', b'"client":7'),
        SPELT.replace(b'"client":"tests"', b'"client":""'),
        SPELT.replace(b'"client":"tests"', b'"client":"tests","enrolment":null'),
        SPELT.replace(b'"client":"tests"', b'"client":"tests","admin":true'),
        SPELT.replace(b'"client":"tests"', b'"client":' + b"[" * 1500),
        SPELT.replace(b"ltc-msg-p2pkh", b"btc-msg-p2pkh"),
        SPELT.replace(b"ltc-msg-p2pkh", b"LTC-MSG-P2PKH"),
        SPELT.replace(b'"type":', b'"kind":'),
        SPELT.replace(b'"statement_sha256"', b'"statement_SHA256"'),
        b'{"client":"tests",' + SPELT[1:-17] + b"}",
        msgspec.msgpack.encode(GOOD),
        SPELT.decode().encode("utf-16"),
    ],
    ids=range(27),
)
def test_step_1_a_payload_has_one_spelling(body: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        decode_payload(body)
    assert refused.value.code is Code.BODY
    assert_refused(Malformed, Code.BODY, request(body))


@pytest.mark.parametrize("sha256", ["", "none", "A" * 42, "A" * 44, "A" * 42 + "B", "\u0410" * 43, "A" * 43 + "\n"])
def test_step_1_the_digest_in_a_payload_has_its_form(sha256: str) -> None:
    body = msgspec.json.encode(msgspec.structs.replace(GOOD, statement_sha256=ids.Digest(sha256)))
    with pytest.raises(Malformed) as refused:
        decode_payload(body)
    assert refused.value.code is Code.FIELD


def test_step_1_a_payload_over_3072_bytes_is_not_decoded() -> None:
    room = 3072 - len(SPELT) + len("tests")
    fits = msgspec.json.encode(msgspec.structs.replace(GOOD, client="a" * room))
    assert decode_payload(fits).client == "a" * room
    for size in (room + 1, 10_000_000):
        with pytest.raises(Malformed) as refused:
            decode_payload(msgspec.json.encode(msgspec.structs.replace(GOOD, client="a" * size)))
        assert refused.value.code is Code.TOO_LARGE


INVITED = Invited(SESSION, "42", ISSUED_AT, ISSUED_AT + 120, "AAECAwQFBgcICQoLDA")


def test_step_1_a_good_payload_is_decoded_to_what_was_encoded() -> None:
    assert decode_payload(SPELT) == GOOD
    with_keys = msgspec.structs.replace(GOOD, enrolment=enrolment())
    assert decode_payload(msgspec.json.encode(with_keys)) == with_keys
    scanned = msgspec.structs.replace(GOOD, invited=INVITED)
    assert decode_payload(msgspec.json.encode(scanned)) == scanned


TERMS = msgspec.json.encode(INVITED)


@pytest.mark.parametrize(
    "terms",
    [
        b"null",
        b"{}",
        b"[]",
        b'"terms"',
        TERMS[:-1] + b',"account":"acct_5X3N8J2K7Q4M"}',
        TERMS[:-1] + b',"ticket":"AAECAwQFBgcICQoLDA"}',
        TERMS.replace(b'"number":"42"', b'"number":42'),
        TERMS.replace(b'"number":"42"', b'"number":"\\u0034\\u0032"'),
        TERMS.replace(b'"number":"42"', b'"number":null'),
        TERMS.replace(b'"issued_at":', b'"issued_at": '),
        TERMS.replace(b'"issued_at":', b'"issued_at":0.'),
        TERMS.replace(b'"issued_at":', b'"issued_at":00'),
        TERMS.replace(str(ISSUED_AT).encode(), f"{ISSUED_AT}.0".encode(), 1),
        TERMS.replace(str(ISSUED_AT).encode(), f'"{ISSUED_AT}"'.encode(), 1),
        TERMS.replace(str(ISSUED_AT).encode(), b"true", 1),
        b"{" + TERMS[TERMS.index(b'"number"') : -1] + b"," + TERMS[1 : TERMS.index(b',"number"')] + b"}",
    ],
    ids=range(16),
)
def test_step_1_the_terms_in_a_payload_have_one_spelling(terms: bytes) -> None:
    scanned = msgspec.json.encode(msgspec.structs.replace(GOOD, invited=INVITED))
    assert TERMS in scanned
    body = scanned.replace(TERMS, terms)
    with pytest.raises(Malformed) as refused:
        decode_payload(body)
    assert refused.value.code is Code.BODY


@pytest.mark.parametrize("issued_at", [-ISSUED_AT, 0, 1 << 40, 1 << 70])
def test_step_1_what_an_instant_in_the_terms_means_is_for_whoever_made_them(issued_at: int) -> None:
    scanned = msgspec.structs.replace(GOOD, invited=msgspec.structs.replace(INVITED, issued_at=issued_at))
    assert decode_payload(msgspec.json.encode(scanned)) == scanned


def test_step_1_what_a_payload_says_of_an_invitation_proves_nothing_and_hurts_nothing() -> None:
    received = request(msgspec.structs.replace(GOOD, invited=INVITED))
    assert checked(received).statement == SIGN_IN
    lie = msgspec.structs.replace(INVITED, number="99", session=digest("another session"))
    assert checked(request(msgspec.structs.replace(GOOD, invited=lie))).statement == SIGN_IN


def test_step_1_needs_no_key_and_says_whom_the_headers_name() -> None:
    taken = submitted(request(GOOD, phone=NEW_PHONE))
    assert (taken.key_id, taken.payload) == (NEW_DEVICE, GOOD)
    with pytest.raises(Malformed):
        submitted(request(b"{}"))
    with pytest.raises(Malformed):
        submitted(msgspec.structs.replace(request(GOOD), signature=""))


# --- 2. the record is about this purpose, phone, wallet and network -----------------------------------------------


@pytest.mark.parametrize("act", [RevokeDevice, BindWallet, ActivateDevice])
def test_step_2_a_statement_of_another_purpose_is_refused(act: type[StatementAct]) -> None:
    assert_refused(NotAuthentic, Code.MISMATCH, request(GOOD), act=act)


def test_step_2_a_statement_that_names_another_phone_is_refused() -> None:
    said = named(Authenticate(ACCOUNT, NEW_DEVICE, LINE, 17, SESSION, "42"))
    # Both signatures are right: the phone that signed is the expected one, only the statement names another.
    assert_refused(NotAuthentic, Code.MISMATCH, request(payload(said)), said)


def test_step_2_a_statement_that_names_another_wallet_is_refused() -> None:
    other = FixedWallet(AddressKind.P2PKH, SignatureType.P2PKH, Secret(b"\x22" * 32))
    said = named(SIGN_IN.act, other)
    # Signed by the expected wallet all the same: only the name in the text is another's.
    assert_refused(NotAuthentic, Code.WALLET_KEY, request(payload(said)), said)


@pytest.mark.parametrize("network", ["test", "regtest"])
def test_step_2_a_statement_for_another_network_is_refused(network: str) -> None:
    assert_refused(NotAuthentic, Code.MISMATCH, request(GOOD), expected_network=network)


def test_step_2_a_chain_that_is_no_network_of_ours_is_refused() -> None:
    said = msgspec.structs.replace(SIGN_IN, chain="bip122:000000000019d6689c085ae165831e93")
    assert_refused(NotAuthentic, Code.MISMATCH, request(payload(said)), said)


def test_step_2_a_network_that_does_not_exist_is_refused() -> None:
    assert_refused(Malformed, Code.NETWORK, request(GOOD), expected_network="bitcoin")


BROUGHT = enrolment()


@pytest.mark.parametrize(
    "brought",
    [
        None,
        enrolment(phone=NEW_PHONE),
        enrolment(FixedWallet(AddressKind.P2PKH, SignatureType.P2PKH, Secret(b"\x22" * 32))),
        enrolment(FixedWallet(AddressKind.P2WPKH, SignatureType.BIP137)),
        Enrolment(BROUGHT.device_key + "A", BROUGHT.wallet),
        Enrolment(BROUGHT.device_key, msgspec.structs.replace(BROUGHT.wallet, address=BROUGHT.wallet.address.upper())),
    ],
    ids=["none", "another phone", "another wallet", "another address of the wallet", "another spelling", "upper case"],
)
def test_step_2_a_binding_brings_exactly_the_keys_that_sign_it(brought: Enrolment | None) -> None:
    assert checked(request(payload(BIND, enrolment=BROUGHT)), BIND, act=BindWallet).act == BIND.act
    assert_refused(NotAuthentic, Code.MISMATCH, request(payload(BIND, enrolment=brought)), BIND, act=BindWallet)


def test_step_2_nothing_but_a_binding_brings_keys() -> None:
    assert_refused(NotAuthentic, Code.MISMATCH, request(payload(SIGN_IN, enrolment=BROUGHT)))


# --- 3. time -----------------------------------------------------------------------------------------------------


def lasting(life_s: int) -> Statement:
    return msgspec.structs.replace(SIGN_IN, expires_at=ISSUED_AT + life_s)


@pytest.mark.parametrize(
    ("life_s", "after_s", "code"),
    [
        (120, -MAX_AHEAD_S - 1, Code.NOT_YET_VALID),
        (120, -MAX_AHEAD_S, None),
        (120, 0, None),
        (120, 119, None),
        (120, 120, Code.EXPIRED),
        (MAX_LIFETIME_S, MAX_AGE_S - 1, None),
        (MAX_LIFETIME_S, MAX_AGE_S, Code.EXPIRED),
        (MAX_LIFETIME_S + 1, 5, Code.LIFETIME),
        (10**6, 5, Code.LIFETIME),
        (1, 0, None),
        (0, 0, Code.LIFETIME),
        (-10, -60, Code.LIFETIME),
    ],
)
def test_step_3_the_window_is_exact_to_the_second(life_s: int, after_s: int, code: Code | None) -> None:
    said, at = lasting(life_s), ISSUED_AT + after_s
    received = request(payload(said), created_at=max(at, 0))
    if code is None:
        check_window(said, at)
        assert checked(received, said, at=at).at == at
        return
    with pytest.raises(OutOfWindow) as refused:
        check_window(said, at)
    assert refused.value.code is code
    assert_refused(OutOfWindow, code, received, said, at=at)


def test_step_3_comes_before_any_key_work() -> None:
    broken = msgspec.structs.replace(request(GOOD), signature=f"pteri=:{base64.b64encode(bytes(64)).decode()}:")
    assert_refused(OutOfWindow, Code.EXPIRED, broken, at=ISSUED_AT + 120)


# --- 4. the device signature -------------------------------------------------------------------------------------


def test_step_4_a_request_signed_by_another_phone_is_refused() -> None:
    assert_refused(NotAuthentic, Code.DEVICE_SIGNATURE, request(GOOD, phone=NEW_PHONE))


def test_step_4_a_request_in_the_name_of_the_phone_signed_by_another_is_refused() -> None:
    forged = msgspec.structs.replace(request(GOOD), signature=request(GOOD, phone=NEW_PHONE).signature)
    assert_refused(NotAuthentic, Code.DEVICE_SIGNATURE, forged)


def test_step_4_a_body_changed_after_it_was_signed_is_refused() -> None:
    other = msgspec.json.encode(msgspec.structs.replace(GOOD, client="tests2"))
    assert_refused(NotAuthentic, Code.CONTENT_DIGEST, msgspec.structs.replace(request(GOOD), body=other))


def test_step_4_a_signature_of_a_relying_party_is_not_a_phones() -> None:
    received = sign(
        method="POST",
        target_uri=URI,
        body=SPELT,
        idempotency_key="resp_7Xk2mP9qLw4RtY1z",
        key=PHONE,
        created_at=ISSUED_AT,
        nonce=bytes(16),
        tag=Tag.CLIENT,
    )
    assert_refused(Malformed, Code.SIGNATURE_HEADERS, received)


@pytest.mark.parametrize(
    "elsewhere", [{"expected_method": "PUT"}, {"expected_target_uri": URI.replace("bank", "shop")}]
)
def test_step_4_a_request_for_another_place_is_refused(elsewhere: dict[str, str]) -> None:
    assert_refused(NotAuthentic, Code.MISMATCH, request(GOOD), **elsewhere)


def test_step_4_an_old_request_with_a_fresh_statement_is_refused() -> None:
    assert_refused(OutOfWindow, Code.EXPIRED, request(GOOD, created_at=ISSUED_AT - 400))


# --- 5. the statement --------------------------------------------------------------------------------------------


def test_step_5_the_digest_of_another_statement_is_refused() -> None:
    # The wallet's signature is right: only what the phone says it signed is not what the server expects.
    lie = msgspec.structs.replace(GOOD, statement_sha256=digest("another statement"))
    assert_refused(NotAuthentic, Code.STATEMENT_DIGEST, request(lie))


def test_step_5_a_digest_that_never_went_through_the_decoder_raises_nothing_else() -> None:
    for text in ("", "\ud800", "\u00e9"):
        lie = msgspec.structs.replace(GOOD, statement_sha256=ids.Digest(text))
        with pytest.raises(NotAuthentic) as refused:
            verify_wallet(lie, expected=SIGN_IN, expected_wallet=WALLET.pinned, expected_network="main")
        assert refused.value.code is Code.STATEMENT_DIGEST


@pytest.mark.parametrize("name", EXAMPLES)
def test_step_5_a_payload_for_one_statement_is_good_for_no_other(name: str) -> None:
    said = named(EXAMPLES[name])
    if said != SIGN_IN:
        assert_refused(NotAuthentic, Code.STATEMENT_DIGEST, request(msgspec.structs.replace(payload(said))))


# --- 6. and 7. the wallet signature ------------------------------------------------------------------------------


def with_signature(text: str, signature_type: SignatureType = SignatureType.P2PKH) -> Payload:
    return msgspec.structs.replace(GOOD, wallet_signature=WalletSignature(signature_type, text))


@pytest.mark.parametrize("wallet", WALLETS, ids=lambda wallet: f"{wallet.kind}, {wallet.signature_type}")
def test_step_6_a_signature_over_another_text_is_refused(wallet: FixedWallet) -> None:
    said = named(SIGN_IN.act, wallet)
    lie = msgspec.structs.replace(
        payload(said, wallet), wallet_signature=WalletSignature(wallet.signature_type, wallet.sign(b"another text"))
    )
    with pytest.raises(NotAuthentic) as refused:
        checked(request(lie), said, wallet=wallet)
    assert refused.value.code in {Code.MISMATCH, Code.SIGNATURE}


@pytest.mark.parametrize("wallet", WALLETS, ids=lambda wallet: f"{wallet.kind}, {wallet.signature_type}")
def test_step_7_a_signature_by_another_wallet_is_refused(wallet: FixedWallet) -> None:
    thief = replace(wallet, secret=Secret(b"\x22" * 32))
    said = named(SIGN_IN.act, wallet)
    with pytest.raises(ProtocolError) as refused:
        checked(request(payload(said, thief)), said, wallet=wallet)
    assert isinstance(refused.value, NotAuthentic)
    assert refused.value.code in {Code.MISMATCH, Code.SIGNATURE}


def test_step_7_a_right_signature_by_another_key_than_the_pinned_one_is_refused() -> None:
    # A record that pins another key to this address. A legacy signature commits to the address only.
    other = replace(WALLET, secret=Secret(b"\x22" * 32)).pinned.public_key
    pinned = msgspec.structs.replace(WALLET.pinned, public_key=other)
    assert_refused(NotAuthentic, Code.WALLET_KEY, request(GOOD), expected_wallet=pinned)


def test_step_7_a_type_that_is_named_but_not_pinned_is_refused() -> None:
    named_other = with_signature(GOOD.wallet_signature.signature, SignatureType.BIP137)
    assert_refused(NotAuthentic, Code.FORMAT, request(named_other))


def test_step_7_a_signature_of_another_type_than_the_pinned_one_is_refused() -> None:
    native = FixedWallet(AddressKind.P2WPKH, SignatureType.BIP322_SIMPLE)
    trezor = replace(native, signature_type=SignatureType.BIP137)
    said = named(SIGN_IN.act, native)
    lie = payload(said, trezor)
    relabelled = msgspec.structs.replace(
        lie, wallet_signature=WalletSignature(SignatureType.BIP322_SIMPLE, lie.wallet_signature.signature)
    )
    assert checked(request(lie), said, wallet=trezor).wallet == trezor.pinned
    assert_refused(NotAuthentic, Code.FORMAT, request(lie), said, wallet=native)
    assert_refused(Malformed, Code.FORMAT, request(relabelled), said, wallet=native)


def test_step_6_a_high_s_is_refused_though_it_is_as_right() -> None:
    raw = base64.b64decode(GOOD.wallet_signature.signature)
    flipped = (SECP256K1_N - int.from_bytes(raw[33:], "big")).to_bytes(32, "big")
    touched = bytes((31 + (raw[0] - 31 ^ 1),)) + raw[1:33] + flipped
    assert_refused(Malformed, Code.HIGH_S, request(with_signature(base64.b64encode(touched).decode())))


@pytest.mark.parametrize(
    ("signature", "code"),
    [
        ("", Code.LENGTH),
        (GOOD.wallet_signature.signature + "\n", Code.ENCODING),
        (GOOD.wallet_signature.signature[:-1], Code.ENCODING),
        ("A" * 400, Code.LENGTH),
        ("smp" + GOOD.wallet_signature.signature, Code.FORMAT),
        ("\u0410" * 88, Code.ENCODING),
        (base64.b64encode(bytes(65)).decode(), Code.HEADER),
        (base64.b64encode(b"\x1f" + bytes(64)).decode(), Code.RANGE),
        (base64.b64encode(b"\x1b" + base64.b64decode(GOOD.wallet_signature.signature)[1:]).decode(), Code.HEADER),
    ],
)
def test_step_6_a_signature_has_one_spelling(signature: str, code: Code) -> None:
    assert_refused(Malformed, code, request(with_signature(signature)))


def test_step_6_a_signature_with_the_magic_of_a_message_for_another_chain_is_refused() -> None:
    elsewhere = sign_message(WALLET.secret, SIGN_IN.encode() + b" ")
    assert_refused(NotAuthentic, Code.MISMATCH, request(with_signature(elsewhere)))


def test_a_wallet_signature_alone_can_be_recognised_but_is_no_verified_statement() -> None:
    found = verify_wallet(GOOD, expected=SIGN_IN, expected_wallet=WALLET.pinned, expected_network="main")
    assert found == (SIGN_IN.encode(), GOOD.statement_sha256, checked(request(GOOD)).wallet_rs)
    assert_refused(NotAuthentic, Code.DEVICE_SIGNATURE, request(GOOD, phone=NEW_PHONE))
