"""What an event, a proof and a list say, and what they keep to themselves."""

from __future__ import annotations

import hashlib
from itertools import combinations
from typing import Any

import pytest

import chip_cases
import chips as c
from pteri import esim
from pteri.core.errors import Code
from pteri.core.euicc.der import UTF8_STRING, only
from pteri.core.euicc.der_writer import element, integer
from pteri.core.euicc.notification import read_metadata
from pteri.core.euicc.package import ChipProfile, ChipProfiles


def test_an_event_says_what_was_done_to_which_profile() -> None:
    event = esim.verify_notification(c.notification(), anchors=c.trusting(), at=c.AT)
    assert event == esim.ChipEvent(esim.eid(c.EID), c.ICCID, esim.Operation.ENABLE, 2, "c1" * 20)
    assert event.operation == "enable"


def test_the_twin_of_a_signature_is_the_same_event() -> None:
    signature = c.raw_signature(c.CHIP.key, c.metadata())
    one, other = (
        esim.verify_notification(c.notification(signature=found), anchors=c.trusting(), at=c.AT)
        for found in (signature, c.twin(signature))
    )
    assert one == other
    assert one.identity == other.identity
    assert {one: 1}[other] == 1


def test_the_twin_of_a_certificates_signature_is_the_same_event() -> None:
    r, s = (
        int.from_bytes(part, "big")
        for part in (c.raw_signature(c.CHIP.signer, c.CHIP.tbs())[at : at + 32] for at in (0, 32))
    )
    twin = element(0x30, integer(r), integer(c.P256_N - s))
    leaf = chip_cases.re_signed(c.CHIP, element(0x03, b"\0", twin))
    event = esim.verify_notification(c.notification(leaf=leaf), anchors=c.trusting(), at=c.AT)
    assert event == esim.verify_notification(c.notification(), anchors=c.trusting(), at=c.AT)


def test_where_a_notification_is_sent_to_does_not_make_it_another_event() -> None:
    elsewhere = c.notification(c.metadata(address=element(UTF8_STRING, b"other.example")))
    event = esim.verify_notification(elsewhere, anchors=c.trusting(), at=c.AT)
    assert event.identity == esim.verify_notification(c.notification(), anchors=c.trusting(), at=c.AT).identity


def test_each_part_of_an_event_makes_it_another_one() -> None:
    base = esim.ChipEvent(esim.eid(c.EID), c.ICCID, esim.Operation.ENABLE, 2, "c1" * 20)
    others = [
        esim.ChipEvent(esim.eid(c.OTHER_EID), c.ICCID, esim.Operation.ENABLE, 2, "c1" * 20),
        esim.ChipEvent(esim.eid(c.EID), c.OTHER_ICCID, esim.Operation.ENABLE, 2, "c1" * 20),
        esim.ChipEvent(esim.eid(c.EID), c.ICCID, esim.Operation.DISABLE, 2, "c1" * 20),
        esim.ChipEvent(esim.eid(c.EID), c.ICCID, esim.Operation.ENABLE, 22, "c1" * 20),
    ]
    for one, other in combinations([base, *others], 2):
        assert one.identity != other.identity
    # Under which issuer it was believed says nothing about what happened.
    again = esim.ChipEvent(esim.eid(c.EID), c.ICCID, esim.Operation.ENABLE, 2, "c2" * 20)
    assert again.identity == base.identity


def test_a_proof_says_what_was_answered() -> None:
    der = chip_cases.answering(chip_cases.asked())
    proof = esim.verify_authenticate_response(
        der,
        anchors=c.trusting(),
        at=c.AT,
        expected_challenge=c.CHALLENGE,
        expected_transaction_id=c.TRANSACTION,
        expected_address=c.ADDRESS,
    )
    assert proof == esim.ChipProof(esim.eid(c.EID), c.CHALLENGE, c.TRANSACTION, c.ADDRESS, "TOKEN-1", "c1" * 20)


def test_an_installation_is_an_event_like_the_others() -> None:
    event = esim.verify_installation_result(
        chip_cases.result(),
        anchors=c.trusting(),
        at=c.AT,
        chip_certificate=c.CHIP.der(),
        manufacturer_certificate=c.EUM.der(),
        expected_transaction_id=c.TRANSACTION,
    )
    assert event == esim.ChipEvent(esim.eid(c.EID), c.ICCID, esim.Operation.INSTALL, 2, "c1" * 20)


def test_a_list_says_which_profile_is_in_use() -> None:
    [case] = [case for case in chip_cases.packages() if case.why == "profiles: two, one of them in use"]
    assert case.verify() == ChipProfiles(
        esim.eid(c.EID),
        (ChipProfile(c.ICCID, enabled=True), ChipProfile(c.OTHER_ICCID, enabled=False)),
        9,
        7,
        "c1" * 20,
    )


@pytest.mark.parametrize(
    "case", [case for case in chip_cases.all_cases() if case.code is None], ids=lambda case: case.why
)
def test_nothing_shows_a_number_by_accident(case: chip_cases.Evidence) -> None:
    found = case.verify()
    shown = repr(found) + str(found)
    secrets = [found.eid, *(getattr(found, name, "") for name in ("iccid", "matching_id"))]
    secrets += [one.iccid for one in getattr(found, "profiles", ())]
    assert not [secret for secret in secrets if secret and secret in shown]


def test_what_is_read_of_a_notification_shows_no_number() -> None:
    metadata = read_metadata(only(c.metadata(), max_bytes=99))
    assert metadata.iccid == c.ICCID
    assert c.ICCID not in repr(metadata) + str(metadata)


def test_no_refusal_shows_what_was_received() -> None:
    for case in chip_cases.all_cases():
        if case.code is not None:
            with pytest.raises((esim.MalformedEvidence, esim.NotAuthentic)) as refused:
                case.verify()
            assert c.EID[:12] not in str(refused.value)
            assert c.ICCID not in str(refused.value)


def test_the_challenge_of_a_binding_is_this_hash() -> None:
    text = b"pteri/esim-bind/v1\0ltc1qwallet\0N0NCE\0id.bank.example"
    found = esim.bind_challenge(wallet="ltc1qwallet", nonce="N0NCE", server="id.bank.example")
    assert found == hashlib.sha256(text).digest()[:16]


@pytest.mark.parametrize(
    "change", [{"wallet": ""}, {"nonce": "a\0b"}, {"server": "ä"}, {"server": "a\n"}, {"wallet": "a\x7f"}]
)
def test_no_part_of_a_challenge_moves_its_border(change: dict[str, Any]) -> None:
    with pytest.raises(esim.MalformedEvidence) as refused:
        esim.bind_challenge(**{"wallet": "w", "nonce": "n", "server": "s"} | change)
    assert refused.value.code is Code.FIELD
