"""The public door: anchors out of files."""

from __future__ import annotations

from pathlib import Path

import pytest

import chips as c
from pteri import esim
from pteri.core.errors import Code

SAMPLE = (c.LAB / "phone1" / "001-enable.der").read_bytes()


def test_anchors_come_out_of_files(tmp_path: Path) -> None:
    (tmp_path / "ci.der").write_bytes(c.CI.der())
    anchors = esim.TrustAnchors.load([c.LAB / "ci.cert.der", str(tmp_path / "ci.der")], lab=True)
    assert isinstance(anchors, esim.TrustAnchors)
    assert esim.verify_notification(SAMPLE, anchors=anchors, at=c.AT).sequence == 1
    assert esim.verify_notification(c.notification(), anchors=anchors, at=c.AT).sequence == 2


def test_an_issuer_for_tests_needs_a_lab() -> None:
    with pytest.raises(esim.NotAuthentic) as refused:
        esim.TrustAnchors.load([c.LAB / "ci.cert.der"])
    assert refused.value.code is Code.TEST_CI


def test_revocations_reach_the_verifier() -> None:
    revoked = esim.Revocations(eids=frozenset({esim.eid("89999901000000000000000000001134")}))
    anchors = esim.TrustAnchors.load([c.LAB / "ci.cert.der"], lab=True, revoked=revoked)
    with pytest.raises(esim.NotAuthentic) as refused:
        esim.verify_notification(SAMPLE, anchors=anchors, at=c.AT)
    assert refused.value.code is Code.REVOKED_CHIP


def test_no_file_and_a_huge_file(tmp_path: Path) -> None:
    (tmp_path / "huge").write_bytes(bytes(5_000_000))
    with pytest.raises(esim.MalformedEvidence) as refused:
        esim.TrustAnchors.load([tmp_path / "huge"])
    assert refused.value.code is Code.TOO_LARGE
    with pytest.raises(esim.MalformedEvidence):
        esim.TrustAnchors.load([])
    with pytest.raises(FileNotFoundError):
        esim.TrustAnchors.load([tmp_path / "none"])


def test_every_public_name_is_there() -> None:
    assert all(hasattr(esim, name) for name in esim.__all__)
