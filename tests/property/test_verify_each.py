"""Many answers checked together: each hears what it would hear alone, in its place, whoever stands beside it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pteri.core.acts import Authenticate, BindWallet, RevokeDevice, RotateWallet, StatementAct
from pteri.core.errors import Malformed, NotAuthentic, OutOfWindow, ProtocolError
from pteri.core.httpsig import SignedRequest
from pteri.core.keys.address import AddressKind
from pteri.core.keys.message import SignatureType
from pteri.core.keys.secret import Secret
from pteri.core.verify import NewWallet, Question, Verified, WalletSignature, submitted, verify, verify_each
from signing import URI, WALLETS, FixedWallet, enrolment, named, payload, request
from statements import DEVICE, EXAMPLES, ISSUED_AT, NEW_PHONE, PHONE, digest

Asked: TypeAlias = Question[StatementAct]
Spoil: TypeAlias = Callable[[Asked], Asked]

NEW_WALLET = FixedWallet(AddressKind.P2PKH, SignatureType.P2PKH, Secret(b"\x33" * 32))
ACTS_OF_THIS_PHONE = [act for act in EXAMPLES.values() if act.device == DEVICE]


def question(act: StatementAct, wallet: FixedWallet) -> Asked:
    """A right answer to this act, and what is expected of it."""
    replaces = isinstance(act, RotateWallet)
    said = named(replace(act, new_wallet=NEW_WALLET.address.text) if isinstance(act, RotateWallet) else act, wallet)
    answer = payload(said, wallet, enrolment=enrolment(wallet) if isinstance(act, BindWallet) else None)
    if replaces:
        answer = replace(answer, new_wallet=NewWallet(NEW_WALLET.pinned, NEW_WALLET.sign(said.encode())))
    return Question(
        submitted=submitted(request(answer)),
        expected=said,
        expected_act=type(act),
        expected_wallet=wallet.pinned,
        expected_device=PHONE.public,
        expected_network="main",
        expected_method="POST",
        expected_target_uri=URI,
        at=ISSUED_AT + 5,
        expected_new_wallet=NEW_WALLET.pinned if replaces else None,
    )


GOOD = [question(act, wallet) for act in ACTS_OF_THIS_PHONE for wallet in WALLETS]


def resent(asked: Asked, other: SignedRequest) -> Asked:
    return replace(asked, submitted=submitted(other))


def _request(asked: Asked) -> SignedRequest:
    return asked.submitted.parsed.request


def _signed_by_a_stranger(asked: Asked) -> Asked:
    return resent(asked, request(_request(asked).body, phone=NEW_PHONE))


def _device_signature_of_zeros(asked: Asked) -> Asked:
    return resent(asked, replace(_request(asked), signature=f"pteri=:{base64.b64encode(bytes(64)).decode()}:"))


def _device_signature_of_another(asked: Asked) -> Asked:
    other = request(_request(asked).body, phone=NEW_PHONE).signature
    return resent(asked, replace(_request(asked), signature=other))


def _with_payload(asked: Asked, **changes: Any) -> Asked:
    return resent(asked, request(msgspec.structs.replace(asked.submitted.payload, **changes)))


def _wallet_signature_of_another(asked: Asked) -> Asked:
    signature = asked.submitted.payload.wallet_signature
    thief = FixedWallet(WALLETS[0].kind, WALLETS[0].signature_type, Secret(b"\x22" * 32))
    return _with_payload(asked, wallet_signature=WalletSignature(signature.type, thief.sign(asked.expected.encode())))


SPOILT: dict[str, Spoil] = {
    "right": lambda asked: asked,
    "another purpose": lambda asked: replace(asked, expected_act=RevokeDevice),
    "another phone": lambda asked: replace(asked, expected_device=NEW_PHONE.public),
    "another network": lambda asked: replace(asked, expected_network="test"),
    "no network": lambda asked: replace(asked, expected_network="bitcoin"),
    "another method": lambda asked: replace(asked, expected_method="PUT"),
    "another place": lambda asked: replace(asked, expected_target_uri=f"{URI}x"),
    "too late": lambda asked: replace(asked, at=ISSUED_AT + 400),
    "too early": lambda asked: replace(asked, at=ISSUED_AT - 91),
    "another nonce": lambda asked: replace(asked, expected=msgspec.structs.replace(asked.expected, nonce="0" * 32)),
    "a nonce that is none": lambda asked: replace(asked, expected=msgspec.structs.replace(asked.expected, nonce="x")),
    "another wallet": lambda asked: replace(asked, expected_wallet=WALLETS[-1].pinned),
    "a stranger's request": _signed_by_a_stranger,
    "zeros": _device_signature_of_zeros,
    "a stranger's signature": _device_signature_of_another,
    "another digest": lambda asked: _with_payload(asked, statement_sha256=digest("another")),
    "no wallet signature": lambda asked: _with_payload(
        asked, wallet_signature=WalletSignature(SignatureType.P2PKH, "")
    ),
    "another wallet's signature": _wallet_signature_of_another,
    "another new wallet": lambda asked: replace(asked, expected_new_wallet=WALLETS[-1].pinned),
    "keys where none are wanted": lambda asked: _with_payload(asked, enrolment=enrolment(phone=NEW_PHONE)),
}

questions = st.builds(lambda asked, spoil: spoil(asked), st.sampled_from(GOOD), st.sampled_from(list(SPOILT.values())))


def alone(asked: Asked) -> Verified[StatementAct] | ProtocolError:
    try:
        return verify(
            _request(asked),
            expected=asked.expected,
            expected_act=asked.expected_act,
            expected_wallet=asked.expected_wallet,
            expected_device=asked.expected_device,
            expected_network=asked.expected_network,
            expected_method=asked.expected_method,
            expected_target_uri=asked.expected_target_uri,
            at=asked.at,
            expected_new_wallet=asked.expected_new_wallet,
        )
    except ProtocolError as error:
        return error


def told(outcome: Verified[StatementAct] | ProtocolError) -> object:
    return (type(outcome), outcome.code, str(outcome)) if isinstance(outcome, ProtocolError) else outcome


@settings(max_examples=60, deadline=None)
@given(st.lists(questions, max_size=12))
def test_each_hears_what_it_would_hear_alone_and_in_its_place(asked: list[Asked]) -> None:
    assert [told(outcome) for outcome in verify_each(asked)] == [told(alone(one)) for one in asked]


@settings(max_examples=40, deadline=None)
@given(st.lists(questions, max_size=6), st.sampled_from(GOOD), st.data())
def test_a_right_answer_is_verified_whoever_stands_beside_it(
    others: list[Asked], right: Asked, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(others)))
    outcome = verify_each([*others[:place], right, *others[place:]])[place]
    assert isinstance(outcome, Verified)
    assert (outcome.statement, outcome.wallet, outcome.device) == (
        right.expected,
        right.expected_wallet,
        right.expected_device,
    )


def test_the_spoilt_ones_above_are_refused_in_every_way_there_is() -> None:
    sign_in = question(EXAMPLES["sign in, with a line"], WALLETS[0])
    assert isinstance(sign_in.expected.act, Authenticate)
    outcomes = {name: verify_each([spoil(sign_in)])[0] for name, spoil in SPOILT.items()}
    assert isinstance(outcomes.pop("right"), Verified)
    refused = [outcome for outcome in outcomes.values() if isinstance(outcome, ProtocolError)]
    assert len(refused) == len(outcomes)
    assert {type(outcome) for outcome in refused} == {Malformed, NotAuthentic, OutOfWindow}
    assert len({outcome.code for outcome in refused}) > 6


def test_nothing_asked_is_nothing_answered() -> None:
    assert verify_each([]) == []


def test_a_new_wallet_that_did_not_sign_is_refused_beside_one_that_did() -> None:
    right = question(EXAMPLES["replace the wallet"], WALLETS[0])
    silent = _with_payload(right, new_wallet=None)
    forged = _with_payload(right, new_wallet=NewWallet(NEW_WALLET.pinned, WALLETS[0].sign(right.expected.encode())))
    outcomes = verify_each([silent, right, forged])
    assert [isinstance(outcome, Verified) for outcome in outcomes] == [False, True, False]
