"""A chip proves itself to our server as it would to any SM-DP+, and then gets no profile."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

import chips as c
from lpa import Lpa, ServerRefused
from pteri.core.errors import Code, MalformedEvidence, NotAuthentic, OutOfWindow, ProtocolError
from pteri.core.euicc.anchors import Revocations
from pteri.core.euicc.ceremony import LIFETIME_S, ServerIdentity, Started, conclude, start
from pteri.core.euicc.challenge import ChipProof, bind_challenge
from pteri.core.euicc.der_writer import element
from pteri.core.euicc.es9 import (
    DOWNLOAD_REFUSED,
    AuthenticateClient,
    HandleNotification,
    InitiateAuthentication,
    Refused,
    refusal_of_answer,
    refusal_of_start,
)
from pteri.core.euicc.notification import verify_notification
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.http.strictjson import decode

OTHER_CI = replace(
    c.CI,
    subject=c.name((c.ORG, "Others")),
    issuer=c.name((c.ORG, "Others")),
    key=c.key(31),
    signer=c.key(31),
    subject_key_id=c.key_id(0xC9),
)


def private_key(number: int) -> DevicePrivateKey:
    return DevicePrivateKey.from_secret(Secret((0x1000 + number).to_bytes(32, "big")))


IDENTITY = ServerIdentity.load(c.SERVER.der(), private_key(5))


def started(
    hello: bytes, *, identity: ServerIdentity = IDENTITY, challenge: bytes = c.CHALLENGE, address: str = c.ADDRESS
) -> tuple[Started, bytes]:
    kept, said = start(
        decode(hello, InitiateAuthentication).wish(),
        identities=[identity],
        anchors=c.trusting(),
        address=address,
        transaction_id=c.TRANSACTION,
        challenge=challenge,
        at=c.AT,
    )
    return kept, msgspec.json.encode(said)


def concluded(answer: bytes, kept: Started, at: int = c.AT + 5) -> ChipProof:
    return conclude(decode(answer, AuthenticateClient), kept, anchors=c.trusting(), at=at)


def refusal(answer: bytes, kept: Started, at: int = c.AT + 5) -> Code:
    with pytest.raises(ProtocolError) as refused:
        concluded(answer, kept, at)
    return refused.value.code


def test_a_chip_proves_itself_through_a_phone_that_knows_nothing_of_us() -> None:
    phone = Lpa(c.a_chip())
    challenge = bind_challenge(wallet="ltc1qowner", nonce="N1", server=c.ADDRESS)
    kept, said = started(phone.hello(), challenge=challenge)
    proof = concluded(phone.answer(said, matching_id="TOKEN-1"), kept)
    assert (proof.eid, proof.matching_id, proof.challenge) == (c.EID, "TOKEN-1", challenge)
    assert json.loads(msgspec.json.encode(DOWNLOAD_REFUSED)) == {
        "header": {
            "functionExecutionStatus": {
                "status": "Failed",
                "statusCodeData": {
                    "subjectCode": "8.2.6",
                    "reasonCode": "3.8",
                    "message": "This eSIM was checked. There is no profile to download.",
                },
            }
        }
    }


def test_the_first_answer_has_the_names_of_the_standard() -> None:
    _, said = started(Lpa(c.a_chip()).hello())
    told = json.loads(said)
    assert told.keys() == {
        "header",
        "transactionId",
        "serverSigned1",
        "serverSignature1",
        "euiccCiPKIdToBeUsed",
        "serverCertificate",
    }
    assert told["header"] == {"functionExecutionStatus": {"status": "Executed-Success"}}
    assert told["transactionId"] == c.TRANSACTION.hex().upper()
    assert base64.b64decode(told["serverCertificate"]) == c.SERVER.der()


def test_a_chip_that_was_told_of_another_server_does_not_answer() -> None:
    """Who relays a start to a phone that wanted somebody else gets nothing."""
    phone = Lpa(c.a_chip(), address="other.example")
    _, said = started(Lpa(c.a_chip()).hello())
    with pytest.raises(ServerRefused):
        phone.answer(said)


def test_a_server_with_another_key_than_its_certificate_is_not_configured() -> None:
    with pytest.raises(NotAuthentic) as refused:
        ServerIdentity.load(c.SERVER.der(), private_key(6))
    assert refused.value.code is Code.KEY


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"extensions": (c.usage(0), c.policies("chip"))}, Code.CERTIFICATE_ROLE),
        ({"extensions": (c.usage(5), c.policies("server"))}, Code.CERTIFICATE_USAGE),
        ({"extensions": (c.usage(0), c.policies("server"), c.authority(True))}, Code.CERTIFICATE_USAGE),
        ({"authority_key_id": None}, Code.CERTIFICATE),
    ],
)
def test_another_certificate_is_no_servers(changes: dict[str, Any], code: Code) -> None:
    with pytest.raises((MalformedEvidence, NotAuthentic)) as refused:
        ServerIdentity.load(replace(c.SERVER, **changes).der(), private_key(5))
    assert refused.value.code is code


def test_an_identity_shows_no_key() -> None:
    assert "1005" not in repr(IDENTITY)


def test_an_answer_is_in_time_until_ten_minutes_are_over() -> None:
    phone = Lpa(c.a_chip())
    kept, said = started(phone.hello())
    answer = phone.answer(said)
    assert concluded(answer, kept, c.AT + LIFETIME_S - 1).eid == c.EID
    with pytest.raises(OutOfWindow) as refused:
        concluded(answer, kept, c.AT + LIFETIME_S)
    assert refused.value.code is Code.EXPIRED
    assert LIFETIME_S == 600


def test_an_answer_belongs_to_its_start() -> None:
    phone = Lpa(c.a_chip())
    kept, said = started(phone.hello())
    answer = phone.answer(said)
    assert refusal(answer, msgspec.structs.replace(kept, challenge=bytes(16))) is Code.CHALLENGE
    assert refusal(answer, msgspec.structs.replace(kept, address="other.example")) is Code.SERVER_ADDRESS
    assert refusal(answer, msgspec.structs.replace(kept, transaction_id=bytes(16))) is Code.TRANSACTION
    assert refusal(answer, msgspec.structs.replace(kept, ci_key_id="c2" * 20)) is Code.UNKNOWN_CI
    outside = json.loads(answer) | {"transactionId": c.TRANSACTION.hex()}
    assert refusal(json.dumps(outside).encode(), kept) is Code.TRANSACTION


def test_the_transaction_outside_is_not_the_one_that_counts() -> None:
    phone = Lpa(c.a_chip())
    kept, said = started(phone.hello())
    other = msgspec.structs.replace(kept, transaction_id=bytes(16))
    outside = json.loads(phone.answer(said)) | {"transactionId": "00" * 16}
    assert refusal(json.dumps(outside).encode(), other) is Code.TRANSACTION


def test_what_is_kept_can_be_stored_and_shows_no_challenge() -> None:
    kept, _ = started(Lpa(c.a_chip()).hello())
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(kept), type=Started) == kept
    assert repr(kept) == f"Started({c.TRANSACTION.hex().upper()}, {c.ADDRESS}, {c.AT + 600})"


def start_refusal(hello: bytes, **changes: Any) -> tuple[Code, str]:
    with pytest.raises(ProtocolError) as refused:
        started(hello, **changes)
    return refused.value.code, reason_of(refusal_of_start(refused.value))


def reason_of(refused: Refused) -> str:
    told = json.loads(msgspec.json.encode(refused))["header"]["functionExecutionStatus"]
    assert told["status"] == "Failed"
    assert told["statusCodeData"]["message"].endswith(".")
    return f"{told['statusCodeData']['subjectCode']} {told['statusCodeData']['reasonCode']}"


def test_a_host_name_has_no_case() -> None:
    kept, _ = started(Lpa(c.a_chip()).hello(smdpAddress=c.ADDRESS.upper()))
    assert kept.address == c.ADDRESS


def test_a_phone_that_means_another_server_is_told_so() -> None:
    hello = Lpa(c.a_chip()).hello(smdpAddress="other.example")
    assert start_refusal(hello) == (Code.SERVER_ADDRESS, "8.8.1 3.8")


def test_a_chip_of_another_world_is_told_so() -> None:
    assert start_refusal(Lpa(c.a_chip(), issuer=OTHER_CI).hello()) == (Code.UNKNOWN_CI, "8.8.2 3.1")


def info(verification: tuple[int, ...], signing: tuple[int, ...], tag: int = 0xBF20) -> str:
    lists = (
        element(known, *[element(0x04, c.key_id(one)) for one in ids])
        for known, ids in ((0xA9, verification), (0xAA, signing))
    )
    return base64.b64encode(element(tag, element(0x82, b"\2\5\0"), *lists)).decode()


@pytest.mark.parametrize(
    ("verification", "signing", "known"),
    [
        ((0xC1,), (0xC1,), True),
        ((0xC9, 0xC1), (0xC9, 0xC1), True),
        ((0xC1,), (0xC9,), False),
        ((0xC9,), (0xC1,), False),
        ((), (0xC1,), False),
        ((0xC1,), (), False),
    ],
)
def test_both_lists_of_the_chip_need_an_issuer_that_we_know(
    verification: tuple[int, ...], signing: tuple[int, ...], known: bool
) -> None:
    hello = Lpa(c.a_chip()).hello(euiccInfo1=info(verification, signing))
    if known:
        kept, _ = started(hello)
        assert kept.ci_key_id == "c1" * 20
    else:
        assert start_refusal(hello) == (Code.UNKNOWN_CI, "8.8.2 3.1")


def test_an_issuer_that_is_revoked_is_not_asked_for() -> None:
    revoked = c.trusting(revoked=Revocations(cis=frozenset({"c1" * 20})))
    wish = decode(Lpa(c.a_chip()).hello(), InitiateAuthentication).wish()
    with pytest.raises(NotAuthentic) as refused:
        start(
            wish,
            identities=[IDENTITY],
            anchors=revoked,
            address=c.ADDRESS,
            transaction_id=c.TRANSACTION,
            challenge=c.CHALLENGE,
            at=c.AT,
        )
    assert refused.value.code is Code.UNKNOWN_CI


@pytest.mark.parametrize(("transaction", "challenge"), [(bytes(15), bytes(16)), (bytes(16), bytes(15))])
def test_a_challenge_of_another_size_is_a_bug(transaction: bytes, challenge: bytes) -> None:
    wish = decode(Lpa(c.a_chip()).hello(), InitiateAuthentication).wish()
    with pytest.raises(ValueError, match="16 bytes"):
        start(
            wish,
            identities=[IDENTITY],
            anchors=c.trusting(),
            address=c.ADDRESS,
            transaction_id=transaction,
            challenge=challenge,
            at=c.AT,
        )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"euiccChallenge": "A" * 24}, Code.LENGTH),
        ({"euiccChallenge": "A" * 22 + "?="}, Code.ENCODING),
        ({"euiccChallenge": "A" * 21 + "B=="}, Code.ENCODING),
        ({"euiccInfo1": "MAA="}, Code.ELEMENT),
        ({"euiccInfo1": "vyAA"}, Code.ELEMENT),
        ({"euiccInfo1": info((0xC1,), (0xC1,), tag=0xBF22)}, Code.ELEMENT),
        ({"euiccInfo1": base64.b64encode(bytes(5000)).decode()}, Code.TOO_LARGE),
        (
            {
                "euiccInfo1": base64.b64encode(
                    element(0xBF20, element(0x82), element(0xA9, b"\4\1\0"), element(0xAA))
                ).decode()
            },
            Code.LENGTH,
        ),
        (
            {
                "euiccInfo1": base64.b64encode(
                    element(0xBF20, element(0x82), element(0xA9, b"\5\0"), element(0xAA))
                ).decode()
            },
            Code.LENGTH,
        ),
        (
            {
                "euiccInfo1": base64.b64encode(
                    element(0xBF20, element(0x82), element(0xA9), element(0xAA), b"\xab\1\5")
                ).decode()
            },
            Code.DER,
        ),
        (
            {
                "euiccInfo1": base64.b64encode(
                    element(0xBF20, element(0x82), element(0xA9), element(0xAA), b"\x8b\0\x8b\0")
                ).decode()
            },
            Code.DUPLICATE_ELEMENT,
        ),
    ],
)
def test_a_start_of_another_form_is_told_so(changes: dict[str, str], code: Code) -> None:
    assert start_refusal(Lpa(c.a_chip()).hello(**changes)) == (code, "8.1 2.1")


def test_clients_may_send_a_header_and_what_version_3_adds() -> None:
    header = {"functionRequesterIdentifier": "phone", "functionCallIdentifier": "1"}
    kept, _ = started(Lpa(c.a_chip()).hello(header=header, lpaRspCapability="BEA="))
    assert kept.address == c.ADDRESS


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (Code.EXPIRED, "8.10.1 3.9"),
        (Code.TRANSACTION, "8.10.1 3.9"),
        (Code.UNKNOWN_CI, "8.11.1 3.9"),
        (Code.REVOKED_CI, "8.11.1 3.9"),
        (Code.NOT_ISSUED_BY_CI, "8.1.2 6.1"),
        (Code.REVOKED_EUM, "8.1.2 6.1"),
        (Code.CERTIFICATE_EXPIRED, "8.1.3 6.3"),
        (Code.EID_RANGE, "8.1.3 6.1"),
        (Code.REVOKED_CHIP, "8.1.3 6.1"),
        (Code.CHIP_SIGNATURE, "8.1 6.1"),
        (Code.CHALLENGE, "8.1 6.1"),
        (Code.DER, "8.1 6.1"),
    ],
)
def test_each_refusal_of_an_answer_has_the_numbers_of_the_standard(code: Code, reason: str) -> None:
    assert reason_of(refusal_of_answer(NotAuthentic(code, "x"))) == reason


def test_notifications_come_the_same_way() -> None:
    phone = Lpa(c.a_chip())
    phone.chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    [der] = phone.chip.enable(c.ICCID)
    body = decode(phone.notify(der), HandleNotification)
    assert verify_notification(body.der(), anchors=c.trusting(), at=c.AT).iccid == c.ICCID


def test_no_body_shows_the_chips_number() -> None:
    phone = Lpa(c.a_chip())
    kept, said = started(phone.hello())
    answer = decode(phone.answer(said), AuthenticateClient)
    assert repr(answer) == f"AuthenticateClient({c.TRANSACTION.hex().upper()})"
    assert repr(decode(phone.notify(c.notification()), HandleNotification)) == "HandleNotification()"
    assert conclude(answer, kept, anchors=c.trusting(), at=c.AT).eid == c.EID


@pytest.mark.parametrize("text", ["", "A", "AAAA\n", "AA==\n", "A A=", "AAA", "AB==", "MAA", "MAA=="])
def test_base64_has_one_spelling(text: str) -> None:
    body = HandleNotification(pending_notification=text)
    if text == "":
        assert body.der() == b""  # the struct refuses it before
        return
    with pytest.raises(MalformedEvidence) as refused:
        body.der()
    assert refused.value.code is Code.ENCODING
