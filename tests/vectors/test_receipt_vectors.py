"""vectors/receipt.json: what every auditor finds in these receipts."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from pteri.audit import AuditError, Check, Findings, Trusted, Verdict, verify_receipt
from pteri.core.log.index import parse_index_key
from pteri.core.log.note import parse_verifier
from pteri.core.log.witness import Quorum
from vectors import make_receipts


class Case(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["HOLDS", "FAILS", "UNREADABLE"]
    why: str
    check: Check | None = None
    code: str | None = None
    also: tuple[Check, ...] = ()
    receipt: str


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-receipt-vectors-1"]
    note: str
    log: str
    index_key: str
    witnesses: list[str]
    needed: int
    at: int
    cases: list[Case]


VECTORS = msgspec.json.decode(make_receipts.FILE.read_bytes(), type=Vectors)


def verify(case: Case) -> Findings:
    trusted = Trusted(
        log=parse_verifier(VECTORS.log),
        index_key=parse_index_key(VECTORS.index_key),
        quorum=Quorum.of(VECTORS.needed, [parse_verifier(text) for text in VECTORS.witnesses]),
        at=VECTORS.at,
        network="main",
    )
    return verify_receipt(case.receipt.encode(), trusted=trusted)


def test_the_file_is_what_the_program_writes() -> None:
    assert make_receipts.FILE.read_text(encoding="utf-8") == make_receipts.content(make_receipts.base())


def test_more_is_refused_than_accepted() -> None:
    assert sum(case.expect == "HOLDS" for case in VECTORS.cases) == 2
    assert len(VECTORS.cases) > 20


@pytest.mark.parametrize("case", VECTORS.cases, ids=lambda case: case.why)
def test_a_receipt_is_judged_as_it_says(case: Case) -> None:
    if case.expect == "UNREADABLE":
        with pytest.raises(AuditError) as refused:
            verify(case)
        assert refused.value.code == case.code
        return
    found = verify(case)
    failed = {each.check: each.code for each in found.found if each.verdict is Verdict.FAILS}
    if case.expect == "HOLDS":
        held = {each.check for each in found.found if each.verdict is Verdict.HOLDS}
        assert held == set(Check) - {Check.ANCHOR, Check.BLOCK}
        return
    assert case.check is not None
    assert set(failed) == {case.check, *case.also}
    assert failed[case.check] == case.code
