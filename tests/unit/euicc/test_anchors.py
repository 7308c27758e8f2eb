"""Trust anchors: what they remember, and that another library reads certificates as we do."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature

import chip_cases
import chips as c
from pteri.core.errors import Code, MalformedEvidence, NotAuthentic, ProtocolError
from pteri.core.euicc.anchors import Revocations, TrustAnchors
from pteri.core.euicc.certificate import parse_certificate
from pteri.core.euicc.der_writer import integer
from pteri.core.euicc.notification import verify_notification
from pteri.core.euicc.numbers import Eid

CASES = [case for case in chip_cases.all_cases() if case.kind == "notification"]


def refusal(der: bytes, anchors: TrustAnchors, at: int = c.AT) -> Code:
    with pytest.raises((MalformedEvidence, NotAuthentic)) as refused:
        verify_notification(der, anchors=anchors, at=at)
    return refused.value.code


def test_what_is_remembered_does_not_outlive_its_time() -> None:
    anchors, der = c.trusting(), c.notification()
    verify_notification(der, anchors=anchors, at=c.AT)
    assert refusal(der, anchors, c.AT + 1001) is Code.CERTIFICATE_EXPIRED
    assert refusal(der, anchors, c.AT - 1001) is Code.CERTIFICATE_NOT_YET_VALID
    assert verify_notification(der, anchors=anchors, at=c.AT).sequence == 2


def test_what_is_remembered_is_the_exact_bytes_under_the_exact_manufacturer() -> None:
    anchors = c.trusting()
    verify_notification(c.notification(), anchors=anchors, at=c.AT)
    last = c.CHIP.der()[:-1] + bytes((c.CHIP.der()[-1] ^ 1,))
    assert refusal(c.notification(leaf=last), anchors) is Code.NOT_ISSUED_BY_EUM
    other = replace(c.EUM, subject=chip_cases.CONTEST, subject_key_id=c.key_id(0xE2), key=c.key(9))
    assert refusal(c.notification(maker=other.der()), anchors) is Code.CERTIFICATE_CHAIN
    assert refusal(c.notification(chip=replace(c.CHIP, signer=c.key(9))), anchors) is Code.NOT_ISSUED_BY_EUM


def test_what_was_refused_is_not_remembered() -> None:
    anchors = c.trusting()
    forged = c.notification(chip=replace(c.CHIP, signer=c.key(9)), eum=replace(c.EUM, key=c.key(9), signer=c.key(9)))
    assert [refusal(forged, anchors) for _ in range(2)] == [Code.NOT_ISSUED_BY_CI] * 2


def test_only_so_many_are_remembered() -> None:
    anchors, maker = c.trusting(), c.EUM.der()
    most = 0
    for number in range(1030):
        leaf = replace(c.CHIP, serial=integer(number + 1)).der()
        assert anchors.chip(leaf, maker, at=c.AT).eid == c.EID
        most = max(most, len(anchors._leaves))
    assert (most, len(anchors._leaves)) == (1024, 6)


def test_anchors_of_one_place_know_nothing_of_another() -> None:
    der = c.notification()
    verify_notification(der, anchors=c.trusting(), at=c.AT)
    strict = c.trusting(revoked=Revocations(eids=frozenset({Eid(c.EID)})))
    assert refusal(der, strict) is Code.REVOKED_CHIP


def signed_as_the_library_sees_it(chip: bytes, manufacturer: bytes, issuer: bytes) -> bool:
    """The checks of the library, which knows nothing of roles, ranges and revocations."""
    found = [x509.load_der_x509_certificate(raw) for raw in (chip, manufacturer, issuer)]
    try:
        for certificate, signer in pairwise(found):
            certificate.verify_directly_issued_by(signer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return all(one.signature_algorithm_oid.dotted_string == "1.2.840.10045.4.3.2" for one in found)


def test_the_library_signs_off_whatever_is_accepted() -> None:
    seen = 0
    for case in CASES:
        if case.code is None and len(case.issuers) == 1:
            parts = chip_cases.parts(case.der)
            assert signed_as_the_library_sees_it(*parts, case.issuers[0]), case.why
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("code", [Code.NOT_ISSUED_BY_EUM, Code.NOT_ISSUED_BY_CI, Code.CERTIFICATE_ALGORITHM], ids=str)
def test_the_library_refuses_what_is_refused_for_a_signature(code: Code) -> None:
    cases = [case for case in CASES if case.code is code and len(case.issuers) == 1]
    assert cases
    for case in cases:
        try:
            accepted = signed_as_the_library_sees_it(*chip_cases.parts(case.der), case.issuers[0])
        except ValueError:
            accepted = False
        # Of two other issuers' keys only the self-signature is ours to see.
        assert not accepted or case.why == "issuer's certificate: not signed by itself", case.why


@pytest.mark.parametrize(
    "cert", [c.CI, c.EUM, c.EUM_V3, c.CHIP, c.SERVER], ids=["ci", "eum", "eum v3", "chip", "server"]
)
def test_the_library_reads_a_certificate_as_we_do(cert: c.Cert) -> None:
    ours, theirs = parse_certificate(cert.der()), x509.load_der_x509_certificate(cert.der())
    assert ours.tbs == theirs.tbs_certificate_bytes
    assert ours.signature == theirs.signature
    assert (ours.issuer, ours.subject) == (theirs.issuer.public_bytes(), theirs.subject.public_bytes())
    assert ours.not_before == theirs.not_valid_before_utc.timestamp()
    assert ours.not_after == theirs.not_valid_after_utc.timestamp()
    key_id = theirs.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert ours.extensions.key_id == key_id.digest
    usage = theirs.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (0 in ours.extensions.usage, 5 in ours.extensions.usage) == (usage.digital_signature, usage.key_cert_sign)


def test_neither_chips_nor_lists_of_revoked_ones_show_numbers() -> None:
    chip = c.trusting().chip(c.CHIP.der(), c.EUM.der(), at=c.AT)
    assert chip.eid == c.EID
    assert c.EID not in repr(chip) + repr(Revocations(eids=frozenset({Eid(c.EID)})))
    assert (chip.ci_key_id, chip.eum_key_id) == ("c1" * 20, "e1" * 20)


def test_every_refusal_is_a_protocol_error() -> None:
    assert issubclass(MalformedEvidence, ProtocolError)
    assert issubclass(NotAuthentic, ProtocolError)
