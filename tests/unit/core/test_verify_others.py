"""Step 8 of the one door: another wallet and a recovery code sign the same bytes, exactly where they are expected."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec
import pytest

from pteri.core import ids
from pteri.core.acts import Authenticate, FreezeAccount, RotateWallet, StartRecovery, StatementAct
from pteri.core.errors import Code, Malformed, NotAuthentic, ProtocolError
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.message import SignatureType
from pteri.core.keys.recovery import sign_with_code
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement
from pteri.core.verify import CodeSignature, NewWallet, Payload, Verified, decode_payload, verify
from signing import URI, WALLET, WALLETS, FixedWallet, named, payload, request
from statements import ACCOUNT, DEVICE, EXAMPLES, ISSUED_AT, NEW_PHONE, PHONE


def fixed(label: str, like: FixedWallet = WALLET) -> FixedWallet:
    return FixedWallet(like.kind, like.signature_type, Secret(hashlib.sha256(label.encode()).digest()))


NEW = fixed("a new wallet")
OTHER = fixed("another wallet")
CODE = DevicePrivateKey.from_secret(Secret(hashlib.sha256(b"a recovery code").digest()))
ROTATION = named(RotateWallet(ACCOUNT, DEVICE, 9, NEW.address.text))
LOST = named(StartRecovery(ACCOUNT, DEVICE, None, 4, ("C", "G"), None, NEW.address.text), NEW)
SIGN_IN = named(EXAMPLES["sign in, with a line"])
FREEZE = named(FreezeAccount(ACCOUNT, DEVICE, 11))


def key_text(key: DevicePrivateKey) -> str:
    return ids.to_base64url(key.public.sec1)


def by_code(said: Statement, key: DevicePrivateKey = CODE) -> CodeSignature:
    return CodeSignature(key_text(key), ids.to_base64url(sign_with_code(key, said.encode())))


def brought(said: Statement, wallet: FixedWallet = NEW) -> NewWallet:
    return NewWallet(wallet.pinned, wallet.sign(said.encode()))


def signed(said: Statement, wallet: FixedWallet = WALLET, **beside: Any) -> Payload:
    return msgspec.structs.replace(payload(said, wallet), **beside)


def checked(
    sent: Payload, said: Statement, act: type[StatementAct], *, wallet: FixedWallet = WALLET, **expected: Any
) -> Verified[StatementAct]:
    verified: Verified[StatementAct] = verify(
        request(sent),
        expected=said,
        expected_act=act,
        expected_wallet=wallet.pinned,
        expected_device=PHONE.public,
        expected_network="main",
        expected_method="POST",
        expected_target_uri=URI,
        at=ISSUED_AT + 5,
        **expected,
    )
    return verified


def refused(*args: Any, **expected: Any) -> tuple[type[ProtocolError], Code]:
    with pytest.raises(ProtocolError) as no:
        checked(*args, **expected)
    return type(no.value), no.value.code


MISMATCH = (NotAuthentic, Code.MISMATCH)
WALLET_KEY = (NotAuthentic, Code.WALLET_KEY)


# --- what is accepted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WALLETS, ids=lambda wallet: f"{wallet.kind}, {wallet.signature_type}")
def test_both_wallets_sign_that_one_takes_the_place_of_the_other(kind: FixedWallet) -> None:
    new = fixed("a new wallet", kind)
    said = named(RotateWallet(ACCOUNT, DEVICE, 9, new.address.text))
    sent = signed(said, new_wallet=brought(said, new))
    verified = checked(sent, said, RotateWallet, expected_new_wallet=new.pinned)
    assert (verified.wallet, verified.new_wallet, verified.code_key) == (WALLET.pinned, new.pinned, None)


def test_with_a_recovery_code_three_sign_besides_the_phone() -> None:
    sent = signed(ROTATION, new_wallet=brought(ROTATION), recovery_code=by_code(ROTATION))
    expected: dict[str, Any] = {"expected_new_wallet": NEW.pinned, "expected_code_key": key_text(CODE)}
    assert checked(sent, ROTATION, RotateWallet, **expected).code_key == key_text(CODE)
    assert decode_payload(msgspec.json.encode(sent)) == sent


def test_who_lost_the_wallet_signs_once_with_the_new_one_and_says_so() -> None:
    sent = signed(LOST, NEW, new_wallet=NewWallet(NEW.pinned), signed_by=NEW.pinned)
    expected: dict[str, Any] = {"expected_new_wallet": NEW.pinned, "expected_signer": NEW.pinned}
    assert checked(sent, LOST, StartRecovery, wallet=NEW, **expected).new_wallet == NEW.pinned


# --- the new wallet -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("expected", [None, OTHER.pinned, WALLET.pinned])
def test_a_record_of_another_new_wallet_than_the_statement_names_is_refused(expected: Any) -> None:
    for carried in (brought(ROTATION), None, NewWallet(OTHER.pinned, OTHER.sign(ROTATION.encode()))):
        sent = signed(ROTATION, new_wallet=carried)
        assert refused(sent, ROTATION, RotateWallet, expected_new_wallet=expected) == WALLET_KEY


@pytest.mark.parametrize("said", [SIGN_IN, FREEZE], ids=["sign in", "freeze"])
def test_a_record_of_a_new_wallet_that_the_statement_does_not_name_is_refused(said: Statement) -> None:
    sent = signed(said, new_wallet=brought(said))
    assert refused(sent, said, type(said.act), expected_new_wallet=NEW.pinned) == WALLET_KEY


def test_a_new_wallet_that_nobody_asked_for_is_refused() -> None:
    assert refused(signed(SIGN_IN, new_wallet=brought(SIGN_IN)), SIGN_IN, Authenticate) == MISMATCH


@pytest.mark.parametrize(
    "carried",
    [
        None,
        brought(ROTATION, OTHER),
        NewWallet(OTHER.pinned, NEW.sign(ROTATION.encode())),
        NewWallet(msgspec.structs.replace(NEW.pinned, public_key=OTHER.pinned.public_key), NEW.sign(ROTATION.encode())),
        NewWallet(
            msgspec.structs.replace(NEW.pinned, signature_type=SignatureType.BIP137), NEW.sign(ROTATION.encode())
        ),
    ],
    ids=["missing", "swapped", "swapped, with the right signature", "another key", "another type"],
)
def test_another_new_wallet_than_the_named_one_is_refused(carried: NewWallet | None) -> None:
    sent = signed(ROTATION, new_wallet=carried)
    assert refused(sent, ROTATION, RotateWallet, expected_new_wallet=NEW.pinned) == MISMATCH


def test_a_new_wallet_that_did_not_sign_is_refused() -> None:
    sent = signed(ROTATION, new_wallet=NewWallet(NEW.pinned))
    assert refused(sent, ROTATION, RotateWallet, expected_new_wallet=NEW.pinned) == MISMATCH


def test_a_new_wallet_that_signed_twice_is_refused() -> None:
    sent = signed(LOST, NEW, new_wallet=brought(LOST), signed_by=NEW.pinned)
    expected: dict[str, Any] = {"expected_new_wallet": NEW.pinned, "expected_signer": NEW.pinned}
    assert refused(sent, LOST, StartRecovery, wallet=NEW, **expected) == MISMATCH


@pytest.mark.parametrize(
    "signature",
    [WALLET.sign(ROTATION.encode()), OTHER.sign(ROTATION.encode()), NEW.sign(SIGN_IN.encode())],
    ids=["by the old wallet", "by a third one", "over another statement"],
)
def test_a_new_wallet_is_not_taken_on_the_signature_of_something_else(signature: str) -> None:
    sent = signed(ROTATION, new_wallet=NewWallet(NEW.pinned, signature))
    kind, code = refused(sent, ROTATION, RotateWallet, expected_new_wallet=NEW.pinned)
    assert (kind, code) in {WALLET_KEY, MISMATCH, (NotAuthentic, Code.RECOVER)}


@pytest.mark.parametrize("signature", ["", "none", base64.b64encode(bytes(65)).decode()])
def test_a_new_wallet_that_signed_with_rubbish_is_refused(signature: str) -> None:
    sent = signed(ROTATION, new_wallet=NewWallet(NEW.pinned, signature))
    assert refused(sent, ROTATION, RotateWallet, expected_new_wallet=NEW.pinned)[0] is Malformed


def test_the_old_wallet_must_sign_too() -> None:
    sent = signed(ROTATION, NEW, new_wallet=brought(ROTATION))
    assert refused(sent, ROTATION, RotateWallet, expected_new_wallet=NEW.pinned)[0] is NotAuthentic


# --- the recovery code ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("announced", "shown"),
    [(key_text(CODE), None), (None, by_code(FREEZE)), (key_text(CODE), by_code(FREEZE, NEW_PHONE))],
    ids=["announced and not shown", "shown and not announced", "another than announced"],
)
def test_a_code_is_shown_exactly_where_it_was_announced(announced: str | None, shown: CodeSignature | None) -> None:
    sent = signed(FREEZE, recovery_code=shown)
    assert refused(sent, FREEZE, FreezeAccount, expected_code_key=announced) == MISMATCH


NOT_BY_CODE = {
    "by another key": by_code(FREEZE, NEW_PHONE).signature,
    "over another statement": by_code(SIGN_IN).signature,
    "over the bare text": ids.to_base64url(CODE.sign(FREEZE.encode())),
}


@pytest.mark.parametrize("how", NOT_BY_CODE)
def test_a_code_that_did_not_sign_this_is_refused(how: str) -> None:
    sent = signed(FREEZE, recovery_code=CodeSignature(key_text(CODE), NOT_BY_CODE[how]))
    assert refused(sent, FREEZE, FreezeAccount, expected_code_key=key_text(CODE)) == (
        NotAuthentic,
        Code.DEVICE_SIGNATURE,
    )


@pytest.mark.parametrize("signature", ["", "AA", "A" * 85, "A" * 86 + "=", "A" * 88, "\u0410" * 86])
def test_a_code_signature_of_another_shape_is_refused(signature: str) -> None:
    sent = signed(FREEZE, recovery_code=CodeSignature(key_text(CODE), signature))
    assert refused(sent, FREEZE, FreezeAccount, expected_code_key=key_text(CODE))[0] is Malformed


def test_a_code_whose_key_is_no_point_is_refused() -> None:
    nowhere = ids.to_base64url(b"\x04" + bytes(64))
    sent = signed(FREEZE, recovery_code=CodeSignature(nowhere, by_code(FREEZE).signature))
    assert refused(sent, FREEZE, FreezeAccount, expected_code_key=nowhere)[0] is Malformed


# --- whose wallet it was --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "told"),
    [(WALLET.pinned, None), (None, WALLET.pinned), (WALLET.pinned, OTHER.pinned)],
    ids=["not told", "told unasked", "another told"],
)
def test_whose_wallet_signed_is_told_exactly_where_it_was_announced(expected: Any, told: Any) -> None:
    assert refused(signed(FREEZE, signed_by=told), FREEZE, FreezeAccount, expected_signer=expected) == MISMATCH


def test_saying_whose_wallet_it_was_does_not_make_it_so() -> None:
    sent = signed(FREEZE, OTHER, signed_by=WALLET.pinned)
    assert refused(sent, FREEZE, FreezeAccount, expected_signer=WALLET.pinned)[0] is NotAuthentic
