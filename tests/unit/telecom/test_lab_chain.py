"""The lab's own world of chips: right in every way but one, that nobody who is real is in it."""

from __future__ import annotations

import pytest

from pteri.adapters.system import SystemEntropy
from pteri.adapters.telecom.lab_chain import EID_PREFIX, LabChain, lab_eid
from pteri.core.errors import Code, NotAuthentic
from pteri.core.euicc.ceremony import ServerIdentity
from pteri.core.euicc.numbers import iccid
from pteri.core.keys.device import DevicePrivateKey
from pteri.esim import Operation, TrustAnchors, verify_notification

AT = 1_790_000_000
PROFILE = iccid("89490200001234567894")
ADDRESS = "id.bank.example"


@pytest.fixture(scope="module")
def chain() -> LabChain:
    return LabChain(at=AT, entropy=SystemEntropy())


def test_what_a_chip_of_it_signs_is_believed_in_a_lab(chain: LabChain) -> None:
    anchors = TrustAnchors.from_der([chain.anchor], lab=True)
    for number in (7, 8):
        chip = chain.chip(number, address=ADDRESS)
        assert chip.eid == lab_eid(number)
        assert chip.eid.startswith(EID_PREFIX)
        chip.install(PROFILE, transaction_id=b"1")
        [said] = chip.enable(PROFILE)
        event = verify_notification(said, anchors=anchors, at=AT)
        assert (event.eid, event.operation, event.sequence) == (chip.eid, Operation.ENABLE, 2)


def test_outside_a_lab_nobody_believes_it(chain: LabChain) -> None:
    with pytest.raises(NotAuthentic) as refused:
        TrustAnchors.from_der([chain.anchor])
    assert refused.value.code is Code.TEST_CI


def test_its_servers_are_servers_and_no_chips(chain: LabChain) -> None:
    certificate, secret = chain.server(ADDRESS)
    key = DevicePrivateKey.from_secret(secret)
    identity = ServerIdentity.load(certificate, key)
    chip = chain.chip(7, address=ADDRESS)
    with pytest.raises(NotAuthentic) as refused:
        TrustAnchors.from_der([chain.anchor], lab=True).chip(certificate, chip.manufacturer_certificate, at=AT)
    assert refused.value.code is Code.CERTIFICATE_ROLE
    assert ServerIdentity.load(identity.certificate, key).ci_key_id == identity.ci_key_id


def test_two_labs_know_nothing_of_each_other(chain: LabChain) -> None:
    chip = LabChain(at=AT, entropy=SystemEntropy()).chip(7, address=ADDRESS)
    chip.install(PROFILE, transaction_id=b"1")
    with pytest.raises(NotAuthentic) as refused:
        verify_notification(chip.enable(PROFILE)[0], anchors=TrustAnchors.from_der([chain.anchor], lab=True), at=AT)
    assert refused.value.code is Code.UNKNOWN_CI
