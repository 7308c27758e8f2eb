"""The simulated chip keeps the rules of a chip, and signs what verifies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import chips as c
from pteri import esim
from pteri.adapters.telecom.software_euicc import ChipRefused, SoftwareEuicc

ANCHORS = esim.TrustAnchors.load([c.LAB / "ci.cert.der"], lab=True)


def lab_chip(name: str = "phone1") -> SoftwareEuicc:
    return SoftwareEuicc.open(c.LAB, name)


def said(der: bytes) -> tuple[str, str, int]:
    event = esim.verify_notification(der, anchors=ANCHORS, at=c.AT)
    return event.iccid, event.operation, event.sequence


def installed(chip: SoftwareEuicc, der: bytes) -> esim.ChipEvent:
    return esim.verify_installation_result(
        der,
        anchors=ANCHORS,
        at=c.AT,
        chip_certificate=chip.certificate,
        manufacturer_certificate=chip.manufacturer_certificate,
        expected_transaction_id=c.TRANSACTION,
    )


def test_a_life_of_two_profiles_on_the_lab_chain() -> None:
    chip = lab_chip()
    first = installed(chip, chip.install(c.ICCID, transaction_id=c.TRANSACTION))
    assert (first.operation, first.sequence, first.eid) == ("install", 1, chip.eid)
    assert [said(der) for der in chip.enable(c.ICCID)] == [(c.ICCID, "enable", 2)]
    assert installed(chip, chip.install(c.OTHER_ICCID, transaction_id=c.TRANSACTION)).sequence == 3
    assert [said(der) for der in chip.enable(c.OTHER_ICCID)] == [
        (c.ICCID, "disable", 4),
        (c.OTHER_ICCID, "enable", 5),
    ]
    assert chip.profiles == {c.ICCID: False, c.OTHER_ICCID: True}
    assert said(chip.delete(c.ICCID)) == (c.ICCID, "delete", 6)
    assert said(chip.disable(c.OTHER_ICCID)) == (c.OTHER_ICCID, "disable", 7)
    assert chip.profiles == {c.OTHER_ICCID: False}


def test_a_download_that_breaks_off_installs_nothing() -> None:
    chip = lab_chip()
    with pytest.raises(esim.NotAuthentic) as refused:
        installed(chip, chip.fail_to_install(c.ICCID, transaction_id=c.TRANSACTION))
    assert refused.value.code == "CHIP_ERROR"
    assert chip.profiles == {}


@pytest.mark.parametrize("matching_id", [None, "TOKEN-1"])
def test_an_answer_verifies_where_it_was_asked_for(matching_id: str | None) -> None:
    chip = lab_chip("phone2")
    der = chip.answer(c.CHALLENGE, transaction_id=c.TRANSACTION, address=c.ADDRESS, matching_id=matching_id)
    proof = esim.verify_authenticate_response(
        der,
        anchors=ANCHORS,
        at=c.AT,
        expected_challenge=c.CHALLENGE,
        expected_transaction_id=c.TRANSACTION,
        expected_address=c.ADDRESS,
    )
    assert (proof.eid, proof.matching_id) == (chip.eid, matching_id)


@pytest.mark.parametrize("appended", [b"", b"\x84\x01\x05"])
@pytest.mark.parametrize("transaction", [None, c.TRANSACTION])
def test_a_list_of_profiles_verifies_at_its_manager(transaction: bytes | None, appended: bytes) -> None:
    chip = lab_chip()
    chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    chip.enable(c.ICCID)
    der = chip.list_profiles(eim_id="2.25.31", counter=7, transaction_id=transaction, appended=appended)
    found = esim.verify_package_result(
        der,
        anchors=ANCHORS,
        at=c.AT,
        chip_certificate=chip.certificate,
        manufacturer_certificate=chip.manufacturer_certificate,
        expected_eim_id="2.25.31",
        expected_counter=7,
        expected_transaction_id=transaction,
        appended=appended,
    )
    assert found.profiles == (esim.ChipProfile(c.ICCID, enabled=True),)
    assert found.sequence == 3


def test_a_chip_refuses_what_a_chip_refuses() -> None:
    chip = lab_chip()
    chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    with pytest.raises(ChipRefused):
        chip.install(c.ICCID, transaction_id=c.TRANSACTION)
    with pytest.raises(ChipRefused):
        chip.disable(c.ICCID)
    chip.enable(c.ICCID)
    for refused in (chip.enable, chip.delete):
        with pytest.raises(ChipRefused):
            refused(c.ICCID)
    with pytest.raises(ChipRefused):
        chip.enable(c.OTHER_ICCID)
    assert chip.profiles == {c.ICCID: True}


def test_a_key_of_another_kind_is_no_chips(tmp_path: Path) -> None:
    for name in ("eum.cert.der", "phone1.cert.der"):
        shutil.copy(c.LAB / name, tmp_path / name)
    other = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "phone1.key.pem").write_bytes(pem)
    with pytest.raises(ChipRefused):
        SoftwareEuicc.open(tmp_path, "phone1")


def test_a_chip_signs_the_same_bytes_in_the_same_way() -> None:
    one, other = (lab_chip().answer(c.CHALLENGE, transaction_id=c.TRANSACTION, address=c.ADDRESS) for _ in range(2))
    assert one == other
