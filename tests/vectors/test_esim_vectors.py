"""vectors/esim/evidence.json: what eSIM chips are said to have signed, in any language."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest

import chip_cases
from pteri.core.errors import Code, MalformedEvidence, NotAuthentic
from pteri.core.euicc.certificate import parse_certificate
from vectors import make_esim


class Case(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["accept", "reject"]
    why: str
    code: Code | None = None
    der_hex: str


class EvidenceCase(Case, forbid_unknown_fields=True, kw_only=True):
    kind: Literal["notification", "answer", "installation", "profiles"]
    at: int
    lab: bool
    issuers: list[str]
    revoked_eids: list[str] = []
    revoked_eums: list[str] = []
    revoked_cis: list[str] = []
    challenge_hex: str = ""
    transaction_hex: str | None = None
    address: str = ""
    chip: str = ""
    manufacturer: str = ""
    eim: str = ""
    counter: int = 0
    appended_hex: str = ""
    zero_bytes_after: int = 0
    found: dict[str, Any] = {}


class CertificateCase(Case, forbid_unknown_fields=True, kw_only=True):
    key_id: str = ""
    not_before: int = 0
    not_after: int = 0


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-esim-vectors-1"]
    note: str
    known: dict[str, str]
    evidence: list[EvidenceCase]
    certificates: list[CertificateCase]


VECTORS = msgspec.json.decode(make_esim.FILE.read_bytes(), type=Vectors)


def why(case: Case) -> str:
    return case.why


def certificate(named: str) -> bytes:
    return bytes.fromhex(VECTORS.known.get(named, named))


def read(case: EvidenceCase) -> chip_cases.Evidence:
    return chip_cases.Evidence(
        kind=case.kind,
        why=case.why,
        der=bytes.fromhex(case.der_hex) + bytes(case.zero_bytes_after),
        issuers=tuple(certificate(one) for one in case.issuers),
        lab=case.lab,
        revoked_eids=tuple(case.revoked_eids),
        revoked_eums=tuple(case.revoked_eums),
        revoked_cis=tuple(case.revoked_cis),
        at=case.at,
        chip=certificate(case.chip),
        manufacturer=certificate(case.manufacturer),
        challenge=bytes.fromhex(case.challenge_hex),
        transaction=None if case.transaction_hex is None else bytes.fromhex(case.transaction_hex),
        address=case.address,
        eim=case.eim,
        counter=case.counter,
        appended=bytes.fromhex(case.appended_hex),
    )


@pytest.mark.parametrize("case", VECTORS.evidence, ids=why)
def test_evidence(case: EvidenceCase) -> None:
    if case.expect == "accept":
        assert make_esim.found(read(case)) == case.found
        return
    with pytest.raises((MalformedEvidence, NotAuthentic)) as refused:
        read(case).verify()
    assert refused.value.code is case.code


@pytest.mark.parametrize("case", VECTORS.certificates, ids=why)
def test_certificates(case: CertificateCase) -> None:
    raw = bytes.fromhex(case.der_hex)
    if case.expect == "accept":
        read = parse_certificate(raw)
        assert (read.extensions.key_id.hex(), read.not_before, read.not_after) == (
            case.key_id,
            case.not_before,
            case.not_after,
        )
        return
    with pytest.raises(MalformedEvidence) as refused:
        parse_certificate(raw)
    assert refused.value.code is case.code


def test_refusals_outnumber_acceptances_and_each_case_has_its_own_reason() -> None:
    for cases in (VECTORS.evidence, VECTORS.certificates):
        assert sum(case.expect == "reject" for case in cases) > 4 * sum(case.expect == "accept" for case in cases)
        assert len({case.why for case in cases}) == len(cases)


def test_the_file_is_what_its_maker_writes() -> None:
    assert make_esim.FILE.read_text(encoding="utf-8") == make_esim.document()
